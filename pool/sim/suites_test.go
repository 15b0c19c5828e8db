package sim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
	"github.com/heist-go/heist/task/stream"
)

// program makes a task, and says what has come out when that has ended; an outcome that begins
// with "wrong" must not be.
type program struct {
	name string
	make func() (task.Task, func() string)
	pool bool // it is for a pool, too, whose outcomes must be among these
}

type step = func(cx *task.Cx) error

func script(steps ...step) task.Task {
	var seq task.Seq
	return task.Func(func(cx *task.Cx) error { return seq.Run(cx, steps...) })
}

// family is a task that starts others, and ends with them.
func family(members ...task.Task) task.Task {
	var g task.Group
	return script(
		func(cx *task.Cx) error {
			for _, t := range members {
				g.Go(cx, t)
			}
			return nil
		},
		g.Wait,
	)
}

var programs = []program{
	{"lock", func() (task.Task, func() string) {
		var mu lock.Mutex
		inside, order := 0, ""
		var members []task.Task
		for i := range 3 {
			members = append(members, script(mu.Lock, func(cx *task.Cx) error {
				inside++
				return nil
			}, func(cx *task.Cx) error {
				if err := cx.Yield(); err != nil {
					return err
				}
				if inside != 1 {
					order += "wrong"
				}
				inside--
				order += string(rune('a' + i))
				mu.Unlock(cx)
				return nil
			}))
		}
		return family(members...), func() string { return order }
	}, true},
	{"readers and writers", func() (task.Task, func() string) {
		var mu lock.RWMutex
		readers, writers, wrong := 0, 0, ""
		look := func() {
			if writers > 1 || writers == 1 && readers > 0 {
				wrong = "wrong"
			}
		}
		var members []task.Task
		for i := range 4 {
			if i%2 == 0 {
				members = append(members, script(mu.RLock, func(cx *task.Cx) error {
					readers++
					look()
					return nil
				}, yields(), func(cx *task.Cx) error {
					look()
					readers--
					mu.RUnlock(cx)
					return nil
				}))
				continue
			}
			members = append(members, script(mu.Lock, func(cx *task.Cx) error {
				writers++
				look()
				return nil
			}, yields(), func(cx *task.Cx) error {
				look()
				writers--
				if i == 1 {
					readers++
					mu.Downgrade(cx)
					return nil
				}
				mu.Unlock(cx)
				return nil
			}, func(cx *task.Cx) error {
				if i == 1 {
					look()
					readers--
					mu.RUnlock(cx)
				}
				return nil
			}))
		}
		return family(members...), func() string { return wrong }
	}, false},
	{"semaphore, some canceled", func() (task.Task, func() string) {
		free := lock.NewSemaphore(3)
		var g task.Group
		g.Failed = func(task.Task, error) error { return nil }
		var members []task.Task
		for i := range 5 {
			n := i%3 + 1
			held := new(lock.Permit)
			members = append(members, script(func(cx *task.Cx) error { return held.Acquire(cx, free, n) }, yields(), func(cx *task.Cx) error {
				held.Release(cx)
				return nil
			}))
		}
		return script(func(cx *task.Cx) error {
				g.GoAll(cx, members...)
				return nil
			}, yields(), func(cx *task.Cx) error {
				g.Cancel(errors.New("enough"))
				return nil
			}, g.Wait), func() string {
				if n := free.Available(); n != 3 {
					return fmt.Sprintf("wrong: %d permits are free", n)
				}
				return ""
			}
	}, true},
	{"channel", func() (task.Task, func() string) {
		c := chans.New[int](2)
		var got [2][]int
		var members []task.Task
		for i := range 2 {
			members = append(members, script(
				func(cx *task.Cx) error { return c.Send(cx, 2*i) },
				func(cx *task.Cx) error { return c.Send(cx, 2*i+1) }))
			members = append(members, script(
				receive(c, &got[i]), receive(c, &got[i])))
		}
		return family(members...), func() string {
			all := slices.Sorted(slices.Values(append(slices.Clone(got[0]), got[1]...)))
			if !slices.Equal(all, []int{0, 1, 2, 3}) {
				return fmt.Sprint("wrong: ", got)
			}
			for _, g := range got { // each receiver sees the values of a sender in order
				if slices.Contains(g, 0) && slices.Contains(g, 1) && g[0] == 1 || slices.Contains(g, 2) && slices.Contains(g, 3) && g[0] == 3 {
					return fmt.Sprint("wrong: ", got)
				}
			}
			return fmt.Sprint(got)
		}
	}, true},
	{"select and timeout", func() (task.Task, func() string) {
		a, b := chans.New[int](1), chans.New[int](1)
		var sel combine.Select
		var limit combine.Timeout
		out := ""
		n := 0
		return family(
				script(func(cx *task.Cx) error { return a.Send(cx, 1) }, func(cx *task.Cx) error { return a.Send(cx, 2) }),
				script(func(cx *task.Cx) error { return b.Send(cx, 1) }),
				task.Func(func(cx *task.Cx) error {
					for n < 4 {
						err := limit.Wait(cx, time.Second, func(cx *task.Cx) error {
							i, err := sel.Wait(cx,
								func(cx *task.Cx) error { _, err := a.Recv(cx); return err },
								func(cx *task.Cx) error { _, err := b.Recv(cx); return err })
							if err == nil {
								out += string(rune('a' + i))
							}
							return err
						})
						if task.IsPending(err) {
							return err
						}
						if errors.Is(err, task.ErrTimeout) {
							out += "t"
						} else if err != nil {
							return err
						}
						n++
					}
					return nil
				})), func() string {
				if strings.Count(out, "a") != 2 || strings.Count(out, "b") != 1 || !strings.HasSuffix(out, "t") {
					return "wrong: " + out
				}
				return out
			}
	}, false},
	{"race and join", func() (task.Task, func() string) {
		var one, two task.Promise[int]
		var race combine.Race[int]
		var join combine.Join2[int, int]
		at, v := 0, 0
		return family(
				script(func(cx *task.Cx) error { one.Resolve(1, nil); return nil }),
				script(func(cx *task.Cx) error { two.Resolve(2, nil); return nil }),
				script(func(cx *task.Cx) (err error) {
					at, v, err = race.Wait(cx, one.Wait, two.Wait)
					return err
				}),
				script(func(cx *task.Cx) error {
					a, b, err := join.Wait(cx, one.Wait, two.Wait)
					if err == nil && (a != 1 || b != 2) {
						return errors.New("wrong")
					}
					return err
				})), func() string {
				if v != at+1 {
					return "wrong"
				}
				return fmt.Sprint(v)
			}
	}, true},
	{"streams", func() (task.Task, func() string) {
		c := chans.New[int](2)
		squares := stream.Map(stream.FromChan(c), func(v int) int { return v * v })
		merged := stream.Merge(squares, stream.FromSlice([]int{100, 200}))
		var got []int
		return family(
				script(func(cx *task.Cx) error { return c.Send(cx, 1) }, func(cx *task.Cx) error { return c.Send(cx, 2) },
					func(cx *task.Cx) error { return c.Send(cx, 3) }, func(cx *task.Cx) error { c.Close(cx); return nil }),
				task.Func(func(cx *task.Cx) error {
					for {
						v, err := merged.Next(cx)
						if err == io.EOF {
							return nil
						}
						if err != nil {
							return err
						}
						got = append(got, v)
					}
				})), func() string {
				if !slices.Equal(slices.Sorted(slices.Values(got)), []int{1, 4, 9, 100, 200}) {
					return fmt.Sprint("wrong: ", got)
				}
				return fmt.Sprint(got)
			}
	}, false},
	{"groups in groups, with a limit", func() (task.Task, func() string) {
		var outer task.Group
		outer.SetLimit(2)
		n := 0
		var mu lock.Mutex
		count := func() task.Task {
			return script(mu.Lock, func(cx *task.Cx) error {
				n++
				mu.Unlock(cx)
				return nil
			})
		}
		next := 0
		return script(func(cx *task.Cx) error {
				for ; next < 4; next++ {
					if err := outer.GoWait(cx, family(count(), count())); err != nil {
						return err
					}
				}
				return nil
			}, outer.Wait), func() string {
				if n != 8 {
					return fmt.Sprintf("wrong: %d", n)
				}
				return ""
			}
	}, true},
	{"a failure among siblings", func() (task.Task, func() string) {
		var g task.Group
		var never task.Promise[int]
		boom := errors.New("boom")
		ended := 0
		member := func(f step) task.Task {
			return &finisher{f: f, end: func(error) { ended++ }}
		}
		var err error
		return script(func(cx *task.Cx) error {
				g.GoAll(cx, member(func(cx *task.Cx) error { _, err := never.Wait(cx); return err }), member(yields()), member(func(*task.Cx) error { return boom }))
				return nil
			}, func(cx *task.Cx) error {
				if err = g.Wait(cx); task.IsPending(err) {
					return err
				}
				return nil
			}), func() string {
				if ended != 3 || !errors.Is(err, boom) {
					return fmt.Sprintf("wrong: %d have ended, with %v", ended, err)
				}
				return ""
			}
	}, false},
	{"broadcast, watch and a mailbox", func() (task.Task, func() string) {
		w := chans.NewWatch(0)
		m := chans.NewMailbox[int](1)
		seen, last := 0, -1
		r := w.Watch()
		return family(
				script(func(cx *task.Cx) error { return w.Set(cx, 1) }, func(cx *task.Cx) error { return w.Set(cx, 2) },
					func(cx *task.Cx) error { w.Close(cx); return nil }),
				script(func(cx *task.Cx) error { return m.Send(cx, 1) }, func(cx *task.Cx) error { return m.Send(cx, 2) }),
				script(func(cx *task.Cx) error { v, err := m.Recv(cx); seen += v; return err }, func(cx *task.Cx) error { v, err := m.Recv(cx); seen += v; return err }),
				task.Func(func(cx *task.Cx) error {
					for {
						v, err := r.Next(cx)
						if errors.Is(err, task.ErrClosed) {
							return nil
						}
						if err != nil {
							return err
						}
						if v <= last {
							return errors.New("it goes back")
						}
						last = v
					}
				})), func() string {
				if seen != 3 || last != 2 {
					return fmt.Sprint("wrong: ", seen, " ", last)
				}
				return ""
			}
	}, true},
	{"once, an event and a barrier", func() (task.Task, func() string) {
		var once lock.Once
		var e lock.Event
		b := lock.NewBarrier(2)
		made, lasts := 0, 0
		member := func() task.Task {
			return script(
				func(cx *task.Cx) error {
					return once.Do(cx, func(cx *task.Cx) error {
						made++
						return nil
					})
				},
				e.Wait,
				func(cx *task.Cx) error {
					last, err := b.Wait(cx)
					if last {
						lasts++
					}
					return err
				})
		}
		return family(member(), member(), script(yields(), func(cx *task.Cx) error { e.Set(cx); return nil })), func() string {
			if made != 1 || lasts != 1 {
				return fmt.Sprint("wrong: ", made, " ", lasts)
			}
			return ""
		}
	}, true},
	{"blocking functions and a timer", func() (task.Task, func() string) {
		var call [2]task.Blocking[int]
		var p task.Promise[int]
		var sleep task.Timer
		sum := 0
		member := func(i int) task.Task {
			return script(func(cx *task.Cx) error {
				v, err := call[i].Do(cx, func(context.Context) (int, error) {
					if i == 0 {
						p.Resolve(1, nil)
					}
					return i + 1, nil
				})
				sum += v
				return err
			}, func(cx *task.Cx) error {
				_, err := p.Wait(cx)
				return err
			})
		}
		return family(member(0), member(1), script(func(cx *task.Cx) error { return sleep.Sleep(cx, time.Second) })), func() string {
			if sum != 3 {
				return fmt.Sprint("wrong: ", sum)
			}
			return ""
		}
	}, false},
}

// More of streams, without a pool: their time is virtual.
var streams = []program{
	{"a concurrent map", func() (task.Task, func() string) {
		var timers [4]task.Timer
		var got []int
		s := stream.MapConcurrent(stream.FromSlice([]int{0, 1, 2, 3}), 2, func(cx *task.Cx, v int) (int, error) {
			return 10 * v, timers[v].Sleep(cx, time.Duration(3-v)*time.Second)
		})
		return script(func(cx *task.Cx) error { return s.Collect(cx, &got) }), func() string {
			if !slices.Equal(got, []int{0, 10, 20, 30}) {
				return fmt.Sprint("wrong: ", got)
			}
			return ""
		}
	}, false},
	{"an unordered map that is closed in the middle", func() (task.Task, func() string) {
		c := chans.New[int](1)
		dropped, got := 0, 0
		s := stream.MapUnordered(stream.FromChan(c), 3, func(cx *task.Cx, v int) (int, error) { return v, nil }).
			OnDrop(func(int) { dropped++ })
		var send []step
		for i := range 6 {
			send = append(send, func(cx *task.Cx) error {
				if err := c.Send(cx, i); task.IsPending(err) {
					return err
				}
				return nil
			})
		}
		return family(script(append(send, func(cx *task.Cx) error { c.Close(cx); return nil })...), script(
				func(cx *task.Cx) error { _, err := s.Next(cx); got++; return uncounted(err, &got) },
				func(cx *task.Cx) error { _, err := s.Next(cx); got++; return uncounted(err, &got) },
				s.Close,
				func(cx *task.Cx) error { c.Close(cx); return nil },
			)), func() string {
				if got != 2 {
					return fmt.Sprint("wrong: ", got)
				}
				return ""
			}
	}, false},
	{"a buffer, and batches", func() (task.Task, func() string) {
		c := chans.New[int](1)
		var got []int
		s := stream.FromChan(c).Buffer(2)
		b := stream.Batch(s, 3, time.Second)
		return family(script(sends(c, 0), sends(c, 1), sends(c, 2), sends(c, 3), sends(c, 4), func(cx *task.Cx) error { c.Close(cx); return nil }),
				task.Func(func(cx *task.Cx) error {
					return b.ForEach(cx, func(_ *task.Cx, vs []int) error {
						got = append(got, vs...)
						return nil
					})
				})), func() string {
				if !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
					return fmt.Sprint("wrong: ", got)
				}
				return ""
			}
	}, false},
	{"a merge of channels in a select with a timer", func() (task.Task, func() string) {
		a, b := chans.New[int](1), chans.New[int](1)
		s := stream.Merge(stream.FromChan(a), stream.FromChan(b))
		var sel combine.Select
		var tick task.Timer
		n := 0
		closes := func(c *chans.Chan[int]) step { return func(cx *task.Cx) error { c.Close(cx); return nil } }
		return family(script(sends(a, 1), sends(a, 1), closes(a)), script(sends(b, 1), sends(b, 1), closes(b)),
				task.Func(func(cx *task.Cx) error {
					for {
						over := false
						i, err := sel.Wait(cx,
							func(cx *task.Cx) error {
								_, err := s.Next(cx)
								if err == io.EOF {
									over = true
									return nil
								}
								return err
							},
							func(cx *task.Cx) error { return tick.Sleep(cx, time.Millisecond) })
						if err != nil {
							return err
						}
						if over {
							return nil
						}
						if i == 0 {
							n++
						}
					}
				})), func() string {
				if n != 4 {
					return fmt.Sprint("wrong: ", n)
				}
				return ""
			}
	}, false},
	{"values handed out by a select are not lost", func() (task.Task, func() string) {
		c, quit := chans.New[int](1), chans.New[int](1)
		var sel combine.Select
		got, left := 0, 0
		done := false
		return family(script(sends(c, 1), sends(c, 1), sends(c, 1)), script(sends(quit, 1)),
				task.Func(func(cx *task.Cx) error {
					for !done {
						i, err := sel.Wait(cx,
							func(cx *task.Cx) error { _, err := c.Recv(cx); return err },
							func(cx *task.Cx) error { _, err := quit.Recv(cx); return err })
						if err != nil {
							return err
						}
						if i == 1 {
							done = true
						} else {
							got++
						}
					}
					for got+left < 3 {
						if _, err := c.Recv(cx); err != nil {
							return err
						}
						left++
					}
					return nil
				})), func() string {
				if got+left != 3 {
					return fmt.Sprint("wrong: ", got, left)
				}
				return ""
			}
	}, false},
}

func sends(c *chans.Chan[int], v int) step {
	return func(cx *task.Cx) error { return c.Send(cx, v) }
}

// uncounted takes back the count of what is still to come.
func uncounted(err error, n *int) error {
	if task.IsPending(err) {
		*n--
	}
	return err
}

type finisher struct {
	task.Frame
	f   step
	end func(error)
}

func (f *finisher) Poll(cx *task.Cx) error { return f.f(cx) }
func (f *finisher) Finish(err error)       { f.end(err) }

// yields is a step that lets others run.
func yields() step { return func(cx *task.Cx) error { return cx.Yield() } }

func receive(c *chans.Chan[int], into *[]int) step {
	return func(cx *task.Cx) error {
		v, err := c.Recv(cx)
		if err == nil {
			*into = append(*into, v)
		}
		return err
	}
}

// TestSuites runs ordinary programs under many seeds, and on a pool: what comes out there is
// among what comes out here.
func TestSuites(t *testing.T) {
	n := 3000
	if testing.Short() || invariant.Enabled {
		n = 300
	}
	p, err := pool.New(pool.Config{Workers: 3})
	require.NoError(t, err)
	defer p.Close()
	for _, x := range slices.Concat(programs, streams) {
		t.Run(x.name, func(t *testing.T) {
			outcomes := map[string]int{}
			sim.Config{Seeds: n, MaxSteps: 20_000}.Test(t, func(s *sim.Sim) {
				root, outcome := x.make()
				require.NoError(s, s.Run(context.Background(), root))
				o := outcome()
				if strings.HasPrefix(o, "wrong") {
					s.Fatalf("%s", o)
				}
				outcomes[o]++
			})
			t.Logf("%d outcomes", len(outcomes))
			for range 50 {
				if !x.pool {
					break
				}
				root, outcome := x.make()
				require.NoError(t, p.Run(context.Background(), root))
				require.Contains(t, outcomes, outcome())
			}
		})
	}
}

// TestCanceledAnywhere cancels the programs at some moment: what they wait for is let go of, and
// nothing is left.
func TestCanceledAnywhere(t *testing.T) {
	n := 3000
	if testing.Short() || invariant.Enabled {
		n = 300
	}
	for _, x := range slices.Concat(programs, streams) {
		t.Run(x.name, func(t *testing.T) {
			canceled := 0
			sim.Config{Seeds: n, MaxSteps: 20_000}.Test(t, func(s *sim.Sim) {
				root, _ := x.make()
				var g task.Group
				cause := errors.New("enough")
				g.Go(s, root)
				s.Goroutine(func() {
					for range s.Choose(40) {
						s.Point()
					}
					g.Cancel(cause)
				})
				s.Wait()
				if err := g.Err(); err != nil && err != io.EOF { // which a closed channel may come to
					require.ErrorIs(s, err, cause)
					canceled++
				}
			})
			require.Positive(t, canceled)
		})
	}
}
