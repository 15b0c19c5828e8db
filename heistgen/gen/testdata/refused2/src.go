//go:build heistgen

package refused2

import (
	"sync"
	"time"

	"github.com/heist-go/heist/heistgen/gen/testdata/refused2/near"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

//heist:task
func child(cx *task.Cx, n int) (int, error) { return n, cx.Yield() }

//heist:task
func channels(cx *task.Cx, b *box) error {
	b.ch <- 1        // want `a send may block the worker: use chans.Chan`
	<-b.ch           // want `a receive may block the worker`
	select {}        // want `select is for goroutines: use combine.Select`
	for range b.ch { // want `a range over a channel may block the worker`
	}
	go use() // want `starts no goroutines`
	return nil
}

//heist:task
func blocking(cx *task.Cx, wg *sync.WaitGroup) error {
	time.Sleep(time.Second) // want `time.Sleep blocks the worker`
	wg.Wait()               // want `wg.Wait blocks the worker`
	return nil
}

//heist:task
func keeps(cx *task.Cx, b *box) error {
	b.cx = cx                             // want `the \*task.Cx can be an argument and a receiver, and not be kept`
	c := cx                               // want `would keep the \*task.Cx` `the \*task.Cx can be an argument`
	use(c)                                // want `c is the \*task.Cx of another function`
	f := func() error { return cx.Err() } // want `is used in a function literal that may be called later`
	return f()
}

//heist:task
func values(cx *task.Cx) error {
	f := child // want `child is a straight-line function, and no value`
	use(f)
	defer child(cx, 1) // want `a deferred call cannot wait`
	go child(cx, 1)    // want `starts no goroutines`
	return nil
}

//heist:task
func closures(cx *task.Cx, b *box) error {
	func() {
		_ = b.Wait(cx) // want `a wait cannot stand in this function literal: give it a \*task.Cx first`
	}()
	defer func() {
		_ = b.Wait(cx) // want `a deferred function cannot wait` `cx cannot be used in a deferred function.*: give the literal a parameter of its type, and the deferred call cx as the argument`
	}()
	return nil
}

//heist:task
func deferred(cx *task.Cx, g *task.Group) error {
	defer cx.Shield()   // want `cx is another one when the deferred call runs, or nil, which has no methods: call cx.Shield before the return statement`
	defer g.Go(cx, nil) // want `cx is another one when the deferred call runs, or nil: only a parameter that is a \*task.Cx can have it`
	defer note(cx)
	defer use(cx)        // want `only a parameter that is a \*task.Cx can have it`
	defer (use)((cx), g) // want `only a parameter that is a \*task.Cx can have it`
	return nil
}

//heist:task
func pending(cx *task.Cx, b *box) error {
	if err := b.Wait(cx); task.IsPending(err) { // want `never sees Pending`
		return task.Pending // want `neither sees nor returns Pending`
	}
	use(cx.Waker()) // want `is for operations that are written by hand`
	return nil
}

//heist:task
func beside(cx *task.Cx, b *box) error {
	_, err := child(cx, 1)
	if err != nil {
		return err
	}
	return task.All(b.Wait(cx), beside(cx, b)) // want `beside cannot be awaited beside others`
}

//heist:task
func other(cx *task.Cx, b *box) error {
	var t combine.Timeout
	return t.Wait(cx, time.Second, func(in *task.Cx) error {
		if err := b.Wait(cx); err != nil { // want `the first argument of b.Wait has to be in` `cx is the \*task.Cx of another function`
			return err
		}
		return b.Wait(in)
	})
}

//heist:task
func yields(cx *task.Cx, yield func(int) bool) error {
	use(yield) // want `yield can be called, and handed on to another generator, and nothing else`
	return nil
}

//heist:task
func elsewhere(cx *task.Cx) error {
	use(near.Seen) // want `near.NewSeen\(...\), or call it`
	if err := near.Seen(cx); err != nil {
		return err
	}
	return near.Hidden(cx) // want `other packages cannot name: write .//heist:task name=Hidden. there`
}

//heist:task
func numbers(cx *task.Cx, yield func(int) bool) error {
	yield(1)
	return nil
}

//heist:task
func allValues(cx *task.Cx) error {
	seq := newNumbers().All(cx) // want `the values of a generator are ranged over`
	use(seq)
	func() {
		for range newNumbers().All(cx) { // want `a wait cannot stand in this function literal`
		}
	}()
	return nil
}

//heist:task
func besideOthers(cx *task.Cx, b *box, f func(cx *task.Cx) error) error {
	return task.All(b.Wait(cx), f(cx)) // want `f is a function value, which would be called again`
}

//heist:task
func besideConsumers(cx *task.Cx, b *box, g *task.Group) error {
	var limit combine.Timeout
	var timer task.Timer
	if at, err := task.First(timer.Sleep(cx, time.Second), g.Wait(cx)); err != nil || at == 0 {
		return err
	}
	if err := task.All(timer.Wait(cx), g.Wait(cx), timer.Sleep(cx, time.Second)); err != nil { // want `timer.Sleep would begin again when it is over and others are not`
		return err
	}
	_, err := task.First(b.Wait(cx), task.All(g.Wait(cx), limit.Wait(cx, time.Second, b.Wait))) // want `limit.Wait would begin again`
	return err
}

//heist:task drain=Wait,Read
func toldOf(cx *task.Cx, b *box) error { // want `drain=Read: refused2.toldOf waits for nothing by that name`
	return b.Wait(cx)
}
