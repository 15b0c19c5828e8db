// Package fifo is an intrusive FIFO queue: elements are linked through themselves, so queueing
// allocates nothing, and one that does not want to wait any more leaves in constant time.
package fifo

// Queue is a doubly linked queue of elements that embed a [Node]. The zero value is empty. It has no lock:
// its user's lock guards it and the nodes in it.
type Queue[E element[E]] struct {
	oldest, newest E
	length         int
}

// Node links an element into a queue. An element embeds it, and is in one queue at a time.
type Node[E any] struct {
	prev, next E
	queued     bool
}

// element is what a pointer to a struct with a Node is.
type element[E any] interface {
	comparable
	Link() *Node[E]
}

// Link returns the node. It is for the queue.
func (n *Node[E]) Link() *Node[E] { return n }

// Queued reports whether the element is in a queue.
func (n *Node[E]) Queued() bool { return n.queued }

// Len returns how many elements are in the queue.
func (q *Queue[E]) Len() int { return q.length }

// Oldest returns the element that was pushed first, or the zero value if the queue is empty.
func (q *Queue[E]) Oldest() E { return q.oldest }

// Counted is how many places of a queue [Queue.Place] counts.
const Counted = 64

// Place returns the place in the queue of e, which is in it, from 1 on, or 0 if it is not among the first
// [Counted].
func (q *Queue[E]) Place(e E) int {
	for place := 1; place <= Counted; place++ {
		if e == q.oldest {
			return place
		}
		e = e.Link().prev
	}
	return 0
}

// Push puts e, which is in no queue, behind the others.
func (q *Queue[E]) Push(e E) {
	var none E
	*e.Link() = Node[E]{prev: q.newest, queued: true}
	if q.newest == none {
		q.oldest = e
	} else {
		q.newest.Link().next = e
	}
	q.newest = e
	q.length++
}

// Remove takes e, which is in the queue, out of it.
func (q *Queue[E]) Remove(e E) {
	var none E
	n := e.Link()
	if n.prev == none {
		q.oldest = n.next
	} else {
		n.prev.Link().next = n.next
	}
	if n.next == none {
		q.newest = n.prev
	} else {
		n.next.Link().prev = n.prev
	}
	*n = Node[E]{}
	q.length--
}
