package blocking

import (
	"context"
	"fmt"
	"iter"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

type blocker struct {
	task.Frame
	answer task.Promise[int]
	in     *chans.Chan[int]
	lock   lock.Mutex
	c      chan int
	mu     sync.Mutex
	rw     sync.RWMutex
	wg     sync.WaitGroup
	cond   *sync.Cond
	block  task.Blocking[[]byte]
	group  task.Group
	n      int
}

func (b *blocker) Poll(cx *task.Cx) error {
	b.c <- 1        // want `a send blocks the worker: use chans.Chan, or select with default`
	b.n = <-b.c     // want `a receive blocks the worker`
	for range b.c { // want `a range over a channel blocks the worker`
	}
	select { // want `select blocks the worker`
	case v := <-b.c:
		b.n = v
	case b.c <- 1:
	}
	time.Sleep(1) // want `time.Sleep blocks the worker`
	b.wg.Wait()   // want `b.wg.Wait blocks the worker`
	b.cond.Wait() // want `b.cond.Wait blocks the worker`
	return nil
}

func (b *blocker) faces(cx *task.Cx, p *pool.Pool) error {
	if _, err := b.answer.WaitContext(cx.Context()); err != nil { // want `b.answer.WaitContext blocks the worker: it is for goroutines, and Wait is for tasks`
		return err
	}
	if _, err := b.in.RecvContext(cx.Context()); err != nil { // want `b.in.RecvContext blocks the worker: it is for goroutines, and Recv is for tasks`
		return err
	}
	if err := b.lock.LockContext(cx.Context()); err != nil { // want `b.lock.LockContext blocks the worker`
		return err
	}
	return p.Run(cx.Context(), b) // want `p.Run blocks the worker: it is for goroutines`
}

func (b *blocker) system(cx *task.Cx) error {
	_, err := net.Dial("tcp", "example.org:80") // want `net.Dial blocks the worker: use task.Blocking`
	if err != nil {
		return err
	}
	if _, err := os.ReadFile("x"); err != nil { // want `os.ReadFile blocks`
		return err
	}
	if err := exec.Command("x").Run(); err != nil { // want `exec.Command\("x"\).Run blocks`
		return err
	}
	_, _ = fmt.Scanln(&b.n)                          // want `fmt.Scanln blocks`
	next, stop := iter.Pull(func(func(int) bool) {}) // want `iter.Pull blocks`
	defer stop()
	next()
	return nil
}

// A helper without a result is a part of the poll, too.
func (b *blocker) helper(cx *task.Cx) { time.Sleep(1) } // want `time.Sleep blocks`

func (b *blocker) holds(cx *task.Cx) error {
	b.mu.Lock() // want `b.mu is still locked when b.in.Recv suspends: unlock it before, or take a lock.Mutex`
	v, err := b.in.Recv(cx)
	if err != nil {
		return err
	}
	b.n = v
	b.mu.Unlock()
	return nil
}

// ---- what is right -----------------------------------------------------------

func (b *blocker) right(cx *task.Cx) error {
	select {
	case b.n = <-b.c:
	default:
	}
	b.group.Goroutine(cx, func(context.Context) error {
		time.Sleep(1)
		b.wg.Wait()
		return nil
	})
	go func() { b.c <- 1 }()
	time.AfterFunc(time.Second, func() { <-b.c })
	if _, err := b.block.Do(cx, func(context.Context) ([]byte, error) { return os.ReadFile("x") }); err != nil {
		return err
	}
	_ = cx.Context()
	_ = task.WithContext(cx.Context())
	return b.group.Wait(cx)
}

func (b *blocker) deferred(cx *task.Cx) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, err := b.in.Recv(cx)
	b.n = v
	return err
}

func (b *blocker) before(cx *task.Cx) error {
	b.rw.RLock()
	n := b.n
	b.rw.RUnlock()
	return b.in.Send(cx, n)
}

func (b *blocker) always(cx *task.Cx) error {
	b.mu.Lock()
	v, err := b.in.Recv(cx)
	b.n = v
	b.mu.Unlock()
	return err
}

// A goroutine may block.
func (b *blocker) goroutine(ctx context.Context) error {
	time.Sleep(1)
	return b.WaitContext(ctx)
}
