package chans_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

// The benchmarks are named like the rows that the bench program will print. Read them as
// ratios of one run, and as the minimum of several (-count).

// onPools runs tasks on pools of several sizes.
func onPools(b *testing.B, tasks func(n int) []task.Task) {
	for _, workers := range []int{1, 2, 4, 8, 16} {
		if workers > max(2, runtime.NumCPU()) {
			break
		}
		b.Run(fmt.Sprintf("heist-%d", workers), func(b *testing.B) {
			p := open(b, workers)
			b.ReportAllocs()
			var g task.Group
			g.GoAll(p, tasks(b.N)...)
			if err := g.WaitContext(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// goroutines is the counterpart of tasks.
func goroutines(b *testing.B, fs ...func(n int)) {
	b.Run("goroutine", func(b *testing.B) {
		b.ReportAllocs()
		var wg sync.WaitGroup
		for _, f := range fs {
			wg.Go(func() { f(b.N) })
		}
		wg.Wait()
	})
}

func BenchmarkChan(b *testing.B) {
	for _, room := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("room-%d", room), func(b *testing.B) {
			onPools(b, func(n int) []task.Task {
				c := chans.New[int](room)
				i := 0
				return []task.Task{
					rig.Repeat(n, func(cx *task.Cx) error {
						err := c.Send(cx, i)
						if err == nil {
							i++
						}
						return err
					}),
					rig.Repeat(n, func(cx *task.Cx) error {
						_, err := c.Recv(cx)
						return err
					}),
				}
			})
			c := make(chan int, room)
			goroutines(b, func(n int) {
				for i := range n {
					c <- i
				}
			}, func(n int) {
				for range n {
					<-c
				}
			})
		})
	}
	b.Run("mailbox-128", func(b *testing.B) {
		onPools(b, func(n int) []task.Task {
			m := chans.NewMailbox[int](128)
			return []task.Task{
				rig.Repeat(n, func(cx *task.Cx) error { return m.Send(cx, 1) }),
				rig.Repeat(n, func(cx *task.Cx) error {
					_, err := m.Recv(cx)
					return err
				}),
			}
		})
	})
	b.Run("producers-8", func(b *testing.B) {
		onPools(b, func(n int) (ts []task.Task) {
			c := chans.New[int](128)
			for range 8 {
				ts = append(ts, rig.Repeat(n/8, func(cx *task.Cx) error { return c.Send(cx, 1) }))
			}
			return append(ts, rig.Repeat(n/8*8, func(cx *task.Cx) error {
				_, err := c.Recv(cx)
				return err
			}))
		})
		b.Run("goroutine", func(b *testing.B) {
			c := make(chan int, 128)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range b.N / 8 {
						c <- 1
					}
				})
			}
			for range b.N / 8 * 8 {
				<-c
			}
			wg.Wait()
		})
	})
}

// ring is 503 that pass a token: task/ring.
func BenchmarkRing(b *testing.B) {
	const size = 503
	onPools(b, func(n int) (ts []task.Task) {
		var cs [size]*chans.Chan[int]
		for i := range cs {
			cs[i] = chans.New[int](1)
		}
		for i := range cs {
			in, out := cs[i], cs[(i+1)%size]
			token, held := 0, false
			ts = append(ts, task.Func(func(cx *task.Cx) error {
				for {
					if !held {
						t, err := in.Recv(cx)
						if err != nil {
							return ignoreClosed(err)
						}
						token, held = t, true
					}
					if token == 0 {
						for _, c := range cs {
							c.Close(cx)
						}
						return nil
					}
					if err := out.Send(cx, token-1); err != nil {
						return ignoreClosed(err)
					}
					held = false
				}
			}))
		}
		_ = cs[0].TrySend(nil, n)
		return ts
	})
	b.Run("goroutine", func(b *testing.B) {
		var cs [size]chan int
		for i := range cs {
			cs[i] = make(chan int, 1)
		}
		done := make(chan struct{})
		for i := range cs {
			in, out := cs[i], cs[(i+1)%size]
			go func() {
				for {
					select {
					case t := <-in:
						if t == 0 {
							close(done)
							return
						}
						out <- t - 1
					case <-done:
						return
					}
				}
			}()
		}
		cs[0] <- b.N
		<-done
	})
}

func ignoreClosed(err error) error {
	if task.IsPending(err) {
		return err
	}
	return nil
}

func BenchmarkOneshot(b *testing.B) {
	onPools(b, func(n int) []task.Task {
		var o chans.Oneshot[int]
		return []task.Task{rig.Repeat(n, func(cx *task.Cx) error {
			_ = o.Send(cx, 1)
			_, err := o.Recv(cx)
			if err == nil {
				o.Reset()
			}
			return err
		})}
	})
	b.Run("goroutine", func(b *testing.B) {
		c := make(chan int, 1)
		for range b.N {
			c <- 1
			<-c
		}
	})
}

// BenchmarkBroadcast sends to 1,000 receivers: an operation is a value to all of them.
func BenchmarkBroadcast(b *testing.B) {
	const receivers = 1000
	onPools(b, func(n int) (ts []task.Task) {
		bc := chans.NewBroadcast[int](16)
		var got atomic.Int64
		var all lock.Notify
		for range receivers {
			s := bc.Subscribe()
			ts = append(ts, rig.Repeat(n, func(cx *task.Cx) error {
				_, err := s.Recv(cx)
				if err == nil && got.Add(1)%receivers == 0 {
					all.One(cx)
				}
				return err
			}))
		}
		sent := false
		return append(ts, rig.Repeat(n, func(cx *task.Cx) error {
			if !sent {
				_ = bc.Send(cx, 1)
				sent = true
			}
			if err := all.Wait(cx); err != nil {
				return err
			}
			sent = false
			return nil
		}))
	})
	b.Run("goroutine", func(b *testing.B) {
		var got atomic.Int64
		all := make(chan struct{}, 1)
		var cs [receivers]chan int
		for i := range cs {
			cs[i] = make(chan int, 16)
			go func() {
				for range cs[i] {
					if got.Add(1)%receivers == 0 {
						all <- struct{}{}
					}
				}
			}()
		}
		for range b.N {
			for _, c := range cs {
				c <- 1
			}
			<-all
		}
		for _, c := range cs {
			close(c)
		}
	})
}

func open(t testing.TB, workers int) *pool.Pool {
	t.Helper()
	p, err := pool.New(pool.Config{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}
