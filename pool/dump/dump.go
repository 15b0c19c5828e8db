// Package dump shows what the tasks of a pool do, and what they wait for: as text, as JSON, as a pprof
// profile, by HTTP, and when the process gets a signal. The data are a [pool.Dump].
//
//	http.Handle("/debug/heist", dump.Handler(p, pool.DumpOptions{}))
//	defer dump.OnSignal(os.Stderr, p, pool.DumpOptions{Stacks: true})()
//
// It registers nothing by itself.
package dump

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// maxWait bounds ?wait.
const maxWait = time.Minute

// textObjects is how many objects a text lists.
const textObjects = 10

// WriteText writes d for people: first what is wrong, then what waits, then the workers. It returns w's error.
func WriteText(w io.Writer, d *pool.Dump) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "heist: %s: %d tasks live, %d suspended, %d active, %d not suspended so far\n",
		d.At.Format(time.RFC3339), d.Live, d.Suspended, d.Active, max(d.Live-int64(d.Suspended+d.Active), 0))
	fmt.Fprintf(&b, "%d timers, %d blocking functions, %d goroutines of groups", d.Timers, d.Blocking, d.Members)
	if d.Closing {
		b.WriteString("; the pool is closing")
	}
	for i, in := range d.Next {
		if i == 0 {
			b.WriteString("\ntimers are due in ")
		} else {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%v", round(in))
	}
	b.WriteString("\n")
	for i, circle := range d.Deadlocks {
		if len(circle) == 1 {
			fmt.Fprintf(&b, "\nDEADLOCK %d: a task waits for itself:\n", i+1)
		} else {
			fmt.Fprintf(&b, "\nDEADLOCK %d: %d tasks wait for each other:\n", i+1, len(circle))
		}
		for _, t := range circle {
			fmt.Fprintf(&b, "  %s %s", t.ID, t.Name)
			if t.Elsewhere {
				b.WriteString(", of another pool")
			}
			if t.Stage != "" {
				fmt.Fprintf(&b, " at %s", t.Stage)
			}
			b.WriteString("\n")
			writeWaits(&b, t.Waits)
		}
	}
	if d.Quiescent {
		b.WriteString("\nQUIESCENT: all tasks are suspended, and nothing of the pool can make any of them go on\n")
	}
	for i := range d.Quiet {
		if d.Quiescent {
			break // so are all
		}
		b.WriteString("\n")
		writeQuiet(&b, &d.Quiet[i])
	}
	for i := range d.Shapes {
		writeShape(&b, &d.Shapes[i])
	}
	if d.Omitted > 0 {
		fmt.Fprintf(&b, "\n%d tasks of other shapes\n", d.Omitted)
	}
	if d.Unseen > 0 {
		fmt.Fprintf(&b, "\n%d tasks were active at each look: what those own is not shown\n", d.Unseen)
	}
	for i, o := range d.Objects[:min(len(d.Objects), textObjects)] {
		if i == 0 {
			b.WriteString("\nwhat most tasks wait for:\n")
		}
		fmt.Fprintf(&b, "%8d  %s", o.Waiting, o.What)
		if o.Name != "" {
			fmt.Fprintf(&b, " %q", o.Name)
		}
		fmt.Fprintf(&b, " %s", o.ID)
		if len(o.Holders) > 0 {
			fmt.Fprintf(&b, ", held by %s", strings.Join(o.Holders, ", "))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for _, l := range d.Jobs {
		fmt.Fprintf(&b, "jobs of the limiter %q: %d compute, %d wait\n", l.Limiter, l.Running, l.Waiting)
	}
	for _, x := range d.Workers {
		fmt.Fprintf(&b, "worker %d: %s", x.Worker, x.State)
		if x.For > 0 {
			fmt.Fprintf(&b, " for %v", x.For.Round(time.Millisecond))
		}
		fmt.Fprintf(&b, ", %d queued", x.Queued)
		switch {
		case x.Arrived > 0:
			fmt.Fprintf(&b, " and %d in its inbox", x.Arrived)
		case x.Inbox:
			b.WriteString(" and an inbox")
		}
		if x.Poll != "" {
			fmt.Fprintf(&b, ", in %s", x.Poll)
		}
		b.WriteString("\n")
		for _, c := range x.Calls {
			fmt.Fprintf(&b, "\t%s\n", c)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func writeQuiet(b *bytes.Buffer, q *pool.QuietDump) {
	fmt.Fprintf(b, "quiet: the group %s: %d tasks", groupID(q.Name, q.Group), q.Tasks)
	switch {
	case q.AtLeast:
		fmt.Fprintf(b, ", for %v at least", round(q.For))
	case q.For > 0:
		fmt.Fprintf(b, ", for %v", round(q.For))
	}
	if len(q.Waits) == 0 {
		b.WriteString(", which wait for each other and for nothing else\n")
		return
	}
	b.WriteString(", and only somebody outside can make one go on, who has in hand what they wait for:\n")
	for _, w := range q.Waits {
		fmt.Fprintf(b, "%8d  %s: %s", w.Line, w.Kind, w.What)
		if w.Name != "" {
			fmt.Fprintf(b, " %q", w.Name)
		}
		fmt.Fprintf(b, " %s\n", w.ID)
	}
}

func writeShape(b *bytes.Buffer, s *pool.Shape) {
	fmt.Fprintf(b, "\n%d %s: %s", s.Count, s.State, s.Kind)
	if s.Stage != "" {
		fmt.Fprintf(b, " at %s", s.Stage)
	}
	if s.Source != "" {
		fmt.Fprintf(b, " (%s)", s.Source)
	}
	if len(s.Path) > 0 {
		fmt.Fprintf(b, ", below %s", strings.Join(s.Path, " > "))
	}
	if s.Canceled {
		b.WriteString(", canceled")
	}
	if s.Draining {
		b.WriteString(", draining")
	}
	if s.For > 0 {
		fmt.Fprintf(b, ", the longest for %v", round(s.For))
	}
	b.WriteString("\n")
	for _, w := range s.Waits {
		fmt.Fprintf(b, "  waits for %s\n", w)
	}
	for _, t := range s.Tasks {
		fmt.Fprintf(b, "  - %s", t.ID)
		if t.Name != s.Kind {
			fmt.Fprintf(b, " %s", t.Name)
		}
		if t.Group != "" {
			fmt.Fprintf(b, ", in the group %s", groupID(t.GroupName, t.Group))
		}
		if t.Canceled != "" {
			fmt.Fprintf(b, ", canceled: %s", t.Canceled)
		}
		if t.Waker {
			b.WriteString(", a Waker is out")
		}
		switch {
		case t.AtLeast:
			fmt.Fprintf(b, ", for %v at least", round(t.For))
		case t.For > 0:
			fmt.Fprintf(b, ", for %v", round(t.For))
		}
		if t.Spawned != "" {
			fmt.Fprintf(b, ", started at %s", t.Spawned)
		}
		b.WriteString("\n")
		writeWaits(b, t.Waits)
	}
}

// groupID names a group.
func groupID(name, id string) string {
	if name == "" {
		return id
	}
	return fmt.Sprintf("%q %s", name, id)
}

// round leaves a duration what a reader wants to know of it.
func round(d time.Duration) time.Duration {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

func writeWaits(b *bytes.Buffer, waits []pool.WaitDump) {
	for _, w := range waits {
		fmt.Fprintf(b, "      %s: %s", w.Kind, w.What)
		if w.Name != "" {
			fmt.Fprintf(b, " %q", w.Name)
		}
		if w.ID != "" {
			fmt.Fprintf(b, " %s", w.ID)
		}
		switch {
		case w.Kind == "timer":
			fmt.Fprintf(b, " in %v", w.In)
		case w.Kind == "descriptor":
			fmt.Fprintf(b, " of %d", w.FD)
		case w.Holds:
			b.WriteString(", which it holds")
		case w.Line > 0 && w.Place > 0:
			fmt.Fprintf(b, ", %d of %d in line", w.Place, w.Line)
		case w.Line > 0:
			fmt.Fprintf(b, ", far behind in a line of %d", w.Line)
		case w.Place > 0:
			fmt.Fprintf(b, ", %d in line", w.Place)
		}
		if w.Asks > 1 {
			fmt.Fprintf(b, ", asks for %d", w.Asks)
		}
		if w.Note != "" {
			fmt.Fprintf(b, " (%s)", w.Note)
		}
		b.WriteString("\n")
	}
}

// WriteJSON writes d as JSON. Its field schema says what the others mean: it grows when one changes. It
// returns w's error.
func WriteJSON(w io.Writer, d *pool.Dump) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

// Handler returns a handler that answers with a dump of p: as text, as JSON with ?format=json, and as a
// gzipped profile for go tool pprof with ?format=pprof. ?samples=n lists so many tasks of each shape, all if n is
// negative, and ?stacks=1 adds the stacks of workers that are stuck. ?wait=5s makes two dumps so far apart, a minute at most, and
// answers with the second, which says of each task that has not been polled in between that it waits for so long at least.
// o are the defaults.
//
// One dump is made at a time. Whoever may reach the handler sees the names of tasks and addresses in
// memory: guard it as you guard net/http/pprof.
func Handler(p *pool.Pool, o pool.DumpOptions) http.Handler {
	var one sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o, q := o, r.URL.Query()
		if s := q.Get("samples"); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil {
				http.Error(w, fmt.Sprintf("dump: samples=%q: it is a number", s), http.StatusBadRequest)
				return
			}
			o.Samples = n
		}
		if s := q.Get("stacks"); s != "" {
			b, err := strconv.ParseBool(s)
			if err != nil {
				http.Error(w, fmt.Sprintf("dump: stacks=%q: it is 0 or 1", s), http.StatusBadRequest)
				return
			}
			o.Stacks = b
		}
		wait := time.Duration(0)
		if s := q.Get("wait"); s != "" {
			d, err := time.ParseDuration(s)
			if err != nil || d < 0 || d > maxWait {
				http.Error(w, fmt.Sprintf("dump: wait=%q: it is a time of %v at most, as 5s", s, maxWait), http.StatusBadRequest)
				return
			}
			wait = d
		}
		kind, write := "text/plain; charset=utf-8", WriteText
		switch f := q.Get("format"); f {
		case "", "text":
		case "json":
			kind, write = "application/json", WriteJSON
		case "pprof":
			kind, write = "application/octet-stream", WriteProfile
		default:
			http.Error(w, fmt.Sprintf("dump: format=%q: it is text, json or pprof", f), http.StatusBadRequest)
			return
		}
		look := func() *pool.Dump {
			one.Lock() // and not while it is written: the reader may be slow
			defer one.Unlock()
			return p.Dump(o)
		}
		d := look()
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-r.Context().Done():
				return
			}
			d = look()
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_ = write(w, d) // the client has gone
	})
}

// OnSignal writes a dump of p to w, as text, whenever the process gets SIGQUIT, until stop is called.
// The process goes on: what Go does otherwise, to write all stacks and exit, is not done meanwhile. Windows
// has no such signal.
func OnSignal(w io.Writer, p *pool.Pool, o pool.DumpOptions) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, quit...)
	go func() {
		defer close(done)
		for range signals {
			_ = WriteText(w, p.Dump(o)) // nobody is there to be told
		}
	}()
	return sync.OnceFunc(func() {
		signal.Stop(signals)
		close(signals)
		<-done
	})
}

// ErrDeadlock is what [Check] returns, with the tasks.
var ErrDeadlock = errors.New("dump: deadlock")

// Check returns an error that is ErrDeadlock, and names the tasks, if tasks of p are in a deadlock: if they wait
// for each other in a circle, or all are suspended and nothing of the pool can make any of them go on. It is for
// tests, which call it when something has not come that they wait for: that a goroutine outside may still let
// tasks go on, the test knows, and the pool does not. Goroutines only.
func Check(p *pool.Pool) error {
	d := p.Dump(pool.DumpOptions{})
	if len(d.Deadlocks) == 0 && !d.Quiescent {
		return nil
	}
	var b strings.Builder
	_ = WriteText(&b, d) // cannot fail
	return fmt.Errorf("%w: %s", ErrDeadlock, b.String())
}

// CheckGroup is [Check] for the tasks of a group, while others go on: it returns an error that is ErrDeadlock if nothing
// moves in the group (see [pool.QuietDump]). The test knows whether somebody outside still makes happen what they wait
// for. Goroutines only.
func CheckGroup(p *pool.Pool, g *task.Group) error {
	q, quiet := p.Quiet(g)
	if !quiet {
		return nil
	}
	var b bytes.Buffer
	writeQuiet(&b, &q)
	return fmt.Errorf("%w: %s", ErrDeadlock, b.String())
}
