package lock

import (
	"context"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// permits are given out first come, first served, several at a time if that is asked
// for: the core of Mutex, RWMutex and Semaphore. It is the batch semaphore of tokio, with
// the uncontended case in one word.
//
// # Who may write what
//
//	P1  While queued is not set, the word says how many permits are taken, and anybody
//	    may change that, by compare-and-swap: nobody waits.
//	P2  While queued is set, somebody waits, and out says how many are taken. It is
//	    guarded by the lock, so nobody overtakes those in line.
//	P3  queued is set and cleared under the lock: it says that the line is not empty.
type permits struct {
	word  atomicx.Uint64 // taken | closed | queued
	limit int64          // 0 stands for whole
	mu    park.Mutex     // guards what follows
	out   int64          // P2
	line  task.Line
}

const (
	queued = 1 << iota // somebody is in line: P2
	closed             // nobody is given any more

	flagBits = 2
	one      = 1 << flagBits // what a permit adds to the word
)

// whole is the limit of what is exclusive or shared: who asks for so much is alone.
const whole = 1 << 30

func (p *permits) max() int64 {
	if p.limit == 0 {
		return whole
	}
	return p.limit
}

func taken(word uint64) int64 { return int64(word >> flagBits) }

// try takes n if nobody waits.
func (p *permits) try(n int64) bool {
	for {
		w := p.word.Load()
		if w&(queued|closed) != 0 || taken(w)+n > p.max() {
			return false
		}
		// Claim. Pairs with: (*permits).release.
		if p.word.CompareAndSwap(w, w+uint64(n)*one) {
			return true
		}
	}
}

// acquire takes n, and waits until they are free. A task that waits has been granted them,
// perhaps: it does not take others.
func (p *permits) acquire(cx *task.Cx, n int64) error {
	if !p.line.Holds(cx) && cx.Err() == nil && p.try(n) {
		return nil
	}
	return p.line.Wait(cx, &p.mu, p, n)
}

func (p *permits) acquireContext(ctx context.Context, n int64) error {
	if p.try(n) {
		return nil
	}
	return p.line.WaitContext(ctx, &p.mu, p, n)
}

// release gives n back. It reports false, and does nothing, if so many are not taken.
func (p *permits) release(cx *task.Cx, n int64) bool {
	for {
		w := p.word.Load()
		if w&queued != 0 {
			break
		}
		if taken(w) < n {
			return false
		}
		// Publish. What was done while the permits were held.
		// Pairs with: (*permits).try, (*permits).Decide.
		if p.word.CompareAndSwap(w, w-uint64(n)*one) {
			return true
		}
	}
	p.mu.Lock()
	if p.word.Load()&queued == 0 { // not any more
		p.mu.Unlock()
		return p.release(cx, n)
	}
	if p.out < n {
		p.mu.Unlock()
		return false
	}
	p.out -= n
	p.line.Serve(cx, &p.mu, p)
	return true
}

// held returns how many permits are taken. A hint.
func (p *permits) held() int64 {
	w := p.word.Load()
	if w&queued == 0 {
		return taken(w)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if w = p.word.Load(); w&queued == 0 {
		return taken(w)
	}
	return p.out
}

// close refuses all who wait, and all who come.
func (p *permits) close(cx *task.Cx) {
	p.mu.Lock()
	p.word.Or(closed)
	p.line.Serve(cx, &p.mu, p)
}

// Decide takes n for the oldest in line, or for a newcomer if there is no line.
func (p *permits) Decide(l *task.Line, n int64) task.Verdict {
	w := p.word.Load()
	for w&queued == 0 { // a newcomer
		next, v := w|queued, task.Waiting
		switch {
		case w&closed != 0:
			return task.Refused
		case taken(w)+n <= p.max():
			next, v = w+uint64(n)*one, task.Granted
		}
		p.out = taken(w)
		// Claim. The permits; or the count of them: whoever gives back from now on
		// looks after the line.
		// Pairs with: (*permits).release.
		if p.word.CompareAndSwap(w, next) {
			return v
		}
		w = p.word.Load()
	}
	v := task.Waiting
	switch {
	case w&closed != 0:
		v = task.Refused
	case p.out+n <= p.max():
		p.out += n
		v = task.Granted
	}
	if v != task.Waiting && l.Alone() {
		p.clear()
	}
	return v
}

// clear ends the line's rule over the permits: it is, or is about to be, empty.
func (p *permits) clear() {
	// Publish. The count. Only queued words are written here, and nobody else does.
	// Pairs with: (*permits).try, (*permits).release.
	p.word.Store(uint64(p.out)*one | p.word.Load()&closed)
}

// Withdraw gives back what a task does not want any more.
func (p *permits) Withdraw(l *task.Line, n int64, v task.Verdict) {
	if p.word.Load()&queued == 0 {
		if v == task.Granted {
			// Publish. Pairs with: (*permits).try, (*permits).Decide.
			p.word.Add(^(uint64(n)*one - 1))
		}
		return
	}
	if v == task.Granted {
		p.out -= n
	}
	if l.Empty() {
		p.clear()
	}
}

// Attend serves the line.
func (p *permits) Attend(cx *task.Cx) {
	p.mu.Lock()
	p.line.Serve(cx, &p.mu, p)
}
