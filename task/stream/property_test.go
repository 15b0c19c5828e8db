package stream_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/stream"
)

type (
	ints = []int
	str  = *stream.Stream[int]
)

// operators are each operator with its counterpart for slices. n is a small number, k another.
var operators = map[string]struct {
	stream func(s str, n, k int) str
	slice  func(s ints, n, k int) ints
}{
	"map": {
		func(s str, n, _ int) str { return stream.Map(s, func(v int) int { return v * n }) },
		func(s ints, n, _ int) ints { return each(s, func(v int) ints { return ints{v * n} }) },
	},
	"then": {
		func(s str, n, _ int) str { return stream.Then(s, jerk(func(v int) int { return v * n })) },
		func(s ints, n, _ int) ints { return each(s, func(v int) ints { return ints{v * n} }) },
	},
	"filter": {
		func(s str, n, _ int) str { return s.Filter(func(v int) bool { return v%n == 0 }) },
		func(s ints, n, _ int) ints { return slices.DeleteFunc(s, func(v int) bool { return v%n != 0 }) },
	},
	"take": {
		func(s str, n, _ int) str { return s.Take(n) },
		func(s ints, n, _ int) ints { return s[:min(n, len(s))] },
	},
	"while": {
		func(s str, n, _ int) str { return s.TakeWhile(func(v int) bool { return v%n != 1 }) },
		func(s ints, n, _ int) ints {
			if i := slices.IndexFunc(s, func(v int) bool { return v%n == 1 }); i >= 0 {
				return s[:i]
			}
			return s
		},
	},
	"skip": {
		func(s str, n, _ int) str { return s.Skip(n) },
		func(s ints, n, _ int) ints { return s[min(n, len(s)):] },
	},
	"scan": {
		func(s str, n, _ int) str {
			return stream.Scan(s, n, func(acc, v int) int { return 3*acc + v })
		},
		func(s ints, n, _ int) ints {
			return each(s, func(v int) ints { n = 3*n + v; return ints{n} })
		},
	},
	"enumerate": {
		func(s str, _, _ int) str {
			return stream.Map(stream.Enumerate(s), func(p stream.Pair[int, int]) int { return p.A*1000 + p.B })
		},
		func(s ints, _, _ int) ints {
			i := -1
			return each(s, func(v int) ints { i++; return ints{i*1000 + v} })
		},
	},
	"flat": {
		func(s str, n, _ int) str {
			return stream.FlatMap(s, func(v int) str { return jerky(slices.Repeat(ints{v}, (v%n+n)%n)) })
		},
		func(s ints, n, _ int) ints {
			return each(s, func(v int) ints { return slices.Repeat(ints{v}, (v%n+n)%n) })
		},
	},
	"chain": {
		func(s str, n, k int) str { return stream.Chain(jerky(count(n)), s, jerky(count(k))) },
		func(s ints, n, k int) ints { return slices.Concat(count(n), s, count(k)) },
	},
	"zip": {
		func(s str, n, k int) str {
			return stream.Map(stream.Zip(s, jerky(count(n*k))), func(p stream.Pair[int, int]) int { return p.A*1000 + p.B })
		},
		func(s ints, n, k int) ints {
			i := -1
			return each(s[:min(len(s), n*k)], func(v int) ints { i++; return ints{v*1000 + i} })
		},
	},
	"batch": {
		func(s str, n, _ int) str { return flatten(stream.Batch(s, n, 0)) },
		func(s ints, n, _ int) ints { return mark(slices.Collect(slices.Chunk(s, n))) },
	},
	"window": {
		func(s str, n, k int) str { return flatten(stream.Window(s, n, k)) },
		func(s ints, n, k int) ints {
			var ws []ints
			for i := 0; i+n <= len(s); i += k {
				ws = append(ws, s[i:i+n])
			}
			return mark(ws)
		},
	},
	"throttle": {
		func(s str, _, _ int) str { return s.Throttle(1) },
		func(s ints, _, _ int) ints { return s },
	},
	"buffer": {
		func(s str, n, _ int) str { return s.Buffer(n) },
		func(s ints, _, _ int) ints { return s },
	},
	"concurrent": {
		func(s str, n, k int) str { return stream.MapConcurrent(s, n, jerk(func(v int) int { return v * k })) },
		func(s ints, _, k int) ints { return each(s, func(v int) ints { return ints{v * k} }) },
	},
	"unordered": {
		func(s str, n, k int) str {
			return sorted(stream.MapUnordered(s, n, jerk(func(v int) int { return v * k })))
		},
		func(s ints, _, k int) ints {
			s = each(s, func(v int) ints { return ints{v * k} })
			slices.Sort(s)
			return s
		},
	},
	"merge": {
		func(s str, n, k int) str { return sorted(stream.Merge(jerky(count(n)), s, jerky(count(k)))) },
		func(s ints, n, k int) ints {
			s = slices.Concat(count(n), s, count(k))
			slices.Sort(s)
			return s
		},
	},
	"seq": {
		func(s str, n, _ int) str { return stream.Chain(s, stream.FromSeq(slices.Values(count(n)))) },
		func(s ints, n, _ int) ints { return slices.Concat(s, count(n)) },
	},
}

func each(s ints, f func(int) ints) (r ints) {
	for _, v := range s {
		r = append(r, f(v)...)
	}
	return r
}

// mark joins slices so that their ends are seen.
func mark(ss []ints) (r ints) {
	for _, s := range ss {
		r = append(append(r, s...), -1)
	}
	return r
}

func flatten(s *stream.Stream[ints]) str {
	return stream.FlatMap(s, func(v ints) str { return stream.FromSlice(mark([]ints{v})) })
}

// sorted is an operator that pulls all, and passes them on in order.
func sorted(s str) str {
	var vs ints
	return stream.FlatMap(stream.Once(0), func(int) str {
		collected := stream.Func(func(cx *task.Cx) (ints, error) {
			err := s.Collect(cx, &vs)
			slices.Sort(vs)
			return vs, err
		}).Take(1)
		return stream.FlatMap(collected, stream.FromSlice[int])
	})
}

// jerk is f as an operation that suspends at random, and that is called with the same value
// again. Several tasks may call it.
func jerk(f func(int) int) func(*task.Cx, int) (int, error) {
	return func(cx *task.Cx, v int) (int, error) {
		if rand.IntN(2) == 0 {
			cx.Wake(cx.Waker())
			return 0, cx.Suspend()
		}
		return f(v), cx.Yield() // sometimes twice
	}
}

// Whatever the suspensions, an operator on a stream is the same on a slice: alone, and three of
// them on top of each other.
func TestOperatorsAreThoseOfSlices(t *testing.T) {
	times := 30
	if testing.Short() {
		times = 4
	}
	names := make([]string, 0, len(operators))
	for name := range operators {
		names = append(names, name)
	}
	slices.Sort(names)
	for where, run := range runners(t) {
		for _, name := range names {
			t.Run(where+"/"+name, func(t *testing.T) {
				for i := range times {
					seed := rand.Uint64()
					r := rand.New(rand.NewPCG(seed, 0))
					vs := make(ints, r.IntN(40))
					for i := range vs {
						vs[i] = r.IntN(100)
					}
					said := fmt.Sprint("seed ", seed, ": ", vs)
					s, want := jerky(slices.Clone(vs)), slices.Clone(vs)
					apply := func(name string) {
						o, n, k := operators[name], 1+r.IntN(5), 1+r.IntN(5)
						s, want = o.stream(s, n, k), o.slice(want, n, k)
						said += fmt.Sprint(" ", name, n, k)
					}
					apply(name)
					if i%2 == 1 {
						apply(names[r.IntN(len(names))])
						apply(names[r.IntN(len(names))])
					}
					var got ints
					require.NoError(t, run(background, seq(func(cx *task.Cx) error {
						return s.ForEach(cx, func(cx *task.Cx, v int) error {
							if rand.IntN(4) == 0 {
								if err := cx.Yield(); err != nil {
									return err
								}
							}
							got = append(got, v)
							return nil
						})
					})), said)
					require.Equal(t, append(ints{}, want...), append(ints{}, got...), said)
				}
			})
		}
	}
}

// Whatever the operator, if the task that pulls is canceled at some point, it ends, and what it
// has not taken from the channel is there.
func TestCancelAtRandomPoints(t *testing.T) {
	times := 40
	if testing.Short() {
		times = 4
	}
	for where, run := range runners(t) {
		for name, o := range operators {
			t.Run(where+"/"+name, func(t *testing.T) {
				for range times {
					const n = 30
					c := chans.New[int](n)
					var taken atomic.Int64
					s := o.stream(stream.Map(stream.FromChan(c), func(v int) int {
						taken.Add(1)
						return v
					}), 1+rand.IntN(4), 1+rand.IntN(4))
					var g task.Group
					g.Failed = func(task.Task, error) error { return nil }
					rest := rand.IntN(20)
					require.NoError(t, run(background, seq(
						once(func(cx *task.Cx) {
							g.Go(cx, seq(func(cx *task.Cx) error {
								return s.ForEach(cx, func(*task.Cx, int) error { return nil })
							}))
							for i := range n {
								if err := c.TrySend(cx, i); err != nil {
									panic(err)
								}
							}
						}),
						rounds(rest),
						once(func(cx *task.Cx) { g.Cancel(errBoom) }),
						g.Wait,
					)))
					left := 0
					for ; ; left++ {
						if _, err := c.TryRecv(nil); err != nil {
							require.Equal(t, chans.ErrEmpty, err)
							break
						}
					}
					require.EqualValues(t, n, left+int(taken.Load()))
				}
			})
		}
	}
}

// Several tasks at the ends of a chain of streams and channels, on several workers.
func TestPipeline(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 1_000
	}
	for where, run := range runners(t) {
		t.Run(where, func(t *testing.T) {
			a, b := chans.New[int](3), chans.NewMailbox[int](2)
			var g task.Group
			odd := stream.FromSlice(count(n)).Filter(func(v int) bool { return v%2 == 1 })
			even := stream.FromSlice(count(n)).Filter(func(v int) bool { return v%2 == 0 }).Buffer(5)
			merged := stream.Merge(stream.FromChan(a), stream.FromChan(b), stream.FromChan(a)).Buffer(2)
			work := stream.MapUnordered(merged, 4, func(cx *task.Cx, v int) (int, error) {
				if v%7 == 0 {
					return 2 * v, cx.Yield()
				}
				return 2 * v, nil
			})
			var got []int
			require.NoError(t, run(background, seq(
				once(func(cx *task.Cx) {
					g.Go(cx, seq(
						func(cx *task.Cx) error { return odd.Send(cx, a) },
						once(func(cx *task.Cx) { a.Close(cx) })))
					g.Go(cx, seq(
						func(cx *task.Cx) error { return even.Send(cx, b) },
						once(func(cx *task.Cx) { b.Close(cx) })))
				}),
				func(cx *task.Cx) error { return work.Collect(cx, &got) },
				g.Wait,
			)))
			slices.Sort(got)
			require.Len(t, got, n)
			for i, v := range got {
				require.Equal(t, 2*i, v)
			}
		})
	}
}
