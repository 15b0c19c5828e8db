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
// f is raised by Next.
func MapConcurrent[T, U any](s *Stream[T], n int, f func(*task.Cx, T) (U, error)) *Stream[U] {
	return newCrew("MapConcurrent", s, n, f, true)
}

// MapUnordered is [MapConcurrent] with the results in the order in which they come; an error
// comes before the results that are not there yet.
func MapUnordered[T, U any](s *Stream[T], n int, f func(*task.Cx, T) (U, error)) *Stream[U] {
	return newCrew("MapUnordered", s, n, f, false)
}

func newCrew[T, U any](name string, s *Stream[T], n int, f func(*task.Cx, T) (U, error), ordered bool) *Stream[U] {
	if n < 1 {
		panic(fmt.Sprintf("stream: %s(%d): at least one call has to be in progress", name, n))
	}
	c := &crew[T, U]{from: from[T]{s}, f: f, n: n, ordered: ordered}
	c.group.Failed = func(task.Task, error) error { return nil } // it comes when it is its turn
	return made[U](c)
}

// crew is the tasks that work on a stream's values. Each job is used for one value after
// another.
type crew[T, U any] struct {
	from[T]
	f       func(*task.Cx, T) (U, error)
	n       int
	ordered bool
	busy    int // values that were taken and whose results were not
	spare   *job[T, U]
	line    line[T, U] // of jobs, as their results are to come
	now     *job[T, U] // the one whose result is next, or nil
	group   task.Group
	branch  task.Branch // of all waits
	closed  bool        // Close was called
}

// job is a call of f.
type job[T, U any] struct {
	task.Frame
	crew *crew[T, U]
	arg  T
	out  U
	next *job[T, U] // in the line, or among the spare ones
}

func (j *job[T, U]) Poll(cx *task.Cx) error {
	out, err := j.crew.f(cx, j.arg)
	if err == nil {
		j.out = out
	}
	return err
}

// Finish puts the job into the line, if that is of those that have ended. It will not suspend
// any more, so who waits for the one at the front does not wait for long.
func (j *job[T, U]) Finish(error) {
	if !j.crew.ordered {
		j.crew.line.push(j)
	}
}

func (c *crew[T, U]) Next(cx *task.Cx) (out U, err error) {
	err = c.fill(cx)
	if c.busy == 0 {
		return out, err
	}
	if err := c.branch.Poll(cx, c.wait); err != nil {
		return out, err // the end of the others is part of the stream's: see Close
	}
	j := c.now
	c.now = nil
	out = j.out
	c.release(j)
	return out, nil
}

// fill takes values, and starts jobs, until n are busy.
func (c *crew[T, U]) fill(cx *task.Cx) error {
	for c.busy < c.n {
		v, err := c.src.Next(cx)
		if err != nil {
			return err
		}
		j := c.spare
		if j == nil {
			j = &job[T, U]{crew: c}
		} else {
			c.spare, j.next = j.next, nil
		}
		j.arg = v
		c.busy++
		if c.ordered {
			c.line.push(j)
		}
		c.group.Go(cx, j)
	}
	return nil
}

// wait waits for the job whose result is next, and returns its error.
func (c *crew[T, U]) wait(cx *task.Cx) error {
	if c.now == nil {
		j, err := c.line.pop(cx)
		if err != nil {
			return err
		}
		c.now = j
	}
	return c.now.Wait(cx)
}

// release makes a job that has ended a spare one.
func (c *crew[T, U]) release(j *job[T, U]) {
	var none U
	var nothing T
	j.arg, j.out = nothing, none
	c.spare, j.next = j, c.spare
	c.busy--
}

func (c *crew[T, U]) Close(cx *task.Cx) error {
	if !c.closed {
		c.closed = true
		c.branch.End(cx)
		c.group.Cancel(errLeft)
	}
	if err := c.branch.Poll(cx, c.group.Wait); task.IsPending(err) { // raises a panic
		return err
	}
	c.branch.End(cx)
	return c.src.Close(cx)
}

// line is jobs, first in first out. Any worker puts them in, one task takes them out.
type line[T, U any] struct {
	mu          park.Mutex // guards what follows
	first, last *job[T, U]
	crowd       task.Crowd // who waits for the first
}

func (l *line[T, U]) push(j *job[T, U]) {
	l.mu.Lock()
	if l.first == nil {
		l.first = j
	} else {
		l.last.next = j
	}
	l.last = j
	l.mu.Unlock()
	if !l.crowd.Empty() {
		l.crowd.WakeAll(&l.mu, nil)
	}
}

// pop waits until there is a job, and takes it.
func (l *line[T, U]) pop(cx *task.Cx) (*job[T, U], error) {
	j := l.take()
	if j == nil {
		if err := cx.Err(); err != nil {
			return nil, err
		}
		l.crowd.Listen(cx, &l.mu)
		if j = l.take(); j == nil {
			return nil, cx.Suspend()
		}
	}
	l.crowd.Forget(cx)
	return j, nil
}

func (l *line[T, U]) take() *job[T, U] {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.first
	if j != nil {
		l.first, j.next = j.next, nil
	}
	return j
}
