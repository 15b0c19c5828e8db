package par_test

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/task"
)

var errStop = errors.New("stop")

// visitors are all functions that call one of the caller's, which calls visit.
func visitors(n int) map[string]func(sc pool.Scope, visit func()) error {
	s := inputs(n)["random"]
	up := inputs(n)["up"]
	bits, pointers := make([]int, n), make([]*int, n)
	for i := range s {
		bits[i], pointers[i] = s[i]%2, &s[i]
	}
	same := func(visit func()) func(v int) int { return func(v int) int { visit(); return v } }
	is := func(visit func(), so bool) func(int) bool { return func(int) bool { visit(); return so } }
	fails := func(visit func()) func(int) error { return func(int) error { visit(); return nil } }
	add := func(visit func()) func(x, y int) int { return func(x, y int) int { visit(); return x + y } }
	compare := func(visit func()) func(x, y int) int {
		return func(x, y int) int { visit(); return cmp.Compare(x, y) }
	}
	binary := func(visit func()) func(i int) []int { // a heap
		return func(i int) (children []int) {
			visit()
			for k := 2*i + 1; k <= 2*i+2 && k < n; k++ {
				children = append(children, k)
			}
			return children
		}
	}
	return map[string]func(sc pool.Scope, visit func()) error{
		"For": func(sc pool.Scope, visit func()) error { par.For(sc, n, func(int) { visit() }); return nil },
		"ForRange": func(sc pool.Scope, visit func()) error {
			par.ForRange(sc, n, func(lo, hi int) {
				for range hi - lo {
					visit()
				}
			})
			return nil
		},
		"ForScope": func(sc pool.Scope, visit func()) error {
			par.ForScope(sc, n, func(pool.Scope, int) { visit() })
			return nil
		},
		"ForEach":    func(sc pool.Scope, visit func()) error { par.ForEach(sc, s, func(int) { visit() }); return nil },
		"TryFor":     func(sc pool.Scope, visit func()) error { return par.TryFor(sc, n, fails(visit)) },
		"TryForEach": func(sc pool.Scope, visit func()) error { return par.TryForEach(sc, s, fails(visit)) },
		"TryMap": func(sc pool.Scope, visit func()) error {
			got, err := par.TryMap(sc, s, func(int) (int, error) { visit(); return 0, nil })
			if (err == nil) != (len(got) == n) {
				return errors.New("half a result")
			}
			return err
		},
		"Map":    func(sc pool.Scope, visit func()) error { par.Map(sc, s, same(visit)); return nil },
		"Filter": func(sc pool.Scope, visit func()) error { par.Filter(sc, s, is(visit, true)); return nil },
		"Find": func(sc pool.Scope, visit func()) error {
			if par.Find(sc, s, is(visit, false)) != -1 {
				return errors.New("found what is not there")
			}
			return nil
		},
		"Any":    func(sc pool.Scope, visit func()) error { par.Any(sc, s, is(visit, false)); return nil },
		"All":    func(sc pool.Scope, visit func()) error { par.All(sc, s, is(visit, true)); return nil },
		"Reduce": func(sc pool.Scope, visit func()) error { par.Reduce(sc, s, 0, add(visit)); return nil },
		"ReduceRange": func(sc pool.Scope, visit func()) error {
			par.ReduceRange(sc, n, func(acc *int, lo, hi int) *int {
				if acc == nil {
					acc = new(int)
				}
				for range hi - lo {
					visit()
				}
				return acc
			}, func(x, y *int) *int { *x += *y; return x }) // of what body has returned, nothing else
			return nil
		},
		"ReduceFixed": func(sc pool.Scope, visit func()) error {
			par.ReduceFixed(sc, pointers, nil, func(x, y *int) *int { // never nil
				if visit(); *x < *y {
					return y
				}
				return x
			})
			return nil
		},
		"Fold": func(sc pool.Scope, visit func()) error {
			par.Fold(sc, s, func() int { return 0 }, add(visit), add(func() {}))
			return nil
		},
		"MinMaxFunc": func(sc pool.Scope, visit func()) error { par.MinMaxFunc(sc, s, compare(visit)); return nil },
		"Scan":       func(sc pool.Scope, visit func()) error { par.Scan(sc, make([]int, n), s, add(visit)); return nil },
		"ScanExclusive": func(sc pool.Scope, visit func()) error {
			par.ScanExclusive(sc, make([]int, n), s, 0, add(visit))
			return nil
		},
		"SortFunc": func(sc pool.Scope, visit func()) error {
			par.SortFunc(sc, slices.Clone(s[:n/4]), compare(visit))
			return nil
		},
		"SortFunc of bits": func(sc pool.Scope, visit func()) error { // little but partitions
			par.SortFunc(sc, slices.Clone(bits), compare(visit))
			return nil
		},
		"SortFunc in order": func(sc pool.Scope, visit func()) error { par.SortFunc(sc, up, compare(visit)); return nil },
		"SortStableFunc": func(sc pool.Scope, visit func()) error {
			par.SortStableFunc(sc, slices.Clone(s[:n/4]), compare(visit))
			return nil
		},
		"MergeFunc": func(sc pool.Scope, visit func()) error {
			par.MergeFunc(sc, make([]int, 2*n), up, up, compare(visit))
			return nil
		},
		"Histogram": func(sc pool.Scope, visit func()) error {
			par.Histogram(sc, s, 7, func(v int) int { visit(); return v % 7 })
			return nil
		},
		"GroupBy": func(sc pool.Scope, visit func()) error {
			par.GroupBy(sc, s, func(v int) int { visit(); return v % 7 })
			return nil
		},
		"Walk": func(sc pool.Scope, visit func()) error { par.Walk(sc, 0, binary(visit)); return nil },
		"Walk a list": func(sc pool.Scope, visit func()) error {
			par.Walk(sc, n, func(i int) []int { visit(); return slices.Repeat([]int{i - 1}, min(i, 1)) })
			return nil
		},
		"WalkAppend": func(sc pool.Scope, visit func()) error {
			children := binary(visit)
			par.WalkAppend(sc, 0, func(_ pool.Scope, i int, c []int) []int { return append(c, children(i)...) })
			return nil
		},
		"WalkScope": func(sc pool.Scope, visit func()) error {
			children := binary(visit)
			par.WalkScope(sc, 0, func(_ pool.Scope, i int) []int { return children(i) })
			return nil
		},
		"BFS": func(sc pool.Scope, visit func()) error {
			neighbors := binary(visit)
			par.BFS(sc, []int{0}, func(i, _ int) []int { return neighbors(i) })
			return nil
		},
		"ForSeq": func(sc pool.Scope, visit func()) error {
			par.ForSeq(sc, slices.Values(s), func(int) { visit() })
			return nil
		},
		"Pipeline": func(sc pool.Scope, visit func()) error {
			for range par.Pipeline(sc, slices.Values(s), same(visit)) {
			}
			return nil
		},
		"Pipeline of two": func(sc pool.Scope, visit func()) error {
			for range par.Pipeline(sc, par.Pipeline(sc, slices.Values(s), same(func() {})), same(visit)) {
			}
			return nil
		},
		"BFS of a list": func(sc pool.Scope, visit func()) error {
			par.BFS(sc, []int{n / 8}, func(i, _ int) []int { visit(); return slices.Repeat([]int{i - 1}, min(i, 1)) })
			return nil
		},
	}
}

// A function of the caller's that cancels the computation is called little more; and the
// functions that can say so do.
func TestCanceled(t *testing.T) {
	n := 1 << 17
	if brief() {
		n = 1 << 15
	}
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for name, f := range visitors(n) {
			t.Run(name, func(t *testing.T) {
				try := func(at int64) (visits int64, inside, outside error) {
					var k atomic.Int64
					ctx, cancel := context.WithCancelCause(context.Background())
					defer cancel(nil)
					inside, outside = pool.CallContext(ctx, p, func(pos pool.Fork[none, error], _ none) error {
						if at == 0 {
							cancel(errStop)
						}
						return f(pos.Scope(), func() {
							if k.Add(1) == at {
								cancel(errStop)
							}
						})
					}, none{})
					return k.Load(), inside, outside
				}
				canceled := func(at int64) int64 {
					visits, inside, outside := try(at)
					require.ErrorIs(t, outside, errStop)
					if strings.HasPrefix(name, "Try") {
						require.ErrorIs(t, inside, errStop)
					} else {
						require.NoError(t, inside)
					}
					return visits
				}
				ats := []int64{1000, 1, 0, 1} // what is learned from one must not mislead the next
				var visits []int64
				for _, at := range ats {
					visits = append(visits, canceled(at))
				}
				all, inside, outside := try(-1)
				require.NoError(t, inside)
				require.NoError(t, outside)
				require.GreaterOrEqual(t, all, int64(n/8))
				for i, at := range ats {
					// A thread may lose its processor just before it cancels, and the others go on.
					for range 10 {
						if visits[i] < all/4 {
							break
						}
						visits[i] = canceled(at)
					}
					require.Less(t, visits[i], all/4)
				}
			})
		}
	})
}

type none = struct{}

// fuse is a context that is done when it has been asked a number of times.
type fuse struct {
	context.Context
	left atomic.Int64
}

func (f *fuse) Err() error {
	if f.left.Add(-1) < 0 {
		return errStop
	}
	return nil
}

// Wherever a function is cut short, nothing breaks, and what it was given to arrange is still
// there.
func TestCanceledAnywhere(t *testing.T) {
	n := 70_000
	if brief() {
		n = 40_000 // still more than one merge is cut in
	}
	s := inputs(n)["random"]
	up := inputs(n)["up"]
	var halves [2][]int
	for i, v := range up {
		halves[i%2] = append(halves[i%2], v)
	}
	greatest := slices.Max(s)
	s[0], s[n-1] = greatest+1, greatest+2
	want := slices.Sorted(slices.Values(s))
	fs := floats(n)
	sameElements := func(t *testing.T, got []int) {
		got = slices.Sorted(slices.Values(got))
		require.True(t, slices.Equal(want, got), "elements are lost")
	}
	// Each reports whether it was through.
	cases := map[string]func(t *testing.T, sc pool.Scope) bool{
		"Sum": func(_ *testing.T, sc pool.Scope) bool { return par.Sum(sc, slices.Repeat([]int{1}, n)) == n },
		"MinMax": func(_ *testing.T, sc pool.Scope) bool {
			_, greatest := par.MinMax(sc, s)
			return greatest == want[n-1]
		},
		"ScanSum": func(_ *testing.T, sc pool.Scope) bool {
			dst := make([]int, n)
			return par.ScanSum(sc, dst, slices.Repeat([]int{1}, n)) == n && dst[n-1] == n
		},
		"Unique": func(_ *testing.T, sc pool.Scope) bool {
			return len(par.Unique(sc, up)) == len(slices.Compact(slices.Clone(up)))
		},
		"Merge": func(_ *testing.T, sc pool.Scope) bool {
			dst := make([]int, n)
			par.Merge(sc, dst, halves[0], halves[1])
			require.True(t, slices.Equal(up, slices.Sorted(slices.Values(dst))), "elements are lost")
			return slices.Equal(up, dst)
		},
		"Sort": func(t *testing.T, sc pool.Scope) bool {
			c := slices.Clone(s)
			par.Sort(sc, c)
			sameElements(t, c)
			return slices.Equal(want, c)
		},
		"Sort down": func(t *testing.T, sc pool.Scope) bool {
			c := slices.Clone(want)
			slices.Reverse(c)
			par.Sort(sc, c)
			sameElements(t, c)
			return slices.Equal(want, c)
		},
		"Sort floats": func(t *testing.T, sc pool.Scope) bool {
			c := slices.Clone(fs)
			par.Sort(sc, c)
			whole := slices.IsSorted(c)
			slices.Sort(c)
			require.True(t, sameFloats(slices.Sorted(slices.Values(fs)), c), "elements are lost")
			return whole
		},
		"SortFunc": func(t *testing.T, sc pool.Scope) bool {
			c := slices.Clone(s)
			par.SortFunc(sc, c, cmp.Compare[int])
			sameElements(t, c)
			return slices.Equal(want, c)
		},
		"SortStableFunc": func(t *testing.T, sc pool.Scope) bool {
			c := slices.Clone(s)
			par.SortStableFunc(sc, c, cmp.Compare[int])
			sameElements(t, c)
			return slices.Equal(want, c)
		},
		"Shuffle": func(t *testing.T, sc pool.Scope) bool {
			c := slices.Clone(s)
			par.Shuffle(sc, c, 7)
			sameElements(t, c)
			return !slices.Equal(s, c)
		},
	}
	for name, f := range visitors(5000) {
		cases["visit: "+name] = func(_ *testing.T, sc pool.Scope) bool { _ = f(sc, func() {}); return sc.Err() == nil }
	}
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for name, f := range cases {
			t.Run(name, func(t *testing.T) {
				for k := int64(0); ; k += 1 + k {
					ctx := &fuse{Context: context.Background()}
					ctx.left.Store(1 << 40)
					whole, err := pool.CallContext(ctx, p, func(pos pool.Fork[none, bool], _ none) bool {
						ctx.left.Store(k)
						return f(t, pos.Scope())
					}, none{})
					if err == nil {
						require.True(t, whole, "not canceled, and not through")
						return
					}
					require.False(t, whole && k == 0, "it does not ask at all")
				}
			})
		}
	})
}

// A task that is canceled ends its loops, which say why.
func TestCanceledTask(t *testing.T) {
	const n = 1_000_000
	p := open(t, 2)
	var calls atomic.Int64
	// A thread may lose its processor just before it cancels, and the other one goes on.
	for range 10 {
		calls.Store(0)
		var g task.Group
		g.Go(p, task.Func(func(cx *task.Cx) error {
			return par.TryFor(cx, n, func(i int) error {
				if calls.Add(1); i == 0 {
					g.Cancel(errStop)
				}
				return nil
			})
		}))
		err := g.WaitContext(context.Background())
		require.ErrorIs(t, err, errStop)
		require.ErrorIs(t, err, task.ErrCanceled)
		if calls.Load() < n/2 {
			break
		}
	}
	require.Less(t, calls.Load(), int64(n/2))
}

// What was found out before counts: an error when all lower indices were called, and that
// there is nothing to do.
func TestCanceledTooLate(t *testing.T) {
	p := open(t, 2)
	ctx, cancel := context.WithCancelCause(context.Background())
	_, err := pool.CallContext(ctx, p, func(pos pool.Fork[none, none], _ none) (_ none) {
		sc := pos.Scope()
		require.ErrorIs(t, par.TryFor(sc, 100_000, func(int) error { cancel(errStop); return errOdd }), errOdd)
		require.NoError(t, par.TryFor(sc, 0, func(int) error { return errOdd }))
		require.NoError(t, par.TryFor(sc, -1, func(int) error { return errOdd }))
		require.ErrorIs(t, par.TryFor(sc, 1, func(int) error { return errOdd }), errStop)
		return
	}, none{})
	require.ErrorIs(t, err, errStop)
}

// A visit is given a scope, of the same computation.
func TestWalkScope(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		var sum atomic.Int64
		ones := slices.Repeat([]int{1}, 5000)
		par.WalkScope(p, 8, func(sc pool.Scope, n int) (children []int) {
			sum.Add(int64(par.Sum(sc, ones)))
			for i := range n {
				children = append(children, i)
			}
			return children
		})
		require.EqualValues(t, 5000<<8, sum.Load())
	})
}

// A search without a bound, "until somebody has found one", can be canceled.
func TestCanceledSearchWithoutAnEnd(t *testing.T) {
	p := open(t, 2)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var sink atomic.Uint64
	var late atomic.Int64
	errLate := errors.New("still called long after the cancellation")
	var at atomic.Int64
	_, err := pool.CallContext(ctx, p, func(f pool.Fork[int, error], _ int) error {
		return par.TryFor(f.Scope(), math.MaxInt, func(i int) error {
			x := uint64(i)
			for range 50 {
				x = x*6364136223846793005 + 1442695040888963407
			}
			sink.Store(x)
			if i == 100_000 {
				cancel()
				at.Store(time.Now().UnixNano())
			}
			if i%1024 == 0 && at.Load() != 0 && time.Now().UnixNano()-at.Load() > int64(2*time.Second) {
				late.Add(1)
				return errLate
			}
			return nil
		})
	}, 0)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, late.Load(), "two seconds after the cancellation it still went on")
}
