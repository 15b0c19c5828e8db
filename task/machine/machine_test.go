package machine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/machine"
)

// down is a function that calls itself n times, waits at the bottom, and fails there if it has
// a reason. It is written as heistgen writes it.
type down struct {
	machine.Call
	n     int
	why   error
	raise any
	next  *down
	steps *int
}

func (m *down) Step(d *machine.Driver, cx *task.Cx, in error) error {
	*m.steps++
	switch m.At {
	case 1:
		goto bottom
	case 2:
		goto done
	}
	if m.n > 0 {
		m.next = &down{n: m.n - 1, why: m.why, raise: m.raise, steps: m.steps}
		if in = m.next.Step(d, cx, nil); in == task.Pending {
			m.At = 2
			return d.Guarded(&m.next.Call, m, in)
		}
		goto done
	}
bottom:
	if err := cx.Yield(); task.IsPending(err) {
		m.At = 1
		return d.Suspended(m)
	}
	if m.raise != nil {
		panic(m.raise)
	}
	return m.why
done:
	return machine.Returned(in)
}

type root struct {
	machine.Root
	call down
}

func (t *root) Poll(cx *task.Cx) error { return t.Drive(cx, &t.call) }

func (*root) TaskName() string { return "machine_test.goDown" }

// A poll resumes the innermost function directly: how deep it is costs nothing until its
// callers get their results.
func ExampleDriver() {
	steps := 0
	t := &root{call: down{n: 3, steps: &steps, why: errors.New("at the bottom")}}
	fmt.Println(task.Run(context.Background(), t))
	fmt.Println(steps, "steps: 4 down, 4 up")
	// Output:
	// at the bottom
	// 8 steps: 4 down, 4 up
}

func TestPanicPassesCallers(t *testing.T) {
	steps := 0
	m := &root{call: down{n: 5, steps: &steps, raise: "deep"}}
	defer func() {
		p, ok := recover().(*task.PanicError)
		if !ok || p.Value != "deep" {
			t.Fatalf("recovered %v", p)
		}
		if steps != 12 {
			t.Errorf("%d steps", steps)
		}
	}()
	_ = task.Run(context.Background(), m)
}

func TestEnded(t *testing.T) {
	if err := machine.Ended(context.Canceled); err != context.Canceled {
		t.Error(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("Pending was taken for an error")
		}
	}()
	_ = machine.Ended(fmt.Errorf("wrapped: %w", task.Pending))
}

func TestRanges(t *testing.T) {
	m := map[string]int{"a": 1, "b": 2, "c": 3}
	sum, n := 0, 0
	for it := machine.Range(m); it.Next(); n++ {
		sum += it.Value()
		delete(m, it.Key())
		if n == 1 {
			clear(m) // what is gone does not come
		}
	}
	if n != 2 || sum < 3 || sum > 5 {
		t.Error(n, sum)
	}
	s := "aé\xff€"
	var at []int
	var rs []rune
	for i := 0; i < len(s); {
		var r rune
		at = append(at, i)
		i, r = machine.Rune(s, i)
		rs = append(rs, r)
	}
	var wantAt []int
	var wantRs []rune
	for i, r := range s {
		wantAt, wantRs = append(wantAt, i), append(wantRs, r)
	}
	if fmt.Sprint(at, rs) != fmt.Sprint(wantAt, wantRs) {
		t.Error(at, rs)
	}
}

// A task of a function is of the kind that the source names; one that has it inside of another, and a name of its own
// that it has to look for, is of its type.
func TestKind(t *testing.T) {
	for want, x := range map[string]task.Task{
		"machine_test.goDown":  &root{},
		"machine_test.renamed": &renamed{name: "own"},
		"machine_test.unnamed": &unnamed{},
	} {
		for range 2 {
			require.Equal(t, want, task.Kind(x))
		}
	}
	require.Equal(t, "own", task.Name(&renamed{name: "own"}))
}

type renamed struct {
	root
	name string
}

func (r *renamed) TaskName() string { return r.name }

type unnamed struct{ machine.Root }

func (*unnamed) Poll(*task.Cx) error { return nil }
