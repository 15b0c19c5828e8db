// Package right is right: no rule says anything about it.
package right

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"math"
	"sync"
	"time"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

type server struct {
	task.Frame
	in, out *chans.Chan[int]
	sums    *chans.Chan[any]
	sub     *chans.Subscription[int]
	conns   []*reactor.Conn
	conn    *reactor.Conn
	pend    map[int]*reactor.Conn
	hs      []*task.Handle[int]
	line    []byte
	at, n   int
	left    int
	got     []int
	xs      []float64
	mu      sync.Mutex
	tmu     lock.Mutex
	sem     *lock.Semaphore
	cond    lock.Cond
	pollMu  sync.Mutex
	group   task.Group
	ready   lock.Event
	answer  task.Promise[int]
	buf     []byte
	seqf    iter.Seq[int]
	lost    uint64
	depth   int
	err     error
	errs    []error
	pause   task.Timer
	steps   int
}

// ---- twowaits
func (t *server) suffix(cx *task.Cx) error {
	for _, c := range t.conns[t.at:] {
		if err := c.Write(cx, t.line); err != nil {
			return err
		}
		t.at++
	}
	return nil
}
func (t *server) initFromField(cx *task.Cx) error {
	for i := t.at; i < len(t.conns); i++ {
		if err := t.conns[i].Write(cx, t.line); err != nil {
			return err
		}
		t.at = i + 1
	}
	return nil
}
func (t *server) fill(cx *task.Cx) error {
	for n := len(t.got); n < 10; n++ {
		v, err := t.in.Recv(cx)
		if err != nil {
			return err
		}
		t.got = append(t.got, v)
	}
	return nil
}
func (t *server) setIter(cx *task.Cx) error {
	for k, c := range t.pend {
		if err := c.Write(cx, t.line); err != nil {
			return err
		}
		delete(t.pend, k)
	}
	return nil
}
func (t *server) rangeLeft(cx *task.Cx) error {
	for range t.left {
		if _, err := t.in.Recv(cx); err != nil {
			return err
		}
		t.left--
	}
	return nil
}
func (t *server) rest(yield func(int) bool) {
	for t.at < len(t.got) {
		if !yield(t.got[t.at]) {
			return
		}
		t.at++
	}
}
func (t *server) rangeFunc(cx *task.Cx) error {
	for v := range t.rest {
		if err := t.out.Send(cx, v); err != nil {
			return err
		}
	}
	return nil
}
func (t *server) rangeSeq(cx *task.Cx) error {
	for v := range t.seqf {
		if err := t.out.Send(cx, v); err != nil {
			return err
		}
	}
	return nil
}
func (t *server) permit(cx *task.Cx) error {
	p, err := t.out.Reserve(cx)
	if err != nil {
		return err
	}
	v, err := t.in.Recv(cx)
	if err != nil {
		p.Release(cx)
		return err
	}
	p.Send(cx, v)
	return nil
}
func (t *server) gotos(cx *task.Cx) error {
	if t.n > 0 {
		goto send
	}
	{
		v, err := t.in.Recv(cx)
		if err != nil {
			return err
		}
		t.n = v
	}
send:
	return t.out.Send(cx, t.n)
}

// ---- effect
func (t *server) rebuild(cx *task.Cx) error {
	t.buf = t.buf[:0]
	t.buf = append(t.buf, "GET "...)
	t.buf = append(t.buf, t.line...)
	return t.conn.Write(cx, t.buf)
}
func (t *server) resum(cx *task.Cx) error {
	t.n = 0
	for _, v := range t.got {
		t.n += v
	}
	return t.out.Send(cx, t.n)
}

type stat struct{ n int }

func (t *server) localStruct(cx *task.Cx) error {
	var s stat
	for _, v := range t.got {
		s.n += v
	}
	return t.out.Send(cx, s.n)
}
func (t *server) localArray(cx *task.Cx) error {
	var hist [256]int
	for _, b := range t.line {
		hist[b]++
	}
	return t.sums.Send(cx, hist)
}
func (t *server) localMap(cx *task.Cx) error {
	seen := map[int]int{}
	for _, v := range t.got {
		seen[v]++
	}
	return t.out.Send(cx, len(seen))
}
func (t *server) localNew(cx *task.Cx) error {
	s := new(stat)
	s.n += len(t.got)
	return t.sums.Send(cx, s)
}
func (t *server) mathLog(cx *task.Cx) error {
	var sum float64
	for _, x := range t.xs {
		sum += math.Log(x)
	}
	return t.sums.Send(cx, sum)
}
func (t *server) yields(cx *task.Cx) error {
	for {
		if err := cx.Yield(); err != nil {
			return err
		}
		t.steps++
		if t.step() {
			return nil
		}
	}
}
func (t *server) step() bool { return t.n > 3 }
func (t *server) doWhile(cx *task.Cx) error {
	for {
		if _, err := t.hs[t.at].Wait(cx); err != nil {
			return err
		}
		t.at++
		if t.at == len(t.hs) {
			return nil
		}
	}
}
func (t *server) suffixWait(cx *task.Cx) error {
	for _, h := range t.hs[t.at:] {
		v, err := h.Wait(cx)
		if err != nil {
			return err
		}
		t.n += v
		t.at++
	}
	return nil
}

// ---- pendingbranch
func (t *server) allHandles(cx *task.Cx) error {
	var errs []error
	for _, h := range t.hs {
		if _, err := h.Wait(cx); err != nil {
			errs = append(errs, err)
		}
	}
	return task.All(errs...)
}
func (t *server) firstOpen(cx *task.Cx) error {
	var open error
	for _, h := range t.hs {
		if _, err := h.Wait(cx); err != nil {
			open = err
			continue
		}
	}
	return open
}
func (t *server) asType(cx *task.Cx) error {
	_, err := t.sub.Recv(cx)
	if err != nil {
		if lag, ok := err.(*chans.LagError); ok {
			t.lost += lag.Lost
			return nil
		}
		return err
	}
	return nil
}
func (t *server) typeSwitch(cx *task.Cx) error {
	_, err := t.sub.Recv(cx)
	if err != nil {
		switch e := err.(type) {
		case *chans.LagError:
			t.lost += e.Lost
			return nil
		}
		return err
	}
	return nil
}
func (t *server) pendingVar(cx *task.Cx) error {
	_, err := t.sub.Recv(cx)
	pending := task.IsPending(err)
	if err != nil && !pending {
		log.Print(err)
	}
	return err
}
func transient(err error) bool { return task.IsPending(err) || errors.Is(err, io.ErrNoProgress) }
func (t *server) own(cx *task.Cx) error {
	_, err := t.sub.Recv(cx)
	if err != nil && !transient(err) {
		log.Print(err)
	}
	return err
}
func (t *server) own2(cx *task.Cx) error {
	_, err := t.sub.Recv(cx)
	if err == nil || transient(err) {
		return err
	}
	log.Print(err)
	return err
}

// tryTake never suspends.
func (t *server) tryTake(cx *task.Cx) (ok bool, err error) {
	v, err := t.in.Recv(cx)
	if task.IsPending(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	t.n = v
	return true, nil
}
func (t *server) usesTry(cx *task.Cx) error {
	ok, err := t.tryTake(cx)
	if err != nil {
		log.Print(err)
		return err
	}
	if !ok {
		return t.ready.Wait(cx)
	}
	return nil
}
func (t *server) usesTry2(cx *task.Cx) error {
	if _, err := t.tryTake(cx); err != nil {
		_ = t.conn.Close()
		return err
	}
	return nil
}

// ---- pendingvalue
type result struct {
	v   int
	err error
}

func (t *server) localResult(cx *task.Cx) error {
	var r result
	r.v, r.err = t.in.Recv(cx)
	if task.IsPending(r.err) {
		return task.Pending
	}
	t.n = r.v
	return nil
}

// ---- deferpoll, blocking
func (t *server) deferLit(cx *task.Cx) error {
	t.mu.Lock()
	defer func() { t.mu.Unlock() }()
	_, err := t.in.Recv(cx)
	return err
}
func (t *server) deferFirst(cx *task.Cx) error {
	defer t.mu.Unlock()
	t.mu.Lock()
	_, err := t.in.Recv(cx)
	return err
}
func (t *server) deferNil(cx *task.Cx) (err error) {
	defer func() {
		if err == nil {
			t.n++
		}
	}()
	_, err = t.in.Recv(cx)
	return err
}

var bufs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (t *server) deferPool(cx *task.Cx) error {
	b := bufs.Get().(*bytes.Buffer)
	defer bufs.Put(b)
	b.Reset()
	b.WriteString("hello")
	return t.conn.Write(cx, b.Bytes())
}
func (t *server) deferCancel(cx *task.Cx) error {
	ctx, cancel := context.WithCancel(cx.Context())
	defer cancel()
	_ = ctx
	_, err := t.in.Recv(cx)
	return err
}

// ---- timenow
func (t *server) boxed(cx *task.Cx) error {
	for {
		start := time.Now()
		for time.Since(start) < time.Millisecond {
			if t.step() {
				return nil
			}
		}
		if err := cx.Yield(); err != nil {
			return err
		}
	}
}

// ---- keptcx
type rd struct {
	cx *task.Cx
	c  *reactor.Conn
}

func (r *rd) Read(b []byte) (int, error) { return r.c.Read(r.cx, b) }
func (t *server) localRd(cx *task.Cx) error {
	var r rd
	r.cx, r.c = cx, t.conn
	_, err := r.Read(t.buf)
	return err
}
func (t *server) undo(cx *task.Cx) error {
	var undo []func()
	if t.tmu.TryLock() {
		undo = append(undo, func() { t.tmu.Unlock(cx) })
	}
	_, err := t.in.Recv(cx)
	if err != nil {
		for _, f := range undo {
			f()
		}
	}
	return err
}

// ---- lentbytes
type msg struct{ name, rest []byte }

func (t *server) parse(cx *task.Cx) (m msg, err error) {
	line, err := t.conn.ReadUntil(cx, '\n', 100)
	if err != nil {
		return m, err
	}
	m.name = line[:1]
	return m, nil
}

// ---- errors that are known
func (t *server) wrapsKnown(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	if task.IsPending(err) {
		return err
	}
	if err != nil {
		t.err = fmt.Errorf("receiving: %w", err)
		t.errs = append(t.errs, err)
	}
	return nil
}
func (t *server) joinsKnown(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	if err != nil && !task.IsPending(err) {
		all := errors.Join(err, io.EOF)
		if all != nil {
			log.Print(all)
		}
		t.err = all
		return nil
	}
	return err
}
func weight(err error) int { return len(err.Error()) }
func (t *server) weighs(cx *task.Cx) error {
	_, err := t.in.Recv(cx)
	if n := weight(err); n == 0 {
		log.Print("light")
	}
	return err
}
