package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/heist-go/heist/internal/benchrow"
)

// columns are the peers that are not of Go's own library, in the order of the table. All
// others, which a row has one of at most, are in a column before them.
var columns = []string{"gnet", "nbio", "C epoll", "tokio", "rayon", "oneTBB", "libuv", "sequential Rust"}

// table is the rows, in the order in which they came.
type table []*row

// row is a workload with a number of workers.
type row struct {
	name, unit    string
	workers       int
	higher        bool // more is better
	ours          sample
	peers         map[string]sample
	allocs, bytes float64
}

// sample is a figure, measured several times.
type sample []float64

// add adds what an entry has to its row.
func (t *table) add(e benchrow.Row) error {
	if e.Error != "" {
		return fmt.Errorf("%s has failed: %s", e.Name, e.Error)
	}
	i := slices.IndexFunc(*t, func(r *row) bool { return r.name == e.Name && r.unit == e.Unit && r.workers == e.Workers })
	if i < 0 {
		i = len(*t)
		*t = append(*t, &row{name: e.Name, unit: e.Unit, workers: e.Workers, higher: e.Better == "higher", peers: map[string]sample{}})
	}
	r := (*t)[i]
	switch {
	case e.Ours != nil:
		r.ours = append(r.ours, *e.Ours)
		r.allocs, r.bytes = e.Allocs, e.Bytes
	case e.Peer == nil && e.Ratio != nil: // the benchmark has compared two of its own
		r.ours = append(r.ours, *e.Ratio)
	}
	if e.Peer != nil {
		r.peers[e.PeerName] = append(r.peers[e.PeerName], *e.Peer)
	}
	return nil
}

// best is the figure that counts.
func (r *row) best(s sample) float64 {
	if r.higher {
		return slices.Max(s)
	}
	return slices.Min(s)
}

// ratio is how many times better we are than a peer.
func (r *row) ratio(peer string) float64 {
	us, them := r.best(r.ours), r.best(r.peers[peer])
	if r.higher {
		return us / them
	}
	return them / us
}

// complete returns the rows that have both sides, those of one name together: by their
// units, and by how many workers there are.
func (t table) complete() (rows table) {
	for _, r := range t {
		if len(r.ours) > 0 && len(r.peers) > 0 {
			rows = append(rows, r)
		}
	}
	first := map[string]int{}
	for i, r := range rows {
		if _, ok := first[r.name]; !ok {
			first[r.name] = i
		}
	}
	slices.SortStableFunc(rows, func(r, s *row) int {
		return cmp.Or(cmp.Compare(first[r.name], first[s.name]), cmp.Compare(r.unit, s.unit), cmp.Compare(r.workers, s.workers))
	})
	return rows
}

// entries are the complete rows, one for each peer.
func (t table) entries() []benchrow.Row {
	list := []benchrow.Row{}
	for _, r := range t.complete() {
		for _, peer := range r.sorted() {
			ours, theirs, ratio := r.best(r.ours), r.best(r.peers[peer]), r.ratio(peer)
			better := "lower"
			if r.higher {
				better = "higher"
			}
			list = append(list, benchrow.Row{
				Name: r.name, Unit: r.unit, Better: better, Ours: &ours, Peer: &theirs, PeerName: peer, Ratio: &ratio,
				Spread: max(r.ours.spread(), r.peers[peer].spread()), Workers: r.workers, Allocs: r.allocs, Bytes: r.bytes,
			})
		}
	}
	return list
}

// sorted are the peers in the order of the columns.
func (r *row) sorted() (peers []string) {
	for peer := range r.peers {
		peers = append(peers, peer)
	}
	slices.SortFunc(peers, func(a, b string) int {
		return cmp.Or(cmp.Compare(slices.Index(columns, a), slices.Index(columns, b)), cmp.Compare(a, b))
	})
	return peers
}

// spread is how far the values are apart, as a part of the least.
func (s sample) spread() float64 {
	return (slices.Max(s) - slices.Min(s)) / max(slices.Min(s), 1e-9)
}

// print prints the complete rows, and where we are behind.
func (t table) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "row\tworkers\tunit\tHeist\tGo\t"+strings.Join(columns, "\t"))
	var behind []string
	for _, r := range t.complete() {
		cells := make([]string, 1+len(columns))
		for _, peer := range r.sorted() {
			ratio := r.ratio(peer)
			cells[1+slices.Index(columns, peer)] = fmt.Sprintf("%s (%s x)", short(r.best(r.peers[peer])), short(ratio))
			if ratio < 1 {
				behind = append(behind, fmt.Sprintf("%s, %s, workers %d: %s x %s", r.name, r.unit, r.workers, short(ratio), peer))
			}
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", r.name, r.workers, r.unit, short(r.best(r.ours)), strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nIn brackets: how many times better Heist is. Go is what go run ./bench compares the row with.\nHeist is behind %d times:\n%s\n", len(behind), strings.Join(behind, "\n"))
	return err
}

// short writes a figure with three digits that count.
func short(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}
