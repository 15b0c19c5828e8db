package blocking

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"example.org/mistakes/helper"
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
	store  helper.Store
	list   []int
	data   task.Blocking[[]byte]
	load   func() ([]byte, error)
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

func (b *blocker) helps(cx *task.Cx) error {
	b.pause()                      // want `b.pause blocks the worker: there is time.Sleep in it`
	helper.Pause()                 // want `helper.Pause blocks the worker: there is time.Sleep in it`
	helper.Through()               // want `helper.Through blocks the worker: there is Pause in it`
	b.store.Wait()                 // want `b.store.Wait blocks the worker: there is a receive in it`
	_, _ = helper.Fetch("x")       // want `helper.Fetch blocks the worker: there is http.Get in it`
	_, _ = helper.Load()           // want `helper.Load blocks`
	defer b.wait()                 // want `b.wait blocks the worker: there is b.wg.Wait in it`
	_ = helper.Turns(cx.Context()) // want `helper.Turns blocks the worker: there is select in it`
	func() { time.Sleep(1) }()     // want `time.Sleep blocks`
	stop := func() { b.wg.Wait() } // want `b.wg.Wait blocks`
	stop()
	slices.SortFunc(b.list, func(x, y int) int { time.Sleep(1); return x - y }) // want `time.Sleep blocks`
	return nil
}

func (b *blocker) pause() { time.Sleep(1) }
func (b *blocker) wait()  { b.wg.Wait() }

func (b *blocker) bodies(cx *task.Cx, resp *http.Response, r *http.Request, conn net.Conn, f *os.File) error {
	_, _ = io.ReadAll(resp.Body) // want `io.ReadAll blocks the worker`
	body := r.Body
	_, _ = io.ReadAll(io.LimitReader(body, 10)) // want `io.ReadAll blocks`
	_ = json.NewDecoder(resp.Body).Decode(&b.n) // want `Decode blocks`
	br := bufio.NewReader(conn)
	_, _ = br.ReadString(10)      // want `br.ReadString blocks`
	_, _ = conn.Write(nil)        // want `conn.Write blocks`
	_, _ = io.Copy(io.Discard, f) // want `io.Copy blocks`
	fmt.Fprintf(conn, "x")        // want `fmt.Fprintf blocks`
	sc := bufio.NewScanner(f)
	for sc.Scan() { // want `sc.Scan blocks`
	}
	_, _ = io.ReadFull(conn, nil) // want `io.ReadFull blocks`
	return nil
}

// ---- what is right -----------------------------------------------------------

func (b *blocker) helped(cx *task.Cx) error {
	b.store.Inc()
	b.store.Kick()
	helper.Start()
	<-helper.Future() // want `a receive blocks`
	_, _ = helper.Parse(nil)
	_, _ = io.ReadAll(strings.NewReader("x"))
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "x")
	_ = json.NewDecoder(&buf).Decode(&b.n)
	fmt.Fprintln(os.Stderr, "x")
	if len(b.c) > 0 {
		b.n = <-b.c
	}
	done := make(chan error, 1)
	done <- nil
	_, err := b.data.Do(cx, func(context.Context) ([]byte, error) { return helper.Fetch("x") })
	if err != nil {
		return err
	}
	b.group.Goroutine(cx, func(context.Context) error { helper.Pause(); return nil })
	b.load = helper.Load
	return nil
}

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
