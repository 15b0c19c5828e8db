package pool_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// stuck is a task in a poll that does not end before release is called, or the test.
type stuck struct {
	task.Frame
	inside   chan struct{} // closed when the poll has begun, and done what before is
	released chan struct{}
	release  func() // may be called again
	before   func(cx *task.Cx)
}

// newStuck comes after the pool, whose end waits for it.
func newStuck(t testing.TB, before func(cx *task.Cx)) *stuck {
	s := &stuck{inside: make(chan struct{}), released: make(chan struct{}), before: before}
	s.release = sync.OnceFunc(func() { close(s.released) })
	t.Cleanup(s.release)
	return s
}

// bothStuck leaves p, which has two workers, with either in a long poll, and without a
// spare. (One whose thread comes late finds that a spare has taken its place.)
func bothStuck(t testing.TB, p *pool.Pool) (first, second *stuck) {
	t.Helper()
	for range 100 {
		first, second = newStuck(t, nil), newStuck(t, nil)
		p.GoAll(first, second)
		<-first.inside
		<-second.inside
		if p.Stats().Spares == 0 {
			return first, second
		}
		first.release()
		second.release()
		until(t, "no spare", func() bool { return p.Stats().Spares == 0 })
	}
	require.FailNow(t, "a spare is there though nothing waits")
	return nil, nil
}

func (s *stuck) Poll(cx *task.Cx) error {
	if s.before != nil {
		s.before(cx)
	}
	close(s.inside)
	<-s.released
	return nil
}

func (s *stuck) TaskName() string { return "the stuck one" }

// waits is a task that ends when it is woken.
type waits struct {
	task.Frame
	waker task.Waker
	done  chan struct{}
}

func (w *waits) Poll(cx *task.Cx) error {
	if w.waker == (task.Waker{}) {
		w.waker = cx.Waker()
		return task.Pending
	}
	close(w.done)
	return nil
}

// What a worker in a long poll holds back is done elsewhere, wherever it waits; if
// it were not, the test would wait for ever.
func TestStuckWorkerHoldsUpNobody(t *testing.T) {
	for name, c := range map[string]pool.Config{
		"another worker sleeps": fixed(pool.Config{Workers: 2}),
		"all are stuck":         {Workers: 1},
	} {
		t.Run(name, func(t *testing.T) {
			for what, set := range map[string]func(p *pool.Pool, done chan struct{}) func(cx *task.Cx){
				"its deque": func(p *pool.Pool, done chan struct{}) func(cx *task.Cx) {
					return func(cx *task.Cx) { cx.Go(act(func(*task.Cx) { close(done) })) }
				},
				"its inbox": func(p *pool.Pool, done chan struct{}) func(cx *task.Cx) {
					return func(cx *task.Cx) { p.Go(act(func(*task.Cx) { close(done) })) }
				},
				"its LIFO slot": func(p *pool.Pool, done chan struct{}) func(cx *task.Cx) {
					w := &waits{done: done}
					p.Go(w)
					idleBut(t, p, 1)
					return func(cx *task.Cx) { cx.Wake(w.waker) }
				},
				"its timers": func(p *pool.Pool, done chan struct{}) func(cx *task.Cx) {
					s := &sleeper{d: 2 * time.Millisecond}
					return func(cx *task.Cx) {
						cx.Go(task.Func(func(cx *task.Cx) error {
							if err := s.timer.Sleep(cx, s.d); err != nil {
								return err
							}
							close(done)
							return nil
						}))
					}
				},
			} {
				t.Run(what, func(t *testing.T) {
					p, done := openWith(t, c), make(chan struct{})
					s := newStuck(t, set(p, done))
					p.Go(s)
					<-s.inside
					<-done
					s.release()
					require.NoError(t, s.WaitContext(background))
				})
			}
		})
	}
}

// When all workers are stuck a spare takes part, and goes when it is not needed,
// wherever its tasks are then.
func TestSpares(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2})
	first, second := bothStuck(t, p)

	var rover rover
	p.Go(&rover) // it never waits: whoever polls it must pass it on
	until(t, "a spare to poll", func() bool { return rover.at.Load() > 2 })
	require.NotZero(t, p.Stats().Spares)
	first.release()
	second.release()
	until(t, "no spare", func() bool { return p.Stats().Spares == 0 })
	until(t, "a worker to poll", func() bool { return rover.at.Load() <= 2 })
	rover.Cancel(nil)
	require.ErrorIs(t, rover.WaitContext(background), task.ErrCanceled)
	idle(t, p)
}

// rover yields for ever, and says where it is.
type rover struct {
	task.Frame
	at atomic.Int64 // 1 + its worker
}

func (r *rover) Poll(cx *task.Cx) error {
	for {
		r.at.Store(int64(1 + cx.Worker()))
		if err := cx.Yield(); err != nil {
			return err
		}
	}
}

// Without spares a task waits, if all workers are stuck.
func TestNoSpares(t *testing.T) {
	p := openWith(t, fixed(pool.Config{Workers: 1}))
	s, after := newStuck(t, nil), new(probe)
	after.tally = new(tally)
	after.poll = func(*task.Cx) error { return nil }
	p.Go(s)
	<-s.inside
	p.Go(after)
	<-time.After(20 * time.Millisecond)
	require.Zero(t, after.tally.polled.Load())
	require.Zero(t, p.Stats().Spares)
	s.release()
	require.NoError(t, after.WaitContext(background))
}

// A pool may be closed while everybody is stuck, and spares take part.
func TestCloseWithSpares(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 2})
	var a tally
	stuck := []*stuck{newStuck(t, nil), newStuck(t, nil)}
	p.GoAll(stuck[0], stuck[1])
	<-stuck[0].inside
	<-stuck[1].inside
	for range 100 {
		p.Go(a.probe(nil))
	}
	until(t, "a spare to poll", func() bool { return a.polled.Load() == 100 })
	closed := make(chan error)
	go func() { closed <- p.Close() }()
	until(t, "the end of the others", func() bool { return a.ended.Load() == 100 })
	stuck[0].release()
	stuck[1].release()
	require.NoError(t, <-closed)
	a.check(t, 100)
}

// log collects records.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *log) has(parts ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			return true
		}
	}
	return false
}

// A stalled poll is reported while it lasts, with its stack, and when it is over,
// with its name.
func TestStallIsReported(t *testing.T) {
	var out log
	p := openWith(t, pool.Config{Workers: 1, StallLimit: 5 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	s := newStuck(t, nil)
	p.Go(s)
	<-s.inside
	until(t, "a report", func() bool {
		return out.has("level=WARN", "a poll takes long", "(*stuck).Poll", "worker=", "monitor_test.go") &&
			out.has("the long poll is in", "(*stuck).Poll", "monitor_test.go")
	})
	require.False(t, out.has("runtime."), "only what users know")
	require.NotZero(t, p.Stats().Stalls)
	s.release()
	until(t, "the second", func() bool { return out.has("a long poll has ended", "the stuck one") })

	// No short poll is a stall, unless its thread has lost its processor in it.
	more := uint64(1)
	for try := 0; try < 10 && more > 0; try++ {
		before := p.Stats().Stalls
		require.NoError(t, p.Run(background, act(func(*task.Cx) {})))
		more = p.Stats().Stalls - before
	}
	require.Zero(t, more)
}

// What waits for a processor is not stalled; what blocks, or computes, is; and where the
// system does not tell, all of it is.
func TestStallOfWhatWaitsForAProcessor(t *testing.T) {
	const ms = int64(time.Millisecond)
	at := func(now, ran, delay int64, runnable bool) pool.Reading {
		return pool.Reading{Now: now * ms, Ran: ran * ms, Delay: delay * ms, Runnable: runnable}
	}
	for name, c := range map[string]struct {
		readings []pool.Reading
		want     int64 // ms, at the last
	}{
		"computes":           {[]pool.Reading{at(10, 5, 1, true), at(20, 15, 1, true)}, 10},
		"blocks":             {[]pool.Reading{at(10, 5, 1, false), at(20, 5, 1, false)}, 10},
		"has waited":         {[]pool.Reading{at(10, 5, 1, true), at(30, 7, 19, true)}, 2},
		"waits just now":     {[]pool.Reading{at(10, 5, 1, true), at(20, 6, 9, true), at(60, 6, 9, true)}, 0},
		"nobody knows":       {[]pool.Reading{at(10, 0, 0, true), at(20, 0, 0, true)}, 11},
		"begins to compute ": {[]pool.Reading{at(10, 5, 1, true), at(40, 5, 1, true), at(50, 15, 31, true)}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			got := pool.Stalled(c.readings...)
			require.Equal(t, c.want*ms, got[len(got)-1])
		})
	}
}

// A task.Func is reported by its function.
func TestStallOfAFunc(t *testing.T) {
	var out log
	p := openWith(t, pool.Config{Workers: 1, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	require.NoError(t, p.Run(background, act(func(*task.Cx) {
		until(t, "a report", func() bool { return out.has("a poll takes long", "poll=", "TestStallOfAFunc") })
	})))
}

// Workers that are in one long poll after the other still come to everybody else, and
// the monitor does not carry the others' tasks to and fro between them.
func TestLongPollsStarveNobody(t *testing.T) {
	p := openWith(t, fixed(pool.Config{Workers: 2}))
	var over atomic.Bool
	var hogs, others task.Group
	for range 2 {
		hogs.Go(p, task.Func(func(cx *task.Cx) error {
			for end := time.Now().Add(12 * time.Millisecond); time.Now().Before(end); { // a bad task
			}
			if over.Load() {
				return nil
			}
			return again(cx)
		}))
	}
	for range 10 {
		for range 20 {
			others.Go(p, act(func(*task.Cx) {}))
		}
		require.NoError(t, others.WaitContext(background))
	}
	over.Store(true)
	require.NoError(t, hogs.WaitContext(background))
}
