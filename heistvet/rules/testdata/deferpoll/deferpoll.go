package deferpoll

import (
	"errors"
	"fmt"
	"sync"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

type desk struct{}

func (desk) release(int) {}

type lodger struct {
	task.Frame
	desk desk
	room int
	bill task.Promise[int]
	conn *reactor.Conn
	mu   lock.RWMutex
	raw  sync.Mutex
	n    int
}

func (l *lodger) Poll(cx *task.Cx) error {
	defer l.desk.release(l.room) // want `defer runs at each suspension, and l.bill.Wait may suspend: clean up in Finish`
	_, err := l.bill.Wait(cx)
	return err
}

func (l *lodger) close(cx *task.Cx) (err error) {
	if l.n > 0 {
		defer func() { // want `defer runs at each suspension, and l.conn.Write may suspend`
			if err != nil {
				_ = l.conn.Close()
			}
		}()
	}
	return l.conn.Write(cx, nil)
}

func (l *lodger) loop(cx *task.Cx) error {
	for {
		if _, err := l.bill.Wait(cx); err != nil {
			return err
		}
		defer fmt.Println("again") // want `defer runs at each suspension`
	}
}

var _ = task.Func(func(cx *task.Cx) error {
	defer fmt.Println("end") // want `defer runs at each suspension, and cx.Yield may suspend`
	return cx.Yield()
})

// ---- what is right -----------------------------------------------------------

func (l *lodger) read(cx *task.Cx) error {
	if err := l.mu.RLock(cx); err != nil {
		return err
	}
	defer l.mu.RUnlock(cx) // nothing below suspends
	fmt.Println(l.n)
	return nil
}

func (l *lodger) operation(cx *task.Cx) error {
	if err := cx.Err(); err != nil {
		return err
	}
	l.raw.Lock()
	defer l.raw.Unlock() // each poll takes it for itself
	if l.n == 0 {
		return task.Pending
	}
	return cx.Spend()
}

func (l *lodger) recovers(cx *task.Cx) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("oh")
		}
	}()
	return cx.Yield()
}

func (l *lodger) asks(cx *task.Cx) (err error) {
	defer func() {
		if !task.IsPending(err) {
			_ = l.conn.Close()
		}
	}()
	return cx.Yield()
}

func (l *lodger) last(cx *task.Cx) error {
	if l.n == 0 {
		return cx.Yield()
	}
	defer l.desk.release(l.room)
	return nil
}

// steps makes poll functions, and is none.
func (l *lodger) steps() task.Task {
	defer fmt.Println("made")
	return task.Func(func(cx *task.Cx) error { return cx.Yield() })
}
