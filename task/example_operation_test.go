package task_test

import (
	"context"
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// printer prints one page after the other, in many polls: an object that keeps how far it is.
type printer struct {
	op   task.Operation
	page int
}

// Print is an operation: it goes on where it was when the same wait calls it again, and begins with the
// first page otherwise.
func (p *printer) Print(cx *task.Cx, pages int) error {
	if err := cx.Err(); err != nil {
		return err
	}
	switch p.op.Enter(cx) {
	case task.Begins:
		p.page = 0
	case task.Occupied: // by another branch of the task, which wakes it
		return cx.Suspend()
	}
	if p.page++; p.page < pages {
		cx.Wake(cx.Waker()) // somebody who prints would do that
		return p.op.Suspend(cx, p)
	}
	p.op.Done(cx)
	return nil
}

// Abandon is called when nobody will go on with it.
func (p *printer) Abandon(*task.Cx) { fmt.Println("thrown away after page", p.page) }

func ExampleOperation() {
	var p printer
	var sel combine.Select
	lost := false
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !lost {
			i, err := sel.Wait(cx,
				func(cx *task.Cx) error { return p.Print(cx, 1000) },
				func(cx *task.Cx) error {
					if p.page < 3 {
						return task.Pending
					}
					return nil
				})
			if err != nil {
				return err
			}
			fmt.Println("the winner is", i)
			lost = true
		}
		if err := p.Print(cx, 2); err != nil {
			return err
		}
		fmt.Println("printed", p.page)
		return nil
	}))
	// Output:
	// thrown away after page 3
	// the winner is 1
	// printed 2
}

func ExampleCleanup() {
	var desk task.Cleanup // outside of the function, which is called again and again
	h := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !desk.IsSet() {
			fmt.Println("reserved")
			desk.Set(cx, func() { fmt.Println("given back") })
			return cx.Yield()
		}
		return fmt.Errorf("whatever happens")
	}))
	fmt.Println(h)
	// Output:
	// reserved
	// given back
	// whatever happens
}

// A result that comes too late is dropped, and the next call is about its own question.
func ExampleBlocking_detached() {
	ask := task.Blocking[string]{
		Detached: true,
		Drop:     func(s string) { fmt.Println("too late:", s) },
	}
	var to combine.Timeout
	late := make(chan bool)
	asked := false
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !asked {
			err := to.Wait(cx, time.Millisecond, func(cx *task.Cx) error {
				_, err := ask.Do(cx, func(ctx context.Context) (string, error) {
					<-late
					return "the first answer", nil
				})
				return err
			})
			if task.IsPending(err) {
				return err
			}
			fmt.Println(err)
			asked = true
		}
		s, err := ask.Do(cx, func(context.Context) (string, error) { return "the second answer", nil })
		if err != nil {
			return err
		}
		fmt.Println(s)
		close(late)
		return nil // the end of the task waits for the first
	}))
	// Output:
	// task: timed out: context deadline exceeded
	// the second answer
	// too late: the first answer
}
