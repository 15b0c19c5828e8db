package sim_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
)

// hands counts those that compute at a time.
type hands struct{ now, most int }

func (h *hands) compute(s *sim.Sim) {
	h.now++
	h.most = max(h.most, h.now)
	s.Point()
	h.now--
}

// Jobs compute as their limiter, and the number of workers, let them, whatever the schedule; and on some
// schedule as many do.
func TestJobsAreLimited(t *testing.T) {
	for _, c := range []struct {
		name          string
		limiter       *pool.Limiter
		workers, most int
	}{
		{"as many as there are workers", nil, 3, 3},
		{"limit", &pool.Limiter{Limit: 2}, 4, 2},
		{"one worker", &pool.Limiter{Limit: 2}, 1, 1},
		{"short", &pool.Limiter{Short: true, Limit: 2}, 4, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			most := 0
			sim.Config{Workers: c.workers, Seeds: 300}.Test(t, func(s *sim.Sim) {
				var h hands
				for range 6 {
					var job pool.Job[int]
					job.Limiter = c.limiter
					s.Go(task.Func(func(cx *task.Cx) error {
						_, err := job.Do(cx, func(pool.Scope) int { h.compute(s); return 1 })
						return err
					}))
				}
				s.Wait()
				require.LessOrEqual(s, h.most, c.most)
				most = max(most, h.most)
				computing, _, _ := s.Team().Census()
				require.Zero(s, computing)
			})
			require.Equal(t, c.most, most)
		})
	}
}

// What would have to wait is refused by Try, and what finds the queue full by Do; the others are served, first
// come, first served.
func TestJobsAreRefused(t *testing.T) {
	refused, waited := 0, 0
	sim.Config{Seeds: 500}.Test(t, func(s *sim.Sim) {
		limiter := &pool.Limiter{Limit: 1, Queue: 1}
		var begun []int
		var h hands
		served, full := 0, 0
		for i := range 4 {
			var job pool.Job[int]
			job.Limiter = limiter
			s.Go(task.Func(func(cx *task.Cx) error {
				do := job.Do
				if i%2 == 1 {
					do = job.Try
				}
				v, err := do(cx, func(pool.Scope) int {
					begun = append(begun, i)
					h.compute(s)
					return i
				})
				switch {
				case task.IsPending(err):
					return err
				case errors.Is(err, task.ErrLimit):
					full++
				default:
					require.NoError(s, err)
					require.Equal(s, i, v)
					served++
				}
				return nil
			}))
		}
		s.Wait()
		require.Equal(s, 4, served+full)
		require.Len(s, begun, served)
		require.LessOrEqual(s, h.most, 1)
		require.GreaterOrEqual(s, served, 1)
		refused += full
		if slices.Contains(begun, 0) && slices.Contains(begun, 2) {
			waited++
		}
	})
	require.Positive(t, refused)
	require.Positive(t, waited)
}

// A task that is canceled while its job waits takes it back; its place is free for the next one. One that
// computes is waited for.
func TestJobsAreWithdrawn(t *testing.T) {
	enough := errors.New("enough")
	withdrawn, computed := 0, 0
	sim.Config{Seeds: 500}.Test(t, func(s *sim.Sim) {
		limiter := &pool.Limiter{Limit: 1}
		var h hands
		runs := 0
		var canceled task.Group
		do := func() task.Task {
			var job pool.Job[int]
			job.Limiter = limiter
			return task.Func(func(cx *task.Cx) error {
				_, err := job.Do(cx, func(pool.Scope) int { runs++; h.compute(s); return 1 })
				return err
			})
		}
		s.Go(do())
		canceled.Go(s, do())
		s.Go(do())
		s.Goroutine(func() { canceled.Cancel(enough) })
		s.Wait()
		if err := canceled.Err(); err != nil {
			require.ErrorIs(s, err, enough)
		}
		require.LessOrEqual(s, h.most, 1)
		require.Zero(s, h.now)
		require.GreaterOrEqual(s, runs, 2)
		if runs == 2 {
			withdrawn++
		} else {
			computed++
		}
	})
	require.Positive(t, withdrawn)
	require.Positive(t, computed)
}

// upTo yields numbers.
func upTo(n int, before func()) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			before()
			if !yield(i) {
				return
			}
		}
	}
}

// A pipeline gives what a loop would, in its order, with more values than may be on their way; and so does ForSeq,
// in any order. Each is called from a poll, from inside of a computation, from a goroutine and from the test.
func TestLines(t *testing.T) {
	const n = 21
	var want []int
	for i := range n {
		want = append(want, i*i)
	}
	pipeline := func(s *sim.Sim, from func(source func(func(int) bool), stage func(int) int) func(func(int) bool)) {
		got := slices.Collect(from(upTo(n, s.Point), func(v int) int { s.Point(); return v * v }))
		require.Equal(s, want, got)
	}
	inPoll := func(f func(cx *task.Cx, s *sim.Sim)) func(s *sim.Sim) {
		return func(s *sim.Sim) { s.Go(task.Func(func(cx *task.Cx) error { f(cx, s); return nil })) }
	}
	for name, program := range map[string]func(s *sim.Sim){
		"pipeline in a poll": inPoll(func(cx *task.Cx, s *sim.Sim) {
			pipeline(s, func(source func(func(int) bool), stage func(int) int) func(func(int) bool) {
				return par.Pipeline(cx, source, stage)
			})
		}),
		"pipeline in a computation": inPoll(func(cx *task.Cx, s *sim.Sim) {
			pool.Do(cx, func(at pool.Scope) {
				pipeline(s, func(source func(func(int) bool), stage func(int) int) func(func(int) bool) {
					return par.Pipeline(at, source, stage)
				})
			}, func(pool.Scope) { s.Point() })
		}),
		"pipeline of a goroutine": func(s *sim.Sim) {
			s.Goroutine(func() {
				pipeline(s, func(source func(func(int) bool), stage func(int) int) func(func(int) bool) {
					return par.Pipeline(s.Team(), source, stage)
				})
			})
		},
		"pipeline of the test": func(s *sim.Sim) {
			pipeline(s, func(source func(func(int) bool), stage func(int) int) func(func(int) bool) {
				return par.Pipeline(s.Team(), source, stage)
			})
		},
		"two stages": func(s *sim.Sim) {
			s.Goroutine(func() {
				half := par.Pipeline(s.Team(), upTo(n, s.Point), func(v int) int { s.Point(); return v + 1 })
				require.Equal(s, want, slices.Collect(par.Pipeline(s.Team(), half, func(v int) int { return (v - 1) * (v - 1) })))
			})
		},
		"for seq in a poll": inPoll(func(cx *task.Cx, s *sim.Sim) {
			got := make([]int, n)
			par.ForSeq(cx, upTo(n, s.Point), func(v int) { s.Point(); got[v] += v * v })
			require.Equal(s, want, got)
		}),
		"for seq in a job": func(s *sim.Sim) {
			var job pool.Job[[]int]
			s.Go(task.Func(func(cx *task.Cx) error {
				got, err := job.Do(cx, func(at pool.Scope) []int {
					got := make([]int, n)
					par.ForSeq(at, upTo(n, s.Point), func(v int) { s.Point(); got[v] += v * v })
					return got
				})
				if err == nil {
					require.Equal(s, want, got)
				}
				return err
			}))
		},
	} {
		for _, workers := range []int{1, 3} {
			t.Run(name, func(t *testing.T) {
				r := sim.Config{Workers: workers, Seeds: 150, Repeat: 5, MaxSteps: 50_000}.Run(func(s *sim.Sim) { program(s) })
				require.Nil(t, r.Failure)
				if workers > 1 {
					require.Greater(t, r.Distinct, 20, "%v", r)
				}
			})
		}
	}
}

// A pipeline that is left early, or whose stage panics, or whose task is canceled, ends, with nothing of it left.
func TestLinesEndEarly(t *testing.T) {
	boom := errors.New("boom")
	canceled := 0
	sim.Config{Seeds: 300, MaxSteps: 50_000}.Test(t, func(s *sim.Sim) {
		running, how := 0, s.Choose(3)
		var g task.Group
		g.Go(s, task.Func(func(cx *task.Cx) (err error) {
			defer func() {
				require.Zero(s, running)
				if p, ok := recover().(*task.PanicError); ok {
					require.Equal(s, 1, how)
					require.ErrorIs(s, p, boom)
				}
			}()
			for v := range par.Pipeline(cx, upTo(1000, s.Point), func(v int) int {
				running++
				defer func() { running-- }()
				s.Point()
				if v == 3 && how == 1 {
					panic(boom)
				}
				return v
			}) {
				if v == 5 && how == 0 {
					break
				}
			}
			return cx.Cancellation().Err()
		}))
		if how == 2 {
			s.Goroutine(func() {
				for range s.Choose(30) {
					s.Point()
				}
				g.Cancel(boom)
			})
		}
		s.Wait()
		if err := g.Err(); err != nil {
			require.Equal(s, 2, how)
			require.ErrorIs(s, err, boom)
			canceled++
		}
	})
	require.Positive(t, canceled)
}

// Two values of a line that are handled beside each other are found where they meet.
func TestLineInterleaves(t *testing.T) {
	failing(t, sim.Config{}, "Not equal", func(s *sim.Sim) {
		total := 0
		s.Go(task.Func(func(cx *task.Cx) error {
			par.ForSeq(cx, upTo(4, func() {}), func(int) {
				v := total
				s.Point()
				total = v + 1
			})
			return nil
		}))
		s.Wait()
		require.Equal(s, 4, total)
	})
}

// A limiter that lets two in is caught: the control of TestJobsAreLimited.
func TestLimitIsNeeded(t *testing.T) {
	failing(t, sim.Config{}, "invariant", func(s *sim.Sim) {
		var h hands
		s.Invariant(func() error {
			if h.now > 1 {
				return errors.New("two compute")
			}
			return nil
		})
		for range 2 {
			job := pool.Job[int]{Limiter: &pool.Limiter{Limit: 2}}
			s.Go(task.Func(func(cx *task.Cx) error {
				_, err := job.Do(cx, func(pool.Scope) int { h.compute(s); return 1 })
				return err
			}))
		}
		_ = s.Run(context.Background(), task.Func(func(*task.Cx) error { return nil }))
	})
}
