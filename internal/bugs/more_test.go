package bugs_test

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
)

// These are bugs of other kinds than the twenty, written as somebody would who has read docs/simulator.md and
// nothing else.

var more = []bug{
	{"a wake-up that goes to one who was canceled", func(s *sim.Sim, mended bool) {
		b := &tokens{free: 1, mended: mended}
		var g task.Group
		enough := errors.New("enough")
		g.Go(s, &tokenUser{b: b})
		s.Go(&tokenUser{b: b})
		s.Go(&tokenUser{b: b})
		s.Goroutine(func() { g.Cancel(enough) })
		s.Wait()
		if b.free != 1 {
			s.Errorf("%d tokens are free", b.free)
		}
	}},
	{"a lease that is given out again while its holder is slow", func(s *sim.Sim, mended bool) {
		type lease struct {
			id    int
			until time.Time
		}
		const term = time.Second
		pending, done := []int{0, 1}, [2]int{}
		var leased [2]time.Time
		worker := func() task.Task {
			var work, nap task.Timer
			var mine lease
			var rounds []step
			for range 4 {
				has := false
				rounds = append(rounds, func(cx *task.Cx) error {
					for id, until := range leased { // one whose time is over goes before a new one
						if until != (time.Time{}) && !cx.Now().Before(until) {
							mine, has = lease{id, cx.Now().Add(term)}, true
							leased[id] = mine.until
							return nil
						}
					}
					if len(pending) > 0 {
						mine, has = lease{pending[0], cx.Now().Add(term)}, true
						pending = pending[1:]
						leased[mine.id] = mine.until
					}
					return nil
				}, func(cx *task.Cx) error {
					if !has {
						return nap.Sleep(cx, term/2)
					}
					return work.Sleep(cx, time.Duration(s.Choose(3))*term*6/10)
				}, func(*task.Cx) error {
					if has && (!mended || leased[mine.id] == mine.until) {
						leased[mine.id] = time.Time{}
						done[mine.id]++
					}
					return nil
				})
			}
			return script(rounds...)
		}
		s.Go(worker())
		s.Go(worker())
		s.Wait()
		for id, n := range done {
			if n > 1 {
				s.Errorf("%d was done %d times", id, n)
			}
		}
	}},
	{"what is stale goes into the cache after it was thrown out", func(s *sim.Sim, mended bool) {
		store, value, cached, writes := 1, 0, false, 0
		for range 2 {
			v, at, hit := 0, 0, false
			var answer task.Timer
			s.Go(script(does(func() {
				if hit = cached; !hit {
					v, at = store, writes
				}
			}), func(cx *task.Cx) error {
				if hit {
					return nil
				}
				return answer.Sleep(cx, time.Millisecond)
			}, does(func() {
				if !hit && (!mended || at == writes) {
					value, cached = v, true
				}
			})))
		}
		s.Go(script(yields(s), does(func() {
			store, cached = 2, false
			writes++
		})))
		s.Wait()
		if cached && value != store {
			s.Errorf("%d is cached, and %d is stored", value, store)
		}
	}},
}

// tokens are taken, and put back; who finds none waits in a line.
type tokens struct {
	mu     sync.Mutex
	free   int
	line   []task.Waker
	mended bool
}

func (b *tokens) take(cx *task.Cx) error {
	w := cx.Waker()
	if err := cx.Err(); err != nil {
		if b.mended {
			b.leave(cx, w)
		}
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free == 0 {
		b.line = append(b.line, w)
		return task.Pending
	}
	b.free--
	return nil
}

// leave takes one out of the line, or passes on the wake-up that it has got.
func (b *tokens) leave(cx *task.Cx, w task.Waker) {
	b.mu.Lock()
	b.line = slices.DeleteFunc(b.line, func(o task.Waker) bool { return o == w })
	next := b.next()
	b.mu.Unlock()
	cx.Wake(next)
}

func (b *tokens) put(cx *task.Cx) {
	b.mu.Lock()
	b.free++
	next := b.next()
	b.mu.Unlock()
	if cx != nil {
		cx.Wake(next)
	} else {
		next.Wake()
	}
}

// next takes the oldest out of the line, if there is a token for it.
func (b *tokens) next() (w task.Waker) {
	if b.free > 0 && len(b.line) > 0 {
		w, b.line = b.line[0], b.line[1:]
	}
	return w
}

type tokenUser struct {
	task.Frame
	b   *tokens
	has bool
}

func (u *tokenUser) Poll(cx *task.Cx) error {
	if !u.has {
		if err := u.b.take(cx); err != nil {
			return err
		}
		u.has = true
	}
	if err := cx.Yield(); err != nil {
		return err
	}
	u.has = false
	u.b.put(cx)
	return nil
}

func (u *tokenUser) Finish(error) {
	if u.has {
		u.b.put(nil)
	}
}
