package right

import (
	"fmt"
	"log"
	"time"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

type session struct {
	task.Frame
	in, out *chans.Chan[int]
	conn    *reactor.Conn
	n, sum  int
	tm      task.Timer
	sem     *lock.Semaphore
	rw      lock.RWMutex
	mu      lock.Mutex
	cond    lock.Cond
	group   task.Group
	tick    task.Ticker
	done    bool
	line    []byte
	hs      []*task.Handle[int]
	h       *task.Handle[int]
	started time.Time
	lat     time.Duration
	conns   map[string]*reactor.Conn
	lines   []string
}

func (t *session) sem1(cx *task.Cx) error {
	if err := t.sem.Acquire(cx, 1); err != nil {
		return err
	}
	_, err := t.in.Recv(cx)
	if err != nil {
		t.sem.Release(cx, 1)
		return err
	}
	t.sem.Release(cx, 1)
	return nil
}
func (t *session) unlockHelper(cx *task.Cx) error {
	if err := t.rw.RLock(cx); err != nil {
		return err
	}
	err := t.inner(cx)
	t.rw.RUnlock(cx)
	return err
}
func (t *session) inner(cx *task.Cx) error { _, err := t.in.Recv(cx); return err }

// a wait in one of two branches only
func (t *session) branchy(cx *task.Cx) error {
	v, err := t.in.TryRecv(cx)
	if err != nil {
		v, err = t.in.Recv(cx)
		if err != nil {
			return err
		}
	}
	t.sum = v
	return nil
}

// one or the other, by the same err
func (t *session) either(cx *task.Cx) (err error) {
	if t.n%2 == 0 {
		_, err = t.in.Recv(cx)
	} else {
		err = t.out.Send(cx, t.n)
	}
	if err != nil {
		return fmt.Errorf("either: %w", err)
	}
	t.n++
	return nil
}
func (t *session) lazily(cx *task.Cx) error {
	if t.h == nil {
		t.h = task.Go(cx, func(cx *task.Cx) (int, error) { return 1, nil })
	}
	v, err := t.h.Wait(cx)
	if err != nil {
		return err
	}
	t.h = nil
	t.sum += v
	return nil
}
func (t *session) timed(cx *task.Cx) error {
	if t.started.IsZero() {
		t.started = cx.Now()
	}
	if err := t.group.Wait(cx); err != nil {
		return err
	}
	t.lat = cx.Now().Sub(t.started)
	log.Print(t.lat)
	return nil
}
func (t *session) render(cx *task.Cx) error {
	var lines []string
	add := func(s string) { lines = append(lines, s) }
	add("a")
	t.lines = lines
	return t.group.Wait(cx)
}
func (t *session) nested(cx *task.Cx) error {
	for name, c := range t.conns {
		err := c.Write(cx, t.line)
		if task.IsPending(err) {
			return err
		}
		if err != nil {
			log.Print(name, err)
		}
		delete(t.conns, name)
	}
	return nil
}
func (t *session) ticker(cx *task.Cx) error {
	for !t.done {
		if _, err := t.tick.Tick(cx); err != nil {
			return err
		}
		t.n++
	}
	return t.group.Wait(cx)
}
func (t *session) peek(cx *task.Cx) error {
	line, err := t.conn.ReadUntil(cx, '\n', 100)
	if err != nil {
		return err
	}
	t.sum += len(line)
	t.lines = append(t.lines, string(line))
	return nil
}
func (t *session) shortcut(cx *task.Cx) error {
	if err := t.in2(cx); err != nil {
		return err
	}
	return t.out.Send(cx, t.n)
}
func (t *session) in2(cx *task.Cx) (err error) {
	for t.n == 0 && err == nil {
		t.n, err = t.in.Recv(cx)
	}
	return
}
func (t *session) closing(cx *task.Cx) error {
	for {
		v, err := t.in.Recv(cx)
		switch {
		case task.IsPending(err):
			return err
		case err != nil:
			t.out.Close(cx)
			return t.group.Wait(cx)
		case v == 0:
			continue
		}
		t.sum += v
	}
}
func run[S any](cx *task.Cx, s *S, step func(*S, *task.Cx) (bool, error)) error {
	for {
		done, err := step(s, cx)
		if err != nil || done {
			return err
		}
	}
}
func (t *session) pollTwo(cx *task.Cx) error {
	e1 := t.group.Wait(cx)
	_, e2 := t.h.Wait(cx)
	if i, err := task.First(e1, e2); err != nil {
		return err
	} else if i == 0 {
		log.Print("group")
	}
	return nil
}
func (t *session) timeoutFirst(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	if i, err := task.First(err, t.tm.Sleep(cx, 1)); err != nil {
		return err
	} else if i == 1 {
		log.Print("timeout")
	}
	return nil
}
func (t *session) timeoutNamed(cx *task.Cx) error {
	v, received := t.in.Recv(cx)
	late := t.tm.Sleep(cx, 1)
	if i, err := task.First(received, late); err != nil {
		return err
	} else if i == 0 {
		t.sum += v
	}
	return nil
}
