package figures

import (
	"context"
	"io"
	"iter"
	"testing"
	"unsafe"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/stream"
)

// ---- by hand -------------------------------------------------------------------

type handYields struct {
	task.Frame
	i, n int
}

func (t *handYields) Poll(cx *task.Cx) error {
	for ; t.i < t.n; t.i++ {
		if err := cx.Yield(); err != nil {
			return err
		}
	}
	return nil
}

type handReturns struct {
	task.Frame
	in, out *chans.Chan[int]
	i, n    int
	v       int
	got     bool
}

func (t *handReturns) Poll(cx *task.Cx) error {
	for t.i < t.n {
		if !t.got {
			v, err := t.in.Recv(cx)
			if err != nil {
				return err
			}
			t.v, t.got = v+1, true
		}
		if err := t.out.Send(cx, t.v); err != nil {
			return err
		}
		t.got = false
		t.i++
	}
	return nil
}

type handStage struct {
	task.Frame
	in, out *chans.Chan[int]
	v       int
	got     bool
}

func (t *handStage) Poll(cx *task.Cx) error {
	for {
		if !t.got {
			v, err := t.in.Recv(cx)
			if task.IsPending(err) {
				return err
			}
			if err != nil {
				t.out.Close(cx)
				return nil
			}
			t.v, t.got = v+1, true
		}
		if err := t.out.Send(cx, t.v); err != nil {
			return err
		}
		t.got = false
	}
}

// ---- programs ------------------------------------------------------------------

func all(tb testing.TB, tasks ...task.Task) {
	tb.Helper()
	var g task.Group
	begun := false
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !begun {
			begun = true
			g.GoAll(cx, tasks...)
		}
		return g.Wait(cx)
	}))
	if err != nil {
		tb.Fatal(err)
	}
}

func pingPong(tb testing.TB, n int, one, two func(in, out *chans.Chan[int]) task.Task) {
	a, b := chans.New[int](1), chans.New[int](1)
	all(tb, task.Func(func(cx *task.Cx) error { return a.Send(cx, 0) }), one(a, b), two(b, a))
	if v, err := a.RecvContext(context.Background()); err != nil || v != 2*n {
		tb.Fatal(v, err)
	}
}

// feed sends n values, and closes.
type feed struct {
	task.Frame
	out  *chans.Chan[int]
	i, n int
}

func (t *feed) Poll(cx *task.Cx) error {
	for ; t.i < t.n; t.i++ {
		if err := t.out.Send(cx, t.i); err != nil {
			return err
		}
	}
	t.out.Close(cx)
	return nil
}

// drain adds up what comes.
type drain struct {
	task.Frame
	in  *chans.Chan[int]
	sum int
}

func (t *drain) Poll(cx *task.Cx) error {
	for {
		v, err := t.in.Recv(cx)
		if task.IsPending(err) {
			return err
		}
		if err != nil {
			return nil
		}
		t.sum += v
	}
}

func pipeline(tb testing.TB, n int, stage func(in, out *chans.Chan[int]) task.Task) {
	c := chans.New[int](8)
	end := &drain{}
	tasks := []task.Task{&feed{out: c, n: n}, end}
	for range 4 {
		next := chans.New[int](8)
		tasks = append(tasks, stage(c, next))
		c = next
	}
	end.in = c
	all(tb, tasks...)
	if want := n*(n-1)/2 + 4*n; end.sum != want {
		tb.Fatal(end.sum, want)
	}
}

func counting(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func (t *tree) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		if t == nil {
			return
		}
		for v := range t.left.all() {
			if !yield(v) {
				return
			}
		}
		if !yield(t.value) {
			return
		}
		for v := range t.right.all() {
			if !yield(v) {
				return
			}
		}
	}
}

// take asks a generator for n values in one poll.
func take[T any](tb testing.TB, g stream.Generator[T], n int) {
	k := 0
	all(tb, task.Func(func(cx *task.Cx) error {
		for ; k < n; k++ {
			_, err := g.Next(cx)
			if err == io.EOF {
				tb.Error("too few")
				return nil
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// TestFigures runs what the benchmarks measure once, and bounds what can be without a clock.
func TestFigures(t *testing.T) {
	programs(t, 1000)
	if hand, made := unsafe.Sizeof(handReturns{}), unsafe.Sizeof(returnsTask{}); made > hand+hand/10+48 {
		t.Errorf("by hand %d bytes, the machine %d", hand, made)
	}
	if n := testing.AllocsPerRun(5, func() { take(t, newCount(5000), 5000) }); n > 100 {
		t.Errorf("%v allocations for 5000 values", n)
	}
	tr := newWalk(grow(0, 1<<12))
	if n := testing.AllocsPerRun(1, func() { take(t, tr, 1<<10) }); n > 100 {
		t.Errorf("%v allocations for 1024 values of a tree", n)
	}
	one := testing.AllocsPerRun(5, func() { all(t, newDeep(1, 10)) })
	if n := testing.AllocsPerRun(5, func() { all(t, newDeep(64, 10)) }); n > one+63+20 {
		t.Errorf("%v allocations at a depth of 64, %v at 1", n, one)
	}
}

func programs(tb testing.TB, n int) map[string]map[string]func() {
	handReturn := func(in, out *chans.Chan[int]) task.Task { return &handReturns{in: in, out: out, n: n} }
	madeReturn := func(in, out *chans.Chan[int]) task.Task { return newReturns(in, out, n) }
	const size = 1 << 14
	m := map[string]map[string]func(){
		"yield": {
			"hand":    func() { all(tb, &handYields{n: n}) },
			"machine": func() { all(tb, newYields(n)) },
		},
		"pingpong": {
			"hand":    func() { pingPong(tb, n, handReturn, handReturn) },
			"machine": func() { pingPong(tb, n, madeReturn, madeReturn) },
		},
		"pipeline": {
			"hand": func() {
				pipeline(tb, n, func(in, out *chans.Chan[int]) task.Task { return &handStage{in: in, out: out} })
			},
			"machine": func() { pipeline(tb, n, func(in, out *chans.Chan[int]) task.Task { return newStage(in, out) }) },
		},
		"depth": {
			"1":  func() { all(tb, newDeep(1, n)) },
			"64": func() { all(tb, newDeep(64, n)) },
		},
		"values": {
			"machine": func() { take(tb, newCount(n), n) },
			"seq2": func() {
				for range newCount(n).Seq2(context.Background()) {
				}
			},
			"pull": func() {
				next, stop := iter.Pull(counting(n))
				defer stop()
				for range n {
					next()
				}
			},
		},
		"walk": {
			"machine": func() {
				for root, left := grow(0, size), n; left > 0; left -= size {
					take(tb, newWalk(root), min(left, size))
				}
			},
			"ranged": func() {
				for root, left := grow(0, size), n; left > 0; left -= size {
					k := 0
					for range root.all() {
						if k++; k >= left {
							break
						}
					}
				}
			},
		},
	}
	if _, ok := tb.(*testing.T); ok {
		for _, variants := range m {
			for _, f := range variants {
				f()
			}
		}
	}
	return m
}

func BenchmarkGen(b *testing.B) {
	for name, variants := range programs(b, 1) {
		for variant := range variants {
			b.Run(name+"/"+variant, func(b *testing.B) {
				f := programs(b, b.N)[name][variant]
				b.ReportAllocs()
				b.ResetTimer()
				f()
			})
		}
	}
}
