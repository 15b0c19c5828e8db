package sim

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/heist-go/heist/task"
)

// event is what happens in a step.
type event uint8

const (
	starts   event = iota // whom
	wakes                 // whom
	again                 // who: runnable once more, by itself
	polls                 // who, on worker n
	operates              // who
	goesOn                // who
	parks                 // who
	ends                  // who
	passes                // n of time
	chooses               // n
	says                  // of the log alone
)

// maxTrail is of how many events a run remembers what they were, to compare it with another.
const maxTrail = 1 << 20

// note takes an event into the account of the run, and into its log if one is written.
func (s *Sim) note(what event, who, whom *rec, n int64) {
	h := s.hash ^ uint64(what)
	if who != nil {
		h ^= uint64(who.number) << 8
	}
	if whom != nil {
		h ^= uint64(whom.number) << 32
	}
	s.hash = (h ^ uint64(n)<<16) * 0x9e3779b97f4a7c15
	s.hash ^= s.hash >> 29
	if what != parks && len(s.trail) < maxTrail { // parks is for the log alone
		s.trail = append(s.trail, uint32(s.hash))
	}
	if s.tracing {
		s.write(what, who, whom, n)
	}
}

// trace is a log: its beginning and its end.
type trace struct {
	lines   []entryLine
	dropped int
	written int
}

type entryLine struct {
	step          int
	at            time.Duration
	by, who, text string
	what          event
}

// String is for a line that is shown alone.
func (l entryLine) String() string {
	if l == (entryLine{}) {
		return "nothing: the run has ended"
	}
	return strings.Join(strings.Fields(fmt.Sprint(l.step, " ", l.at, " ", l.by, " ", l.who, "  ", l.text)), " ")
}

// String is the log, a line each.
func (t *trace) String() string {
	who := len("who")
	for _, l := range t.lines {
		who = max(who, len(l.who))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%6s  %-10s %-3s %-*s  %s", "step", "time", "by", who, "who", "what")
	for i, l := range t.lines {
		if i == maxLines/4 && t.dropped > 0 {
			fmt.Fprintf(&b, "\n  ... %s ...", count(t.dropped, "line"))
		}
		fmt.Fprintf(&b, "\n%6d  %-10s %-3s %-*s  %s", l.step, l.at, l.by, who, l.who, l.text)
	}
	return b.String()
}

const maxLines = 4000

func (t *trace) add(line entryLine) {
	t.written++
	if len(t.lines) == maxLines {
		t.lines = append(t.lines[:maxLines/4], t.lines[maxLines/2:]...)
		t.dropped += maxLines / 4
	}
	t.lines = append(t.lines, line)
}

func (s *Sim) write(what event, who, whom *rec, n int64) {
	switch what {
	case starts:
		if who == nil {
			s.line(what, whom, "starts")
		} else {
			s.line(what, who, "starts "+whom.name())
		}
	case wakes:
		if who == nil {
			s.line(what, whom, "is woken: "+s.cause())
		} else {
			s.line(what, who, "wakes "+whom.name())
		}
	case again:
		s.line(what, who, "is runnable once more")
	case polls:
		s.line(what, who, "is polled")
	case operates:
		at := operation()
		who.said().at = at
		s.line(what, who, at)
	case goesOn:
		s.line(what, who, "goes on")
	case parks:
		s.line(what, who, strings.TrimSuffix("waits: "+strings.Join(task.Waits(who.frame, s.nameOf), "; "), ": "))
	case ends:
		s.line(what, who, s.end(who))
	case passes:
		s.line(what, nil, "time passes: "+time.Duration(n).String())
	case chooses:
		s.say("Choose: " + strconv.FormatInt(n, 10))
	}
}

// unwoken says why a wake-up has made nobody runnable, or "" if that tells nothing.
func (s *Sim) unwoken(w task.Waker) string {
	f, _ := w.Life()
	if f == nil || w.Over() {
		at := operation()
		switch {
		case !strings.HasPrefix(at, "task.Cx.Wake ") && !strings.HasPrefix(at, "task.Waker.Wake "):
			return "" // an object of the module's own, which wakes whoever has ever asked
		case f == nil:
			return "wakes nobody: the Waker is zero"
		}
		return "wakes nobody: the task has ended"
	}
	switch r := s.recs.find(f); {
	case r == nil: // of another scheduler
		return ""
	case s.ready.has(r):
		return "wakes " + r.name() + ", which is runnable already"
	default:
		return "wakes " + r.name() + ", which is in a poll"
	}
}

func (s *Sim) cause() string {
	if s.passing {
		return "it is time"
	}
	return "by the test"
}

func (s *Sim) end(r *rec) string {
	if r.frame != nil {
		if err := r.frame.Err(); err != nil {
			text, _, _ := strings.Cut(err.Error(), "\n")
			return "ends: " + text
		}
	}
	return "ends"
}

// say writes a line of whoever runs.
func (s *Sim) say(text string) {
	var r *rec
	if s.cur != nil {
		r = s.cur.rec
	}
	s.line(says, r, text)
}

// line writes a line.
func (s *Sim) line(what event, who *rec, text string) {
	name, worker := "", ""
	if who != nil {
		name = who.name()
		for _, t := range s.workers {
			if t.rec == who {
				worker = "w" + strconv.Itoa(t.id)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trace.add(entryLine{s.steps, s.clock.Now().Sub(Epoch), worker, name, text, what})
}

// name returns the name of the task, with a number that tells it from others.
func (r *rec) name() string {
	w := r.said()
	if w.label == "" {
		w.label = w.what
		if r.frame != nil {
			w.label = task.Name(task.Of(r.frame))
			w.label = strings.TrimPrefix(w.label[strings.LastIndexByte(w.label, '/')+1:], "*")
		}
		w.label += "#" + strconv.Itoa(r.number)
	}
	return w.label
}

const module = "github.com/heist-go/heist/"

// operation says which operation the caller is about to do, and where.
func operation() string {
	var pcs [48]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	name := ""
	for {
		f, more := frames.Next()
		if !ours(f) {
			return fmt.Sprintf("%s  %s:%d", name, f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line)
		}
		switch called := short(f.Function); called {
		case "task.Seq.Run", "task.Flow.Run": // what is run says more
		case "task.Runner.Step": // the end of a task, or one of the module's own
			if strings.HasSuffix(name, ".Poll") {
				return name
			}
			return name + "  (at its end)"
		default:
			name = called
		}
		if !more {
			return name
		}
	}
}

var clutter = strings.NewReplacer("[...]", "", "(*", "", ")", "")

// short is the name of a function without what does not tell.
func short(function string) string {
	return clutter.Replace(function[strings.LastIndexByte(function, '/')+1:])
}

// ours reports whether f is of the packages whose operations are told by their names.
func ours(f runtime.Frame) bool {
	name, inside := strings.CutPrefix(f.Function, module)
	if !inside {
		return strings.HasPrefix(f.Function, "runtime.") || strings.HasPrefix(f.Function, "sync.")
	}
	return !strings.HasSuffix(f.File, "_test.go") && (strings.HasPrefix(name, "task") || strings.HasPrefix(name, "pool"))
}

// count is so many of something: "1 task", "2 tasks".
func count[T int | int64](n T, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return number(n) + " " + what + "s"
}

// number writes n with separators.
func number[T int | int64](n T) string {
	text := strconv.FormatInt(int64(n), 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// endless describes a run that does not end.
func (s *Sim) endless() string {
	var names []string
	for _, r := range s.everybody() {
		if s.steps-r.ran < 100 && len(names) < 8 {
			names = append(names, r.name())
		}
	}
	return "livelock: no end after " + count(s.config.MaxSteps, "step") + "; at last these have run: " + strings.Join(names, ", ")
}
