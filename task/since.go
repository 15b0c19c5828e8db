package task

import (
	"fmt"
	"hash/maphash"
	"regexp"
	"runtime"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/internal/shrink"
)

// Since when a task is suspended, and where it was started. A reading of the clock at each suspension, and a caller at
// each start, are more than those may cost; so
//
//   - [Inspect] leaves a sighting with each task that it has in hand, in the place of the outcome, as a [Stamp]: whoever
//     polls the task takes it off. A task that has one when it is inspected again has been suspended since then, at
//     least. All that are seen by one Inspect share one sighting.
//   - With [SetDebug] both are exact, and outside of the frames: in the lives of the runtime.

// sighting is a moment at which tasks were seen suspended.
type sighting struct {
	mark outcome // what the frames have; its error is the sighting
	at   int64   // the end of the Inspect; read and written by who inspects
}

// sightingMark is a sighting as the error of an outcome.
type sightingMark sighting

func (*sightingMark) Error() string { return "task: a sighting" }

func newSighting() *sighting {
	s := new(sighting)
	s.mark.err = (*sightingMark)(s)
	return s
}

// sightingOf returns the sighting that is an outcome, or nil.
func sightingOf(out *outcome) *sighting {
	if out != nil {
		if m, ok := out.err.(*sightingMark); ok {
			return (*sighting)(m)
		}
	}
	return nil
}

// sight says since when f is suspended, which is in hand, and leaves a sighting with it.
func (s *Suspended) sight(f *Frame, now *sighting) {
	if s.seen(f); f.out.Get() == nil {
		f.out.Set(&now.mark)
	}
}

// seen says since when f is suspended, which is in hand.
func (s *Suspended) seen(f *Frame) {
	if l := f.rt.lives.of(f); l != nil {
		s.Since, s.Exact = l.polled, true
	} else if before := sightingOf(f.out.Get()); before != nil {
		s.Since = before.at
	}
}

// lives has what is known of each task of a runtime that is debugged: see [SetDebug]. nil knows nothing.
type lives struct{ shards [64]livesShard }

// livesShard is the lives of some of the tasks: workers seldom meet there.
type livesShard struct {
	mu park.Mutex // held for a few instructions, and to give memory back
	of shrink.Map[*Frame, *life]
}

var livesSeed = maphash.MakeSeed()

// life is a life of a task. Its fields belong to whoever has the frame in hand.
type life struct {
	pcs    [8]uintptr // of who has started it
	polled int64      // when its last poll has begun
}

// callers is how many callers are between begin and those who start tasks.
const callers = 3

// begin begins a life of f, on the thread that starts it.
func (l *lives) begin(f *Frame) {
	x := new(life)
	runtime.Callers(callers, x.pcs[:])
	s := l.shard(f)
	s.mu.Lock()
	s.of.Set(f, x)
	s.mu.Unlock()
}

// end ends the life of f.
func (l *lives) end(f *Frame) {
	s := l.shard(f)
	s.mu.Lock()
	s.of.Delete(f)
	s.mu.Unlock()
}

// shard returns where the life of f is.
func (l *lives) shard(f *Frame) *livesShard {
	return &l.shards[maphash.Comparable(livesSeed, f)%uint64(len(l.shards))]
}

// of returns the life of f, which is in hand; nil: nothing is known of it.
func (l *lives) of(f *Frame) *life {
	if l == nil {
		return nil
	}
	s := l.shard(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of.Get(f)
}

// NotePoll records, if tasks are debugged (see [SetDebug]), that a poll of f begins, now. The worker that is about to
// call Step.
func NotePoll(f *Frame) {
	if l := f.rt.lives.of(f); l != nil {
		l.polled = max(f.rt.Nanos(), 1)
	}
}

// ends returns what is called with each task that ends: the scheduler's own, and the end of its life.
func (l *lives) ends(own func(Task, error)) func(Task, error) {
	if l == nil {
		return own
	}
	return func(t Task, err error) {
		l.end(t.frame())
		if own != nil {
			own(t, err)
		}
	}
}

// insiders are the packages that start tasks, and wait, on behalf of those who call them.
var insiders = regexp.MustCompile(`/heist/(task|pool|reactor)\.`)

// outsider returns the file and line of the first caller outside of them, or "".
func outsider(pcs []uintptr) string {
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		if f.File != "" && !insiders.MatchString(f.Function) {
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if !more {
			return ""
		}
	}
}
