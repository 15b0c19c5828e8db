package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"

	"github.com/heist-go/heist/internal/benchrow"
)

// machine is where it was measured.
type machine struct {
	CPU, OS, Go, Command, Commit string
	Noise                        string
	CPUs, Procs, Workers         int
}

func machineOf(o options, noise string) machine {
	m := machine{
		CPU: cpu(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		Command: strings.Join(append([]string{"go run ./bench"}, os.Args[1:]...), " "),
		Noise:   noise,
		CPUs:    runtime.NumCPU(), Procs: runtime.GOMAXPROCS(0), Workers: o.workers,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				m.Commit = s.Value
			}
		}
	}
	return m
}

// cpu is the processor's name, where the system tells.
func cpu() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return runtime.GOARCH
}

func (m machine) String() string {
	s := fmt.Sprintf("%s, %d CPUs, %s, %s, GOMAXPROCS %d, %d workers\n%s", m.CPU, m.CPUs, m.OS, m.Go, m.Procs, m.Workers, m.Command)
	if m.Noise != "" {
		s += "\n" + m.Noise
	}
	if m.Commit != "" {
		s += "\ncommit " + m.Commit
	}
	return s
}

// report prints the results, and writes what the flags ask for. It returns an error if a
// row has failed; one that has missed its target has not.
func report(o options, results []result, m machine, out io.Writer) error {
	if o.benchfmt {
		for _, r := range results {
			out.Write(r.printed)
		}
	} else if err := table(results, m, out); err != nil {
		return err
	}
	if o.json != "" {
		if err := benchrow.WriteFile(o.json, entries(results)); err != nil {
			return fmt.Errorf("-json: %w", err)
		}
	}
	failed := 0
	for _, r := range results {
		if r.err != nil {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d rows have failed", failed, len(results))
	}
	return nil
}

// table prints the results for people.
func table(results []result, m machine, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "row\tours\tcounterpart\t\tratio\tspread\ttarget")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.name, figureOf(r.us, r.ours), figureOf(r.them, r.peer), r.peerName, times(r.better), percent(r), r.judge())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		if r.err != nil {
			fmt.Fprintf(out, "\n%s has failed: %v\n", r.name, r.err)
		}
	}
	_, err := fmt.Fprintf(out, "\nratio: above 1 where Heist is better; medians of what was measured in turns.\n%s\n", m)
	return err
}

func figureOf(s sample, p pick) string {
	if len(s) == 0 {
		return ""
	}
	return short(s.median()) + " " + p.metric
}

func times(s sample) string {
	if len(s) == 0 {
		return ""
	}
	return short(s.median()) + " x"
}

func percent(r result) string {
	s := r.better
	if len(s) == 0 {
		s = r.us
	}
	if len(s) < 2 {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*s.spread())
}

// entries are the rows for programs.
func entries(results []result) (list []benchrow.Row) {
	value := func(s sample) *float64 {
		if len(s) == 0 {
			return nil
		}
		v := s.median()
		return &v
	}
	for _, r := range results {
		e := benchrow.Row{
			Name: r.name, Unit: r.ours.metric, Better: "lower",
			Ours: value(r.us), Peer: value(r.them), PeerName: r.peerName, Ratio: value(r.better),
			Spread: r.better.spread(), Turns: max(len(r.us), len(r.better)), Seconds: math.Round(100*r.took.Seconds()) / 100, Workers: r.workers, Allocs: r.allocs, Bytes: r.size, Verdict: r.judge(),
		}
		if e.Unit == "" {
			e.Unit = r.rate.metric
		}
		if r.higher || r.rate.bench != "" {
			e.Better = "higher"
		}
		if r.err != nil {
			e.Error = r.err.Error()
		}
		list = append(list, e)
	}
	return list
}
