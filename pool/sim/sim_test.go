package sim_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

var background = context.Background()

// lossy is a queue whose receiver looks before it says that it waits.
type lossy struct {
	items  []int
	waiter task.Waker
}

func (q *lossy) put(cx *task.Cx, v int) {
	q.items = append(q.items, v)
	cx.Wake(q.waiter)
}

func (q *lossy) get(cx *task.Cx) (int, error) {
	if len(q.items) == 0 {
		q.waiter = cx.Waker()
		return 0, cx.Suspend()
	}
	v := q.items[0]
	q.items = q.items[1:]
	return v, nil
}

func lossyProgram(s *sim.Sim) {
	var q lossy
	s.Go(task.Func(func(cx *task.Cx) error {
		q.put(cx, 1)
		return nil
	}))
	s.Go(task.Func(func(cx *task.Cx) error {
		_, err := q.get(cx)
		return err
	}))
}

// failing is the reason that a program fails for, which must say so.
func failing(t *testing.T, c sim.Config, says string, f func(*sim.Sim)) *sim.Failure {
	t.Helper()
	r := c.Run(f)
	require.NotNil(t, r.Failure, "%v", r)
	require.Contains(t, r.Failure.Reason, says)
	return r.Failure
}

func TestFailureIsSmallAndRepeats(t *testing.T) {
	f := failing(t, sim.Config{}, "deadlock: nothing can run", lossyProgram)
	require.Contains(t, f.Reason, "waits in task.Cx.Waker")
	require.LessOrEqual(t, f.Switches, 2)
	require.Contains(t, f.Log, "is polled")
	for _, text := range []string{f.Schedule, fmt.Sprint(f.Seed)} {
		again, err := sim.Config{}.Replay(text, lossyProgram)
		require.NoError(t, err)
		require.NotNil(t, again, text)
		require.Equal(t, f.Reason, again.Reason)
	}
	none, err := sim.Config{}.Replay("1:", lossyProgram)
	require.NoError(t, err)
	require.Nil(t, none, "the plain order is fine")
	for _, text := range []string{"", "x", "1:2", "1:2.x", "1:3.1,2.1"} {
		_, err := sim.Config{}.Replay(text, lossyProgram)
		require.Error(t, err, text)
	}
}

// The log says when a wake-up makes nobody runnable, and why.
func TestWakeUpsForNothing(t *testing.T) {
	f := failing(t, sim.Config{}, "deadlock", lossyProgram)
	require.Contains(t, f.Log, "task.Cx.Wake  sim_test.go:")
	require.Contains(t, f.Log, "wakes nobody: the Waker is zero")

	f = failing(t, sim.Config{Seeds: 1}, "enough", func(s *sim.Sim) {
		var w task.Waker
		s.Go(script(func(cx *task.Cx) error {
			w = cx.Waker()
			cx.Wake(w)
			return nil
		}))
		s.Wait()
		s.Goroutine(func() { w.Wake() })
		s.Wait()
		s.Fatalf("enough")
	})
	require.Contains(t, f.Log, "#1, which is in a poll")
	require.Contains(t, f.Log, "wakes nobody: the task has ended")

	f = failing(t, sim.Config{}, "enough", func(s *sim.Sim) {
		var w task.Waker
		polls := 0
		s.Go(task.Func(func(cx *task.Cx) error {
			if polls++; polls > 1 {
				return nil
			}
			w = cx.Waker()
			return cx.Suspend()
		}))
		s.Goroutine(func() {
			for w == (task.Waker{}) {
				s.Point()
			}
			s.Point()
			w.Wake()
			w.Wake()
			if polls == 1 {
				s.Fatalf("enough")
			}
		})
	})
	require.Regexp(t, `a goroutine#\d+ +wakes sim_test.*, which is runnable already`, f.Log)
}

func TestStrategies(t *testing.T) {
	for _, y := range []sim.Strategy{sim.Mix, sim.Random, sim.PCT, sim.RoundRobin, sim.Starve} {
		for _, workers := range []int{1, 2, 9} {
			r := sim.Config{Strategy: y, Seeds: 100, Workers: workers}.Run(busy)
			require.Nil(t, r.Failure, "%v", y)
			t.Logf("%v, %d workers: %v", y, workers, r)
			require.Greater(t, r.Distinct, 1)
		}
	}
}

func TestOneWorkerPollsInOrder(t *testing.T) {
	sim.Config{Workers: 1, Seeds: 50}.Test(t, func(s *sim.Sim) {
		order := ""
		for i := range 3 {
			s.Go(script(func(*task.Cx) error { order += string(rune('a' + i)); return nil }, yields(), func(*task.Cx) error { order += string(rune('a' + i)); return nil }))
		}
		s.Wait()
		require.Equal(s, "abcabc", order)
	})
}

func TestParallel(t *testing.T) {
	r := sim.Config{Parallel: 3, Seeds: 200}.Run(busy)
	require.Nil(t, r.Failure)
	require.Equal(t, 200, r.Seeds)
	require.NotNil(t, sim.Config{Parallel: 3}.Run(lossyProgram).Failure)
}

func TestForATime(t *testing.T) {
	r := sim.Config{For: time.Millisecond}.Run(busy)
	require.Nil(t, r.Failure)
	require.GreaterOrEqual(t, r.Seeds, 1)
}

func TestYear(t *testing.T) {
	sim.Config{Seeds: 3}.Test(t, func(s *sim.Sim) {
		tick := task.Ticker{Every: time.Hour}
		n := 0
		require.NoError(s, s.Run(background, task.Func(func(cx *task.Cx) error {
			for ; n < 24*365; n++ {
				if _, err := tick.Tick(cx); err != nil {
					return err
				}
			}
			return nil
		})))
		require.GreaterOrEqual(s, s.Clock().Now().Sub(sim.Epoch), 24*364*time.Hour)
	})
}

// Time stands still as long as anything can run.
func TestTimeout(t *testing.T) {
	sim.Test(t, func(s *sim.Sim) {
		var g task.Group
		var slow task.Timer
		var err error
		require.NoError(s, s.Run(background, script(
			func(cx *task.Cx) error {
				g.SetTimeout(cx, time.Second)
				g.Go(cx, script(func(cx *task.Cx) error { return slow.Sleep(cx, time.Minute) }))
				return nil
			},
			func(cx *task.Cx) error {
				if err = g.Wait(cx); task.IsPending(err) {
					return err
				}
				return nil
			})))
		require.ErrorIs(s, err, task.ErrTimeout)
		require.Less(s, s.Clock().Now().Sub(sim.Epoch), 2*time.Second)
	})
}

func TestChecks(t *testing.T) {
	var never task.Promise[int]
	waits := func(cx *task.Cx) error { _, err := never.Wait(cx); return err }
	t.Run("deadlock", func(t *testing.T) {
		f := failing(t, sim.Config{}, "1 task has not ended", func(s *sim.Sim) {
			s.Go(script(waits))
			s.Go(script(yields()))
		})
		require.Contains(t, f.Reason, "task.Promise.Wait  sim_test.go:")
	})
	t.Run("livelock", func(t *testing.T) {
		failing(t, sim.Config{MaxSteps: 1000}, "livelock: no end after 1,000 steps", func(s *sim.Sim) {
			s.Go(task.Func(func(cx *task.Cx) error {
				for {
					if err := cx.Yield(); err != nil {
						return err
					}
				}
			}))
		})
	})
	t.Run("starvation", func(t *testing.T) {
		failing(t, sim.Config{Starvation: 200}, "starves", func(s *sim.Sim) {
			var p task.Promise[int]
			s.Go(script(func(cx *task.Cx) error { _, err := p.Wait(cx); return err }))
			n := 0
			s.Go(task.Func(func(cx *task.Cx) error {
				for ; n < 1000; n++ {
					if err := cx.Yield(); err != nil {
						return err
					}
				}
				p.Resolve(1, nil)
				return nil
			}))
		})
	})
	t.Run("weak fairness", func(t *testing.T) {
		for _, y := range []sim.Strategy{sim.PCT, sim.Starve} {
			sim.Config{Strategy: y, Seeds: 100, MaxSteps: 20_000}.Test(t, func(s *sim.Sim) {
				done := false
				s.Go(task.Func(func(cx *task.Cx) error {
					for !done {
						if err := cx.Yield(); err != nil {
							return err
						}
					}
					return nil
				}))
				s.Go(script(yields(), func(*task.Cx) error { done = true; return nil }))
			})
		}
	})
	t.Run("invariant", func(t *testing.T) {
		failing(t, sim.Config{}, "invariant: odd", func(s *sim.Sim) {
			n := 0
			s.Invariant(func() error {
				if n%2 == 1 {
					return errors.New("odd")
				}
				return nil
			})
			s.Go(script(func(cx *task.Cx) error { n++; s.Point(); n++; return nil }))
		})
	})
	t.Run("timers", func(t *testing.T) {
		failing(t, sim.Config{}, "1 timer is armed", func(s *sim.Sim) {
			var a task.Alarm
			s.Go(script(func(cx *task.Cx) error {
				a.Arm(cx.Runtime(), cx, cx.Runtime().After(time.Hour), silent{}, 0)
				return nil
			}))
		})
	})
	t.Run("locks", func(t *testing.T) {
		var enough = errors.New("enough")
		leaky := func(mended bool) func(s *sim.Sim) {
			return func(s *sim.Sim) {
				free, others := lock.NewSemaphore(2), lock.NewSemaphore(2)
				var mu lock.RWMutex
				var p lock.Permit
				var g task.Group
				g.Go(s, script(
					func(cx *task.Cx) error { return p.Acquire(cx, others, 1) },
					func(cx *task.Cx) error { return free.Acquire(cx, 1) },
					func(cx *task.Cx) error {
						if mended {
							cx.Shield() // a task that is canceled here keeps its permit
						}
						return mu.RLock(cx)
					},
					func(cx *task.Cx) error { mu.RUnlock(cx); free.Release(cx, 1); return nil }))
				s.Goroutine(func() { g.Cancel(enough) })
				s.Wait()
				_ = g.Err()
			}
		}
		f := failing(t, sim.Config{Locks: true}, "leak: no task is left, and sim_test.", leaky(false))
		require.Contains(t, f.Reason, " has not given back a lock.Semaphore")
		sim.Config{Locks: true}.Test(t, leaky(true))
		require.Nil(t, sim.Config{}.Run(leaky(false)).Failure, "nobody has asked")
		failing(t, sim.Config{Locks: true, Seeds: 1}, "has not given back a lock.Mutex", func(s *sim.Sim) {
			var mu lock.Mutex
			s.Go(script(mu.Lock))
		})
	})
	t.Run("a deadlock of locks names their holders", func(t *testing.T) {
		f := failing(t, sim.Config{}, "deadlock", func(s *sim.Sim) {
			var a, b lock.Mutex
			s.Go(script(a.Lock, b.Lock, func(cx *task.Cx) error { b.Unlock(cx); a.Unlock(cx); return nil }))
			s.Go(script(b.Lock, a.Lock, func(cx *task.Cx) error { a.Unlock(cx); b.Unlock(cx); return nil }))
		})
		require.Regexp(t, `script.3#1 waits in lock.Mutex.Lock .*: a place in the wait queue of a lock.Mutex, held by sim_test.*#2\n`, f.Reason)
	})
	t.Run("panic", func(t *testing.T) {
		boom := func(*task.Cx) error { panic("boom") }
		failing(t, sim.Config{}, "boom", func(s *sim.Sim) { s.Go(script(boom)) })
		failing(t, sim.Config{}, "nobody has waited", func(s *sim.Sim) {
			var g task.Group
			g.Go(s, script(boom))
			s.Wait()
		})
		failing(t, sim.Config{}, "boom", func(s *sim.Sim) { _ = s.Run(background, script(boom)) })
		failing(t, sim.Config{}, "boom", func(s *sim.Sim) { s.Goroutine(func() { panic("boom") }) })
		failing(t, sim.Config{}, "boom", func(*sim.Sim) { panic("boom") })
		sim.Test(t, func(s *sim.Sim) {
			h := task.Go(s, func(*task.Cx) (int, error) { panic("boom") })
			s.Wait()
			_, err := h.Result()
			require.Error(s, err)
		})
	})
	t.Run("assertions", func(t *testing.T) {
		failing(t, sim.Config{}, "Should be true", func(s *sim.Sim) {
			s.Go(script(yields(), func(*task.Cx) error {
				require.True(s, false)
				panic("not reached")
			}))
		})
		failing(t, sim.Config{}, "wrong", func(s *sim.Sim) { s.Errorf("wrong") })
		failing(t, sim.Config{}, "FailNow", func(s *sim.Sim) { s.FailNow() })
		failing(t, sim.Config{}, "Goexit", func(s *sim.Sim) { s.Go(script(func(*task.Cx) error { runtime.Goexit(); return nil })) })
	})
	t.Run("not deterministic", func(t *testing.T) {
		runs := 0
		f := failing(t, sim.Config{Repeat: 1}, "not deterministic at step", func(s *sim.Sim) {
			runs++
			for range runs % 5 {
				s.Go(script(yields()))
			}
		})
		require.Contains(t, f.Reason, "look for the order of a map")
	})
	// What the page names, each in a program that does nothing else: some of the runs that are repeated differ.
	for name, program := range map[string]func(s *sim.Sim){
		"the order of a map": func(s *sim.Sim) {
			for _, n := range map[string]int{"a": 1, "b": 2, "c": 3, "d": 4} {
				s.Go(&sleeper{d: time.Duration(n) * time.Hour})
			}
		},
		"select": func(s *sim.Sim) {
			a, b := make(chan int, 1), make(chan int, 1)
			a <- 0
			b <- 1
			s.Go(task.Func(func(cx *task.Cx) error {
				select {
				case <-a:
					s.Point()
				case <-b:
				}
				return nil
			}))
		},
		"time.Now":     func(s *sim.Sim) { s.Go(&sleeper{d: time.Duration(time.Now().UnixNano()%1000) * time.Second}) },
		"package rand": func(s *sim.Sim) { s.Go(&sleeper{d: time.Duration(rand.IntN(1000)) * time.Second}) },
	} {
		t.Run("not deterministic: "+name, func(t *testing.T) {
			f := failing(t, sim.Config{Repeat: 1}, "not deterministic at step ", program)
			t.Log(f.Reason)
		})
	}
	t.Run("misuse", func(t *testing.T) {
		failing(t, sim.Config{}, "is for the function that was given to Test", func(s *sim.Sim) {
			s.Go(script(func(*task.Cx) error { s.Wait(); return nil }))
		})
		failing(t, sim.Config{}, "WaitContext inside a task", func(s *sim.Sim) {
			s.Go(script(func(*task.Cx) error { _, err := never.WaitContext(background); return err }))
		})
	})
}

type silent struct{}

func (silent) Notify(uint32) {}

func TestRunAndCancel(t *testing.T) {
	sim.Test(t, func(s *sim.Sim) {
		var never task.Promise[int]
		ctx, cancel := context.WithCancelCause(background)
		cause := errors.New("enough")
		s.Go(script(yields(), func(*task.Cx) error { cancel(cause); return nil }))
		err := s.Run(ctx, script(func(cx *task.Cx) error { _, err := never.Wait(cx); return err }))
		require.ErrorIs(s, err, cause)
		require.ErrorIs(s, err, task.ErrCanceled)
	})
}

// Goroutines of groups, and what a test starts beside the workers, are a part of the schedule.
func TestGoroutines(t *testing.T) {
	orders := map[string]bool{}
	sim.Test(t, func(s *sim.Sim) {
		var g task.Group
		order := ""
		g.Goroutine(s, func(context.Context) error { order += "a"; return nil })
		s.Goroutine(func() { order += "b" })
		s.Go(script(func(*task.Cx) error { order += "c"; return nil }))
		s.Wait()
		require.NoError(s, g.Err())
		orders[order] = true
	})
	require.Len(t, orders, 6)
}

func TestChoose(t *testing.T) {
	seen := map[int]bool{}
	f := failing(t, sim.Config{}, "three", func(s *sim.Sim) {
		a, b := s.Choose(8), s.Choose(8)
		seen[a] = true
		s.Logf("chosen: %d", a)
		if b == 3 {
			s.Fatalf("three")
		}
	})
	require.Equal(t, 1, f.Switches, "only what matters")
	require.Contains(t, f.Log, "Choose: 3")
	require.Contains(t, f.Log, "says: chosen: 0")
	require.Zero(t, (&sim.Sim{}).Choose(1))
}

func TestEnvironment(t *testing.T) {
	if os.Getenv("HEIST_SIM_SEED") != "" {
		t.Skip("it is set")
	}
	runs := 0
	t.Setenv("HEIST_SIM_SEEDS", "7")
	sim.Config{Repeat: -1}.Test(t, func(s *sim.Sim) { runs++ })
	require.Equal(t, 7, runs)
	t.Setenv("HEIST_SIM_SEED", "12")
	sim.Test(t, func(s *sim.Sim) { require.EqualValues(s, 12, s.Seed()) })
}

var steps = flag.Int("steps", 2_000_000, "how many steps the run of TestKeepsLittle has")

// What a run remembers does not grow with its steps, and neither does the process: with -steps 100000000 it says
// how large that has become.
func TestKeepsLittle(t *testing.T) {
	n := *steps
	if testing.Short() {
		n = min(n, 100_000)
	}
	begun := time.Now()
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		defer func() {
			again, _ := os.ReadFile("/proc/self/status")
			t.Logf("before: %s, after %d steps in %v: %s", resident(status), n, time.Since(begun), resident(again))
		}()
	}
	sim.Config{Seeds: 1, Repeat: -1, MaxSteps: 1 << 30}.Test(t, func(s *sim.Sim) {
		c := chans.New[int](1)
		s.Go(pump(c, 0, n/8))
		s.Go(pump(c, 1, n/8))
		s.Wait()
		require.Less(s, sim.Kept(s), 3<<20)
	})
}

// resident is the memory of a process now, and its peak.
func resident(status []byte) string {
	return strings.Join(regexp.MustCompile(`(?m)^Vm(RSS|HWM):\s+\d+ kB`).FindAllString(string(status), 2), ", ")
}

// A million timers over a year.
func TestManyTimers(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	begun := time.Now()
	sim.Config{Seeds: 1, Repeat: -1, MaxSteps: 1 << 30}.Test(t, func(s *sim.Sim) {
		for range n {
			s.Go(&sleeper{d: time.Duration(s.Rand().Int64N(int64(365 * 24 * time.Hour)))})
		}
	})
	t.Logf("%d timers in %v", n, time.Since(begun))
}

type sleeper struct {
	task.Frame
	timer task.Timer
	d     time.Duration
}

func (s *sleeper) Poll(cx *task.Cx) error { return s.timer.Sleep(cx, s.d) }

func BenchmarkSteps(b *testing.B) {
	for _, y := range []sim.Strategy{sim.Random, sim.PCT} {
		b.Run(strings.ReplaceAll(y.String(), " ", ""), func(b *testing.B) {
			steps := int64(0)
			for seed := uint64(1); b.Loop(); seed++ {
				r := sim.Config{Seeds: 1, First: seed, Repeat: -1, Strategy: y}.Run(func(s *sim.Sim) {
					c := chans.New[int](4)
					for i := range 4 {
						s.Go(pump(c, i, 2000))
					}
				})
				if r.Failure != nil {
					b.Fatal(r.Failure)
				}
				steps += r.Steps
			}
			b.ReportMetric(float64(b.Elapsed())/float64(steps), "ns/step")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// pump sends n values, or receives them.
func pump(c *chans.Chan[int], i, n int) task.Task {
	return task.Func(func(cx *task.Cx) error {
		for ; n > 0; n-- {
			if i%2 == 0 {
				if err := c.Send(cx, 1); err != nil {
					return err
				}
			} else if _, err := c.Recv(cx); err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkTimers is a million timers over a year.
func BenchmarkTimers(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		r := sim.Config{Seeds: 1, Repeat: -1, MaxSteps: 1 << 30}.Run(func(s *sim.Sim) {
			for range n {
				s.Go(&sleeper{d: time.Duration(s.Rand().Int64N(int64(365 * 24 * time.Hour)))})
			}
		})
		if r.Failure != nil {
			b.Fatal(r.Failure)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/million")
	b.ReportMetric(0, "ns/op")
}
