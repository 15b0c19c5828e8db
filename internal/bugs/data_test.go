package bugs_test

import (
	"errors"
	"time"

	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

// These bugs lose something, have it twice, or see what is not there any more.

var data = []bug{
	{"look, then act", func(s *sim.Sim, mended bool) {
		// A cache that two fill at a time.
		var mu lock.Mutex
		for range 8 {
			filled, computed := false, 0
			for range 2 {
				found := false
				s.Go(script(
					mu.Lock,
					func(cx *task.Cx) error {
						found = filled
						if mended && !found {
							filled = true
						}
						mu.Unlock(cx)
						return nil
					},
					mu.Lock,
					func(cx *task.Cx) error {
						if !found {
							filled = true
							computed++
						}
						mu.Unlock(cx)
						return nil
					}))
			}
			s.Wait()
			if computed != 1 {
				s.Errorf("it was computed %d times", computed)
			}
		}
	}},
	{"a lost update", func(s *sim.Sim, mended bool) {
		var mu lock.Mutex
		n := 0
		const each = 8
		for range 2 {
			old := 0
			s.Go(times(each, func(int) []step {
				unlock := func(cx *task.Cx) error {
					mu.Unlock(cx)
					return nil
				}
				steps := []step{
					mu.Lock,
					func(*task.Cx) error {
						old = n
						return nil
					},
				}
				if !mended {
					steps = append(steps, unlock, mu.Lock)
				}
				return append(steps, func(*task.Cx) error {
					n = old + 1
					return nil
				}, unlock)
			}))
		}
		s.Wait()
		if n != 2*each {
			s.Errorf("%d instead of %d", n, 2*each)
		}
	}},
	{"the same again, and yet another", func(s *sim.Sim, mended bool) {
		// A stack of free nodes, and a compare-and-swap that takes a node for the one it was.
		type node struct {
			next  int
			taken bool
		}
		nodes := []node{{}, {next: 0}, {next: 1}, {next: 2}} // 0 is none
		top, tag := 3, 0
		pop := func() int {
			for {
				at, mark := top, tag
				if at == 0 {
					return 0
				}
				next := nodes[at].next
				s.Point()
				if top == at && (!mended || tag == mark) {
					top = next
					tag++
					return at
				}
			}
		}
		push := func(i int) {
			nodes[i].next, top = top, i
			tag++
		}
		take := func() int {
			i := pop()
			if i == 0 {
				return 0
			}
			if nodes[i].taken {
				s.Errorf("node %d was given out twice", i)
			}
			nodes[i].taken = true
			return i
		}
		give := func(i int) {
			if i != 0 {
				nodes[i].taken = false
				push(i)
			}
		}
		for range 2 {
			var a, b int
			s.Go(times(8, func(int) []step {
				return []step{
					func(*task.Cx) error { a = take(); return nil },
					yields(s),
					func(*task.Cx) error { b = take(); return nil },
					yields(s),
					func(*task.Cx) error { give(a); return nil },
					yields(s),
					func(*task.Cx) error { give(b); return nil },
				}
			}))
		}
	}},
	{"ready before it is", func(s *sim.Sim, mended bool) {
		// Who makes it says that it is made, and fills it in then; others look without the lock.
		for range 12 {
			var mu lock.Mutex
			made, value := false, 0
			for range 2 {
				locked := false
				s.Go(script(
					func(cx *task.Cx) error {
						if made {
							return nil
						}
						err := mu.Lock(cx)
						locked = err == nil
						return err
					},
					func(cx *task.Cx) error {
						if !made {
							if mended {
								value = 7
								s.Point()
								made = true
							} else {
								made = true
								s.Point()
								value = 7
							}
						}
						if value != 7 {
							s.Errorf("it is used before it is filled in")
						}
						if locked {
							mu.Unlock(cx)
						}
						return nil
					}))
			}
			s.Wait()
		}
	}},
	{"used after the last one has let go", func(s *sim.Sim, mended bool) {
		for range 8 {
			refs, freed := 1, false
			acquire := func() bool {
				for {
					n := refs
					if n == 0 {
						return false
					}
					s.Point()
					if !mended {
						refs++
						return true
					}
					if refs == n { // compare and swap
						refs = n + 1
						return true
					}
				}
			}
			release := func() {
				if refs--; refs == 0 {
					freed = true
				}
			}
			s.Go(script(func(cx *task.Cx) error { return cx.Yield() }, does(release)))
			for range 2 {
				has := false
				s.Go(script(
					does(func() { has = acquire() }),
					yields(s),
					does(func() {
						if has && freed {
							s.Errorf("it is used, and freed")
						}
						s.Point()
						if has {
							release()
						}
					})))
			}
			s.Wait()
		}
	}},
	{"close against send", func(s *sim.Sim, mended bool) {
		for range 6 {
			var mu lock.Mutex
			closed := false
			var items []int
			sent, got := 0, 0
			for range 2 {
				open := false
				s.Go(times(2, func(int) []step {
					return []step{
						func(*task.Cx) error {
							open = !closed
							return nil
						},
						mu.Lock,
						func(cx *task.Cx) error {
							if mended {
								open = !closed
							}
							if open {
								items = append(items, 1)
								sent++
							}
							mu.Unlock(cx)
							return nil
						},
					}
				}))
			}
			s.Go(script(yields(s), mu.Lock, func(cx *task.Cx) error {
				closed = true
				got += len(items)
				items = nil
				mu.Unlock(cx)
				return nil
			}))
			s.Wait()
			if sent != got {
				s.Errorf("%d were sent, and %d received", sent, got)
			}
		}
	}},
	{"a cancellation between two effects", func(s *sim.Sim, mended bool) {
		from, to := 100, 0
		var mu lock.Mutex
		for range 6 {
			var g task.Group
			g.Failed = func(task.Task, error) error { return nil }
			transfer := script(
				mu.Lock,
				func(cx *task.Cx) error {
					from--
					mu.Unlock(cx)
					return nil
				},
				func(cx *task.Cx) error {
					if mended {
						cx.Shield()
					}
					return mu.Lock(cx)
				},
				func(cx *task.Cx) error {
					to++
					mu.Unlock(cx)
					return nil
				})
			g.Go(s, transfer)
			s.Go(script(yields(s), yields(s), does(func() { g.Cancel(errors.New("enough")) })))
			s.Wait()
			if from+to != 100 {
				s.Errorf("%d and %d are not 100", from, to)
			}
		}
	}},
	{"a timeout that races the result", func(s *sim.Sim, mended bool) {
		// A connection goes back to be used again although the answer is still to come.
		type request struct{ id int }
		ask := chans.New[request](4)
		answers := chans.New[int](8)
		var late task.Timer
		s.Go(task.Func(func() step {
			var r request
			asleep := false
			return func(cx *task.Cx) error {
				for {
					if !asleep {
						var err error
						if r, err = ask.Recv(cx); err != nil {
							return unlessClosed(err)
						}
						asleep = true
					}
					if err := late.Sleep(cx, time.Second); err != nil {
						return err
					}
					asleep = false
					if err := answers.TrySend(cx, r.id); err != nil {
						return err
					}
				}
			}
		}()))
		s.Go(script(append(flatten(8, func(i int) []step {
			var bound combine.Timeout
			return []step{
				func(cx *task.Cx) error { return ask.Send(cx, request{i}) },
				func(cx *task.Cx) error {
					for {
						var v int
						err := bound.Wait(cx, time.Second, func(cx *task.Cx) (err error) {
							v, err = answers.Recv(cx)
							return err
						})
						switch {
						case task.IsPending(err):
							return err
						case err != nil: // too late: the next
							return nil
						case v == i:
							return nil
						case !mended:
							s.Errorf("%d is the answer to %d", v, i)
							return nil
						} // else of one that was given up
					}
				},
			}
		}), func(cx *task.Cx) error {
			ask.Close(cx)
			return nil
		})...))
	}},
	{"delivered twice when the acknowledgement is lost", func(s *sim.Sim, mended bool) {
		type message struct{ id int }
		out, acks := chans.New[message](16), chans.New[int](16)
		delivered := map[int]int{}
		s.Go(task.Func(func(cx *task.Cx) error {
			for {
				m, err := out.Recv(cx)
				if err != nil {
					return unlessClosed(err)
				}
				if !mended || delivered[m.id] == 0 {
					delivered[m.id]++
				}
				if s.Choose(4) != 3 { // else it is lost
					_ = acks.TrySend(cx, m.id)
				}
			}
		}))
		s.Go(script(append(flatten(6, func(i int) []step {
			var bound combine.Timeout
			sent := false
			return []step{func(cx *task.Cx) error {
				for {
					if !sent {
						if err := out.Send(cx, message{i}); err != nil {
							return err
						}
						sent = true
					}
					err := bound.Wait(cx, time.Second, func(cx *task.Cx) error {
						for {
							v, err := acks.Recv(cx)
							if err != nil || v == i {
								return err
							}
						}
					})
					if !errors.Is(err, task.ErrTimeout) {
						return err
					}
					sent = false
				}
			}}
		}), func(cx *task.Cx) error {
			out.Close(cx)
			return nil
		})...))
		s.Wait()
		for id, n := range delivered {
			if n != 1 {
				s.Errorf("message %d was delivered %d times", id, n)
				break
			}
		}
	}},
	{"a stale read after a failover", func(s *sim.Sim, mended bool) {
		// What was written to the first is read from the second, to which it is on its way.
		type write struct{ version int }
		link := chans.New[write](16)
		first, second, applied := 0, 0, new(lock.Notify)
		down := false
		s.Go(task.Func(func(cx *task.Cx) error {
			for {
				w, err := link.Recv(cx)
				if err != nil {
					return unlessClosed(err)
				}
				second = w.version
				applied.All(cx)
			}
		}))
		s.Go(script(yields(s), yields(s), yields(s), does(func() { down = true })))
		s.Go(script(append(flatten(10, func(i int) []step {
			version := i + 1
			return []step{
				func(cx *task.Cx) error {
					if down {
						return nil
					}
					first = version
					return link.Send(cx, write{version})
				},
				func(cx *task.Cx) error {
					if mended { // it is said to be done when both have it
						for {
							gen := applied.Generation()
							if second >= first {
								return nil
							}
							if err := applied.WaitPast(cx, gen); err != nil {
								return err
							}
						}
					}
					return nil
				},
				yields(s),
				func(*task.Cx) error {
					if down && second < first {
						s.Errorf("version %d was written, and %d is read", first, second)
					}
					return nil
				},
			}
		}), func(cx *task.Cx) error {
			link.Close(cx)
			return nil
		})...))
	}},
}

// unlessClosed is nil for the error of a channel that is closed.
func unlessClosed(err error) error {
	if errors.Is(err, task.ErrClosed) {
		return nil
	}
	return err
}

// yields is a step at which others may run.
func yields(s *sim.Sim) step {
	return func(*task.Cx) error {
		s.Point()
		return nil
	}
}

// flatten is the steps of n rounds.
func flatten(n int, make func(i int) []step) (all []step) {
	for i := range n {
		all = append(all, make(i)...)
	}
	return all
}
