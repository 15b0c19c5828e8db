package reactor

import (
	"slices"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/park"
)

// outlet lets one at a time write to a connection, so that messages do not mix, and
// keeps what others post meanwhile.
//
//	idle    nobody writes, and the outbox is empty
//	held    somebody writes: a task or a goroutine in Write, whoever has posted last,
//	        or, when the kernel takes no more, nobody until the next edge
//	more    held, and something was posted since the holder looked into the outbox
//
// Who wants to write takes idle to held. Who posts puts its bytes into the outbox
// first, and takes idle to held then, and writes them, or takes held to more. Who
// has held it goes from held to idle; from more it cannot, and writes what was posted
// first. So nothing stays behind in the outbox, and nobody waits for anybody to post.
type outlet struct {
	word atomicx.Uint32
	box  atomicx.Pointer[outbox] // made by the first who posts, or has to wait
}

const (
	idle = iota
	held
	more
)

// outbox is what is to be written, and who waits until it is.
type outbox struct {
	mu      park.Mutex // guards what follows
	queue   [][]byte
	size    int // bytes in it
	waiting []*waiter
}

// sink is where the outbox goes.
type sink interface {
	// send writes some of bufs. Would-block means that nothing can be written.
	send(bufs [][]byte) (n int, err error)
	// stall has flush called at the next edge, unless there was one: then it returns
	// true.
	stall() (again bool)
	// broken is told an error of send: what is in the outbox is lost.
	broken(err error)
}

// open returns the outbox.
func (o *outlet) open() *outbox {
	if b := o.box.Load(); b != nil {
		return b
	}
	o.box.CompareAndSwap(nil, &outbox{})
	return o.box.Load()
}

// hold begins to write. It reports false if somebody else does.
func (o *outlet) hold() bool {
	// Claim. The direction.
	// Pairs with: (*outlet).leave, (*outlet).flush.
	return o.word.CompareAndSwap(idle, held)
}

// wait has w woken when nobody writes; w tries again then. It reports false if that is
// so already. The caller looks once more whether the connection is closed.
func (o *outlet) wait(w *waiter) bool {
	b := o.open()
	b.mu.Lock()
	if !slices.Contains(b.waiting, w) { // a task asks at each poll
		b.waiting = append(b.waiting, w)
	}
	b.mu.Unlock()
	// Store-load: the list first, this look second.
	// Pairs with: (*outlet).tell.
	return o.word.Load() != idle
}

// quit ends a wait.
func (o *outlet) quit(w *waiter) {
	b := o.open()
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.waiting, w); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	}
}

// leave ends what hold has begun. It reports false if something was posted meanwhile:
// then the caller flushes.
func (o *outlet) leave() bool {
	// Publish. Pairs with: (*outlet).hold.
	if !o.word.CompareAndSwap(held, idle) {
		return false
	}
	o.tell()
	return true
}

// tell wakes who waits until nobody writes: it was so a moment ago, or the connection
// is closed.
func (o *outlet) tell() {
	b := o.box.Load()
	if b == nil {
		return
	}
	b.mu.Lock()
	list := b.waiting
	b.waiting = nil
	b.mu.Unlock()
	for _, w := range list {
		w.wake()
	}
}

// post puts p into the outbox, unless more than limit bytes would be there. It is
// written by us, or by who writes now.
func (o *outlet) post(s sink, p []byte, limit int) bool {
	b := o.open()
	b.mu.Lock()
	if b.size > 0 && b.size+len(p) > limit {
		b.mu.Unlock()
		return false
	}
	b.queue = append(b.queue, p)
	b.size += len(p)
	b.mu.Unlock()
	for {
		switch o.word.Load() {
		case idle:
			if o.hold() {
				o.flush(s)
				return true
			}
		case held:
			// Store-load: the outbox first, this second.
			// Pairs with: (*outlet).flush.
			if o.word.CompareAndSwap(held, more) {
				return true
			}
		case more:
			return true
		}
	}
}

// flush writes the outbox. The caller holds the outlet.
func (o *outlet) flush(s sink) {
	b := o.open()
	var room [maxVector][]byte
	for {
		// Store-load: the word first, the look at the outbox second.
		// Pairs with: (*outlet).post.
		o.word.Store(held)
		bufs := b.some(room[:0])
		if len(bufs) == 0 {
			if o.leave() {
				return
			}
			continue
		}
		switch n, err := s.send(bufs); {
		case err == nil:
			b.sent(n)
		case blocked(err):
			if !s.stall() {
				return
			}
		default:
			b.drop()
			s.broken(err)
		}
	}
}

// maxVector is how many buffers are written by one call.
const maxVector = 64

// some appends the first of the outbox to bufs, as many as there is room for.
func (b *outbox) some(bufs [][]byte) [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append(bufs, b.queue[:min(len(b.queue), maxVector)]...)
}

// sent removes the first n bytes.
func (b *outbox) sent(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size -= n
	done := 0
	for done < len(b.queue) && n >= len(b.queue[done]) {
		n -= len(b.queue[done])
		b.queue[done] = nil
		done++
	}
	if b.queue = b.queue[done:]; len(b.queue) == 0 {
		b.queue = nil // an idle connection holds no memory
	} else {
		b.queue[0] = b.queue[0][n:]
	}
}

// drop removes everything.
func (b *outbox) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue, b.size = nil, 0
}

// queued returns how many bytes are in the outbox.
func (o *outlet) queued() int {
	b := o.box.Load()
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}
