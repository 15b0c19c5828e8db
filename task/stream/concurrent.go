package stream

import (
	"fmt"

	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/task"
)

// MapConcurrent returns the stream of f's results, in the order of the values. Up to n calls
// are in progress at a time, each in a task of its own, which belong to the task that pulls. f
// may suspend: it is called again with the same value.
//
// Up to n values are taken from s before their results are taken, and only while Next is
// called. The first error of f ends the stream, after the results of the values before it; the
// calls that are in progress then are canceled. An io.EOF is no failure, but an end. A panic of
// f is raised by Next; one that Next has not come to, by Close.
func MapConcurrent[T, U any](s *Stream[T], n int, f func(*task.Cx, T) (U, error)) *Stream[U] {
	return newConcurrentMap("MapConcurrent", s, n, f, true)
}

// MapUnordered is [MapConcurrent] with the results in the order in which they come; an error
// comes before the results that are not there yet.
func MapUnordered[T, U any](s *Stream[T], n int, f func(*task.Cx, T) (U, error)) *Stream[U] {
	return newConcurrentMap("MapUnordered", s, n, f, false)
}

func newConcurrentMap[T, U any](name string, s *Stream[T], n int, f func(*task.Cx, T) (U, error), ordered bool) *Stream[U] {
	if n < 1 {
		panic(fmt.Sprintf("stream: %s(%d): at least one call has to be in progress", name, n))
	}
	c := &concurrentMap[T, U]{from: from[T]{s}, f: f, n: n, ordered: ordered}
	c.group.Failed = func(task.Task, error) error { return nil } // it comes when it is its turn
	c.out = made[U](c)
	return c.out
}

// concurrentMap is the tasks that work on a stream's values. Each job is used for one value after
// another.
type concurrentMap[T, U any] struct {
	from[T]
	f       func(*task.Cx, T) (U, error)
	n       int
	ordered bool
	busy    int // values that were taken and whose results were not
	spare   *job[T, U]
	queue   jobQueue[T, U] // of jobs, as their results are to come
	now     *job[T, U]     // the one whose result is next, or nil
	group   task.Group
	raised  raised
	branch  task.Branch // of all waits for jobs
	closed  bool        // Close was called
	out     *Stream[U]  // its hook gets the values that nobody takes
}

// job is a call of f.
type job[T, U any] struct {
	task.Frame
	of   *concurrentMap[T, U]
	arg  T
	over bool // f has returned: arg was its
	out  U
	next *job[T, U] // in the queue, or among the spare ones
}

func (j *job[T, U]) Poll(cx *task.Cx) error {
	out, err := j.of.f(cx, j.arg)
	if err == nil {
		task.MustOwn(out, errBorrowed)
		j.out, j.over = out, true
		return nil
	}
	j.over = !task.IsPending(err)
	return err
}

// Finish puts the job into the queue, if that has jobs that have ended. The job will not suspend
// any more: a wait for the first does not take long.
func (j *job[T, U]) Finish(error) {
	if !j.of.ordered {
		j.of.queue.push(j)
	}
}

func (c *concurrentMap[T, U]) Next(cx *task.Cx) (out U, err error) {
	// Both are asked in each poll: the source works ahead, within the window.
	for err == nil && c.busy < c.n {
		err = c.start(cx)
	}
	if c.busy == 0 {
		return out, err
	}
	if err := c.branch.Poll(cx, c.wait); err != nil {
		return out, err // the end of the others is part of the stream's: see Close
	}
	if err != nil {
		c.src.leave()
	}
	j := c.now
	c.now = nil
	out = j.out
	c.release(j)
	if c.busy == 0 {
		c.out.keep(cx)
	}
	return out, nil
}

// start takes a value, and starts its job.
func (c *concurrentMap[T, U]) start(cx *task.Cx) error {
	v, err := c.src.Next(cx)
	if err != nil {
		return err
	}
	task.MustOwn(v, errBorrowed)
	j := c.spare
	if j == nil {
		j = &job[T, U]{of: c}
	} else {
		c.spare, j.next = j.next, nil
	}
	j.arg, j.over = v, false
	if c.ordered {
		c.queue.push(j)
	}
	if c.busy++; c.busy == 1 {
		c.out.keep(cx)
	}
	c.group.Go(cx, j)
	return nil
}

func (c *concurrentMap[T, U]) leave() {
	c.branch.Leave()
	c.src.leave()
}

func (c *concurrentMap[T, U]) holds() bool    { return c.busy > 0 }
func (c *concurrentMap[T, U]) mustDrop() bool { return dropped(c.out.drop) || dropped(c.src.drop) }
func (c *concurrentMap[T, U]) mustOwn()       {} // nothing is lent that is in it

// wait waits for the job whose result is next, and returns its error.
func (c *concurrentMap[T, U]) wait(cx *task.Cx) error {
	if c.now == nil {
		j, err := c.queue.pop(cx)
		if err != nil {
			return err
		}
		c.now = j
	}
	c.raised.note(c.now.Err())
	return c.now.Wait(cx)
}

// release makes a job that has ended a spare one.
func (c *concurrentMap[T, U]) release(j *job[T, U]) {
	var none U
	var nothing T
	j.arg, j.out = nothing, none
	c.spare, j.next = j, c.spare
	c.busy--
}

func (c *concurrentMap[T, U]) Close(cx *task.Cx) error {
	if !c.closed {
		c.closed = true
		c.branch.End(cx)
		c.group.Cancel(errLeft)
	}
	if err := c.branch.Poll(cx, func(cx *task.Cx) error { return c.raised.wait(cx, &c.group) }); task.IsPending(err) { // raises a panic
		return err
	}
	c.branch.End(cx)
	c.dropHeld()
	return c.src.Close(cx)
}

// dropHeld drops the results that nobody has taken, and the values that f has not done with. All jobs
// have ended.
func (c *concurrentMap[T, U]) dropHeld() {
	for {
		j := c.now
		if c.now = nil; j == nil {
			j = c.queue.take()
		}
		if j == nil {
			return
		}
		arg, out, over, ok := j.arg, j.out, j.over, j.Err() == nil
		c.release(j) // first: a hook may panic
		switch {
		case ok:
			task.Discard(out, c.out.drop)
		case !over:
			task.Discard(arg, c.src.drop)
		}
	}
}

// jobQueue is jobs, first in first out. Any worker puts them in, one task takes them out.
type jobQueue[T, U any] struct {
	mu          park.Mutex // guards what follows
	first, last *job[T, U]
	set         task.WaitSet // the task that waits for the first
}

func (l *jobQueue[T, U]) push(j *job[T, U]) {
	l.mu.Lock()
	if l.first == nil {
		l.first = j
	} else {
		l.last.next = j
	}
	l.last = j
	l.mu.Unlock()
	if !l.set.Empty() {
		l.set.WakeAll(&l.mu, nil)
	}
}

// pop waits until there is a job, and takes it.
func (l *jobQueue[T, U]) pop(cx *task.Cx) (*job[T, U], error) {
	j := l.take()
	if j == nil {
		if err := cx.Err(); err != nil {
			return nil, err
		}
		l.set.Listen(cx, &l.mu)
		if j = l.take(); j == nil {
			return nil, cx.Suspend()
		}
	}
	l.set.Forget(cx)
	return j, nil
}

func (l *jobQueue[T, U]) take() *job[T, U] {
	l.mu.Lock()
	j := l.first
	if j != nil {
		l.first, j.next = j.next, nil
	}
	l.mu.Unlock()
	return j
}
