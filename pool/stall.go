package pool

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/stack"
)

// stalls reports polls that take long to the pool's logger: once while it lasts,
// with the stack, and once when it is over, with the task's name. Writing it down
// takes long, too (the world stops for the stack, and a log may block), so it is
// done by a goroutine, one at a time, and not more often than once every reportEvery.
type stalls struct {
	log    *slog.Logger
	writes sync.WaitGroup // reports on their way
	busy   atomicx.Bool
	last   int64          // when the last report began
	number atomicx.Uint64 // of stalls; for Stats
}

// stallLimit is the default of Config.StallLimit.
const stallLimit = 10 * time.Millisecond

const reportEvery = int64(time.Second)

// begun reports a poll that lasts for d so far.
func (s *stalls) begun(w *worker, d time.Duration) {
	s.number.Add(1)
	now := clock.Now()
	id := w.goroutine.Load() // nil if its thread has not got that far
	if s.log == nil || id == nil || s.last != 0 && now-s.last < reportEvery || s.busy.Swap(true) {
		return
	}
	s.last = now
	w.runner.Accuse()
	s.writes.Go(func() {
		defer s.busy.Store(false)
		text := stack.Of(*id)
		if poll := polling(text); poll != "" { // else it is over
			s.log.LogAttrs(context.Background(), slog.LevelWarn, "pool: a poll takes long",
				slog.String("poll", poll), slog.Duration("for", d), slog.Int("worker", w.id), slog.String("stack", text))
		}
	})
}

// over reports the end of a poll that was reported.
func (s *stalls) over(w *worker, d time.Duration) {
	name := w.runner.Culprit()
	if name == "" {
		return
	}
	s.writes.Go(func() {
		s.log.LogAttrs(context.Background(), slog.LevelWarn, "pool: a long poll has ended",
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
