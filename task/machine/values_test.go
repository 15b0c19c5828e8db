package machine_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/machine"
)

// upTo yields 0 to n-1 and waits in between, as heistgen writes it.
type upTo struct {
	machine.Call
	n, i  int
	why   error
	yield *machine.Values[int]
	ended *int
}

func (m *upTo) Step(d *machine.Driver, cx *task.Cx, _ error) error {
	switch m.At {
	case 1:
		goto wait
	case 2:
		goto yielded
	}
	m.D = 1
loop:
	if m.i == m.n {
		m.Unwind()
		return m.why
	}
wait:
	if err := cx.Yield(); task.IsPending(err) {
		m.At = 1
		return d.Suspended(m)
	} else if err != nil {
		m.Unwind()
		return err
	}
	m.At = 2
	return m.yield.Yield(d, m, m.i)
yielded:
	if !m.yield.Wanted() {
		m.Unwind()
		return nil
	}
	m.i++
	goto loop
}

// Unwind counts the ends: its deferred call.
func (m *upTo) Unwind() {
	if m.Defers() != 0 {
		*m.ended++
	}
}

type values struct {
	machine.Values[int]
	call  upTo
	ended int
}

func ints(n int, why error) *values {
	v := &values{call: upTo{n: n, why: why}}
	v.call.yield, v.call.ended = &v.Values, &v.ended
	v.Begin(&v.call)
	return v
}

func TestSeq2(t *testing.T) {
	why := errors.New("why")
	sum, last := 0, error(nil)
	for v, err := range ints(5, why).Seq2(context.Background()) {
		sum += v
		last = err
	}
	if sum != 10 || last != why {
		t.Error(sum, last)
	}
	g := ints(5, nil)
	for v, err := range g.Seq2(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		// The body is the goroutine's: it may block, and run tasks.
		if err := task.Run(context.Background(), task.Func(func(*task.Cx) error { return nil })); err != nil {
			t.Fatal(err)
		}
		if v == 2 {
			break
		}
	}
	if g.ended != 1 {
		t.Error("the generator was not closed")
	}
	for v, err := range g.Seq2(context.Background()) {
		t.Error("again", v, err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	g = ints(1<<30, nil)
	last = nil
	for v, err := range g.Seq2(ctx) {
		if v == 100 {
			cancel(why)
		}
		last = err
	}
	if !errors.Is(last, why) || g.ended != 1 {
		t.Error(last, g.ended)
	}
}

func TestSeq2BodyPanics(t *testing.T) {
	g := ints(5, nil)
	func() {
		defer func() {
			if p := recover(); p != "body" {
				t.Error(p)
			}
		}()
		for range g.Seq2(context.Background()) {
			panic("body")
		}
	}()
	if g.ended != 1 {
		t.Error("the generator's deferred calls have not run")
	}
	g = ints(5, nil)
	done := make(chan bool)
	go func() {
		defer close(done)
		for range g.Seq2(context.Background()) {
			runtime.Goexit()
		}
		t.Error("it has gone on")
	}()
	<-done
	if g.ended != 1 {
		t.Error("the generator's deferred calls have not run")
	}
}

// A loop in a goroutine over the values of a generator.
func ExampleValues_Seq2() {
	for v, err := range ints(3, nil).Seq2(context.Background()) {
		fmt.Println(v, err)
	}
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 2 <nil>
}
