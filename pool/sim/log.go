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
}

type entryLine struct {
	step          int
	at            time.Duration
	by, who, text string
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
			fmt.Fprintf(&b, "\n  ... %s lines ...", number(t.dropped))
		}
		fmt.Fprintf(&b, "\n%6d  %-10s %-3s %-*s  %s", l.step, l.at, l.by, who, l.who, l.text)
	}
	return b.String()
}

const maxLines = 4000

func (t *trace) add(line entryLine) {
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
			s.line(whom, "starts")
		} else {
			s.line(who, "starts "+whom.name())
		}
	case wakes:
		if who == nil {
			s.line(whom, "is woken: "+s.cause())
		} else {
			s.line(who, "wakes "+whom.name())
		}
	case again:
		s.line(who, "is runnable once more")
	case polls:
		s.line(who, "is polled")
	case operates:
		at := operation()
		who.said().at = at
		s.line(who, at)
	case goesOn:
		s.line(who, "goes on")
	case parks:
		s.line(who, "waits")
	case ends:
		s.line(who, s.end(who))
	case passes:
		s.line(nil, "time passes: "+time.Duration(n).String())
	case chooses:
		s.say("Choose: " + strconv.FormatInt(n, 10))
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
	s.line(r, text)
}

// line writes a line.
func (s *Sim) line(who *rec, text string) {
	name, worker := "", ""
	if who != nil {
		name = who.name()
		for _, t := range s.workers {
			if t.rec == who {
				worker = "w" + strconv.Itoa(t.id)
			}
		}
	}
	s.trace.add(entryLine{s.steps, s.clock.Now().Sub(Epoch), worker, name, text})
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
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
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
	return "livelock: no end after " + number(s.config.MaxSteps) + " steps; at last these have run: " + strings.Join(names, ", ")
}
