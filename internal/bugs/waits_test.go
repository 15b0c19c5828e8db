package bugs_test

import (
	"errors"

	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

// These bugs make somebody wait for ever, or go on too soon.

var waits = []bug{
	{"a lost wake-up", func(s *sim.Sim, mended bool) {
		// Who waits looks at the flag first, and says that it waits then.
		var flag bool
		var waker task.Waker
		for range 10 {
			flag, waker = false, task.Waker{}
			s.GoAll(
				task.Func(func(cx *task.Cx) error {
					if mended {
						waker = cx.Waker()
						if !flag {
							return cx.Suspend()
						}
						return nil
					}
					if !flag {
						waker = cx.Waker()
						return cx.Suspend()
					}
					return nil
				}),
				task.Func(func(cx *task.Cx) error {
					flag = true
					cx.Wake(waker)
					return nil
				}))
			s.Wait()
		}
	}},
	{"locks in another order", func(s *sim.Sim, mended bool) {
		var a, b lock.Mutex
		both := func(first, second *lock.Mutex) task.Task {
			return times(8, func(int) []step {
				return []step{first.Lock, second.Lock, func(cx *task.Cx) error {
					second.Unlock(cx)
					first.Unlock(cx)
					return nil
				}}
			})
		}
		s.Go(both(&a, &b))
		if mended {
			s.Go(both(&a, &b))
		} else {
			s.Go(both(&b, &a))
		}
	}},
	{"a lock held while sending to who needs it", func(s *sim.Sim, mended bool) {
		const n = 12
		var mu lock.Mutex
		c := chans.New[int](2)
		sum := 0
		for range 2 {
			s.Go(times(n, func(i int) []step {
				send := func(cx *task.Cx) error { return c.Send(cx, i) }
				unlock := func(cx *task.Cx) error {
					mu.Unlock(cx)
					return nil
				}
				if mended {
					return []step{mu.Lock, unlock, send}
				}
				return []step{mu.Lock, send, unlock}
			}))
		}
		s.Go(times(2*n, func(int) []step {
			return []step{
				func(cx *task.Cx) error {
					_, err := c.Recv(cx)
					return err
				},
				mu.Lock,
				func(cx *task.Cx) error {
					sum++
					mu.Unlock(cx)
					return nil
				},
			}
		}))
	}},
	{"one signal for two kinds of waiters", func(s *sim.Sim, mended bool) {
		// A slot for one value, and one condition for those who put and those who take.
		var mu lock.Mutex
		changed := lock.Cond{L: &mu}
		full := false
		tell := func(cx *task.Cx) {
			if mended {
				changed.Broadcast(cx)
			} else {
				changed.Signal(cx)
			}
			mu.Unlock(cx)
		}
		for range 3 {
			s.Go(times(4, func(int) []step {
				return []step{
					func(cx *task.Cx) error { return await(cx, &mu, &changed, func() bool { return !full }) },
					func(cx *task.Cx) error {
						full = true
						tell(cx)
						return nil
					},
				}
			}))
			s.Go(times(4, func(int) []step {
				return []step{
					func(cx *task.Cx) error { return await(cx, &mu, &changed, func() bool { return full }) },
					func(cx *task.Cx) error {
						full = false
						tell(cx)
						return nil
					},
				}
			}))
		}
	}},
	{"a permit lost on a panic", func(s *sim.Sim, mended bool) {
		free := lock.NewSemaphore(2)
		var g task.Group
		g.Panicked = func(task.Task, *task.PanicError) error { return nil }
		for i := range 8 {
			held := false
			g.Go(s, &finishing{
				poll: func(cx *task.Cx) error {
					if !held {
						if err := free.Acquire(cx, 1); err != nil {
							return err
						}
						held = true
					}
					if free.Waiting() > 1 && i%2 == 0 {
						panic(errors.New("too many wait"))
					}
					if err := cx.Yield(); err != nil {
						return err
					}
					if !mended {
						free.Release(cx, 1)
					}
					return nil
				},
				finish: func(error) {
					if mended && held {
						free.Release(nil, 1)
					}
				},
			})
		}
	}},
	{"the last one is counted too early", func(s *sim.Sim, mended bool) {
		// The children count themselves, and their parent may look before they have.
		var mu lock.Mutex
		n, done := 0, 0
		for range 8 {
			n, done = 0, 0
			ready := new(lock.Notify)
			child := func() task.Task {
				return script(
					mu.Lock,
					func(cx *task.Cx) error {
						if !mended {
							n++
						}
						mu.Unlock(cx)
						return nil
					},
					mu.Lock,
					func(cx *task.Cx) error {
						done++
						n--
						mu.Unlock(cx)
						ready.All(cx)
						return nil
					})
			}
			s.Go(script(
				func(cx *task.Cx) error {
					for range 3 {
						if mended {
							n++
						}
						task.Detach(cx, child())
					}
					return nil
				},
				func(cx *task.Cx) error {
					for {
						gen := ready.Generation()
						if n == 0 {
							if done != 3 {
								s.Errorf("all were said to be done when %d were", done)
							}
							return nil
						}
						if err := ready.WaitPast(cx, gen); err != nil {
							return err
						}
					}
				}))
			s.Wait()
		}
	}},
	{"a barrier that is used again too soon", func(s *sim.Sim, mended bool) {
		const parties, rounds = 3, 5
		var mu lock.Mutex
		changed := lock.Cond{L: &mu}
		arrived, generation := 0, 0
		at := [parties]int{}
		for i := range parties {
			s.Go(times(rounds, func(round int) []step {
				mine := 0
				return []step{
					mu.Lock,
					func(cx *task.Cx) error {
						at[i] = round
						mine = generation
						if arrived++; arrived == parties {
							generation++
							arrived = 0
							changed.Broadcast(cx)
						}
						mu.Unlock(cx)
						return nil
					},
					func(cx *task.Cx) error {
						return await(cx, &mu, &changed, func() bool {
							if mended {
								return generation != mine
							}
							return arrived == 0
						})
					},
					func(cx *task.Cx) error {
						for _, other := range at {
							if other < round {
								s.Errorf("one is in round %d while another goes on from %d", other, round)
							}
						}
						mu.Unlock(cx)
						return nil
					},
				}
			}))
		}
	}},
	{"done before what was sent", func(s *sim.Sim, mended bool) {
		// The receiver ends when it hears that the sender has, whatever is left in the channel.
		const n = 8
		values := chans.New[int](4)
		var over lock.Event
		got := 0
		s.Go(script(append(repeated(n, func(cx *task.Cx) error { return values.Send(cx, 1) }), func(cx *task.Cx) error {
			if mended {
				values.Close(cx)
			}
			over.Set(cx)
			return nil
		})...))
		s.Go(task.Func(func(cx *task.Cx) error {
			for {
				if !mended && over.IsSet() {
					return nil
				}
				_, err := values.TryRecv(cx)
				switch {
				case errors.Is(err, task.ErrClosed):
					return nil
				case err == nil:
					got++
				default:
					if err := cx.Yield(); err != nil {
						return err
					}
				}
			}
		}))
		s.Wait()
		if got != n {
			s.Errorf("%d of %d values have arrived", got, n)
		}
	}},
	{"those who join a flight that has failed", func(s *sim.Sim, mended bool) {
		// One computes for all who ask meanwhile; when it fails it forgets those who came late.
		type flight struct{ waiting []*task.Promise[int] }
		for range 4 {
			var mu lock.Mutex
			var now *flight
			for range 3 {
				var mine *task.Promise[int]
				var f *flight
				s.Go(script(
					mu.Lock,
					func(cx *task.Cx) error {
						if now == nil {
							now = &flight{}
							f = now
						} else {
							mine = new(task.Promise[int])
							now.waiting = append(now.waiting, mine)
						}
						mu.Unlock(cx)
						return nil
					},
					func(cx *task.Cx) error {
						if mine != nil {
							if _, err := mine.Wait(cx); task.IsPending(err) {
								return err
							}
						}
						return nil
					},
					func(cx *task.Cx) error {
						if f == nil || mended {
							return nil
						}
						for _, p := range f.waiting { // fails: without the lock
							p.Resolve(0, errors.New("failed"))
						}
						return nil
					},
					mu.Lock,
					func(cx *task.Cx) error {
						if f != nil {
							if mended {
								for _, p := range f.waiting {
									p.Resolve(0, errors.New("failed"))
								}
							}
							now = nil
						}
						mu.Unlock(cx)
						return nil
					}))
			}
			s.Wait()
		}
	}},
	{"a shutdown that does not count who comes in", func(s *sim.Sim, mended bool) {
		// A request looks whether the server is open, and is counted then.
		for range 6 {
			var mu lock.Mutex
			open, inside, freed := true, 0, false
			for range 2 {
				entered := false
				s.Go(script(
					func(cx *task.Cx) error {
						if mended {
							return nil
						}
						entered = open
						return nil
					},
					mu.Lock,
					func(cx *task.Cx) error {
						if mended {
							entered = open
						}
						if entered {
							inside++
						}
						mu.Unlock(cx)
						return nil
					},
					func(cx *task.Cx) error {
						if entered && freed {
							s.Errorf("a request uses what is freed")
						}
						return nil
					},
					mu.Lock,
					func(cx *task.Cx) error {
						if entered {
							inside--
						}
						mu.Unlock(cx)
						return nil
					}))
			}
			s.Go(task.Func(func() step {
				asked := false
				return func(cx *task.Cx) error {
					if !asked {
						if err := mu.Lock(cx); err != nil {
							return err
						}
						asked, open = true, false
						mu.Unlock(cx)
					}
					for inside > 0 {
						if err := cx.Yield(); err != nil {
							return err
						}
					}
					freed = true
					return nil
				}
			}()))
			s.Wait()
		}
	}},
}

// repeated is n times the same step.
func repeated(n int, f step) (all []step) {
	for range n {
		all = append(all, f)
	}
	return all
}

// await locks mu when the condition holds: it waits as threads do, in a loop.
func await(cx *task.Cx, mu *lock.Mutex, changed *lock.Cond, condition func() bool) error {
	return changed.LockWhen(cx, condition)
}

// finishing is a task with a Finish.
type finishing struct {
	task.Frame
	poll   step
	finish func(error)
}

func (f *finishing) Poll(cx *task.Cx) error { return f.poll(cx) }
func (f *finishing) Finish(err error)       { f.finish(err) }
