package blocking

import (
	"context"
	"net/http"
	"sync"
	"time"

	"example.org/mistakes/helper"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/task"
)

type leaver struct {
	task.Frame
	c   chan int
	log chan string
	mu  sync.Mutex
	wg  sync.WaitGroup
	n   int
}

func (l *leaver) Poll(cx *task.Cx) error { return nil }

func (l *leaver) Finish(err error) {
	l.mu.Lock()
	l.n++
	l.mu.Unlock()
	l.c <- 1                     // want `a send blocks the worker that ends the task: task.Cleanup waits before the end`
	l.wg.Wait()                  // want `l.wg.Wait blocks the worker that ends the task`
	helper.Pause()               // want `helper.Pause blocks the worker that ends the task`
	_, _ = http.Get("example.x") // want `http.Get blocks the worker that ends the task`
	go func() { l.c <- 1 }()
	select {
	case l.log <- "end":
	default:
	}
	close(l.c)
}

type report struct{ c chan int }

// Finish is nobody's: a report is no task.
func (r *report) Finish(error) { <-r.c }

func sleepy(int) { time.Sleep(1) }

func computes(p *pool.Pool, in, out chan int, xs []int, wg *sync.WaitGroup) {
	par.For(p, 10, func(i int) { out <- i })                // want `a send blocks a worker that computes: others cannot help with what waits`
	par.ForEach(p, xs, func(int) { time.Sleep(1) })         // want `time.Sleep blocks a worker that computes`
	par.ForSeq(p, values(in), func(int) { helper.Pause() }) // want `helper.Pause blocks a worker that computes`
	par.For(p, 10, sleepy)                                  // want `sleepy blocks a worker that computes`
	_ = par.Map(p, xs, func(int) error {
		_, err := http.Get("x") // want `http.Get blocks a worker that computes`
		return err
	})
	pool.Do(p, func(pool.Scope) { wg.Wait() }) // want `wg.Wait blocks a worker that computes`
	body := func(i int) { <-in }               // want `a receive blocks a worker that computes`
	par.For(p, 3, body)

	// What is right.
	errs := make(chan error, len(xs))
	par.ForEach(p, xs, func(int) { errs <- nil })
	par.ForSeq(p, func(yield func(int) bool) { // a source may wait
		for v := range in {
			if !yield(v) {
				return
			}
		}
	}, func(int) {})
	var mu sync.Mutex
	n := 0
	par.ForEach(p, xs, func(v int) { mu.Lock(); n += v; mu.Unlock() })
	_ = pool.DoContext(context.Background(), p, func(s pool.Scope) {
		xs = append(xs, <-in) // on this goroutine
		par.Sort(s, xs)
	})
	par.For(p, 3, func(int) { go func() { <-in }() })
	par.For(p, 3, func(i int) {
		select {
		case out <- i:
		default:
		}
	})
}

func values(in chan int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for v := range in {
			if !yield(v) {
				return
			}
		}
	}
}
