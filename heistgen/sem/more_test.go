package sem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/machine"
)

// collect takes up to n values, and then closes the generator.
func collect[T any](g generator[T], n int, to *[]T) task.Task {
	return task.Func(func(cx *task.Cx) error {
		for len(*to) < n {
			v, err := g.Next(cx)
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			*to = append(*to, v)
		}
		return g.Close(cx)
	})
}

func TestGenerators(t *testing.T) {
	for seed := range uint64(100) {
		for _, n := range []int{0, 1, 4, 9} {
			p := &pauser{seed: seed}
			var got []int
			if err := task.Run(context.Background(), collect[int](newCount(p, 5), n, &got)); err != nil {
				t.Fatal(err)
			}
			if want := []int{0, 1, 2, 3, 4}[:min(n, 5)]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d: %v", seed, got)
			}
			log := map[int]string{0: "", 1: "stopped at 0; counted; ", 4: "stopped at 3; counted; ", 9: "counted; "}[n]
			if p.log.String() != log {
				t.Fatalf("seed %d, %d values: %q", seed, n, p.log.String())
			}
			got = nil
			err := task.Run(context.Background(), collect[int](newWalk(grow(0, 9)), n, &got))
			if want := min(n, 9); len(got) != want || n > 0 && n < 9 && !errors.Is(err, errStop) {
				t.Fatalf("walk: %v %v", got, err)
			}
			for i, v := range got {
				if v != i {
					t.Fatalf("walk: %v", got)
				}
			}
		}
	}
}

func TestGeneratorAllocates(t *testing.T) {
	root := grow(0, 1<<10)
	task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		g := newWalk(root)
		for range 100 {
			if _, err := g.Next(cx); err != nil {
				//heistvet:ignore pendingbranch: it does not wait, and is said to be wrong if it does
				t.Error(err)
			}
		}
		if n := testing.AllocsPerRun(500, func() {
			_, err := g.Next(cx)
			if task.IsPending(err) {
				return // it does not wait
			}
			if err != nil {
				t.Error(err)
			}
		}); n > 0 {
			t.Errorf("%v allocations a value", n)
		}
		return nil
	}))
}

func TestDraining(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	var started task.Promise[struct{}]
	m := newTold(&started)
	p.Go(m)
	if _, err := started.WaitContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	begin := time.Now()
	if err := p.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if time.Since(begin) > 30*time.Second {
		t.Error("the task has not noticed that it was told")
	}
	if n, err := m.Result(); n != 42 || !errors.Is(err, task.ErrDraining) || !errors.Is(err, task.ErrClosed) {
		t.Fatal(n, err)
	}
}

func TestShield(t *testing.T) {
	for seed := range uint64(50) {
		m := newShielded(&pauser{seed: seed})
		// Its parent cancels it once it has begun.
		var g task.Group
		g.Failed = func(task.Task, error) error { return nil }
		stage := 0
		err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
			switch stage {
			case 0:
				g.Go(cx, m)
				stage++
				fallthrough
			case 1:
				if err := cx.Yield(); err != nil {
					return err
				}
				m.Cancel(nil)
				stage++
			}
			return g.Wait(cx)
		}))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := m.Result(); n != 5 || !errors.Is(err, task.ErrCanceled) {
			t.Fatalf("seed %d: %d %v", seed, n, err)
		}
	}
}

// TestRanged compares loops over generators with loops over iterators that do the same.
func TestRanged(t *testing.T) {
	for how := range 9 {
		want, wantLog := rangedPlain(how)
		for seed := range uint64(60) {
			p := &pauser{seed: seed}
			m := newRanged(p, how)
			if err := task.Run(context.Background(), m); err != nil {
				t.Fatal(err)
			}
			if got, err := m.Result(); fmt.Sprint(got) != fmt.Sprint(want) || err != nil || p.log.String() != wantLog {
				t.Fatalf("%d, seed %d: %v %v\n%s\nwant %v\n%s", how, seed, got, err, p.log.String(), want, wantLog)
			}
			if seed > 9 {
				continue
			}
			p = &pauser{seed: seed}
			if got, err := rangedContext(context.Background(), p, how); fmt.Sprint(got) != fmt.Sprint(want) || err != nil || p.log.String() != wantLog {
				t.Fatalf("%d, seed %d, for goroutines: %v %v\n%s\nwant %v\n%s", how, seed, got, err, p.log.String(), want, wantLog)
			}
		}
	}
}

// counting is count as an iterator.
func counting(p *pauser, n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		defer p.say("counted")
		for i := range n {
			if !yield(i) {
				p.say("stopped at %d", i)
				return
			}
		}
	}
}

func rangedPlain(how int) (out []int, log string) {
	p := &pauser{}
	func() {
		defer func() { p.say("end %v", out) }()
	outer:
		for k := range 3 {
			for a := range counting(p, 4) {
				for b := range counting(p, 3) {
					out = append(out, 100*k+10*a+b)
					if a+b == 2 && k == 1 {
						switch how {
						case 1:
							break outer
						case 2:
							continue outer
						case 3:
							out = append(out, -1)
							return
						case 4:
							s := 0
							for _, v := range out {
								s += v
							}
							out = []int{s}
							return
						case 5:
							goto over
						}
					}
					if how == 6 && b == 1 {
						break
					}
				}
				if how == 8 && a == 2 {
					break
				}
				for range counting(p, 2) {
				}
			}
		}
		return
	over:
		p.say("over")
	}()
	return out, p.log.String()
}

func TestGeneratorFails(t *testing.T) {
	for seed := range uint64(20) {
		m := newUntilItFails(&pauser{seed: seed})
		if err := task.Run(context.Background(), m); err != errDeep {
			t.Fatal(err)
		}
		if out, _ := m.Result(); fmt.Sprintf("%q", out) != `["one" ""]` {
			t.Fatalf("%q", out)
		}
		if out, err := untilItFailsContext(context.Background(), &pauser{seed: seed}); fmt.Sprintf("%q", out) != `["one" ""]` || err != errDeep {
			t.Fatalf("for goroutines: %q %v", out, err)
		}
		p := &pauser{seed: seed}
		var last error
		n := 0
		for _, err := range newFails(p).Seq2(context.Background()) {
			n, last = n+1, err
		}
		if n != 2 || last != errDeep || p.log.String() != "failed; " {
			t.Fatal(n, last, p.log.String())
		}
	}
}

// TestAcross awaits functions of another package.
func TestAcross(t *testing.T) {
	for seed := range uint64(100) {
		m := newAcross(&pauser{seed: seed})
		if err := task.Run(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		got, _ := m.Result()
		if want := "[7 in <nil> 1.5 1 <nil> -1 0 1 2 3 4 caught: far [unwound]]"; fmt.Sprint(got) != want {
			t.Fatalf("seed %d: %v, want %v", seed, got, want)
		}
		if again, err := acrossContext(context.Background(), &pauser{seed: seed}); fmt.Sprint(again) != fmt.Sprint(got) || err != nil {
			t.Fatalf("seed %d, for goroutines: %v %v, want %v", seed, again, err, got)
		}
	}
}

// TestItself calls literals in themselves, and after the function that has made them.
func TestItself(t *testing.T) {
	for seed := range uint64(60) {
		m := newItself(&pauser{seed: seed})
		if err := task.Run(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		if got, _ := m.Result(); got != "13 82 22 24" {
			t.Fatalf("seed %d: %s", seed, got)
		}
		if got, err := itselfContext(context.Background(), &pauser{seed: seed}); got != "13 82 22 24" || err != nil {
			t.Fatalf("seed %d, for goroutines: %s %v", seed, got, err)
		}
	}
}

func TestNested(t *testing.T) {
	m := newNested(&pauser{seed: 7}, 3)
	if err := task.Run(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	if l, _ := m.Result(); len(l) != 3 || len(l[2]) != 2 {
		t.Error(l)
	}
}

// TestDrops looks at a machine that waits: what it does not need is gone.
func TestDrops(t *testing.T) {
	for seed := range uint64(20) {
		p := &pauser{seed: seed}
		m := newDrops(p, &tree{value: 5})
		waits := false
		var g task.Group
		g.Failed = func(task.Task, error) error { return nil }
		begun := false
		err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
			if !begun {
				begun = true
				g.Go(cx, m)
			}
			for !waits {
				if strings.HasSuffix(p.log.String(), "a5b; ") && m.call.At == 4 {
					waits = true
					if m.call.big != nil || m.call.a != "" || m.call.p != nil {
						t.Errorf("seed %d: %+v", seed, m.call)
					}
					m.Cancel(nil)
				} else if err := cx.Yield(); err != nil {
					return err
				}
			}
			return g.Wait(cx)
		}))
		if err != nil || !waits {
			t.Fatal(err, waits)
		}
	}
	// b has a's field.
	if n, want := unsafe.Sizeof(dropsCall{}), unsafe.Sizeof(machine.Call{})+2*unsafe.Sizeof(t)+unsafe.Sizeof(""); n != want {
		t.Errorf("the machine has %d bytes, want %d", n, want)
	}
}

// TestLines looks where functions wait that await each other.
func TestLines(t *testing.T) {
	source, err := os.ReadFile("src.go")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Split(string(source), "\n")
	depths := map[int]bool{}
	for seed := range uint64(20) {
		m := newOuter(&pauser{seed: seed * 0x9e3779b97f4a7c15}, "")
		var g task.Group
		looks := 0
		look := func() {
			lines := task.LinesOf(m) // it is suspended: it has one worker with the task that looks
			want := []string{"sem.inner p.Wait(cx)", "sem.middle inner(cx, p, how)", "sem.outer middle(cx, p, how)"}
			if len(lines) == 2 {
				want = []string{"sem.middle p.Wait(cx)", want[2]}
			}
			stage := task.StageOf(m)
			for i, l := range lines {
				f, call, _ := strings.Cut(want[i], " ")
				if l.Function != f || l.File != "src.go" || !strings.Contains(text[l.Line-1], call) {
					t.Errorf("%d: %+v, want %s", i, l, want[i])
				}
				if !strings.Contains(stage, fmt.Sprintf("%s at src.go:%d", f, l.Line)) {
					t.Errorf("%d: not in the stage: %s", i, stage)
				}
			}
			depths[len(lines)] = true
		}
		err = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
			if looks == 0 {
				g.Go(cx, m)
			}
			for looks < 200 {
				looks++
				look()
				if err := cx.Yield(); err != nil {
					return err
				}
			}
			return g.Wait(cx)
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
	if !depths[2] || !depths[3] {
		t.Error("it never waited where it was looked at", depths)
	}
}

// What a function waits for in literals, time and again, is in its frame: it allocates the first time only.
func TestLiteralsAllocate(t *testing.T) {
	if race {
		t.Skip("skipped: with the race detector closures allocate that are inlined otherwise")
	}
	p, err := pool.New(pool.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	allocs := func(n int) float64 {
		return testing.AllocsPerRun(5, func() {
			c := newAgain(n)
			if err := p.Run(context.Background(), c); err != nil {
				t.Fatal(err)
			}
			if sum, err := c.Result(); sum != n*(n-1)+2*n || err != nil {
				t.Fatal(sum, err)
			}
		})
	}
	if once, often := allocs(1), allocs(501); often > once+100 { // the runtime's own among them
		t.Errorf("%v allocations for a round, %v for 501", once, often)
	}
}
