package reactor

import "github.com/heist-go/heist/internal/atomicx"

// refs is the reference count of a descriptor: its number may be closed, and become another file's,
// only when nobody uses it. It is the idea of Go's fdMutex (internal/poll).
//
//	bit 0     closed: no use may begin
//	the rest  the number of uses; the owner's is one, from open until it has closed
//
//	from            method    to              what the caller does next
//	(zero)          open      one use         hands it out
//	open            acquire   one use more    makes its call
//	closed          acquire   unchanged       fails
//	open            close     closed          lets those who wait go on, and releases the owner's use
//	closed          close     unchanged       fails: somebody else has closed
//	any             release   one use less    closes the descriptor, if it was the last
//
// # Invariants
//
//	R1  The number is open as long as the count is not zero.
//	R2  The count is zero once, and whoever makes it so closes the number: after close no use
//	    begins, and before it the owner's use is there.
//
// # Price
//
// A use is two locked instructions. One word decides, so publishing is enough.
type refs struct{ word atomicx.Uint64 }

const (
	closed = 1
	user   = 2 // one use
)

// open begins the life of a descriptor: an initialisation, before others know it.
func (r *refs) open() { r.word.Store(user) }

// acquire begins a use; it reports false if the descriptor is closed.
func (r *refs) acquire() bool {
	for {
		s := r.word.Load()
		if s&closed != 0 {
			return false
		}
		// Claim. A use (R1).
		// Pairs with: (*refs).close, (*refs).release.
		if r.word.CompareAndSwap(s, s+user) {
			return true
		}
	}
}

// release ends a use; it reports whether the caller must close the descriptor (R2).
func (r *refs) release() (last bool) {
	// Publish. What the use did. Claim. The descriptor, if this was the last use.
	// Pairs with: (*refs).acquire, (*refs).close.
	return r.word.Add(^uint64(user-1)) == closed
}

// close lets no use begin any more; it reports false if that was so already. The caller lets those
// who wait go on, and releases the owner's use.
func (r *refs) close() bool {
	for {
		s := r.word.Load()
		if s&closed != 0 {
			return false
		}
		// Claim. The end (R2).
		// Pairs with: (*refs).acquire, (*refs).release.
		if r.word.CompareAndSwap(s, s|closed) {
			return true
		}
	}
}

// isClosed reports whether close was called. Any thread.
func (r *refs) isClosed() bool { return r.word.Load()&closed != 0 }
