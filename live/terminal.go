package live

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/heist-go/heist/pool"
)

// Screen is where [Terminal] and [View.Draw] draw.
type Screen struct {
	Width, Height int  // in characters. Default: 80 by 24
	Color         bool // by ANSI sequences
}

// Terminal draws p again and again into a terminal, from its upper left corner, until ctx is done, whose error it
// returns; or w's. size is asked before each time; nil: the default. Goroutines only.
func Terminal(ctx context.Context, w io.Writer, p *pool.Pool, o Options, size func() Screen) error {
	every, err := o.every()
	if err != nil {
		return err
	}
	o.Every = every
	s := sampler{pool: p, options: o}
	n := s.join()
	defer s.leave()
	var v View
	for {
		all, changed := n.latest()
		for i, event := range [...]string{"tasks", "times", "frame"} {
			if all[i].number == 0 {
				continue
			}
			if err := v.Add(event, all[i].body); err != nil {
				return err
			}
		}
		if err := v.Draw(w, size); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// View is what was read last from a stream of [Handler], for a terminal. The zero value is ready.
type View struct {
	frame *Frame
	tasks *Tasks
	times *Times
}

// Add adds an event of the stream. It returns an error if the data is not of that kind of event, and nothing for events
// that it does not know.
func (v *View) Add(event string, data []byte) (err error) {
	switch event {
	case "frame":
		v.frame, err = decode[Frame](data)
	case "times":
		v.times, err = decode[Times](data)
	case "tasks":
		v.tasks, err = decode[Tasks](data)
		if err == nil && v.tasks.Dump == nil {
			v.tasks = nil
		}
	}
	if err != nil {
		return fmt.Errorf("live: an event %q: %w", cut(event), err)
	}
	return nil
}

func decode[T any](data []byte) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, err
	}
	return v, nil
}

// Draw draws what there is. What comes from the pool is shown without control characters.
func (v *View) Draw(w io.Writer, size func() Screen) error {
	s := Screen{}
	if size != nil {
		s = size()
	}
	if s.Width <= 0 || s.Height <= 0 {
		s.Width, s.Height = 80, 24
	}
	if v.frame == nil {
		return nil
	}
	d := drawing{screen: s, rows: s.Height - 1}
	d.view(v)
	_, err := io.WriteString(w, "\x1b[H"+d.text.String()+"\x1b[J")
	return err
}

// drawing is a picture for a terminal.
type drawing struct {
	screen Screen
	rows   int // that are left
	text   strings.Builder
}

const (
	plain = ""
	bold  = "1"
	red   = "1;31"
	dim   = "2"
)

// line adds a line, cut to the width.
func (d *drawing) line(style, format string, args ...any) {
	if d.rows--; d.rows < 0 {
		return
	}
	d.put(style, clean(fmt.Sprintf(format, args...), d.screen.Width))
	d.text.WriteString("\x1b[K\r\n")
}

func (d *drawing) put(style, s string) {
	if style == plain || !d.screen.Color {
		d.text.WriteString(s)
		return
	}
	d.text.WriteString("\x1b[" + style + "m" + s + "\x1b[0m")
}

// clean returns s without control characters, and not wider than width.
func clean(s string, width int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if !strconv.IsPrint(r) || r == utf8.RuneError {
			r = '?'
		}
		if n++; n > width {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// kindColors are of the kinds, in the order in which they are in a frame.
var kindColors = [...]string{"34", "33", "32", "35", "36", "94", "93"}

// view draws all.
func (d *drawing) view(v *View) {
	f, r := v.frame, &v.frame.Rates
	d.line(bold, "heist  %s  %d tasks  %d workers, %d spare, %d threads, %d computing", f.At.Format(time.TimeOnly),
		f.Now.Live, f.Now.Workers, f.Now.Spares, f.Now.Threads, f.Now.Computing)
	d.line(plain, "a second: %s polls, %s started, %s steals, %s parks, %s from outside, %s timers, %s socket events",
		short(r.Polls), short(r.Spawned), short(r.Thefts), short(r.Parks), short(r.Injected), short(r.Fired), short(r.Events))
	d.line(plain, "%d queued, %d timers armed, %d jobs wait, %d in the backlog, %d stalls, %d panics",
		f.Now.Queued, f.Now.Timers, f.Now.Jobs, f.Now.Backlog, f.Now.Stalls, f.Now.Panics)
	if t := v.times; t != nil {
		d.line(plain, "50/99 %% in ms: polls %.3g/%.3g, runnable %.3g/%.3g, in an inbox %.3g/%.3g, timers late %.3g/%.3g", t.Poll.Median, t.Poll.P99,
			t.Runnable.Median, t.Runnable.P99, t.Inbox.Median, t.Inbox.P99, t.Late.Median, t.Late.P99)
	}
	if v.tasks != nil {
		d.deadlocks(v.tasks.Dump)
	}
	d.line(plain, "")
	d.lanes(f)
	d.kinds(f)
	if v.tasks != nil {
		d.waits(v.tasks.Dump)
	}
}

// deadlocks names the circles.
func (d *drawing) deadlocks(x *pool.Dump) {
	for i, circle := range x.Deadlocks {
		who := "a task waits for itself"
		if len(circle) > 1 {
			who = fmt.Sprintf("%d tasks wait for each other", len(circle))
		}
		d.line(red, "DEADLOCK %d: %s", i+1, who)
		for _, t := range circle[:min(len(circle), 8)] {
			for _, w := range t.Waits[:min(len(t.Waits), 1)] {
				of := ""
				if t.Elsewhere {
					of = ", of another pool,"
				}
				d.line(red, "  %s%s waits for %s: %s %s", t.Name, of, w.Kind, w.What, cmp.Or(w.Name, w.ID))
			}
		}
	}
	if x.Quiescent {
		d.line(red, "QUIESCENT: all tasks are suspended, and nothing of the pool can make any of them go on")
		return
	}
	for i := range x.Quiet[:min(len(x.Quiet), 4)] {
		q := &x.Quiet[i]
		what := "each other"
		if len(q.Waits) > 0 {
			what = q.Waits[0].What + " " + cmp.Or(q.Waits[0].Name, q.Waits[0].ID)
		}
		d.line(plain, "quiet for %v: %d tasks of the group %s, which wait for %s", q.For.Round(time.Second), q.Tasks, cmp.Or(q.Name, q.Group), what)
	}
}

// marks are the states of a worker as characters: parked, poller, running, computing, stuck.
const marks = "._-#!"

// lanes draws a line for each worker: its looks, and what it does.
func (d *drawing) lanes(f *Frame) {
	shown := min(len(f.Workers), max(d.rows-8, 1))
	for _, l := range f.Workers[:shown] {
		if d.rows--; d.rows < 0 {
			return
		}
		fmt.Fprintf(&d.text, "%4d ", l.Worker)
		text := l.State
		for _, c := range l.Cells[:min(len(l.Cells), 2*looksInFrame)] {
			state, kind := c%cellStates, c/cellStates
			switch {
			case c < 0 || state >= len(marks):
				d.text.WriteByte(' ')
			case kind > 0 && kind <= len(f.Kinds):
				text = f.Kinds[kind-1]
				mark := string(rune('a' + (kind-1)%26))
				if pool.WorkerState(state) == pool.Stuck {
					mark = "!"
				}
				d.put(kindColors[(kind-1)%len(kindColors)], mark)
			default:
				d.text.WriteByte(marks[state])
			}
		}
		d.text.WriteString(clean(fmt.Sprintf(" %4d queued  %s", l.Queued, text), max(d.screen.Width-len(l.Cells)-5, 0)))
		d.text.WriteString("\x1b[K\r\n")
	}
	if shown < len(f.Workers) {
		d.line(dim, "     and %d more", len(f.Workers)-shown)
	}
}

// kinds lists the kinds of the frame by how often a worker was seen with them.
func (d *drawing) kinds(f *Frame) {
	seen, total := make([]int, len(f.Kinds)+1), 0
	for _, l := range f.Workers {
		for _, c := range l.Cells {
			if c < 0 {
				continue
			}
			total++
			if k := c / cellStates; k < len(seen) {
				seen[k]++
			}
		}
	}
	order := make([]int, 0, len(f.Kinds))
	for k := range f.Kinds {
		order = append(order, k)
	}
	slices.SortStableFunc(order, func(a, b int) int { return seen[b+1] - seen[a+1] })
	for i, k := range order[:min(len(order), max(d.rows-6, 0), 10)] {
		if i == 0 {
			d.line(bold, "workers' time")
		}
		d.line(plain, "%5.1f %%  %c  %s", 100*float64(seen[k+1])/float64(max(total, 1)), 'a'+rune(k%26), f.Kinds[k])
	}
}

// waits lists what tasks wait for.
func (d *drawing) waits(x *pool.Dump) {
	if len(x.Objects) > 0 {
		d.line(bold, "longest lines")
		for _, o := range x.Objects[:min(len(x.Objects), 5)] {
			d.line(plain, "%7d  %s %s", o.Waiting, o.What, cmp.Or(o.Name, o.ID))
		}
	}
	d.line(bold, "tasks")
	for i := range x.Shapes {
		s := &x.Shapes[i]
		d.line(plain, "%7d  %s %s  %s", s.Count, s.State, s.Kind, strings.Join(s.Waits, ", "))
	}
}

// short writes a rate in few characters.
func short(x float64) string {
	switch {
	case x >= 1e6:
		return fmt.Sprintf("%.1fM", x/1e6)
	case x >= 1e4:
		return fmt.Sprintf("%.0fk", x/1e3)
	}
	return fmt.Sprintf("%.0f", x)
}
