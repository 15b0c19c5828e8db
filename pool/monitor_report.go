package pool

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/messages"
	"github.com/heist-go/heist/internal/stack"
)

// stalls reports polls that take long to the pool's logger: once while it lasts,
// with the calls that it is in, a line each, and once when it is over, with the task's name.
// Writing it down takes long, too (the world stops for the stack, and a log may block), so it
// is done by a goroutine, one at a time, and not more often than once every reportEvery.
//
// A poll that merely waited for a processor is none: what the kernel says about its thread's
// time in the run queue does not count, where there is such a thing (see waiting). The
// thread's CPU time would hide polls that block.
type stalls struct {
	log    *slog.Logger
	hook   func(Stall)
	writes sync.WaitGroup // reports on their way
	busy   atomicx.Bool
	last   int64          // when the last report began
	number atomicx.Uint64 // of stalls; for Stats
}

// Stall is a poll that takes long. See Config.Stalled.
type Stall struct {
	Worker int
	Poll   string        // the function that is polled
	For    time.Duration // so far
	Calls  []string      // that the poll is in, the innermost first: functions and positions
}

// stallLimit is the default of Config.StallLimit.
const stallLimit = 10 * time.Millisecond

const (
	reportEvery = int64(messages.Every)
	// maxCalls is how many calls of a poll are written down.
	maxCalls = 16
)

// stalled returns how long w's poll has taken without waiting for a processor; l was
// found stuck before, or just now.
func (l *observed) stalled(w *worker, now int64) int64 {
	s, ok := threadTimes(int(w.tid.Load()))
	if !l.known {
		l.known, l.from, l.at = true, now, s
	}
	idle := ok && s == l.latest && s.runnable // it waits just now
	l.latest = s
	if !ok {
		return now - l.since
	}
	if idle {
		return 0
	}
	return now - l.from - (s.delay - l.at.delay)
}

// threadTimes is a variable for the test.
var threadTimes = waiting

// schedule is what the kernel knows of a thread.
type schedule struct {
	ran, delay int64 // how long it has run, and has waited for a processor, in ns
	runnable   bool  // it runs, or waits for a processor
}

// began reports a poll that lasts for d so far.
func (s *stalls) began(w *worker, d time.Duration) {
	s.number.Add(1) // the monitor's
	now := clock.Now()
	id := w.goroutine.Load()                                                                                       // "" if its thread has not got that far
	if s.log == nil && s.hook == nil || id == "" || s.last != 0 && now-s.last < reportEvery || s.busy.Swap(true) { // Claim. The report. Pairs with: (*stalls).began.
		return
	}
	s.last = now
	w.runner.RequestName()
	s.writes.Go(func() {
		defer s.busy.Store(false) // the owner's: the next one may begin
		text := stack.Of(id)
		poll := polling(text)
		if poll == "" { // it is over
			return
		}
		calls := stack.Within(text, "/task.(*Runner).Step")
		at := poll
		if len(calls) > 0 {
			at = calls[0]
		}
		calls = calls[:min(len(calls), maxCalls)]
		if s.hook != nil {
			defer s.hook(Stall{Worker: w.id, Poll: poll, For: d, Calls: calls}) // before the next one may begin
		}
		if s.log == nil {
			return
		}
		s.log.LogAttrs(context.Background(), slog.LevelWarn, messages.LongPoll,
			slog.String("poll", poll), slog.Duration("for", d), slog.Int("worker", w.id), slog.String("at", at))
		for _, call := range calls {
			s.log.LogAttrs(context.Background(), slog.LevelWarn, messages.LongPollIn, slog.Int("worker", w.id), slog.String("call", call))
		}
	})
}

// ended reports the end of a poll that was reported.
func (s *stalls) ended(w *worker, d time.Duration) {
	name := w.runner.TakeName()
	if name == "" || s.log == nil {
		return
	}
	s.writes.Go(func() {
		s.log.LogAttrs(context.Background(), slog.LevelWarn, messages.LongPollEnded,
			slog.String("task", name), slog.Duration("after", d), slog.Int("worker", w.id))
	})
}

// polling returns the Poll, or the function of a task.Func, that a worker's stack
// is in.
func polling(text string) string {
	name := stack.Callee(text, "/task.(*Runner).Step")
	if strings.HasSuffix(name, "/task.(*fun).Poll") {
		return stack.Callee(text, "/task.(*fun).Poll")
	}
	return name
}
