package par_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/task"
)

// of is a source that waits for a channel.
func of[T any](c <-chan T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for v := range c {
			if !yield(v) {
				return
			}
		}
	}
}

func counted(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func eventually(t *testing.T, f func() bool, what string) {
	require.Eventually(t, f, 30*time.Second, time.Millisecond, what)
}

// What a source has yielded is handled, and comes out, while it waits for more.
func TestSlowSource(t *testing.T) {
	id := func(v int) int { return v }
	kinds := map[string]func(p *pool.Pool, source iter.Seq[int], done func()){
		"ForSeq": func(p *pool.Pool, source iter.Seq[int], done func()) {
			par.ForSeq(p, source, func(int) { done() })
		},
		"ForSeq in a scope": func(p *pool.Pool, source iter.Seq[int], done func()) {
			_ = pool.DoContext(context.Background(), p, func(s pool.Scope) { par.ForSeq(s, source, func(int) { done() }) })
		},
		"Pipeline": func(p *pool.Pool, source iter.Seq[int], done func()) {
			for range par.Pipeline(p, source, id) {
				done()
			}
		},
		"Pipeline of three": func(p *pool.Pool, source iter.Seq[int], done func()) {
			for range par.Pipeline(p, par.Pipeline(p, par.Pipeline(p, source, id), id), id) {
				done()
			}
		},
		"Pipeline in a scope": func(p *pool.Pool, source iter.Seq[int], done func()) {
			pool.Do(p, func(s pool.Scope) {
				for range par.Pipeline(s, par.Pipeline(s, source, id), id) {
					done()
				}
			})
		},
		"ForSeq of a Pipeline": func(p *pool.Pool, source iter.Seq[int], done func()) {
			par.ForSeq(p, par.Pipeline(p, source, id), func(int) { done() })
		},
	}
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for name, run := range kinds {
			for _, n := range []int{1, 2, 63, 1000, 5000} {
				c := make(chan int)
				var k atomic.Int64
				ended := make(chan bool)
				go func() {
					defer close(ended)
					run(p, of(c), func() { k.Add(1) })
				}()
				for i := range n {
					c <- i
				}
				eventually(t, func() bool { return k.Load() == int64(n) }, fmt.Sprint(name, " of ", n, ": the rest lies beside idle workers"))
				close(c)
				<-ended
			}
		}
	})
}

// A value that takes long, whatever the others took, holds up none behind it.
func TestSlowValue(t *testing.T) {
	p := open(t, 4)
	c := make(chan int)
	release := make(chan bool)
	var k atomic.Int64
	ended := make(chan bool)
	go func() {
		defer close(ended)
		par.ForSeq(p, of(c), func(v int) {
			if v < 0 {
				<-release
			}
			k.Add(1)
		})
	}()
	for i := range 10_000 { // so that it is known to be cheap
		c <- i
	}
	eventually(t, func() bool { return k.Load() == 10_000 }, "")
	for i := range 3 { // one worker is left
		c <- -1
		for range 100 {
			c <- i
		}
		eventually(t, func() bool { return k.Load() == int64(10_000+100*(i+1)) }, "one behind a slow one waits")
	}
	close(release)
	close(c)
	<-ended
	require.EqualValues(t, 10_303, k.Load())
}

// What was claimed behind a slow value and is taken back when the source has ended already is
// handled, too, however few workers there are.
func TestSlowValueAtTheEnd(t *testing.T) {
	for _, workers := range []int{1, 2} {
		p := open(t, workers)
		var k, slow atomic.Int64
		body := func(v int) {
			if v < 0 {
				slow.Add(1)
				for begin := time.Now(); time.Since(begin) < 2*time.Millisecond; {
				}
			}
			k.Add(1)
		}
		par.ForSeq(p, counted(10_000), body) // so that it is known to be cheap
		for range 200 {
			k.Store(0)
			par.ForSeq(p, func(yield func(int) bool) {
				for i := range 200 {
					if i%50 == 49 {
						i = -1
					}
					if !yield(i) {
						return
					}
				}
			}, body)
			require.EqualValues(t, 200, k.Load())
		}
	}
}

// If no worker comes, who called does it.
func TestStreamWithoutWorkers(t *testing.T) {
	stream := func(t *testing.T, p *pool.Pool) {
		var sum atomic.Int64
		par.ForSeq(p, counted(5000), func(v int) { sum.Add(int64(v)) })
		require.EqualValues(t, 5000*4999/2, sum.Load())
		i := 0
		for v := range par.Pipeline(p, counted(5000), func(v int) int { return 2 * v }) {
			require.Equal(t, 2*i, v)
			i++
		}
		require.Equal(t, 5000, i)
	}
	t.Run("closed", func(t *testing.T) {
		p := open(t, 2)
		require.NoError(t, p.Close())
		stream(t, p)
	})
	t.Run("stuck", func(t *testing.T) {
		p, err := pool.New(pool.Config{Workers: 1, StallLimit: -1})
		require.NoError(t, err)
		defer p.Close()
		release := make(chan bool)
		var g task.Group
		stuck := make(chan bool)
		g.Go(p, task.Func(func(*task.Cx) error { close(stuck); <-release; return nil }))
		<-stuck
		stream(t, p)
		close(release)
		require.NoError(t, g.WaitContext(context.Background()))
	})
	t.Run("no pool", func(t *testing.T) {
		require.NoError(t, task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
			k := 0
			par.ForSeq(cx, counted(3000), func(int) { k++ })
			for v := range par.Pipeline(cx, counted(3000), func(v int) int { return v }) {
				require.Equal(t, k-3000, v)
				k++
			}
			require.Equal(t, 6000, k)
			return nil
		})))
	})
	t.Run("poll", func(t *testing.T) {
		everywhere(t, func(t *testing.T, p *pool.Pool) {
			in(t, p, func(cx *task.Cx) {
				var k atomic.Int64
				par.ForSeq(cx, counted(3000), func(int) { k.Add(1) })
				for range par.Pipeline(cx, counted(3000), func(v int) int { return v }) {
					k.Add(1)
				}
				pool.Do(cx, func(s pool.Scope) {
					par.ForSeq(s, counted(3000), func(int) { k.Add(1) })
				})
				require.EqualValues(t, 9000, k.Load())
			})
		})
	})
	t.Run("closing", func(t *testing.T) { // in the middle
		for range 20 {
			p := open(t, 2)
			var sum atomic.Int64
			closed := make(chan bool)
			par.ForSeq(p, func(yield func(int) bool) {
				for i := range 3000 {
					if i == 1000 {
						go func() { _ = p.Close(); close(closed) }()
					}
					if !yield(i) {
						return
					}
				}
			}, func(v int) { sum.Add(int64(v)) })
			require.EqualValues(t, 3000*2999/2, sum.Load())
			<-closed
		}
	})
	t.Run("shutdown", func(t *testing.T) { // does not wait for the end of a stream
		p := open(t, 2)
		c := make(chan int)
		ended := make(chan bool)
		go func() { defer close(ended); par.ForSeq(p, of(c), func(int) {}) }()
		for i := range 1000 {
			c <- i
		}
		require.NoError(t, p.Shutdown(context.Background()))
		for i := range 5000 {
			c <- i
		}
		close(c)
		<-ended
	})
}

// Streams inside of streams, and more goroutines than there are seats.
func TestStreamsNested(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		var k atomic.Int64
		par.ForSeq(p, counted(20), func(int) {
			par.ForSeq(p, counted(100), func(v int) { k.Add(int64(slow(1))) })
			for range par.Pipeline(p, counted(100), slow) {
				k.Add(1)
			}
			par.For(p, 100, func(int) { k.Add(1) })
		})
		require.EqualValues(t, 6000, k.Load())
		k.Store(0)
		par.ForScope(p, 20, func(s pool.Scope, _ int) {
			par.ForSeq(s, counted(100), func(v int) { k.Add(int64(slow(1))) })
		})
		require.EqualValues(t, 2000, k.Load())
		k.Store(0)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				par.ForSeq(p, counted(500), func(v int) { k.Add(1) })
				for range par.Pipeline(p, counted(500), slow) {
					k.Add(1)
				}
				s := inputs(3000)["random"]
				par.SortStableFunc(p, s, func(a, b int) int { return a - b })
				if slices.IsSorted(s) {
					k.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 50*1001, k.Load())
	})
}

// A stream can be canceled from a goroutine, by a context; while the source waits no value
// begins any more.
func TestStreamCanceled(t *testing.T) {
	endless := func(ctx context.Context) iter.Seq[int] {
		return func(yield func(int) bool) {
			for i := 0; yield(i); i++ {
			}
			if ctx.Err() == nil {
				panic("told to end too early")
			}
		}
	}
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, at := range []int64{0, 1, 10_000} {
			ctx, cancel := context.WithCancelCause(context.Background())
			var k atomic.Int64
			count := func() {
				if k.Add(1) == at {
					cancel(errStop)
				}
			}
			if at == 0 {
				cancel(errStop)
			}
			require.ErrorIs(t, pool.DoContext(ctx, p, func(s pool.Scope) {
				par.ForSeq(s, endless(ctx), func(int) { count() })
			}), errStop)
			ctx, cancel = context.WithCancelCause(context.Background())
			k.Store(0)
			require.ErrorIs(t, pool.DoContext(ctx, p, func(s pool.Scope) {
				if at == 0 {
					cancel(errStop)
				}
				for range par.Pipeline(s, par.Pipeline(s, endless(ctx), slow), slow) {
					count()
				}
			}), errStop)

			var g task.Group
			k.Store(0)
			g.Go(p, task.Func(func(cx *task.Cx) error {
				par.ForSeq(cx, func(yield func(int) bool) {
					for i := 0; yield(i); i++ {
					}
				}, func(int) {
					if k.Add(1) == at+1 {
						g.Cancel(errStop)
					}
				})
				return cx.Err()
			}))
			require.ErrorIs(t, g.WaitContext(context.Background()), errStop)
		}

		// The source waits.
		ctx, cancel := context.WithCancelCause(context.Background())
		c := make(chan int)
		inside, release := make(chan bool), make(chan bool)
		var begun atomic.Int64
		ended := make(chan error)
		go func() {
			ended <- pool.DoContext(ctx, p, func(s pool.Scope) {
				par.ForSeq(s, of(c), func(int) {
					if begun.Add(1) == 1 {
						close(inside)
					}
					<-release
				})
			})
		}()
		c <- 0
		<-inside
		for i := range 100 {
			c <- i
		}
		cancel(errStop)
		before := begun.Load()
		close(release)
		close(c) // or it would wait for ever
		require.ErrorIs(t, <-ended, errStop)
		require.LessOrEqual(t, begun.Load(), before+int64(p.Workers())) // those that were just about to begin
	})
}

// To break waits for what has begun, and tells the source.
func TestPipelineBreak(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range []int{0, 1, 100, 3000} {
			var running atomic.Int64
			told := false
			got := 0
			for range par.Pipeline(p, func(yield func(int) bool) {
				for i := 0; yield(i); i++ {
				}
				told = true
			}, func(v int) int {
				running.Add(1)
				defer running.Add(-1)
				return slow(v)
			}) {
				if got++; got > n {
					break
				}
			}
			require.True(t, told)
			require.Zero(t, running.Load())
		}
	})
}

// A panic or a Goexit in any place ends the stream, when nothing of it runs any more.
func TestStreamFails(t *testing.T) {
	boom := map[string]func(){"panic: ": func() { panic(errOdd) }, "Goexit": func() { runtime.Goexit() }}
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for want, fail := range boom {
			for _, at := range []int{0, 1, 70, 5000} {
				var running atomic.Int64
				source := func(fails bool) iter.Seq[int] {
					return func(yield func(int) bool) {
						running.Add(1)
						defer running.Add(-1)
						for i := range 10_000 {
							if fails && i == at {
								fail()
							}
							if !yield(i) {
								return
							}
						}
					}
				}
				stage := func(fails bool) func(v int) int {
					return func(v int) int {
						running.Add(1)
						defer running.Add(-1)
						if fails && v == at {
							fail()
						}
						return v
					}
				}
				for name, f := range map[string]func(){
					"source": func() { par.ForSeq(p, source(true), func(v int) { stage(false)(v) }) },
					"body":   func() { par.ForSeq(p, source(false), func(v int) { stage(true)(v) }) },
					"first source": func() {
						drain(par.Pipeline(p, par.Pipeline(p, source(true), stage(false)), stage(false)), func(int) {})
					},
					"first stage": func() {
						drain(par.Pipeline(p, par.Pipeline(p, source(false), stage(true)), stage(false)), func(int) {})
					},
					"second stage": func() {
						drain(par.Pipeline(p, par.Pipeline(p, source(false), stage(false)), stage(true)), func(int) {})
					},
					"loop": func() {
						drain(par.Pipeline(p, source(false), stage(false)), func(v int) { stage(true)(v) })
					},
				} {
					how := try(f)
					require.Contains(t, string(how), want, "%s at %d", name, at)
					if want != "Goexit" {
						require.Contains(t, string(how), "odd", "%s at %d", name, at)
					}
					require.Zero(t, running.Load(), "%s at %d", name, at)
				}
			}
		}
	})
	p := open(t, 1)
	require.Error(t, caught(func() { par.ForSeq(p, counted(3), func(int) { panic(errors.New("one")) }) }))
	require.Contains(t, string(try(func() { par.ForSeq(p, nil, func(int) {}) })), "par: the function to call is nil")
	require.Contains(t, string(try(func() { par.Pipeline[*pool.Pool, int, int](p, counted(1), nil) })), "par: the function to call is nil")
}

func drain[T any](seq iter.Seq[T], f func(T)) {
	for v := range seq {
		f(v)
	}
}
