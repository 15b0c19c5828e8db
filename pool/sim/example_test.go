package sim_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
)

// Queue is a queue of a few values. It has a bug.
type Queue struct {
	Limit int

	mu        sync.Mutex
	items     []int
	senders   []task.Waker // who waits for room
	receivers []task.Waker // who waits for a value
}

// Put waits until there is room, and adds v.
func (q *Queue) Put(cx *task.Cx, v int) error {
	if q.full() {
		q.await(&q.senders, cx.Waker())
		return cx.Suspend()
	}
	q.mu.Lock()
	q.items = append(q.items, v)
	q.mu.Unlock()
	q.wake(cx, &q.receivers)
	return nil
}

// Take waits until there is a value, and takes the oldest.
func (q *Queue) Take(cx *task.Cx) (int, error) {
	if q.empty() {
		q.await(&q.receivers, cx.Waker())
		return 0, cx.Suspend()
	}
	q.mu.Lock()
	v := q.items[0]
	q.items = q.items[1:]
	q.mu.Unlock()
	q.wake(cx, &q.senders)
	return v, nil
}

func (q *Queue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == q.Limit
}

func (q *Queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

// await adds a task to those that wait.
func (q *Queue) await(list *[]task.Waker, w task.Waker) {
	q.mu.Lock()
	defer q.mu.Unlock()
	*list = append(*list, w)
}

// wake wakes all that wait. It holds no lock meanwhile.
func (q *Queue) wake(cx *task.Cx, list *[]task.Waker) {
	q.mu.Lock()
	all := *list
	*list = nil
	q.mu.Unlock()
	for _, w := range all {
		cx.Wake(w)
	}
}

// FixedQueue is a Queue whose tasks look and say that they wait under one lock.
type FixedQueue struct{ Queue }

func (q *FixedQueue) Put(cx *task.Cx, v int) error {
	w := cx.Waker() // an operation: not under the lock
	q.mu.Lock()
	if len(q.items) == q.Limit {
		q.senders = append(q.senders, w)
		q.mu.Unlock()
		return cx.Suspend()
	}
	q.items = append(q.items, v)
	q.mu.Unlock()
	q.wake(cx, &q.receivers)
	return nil
}

func (q *FixedQueue) Take(cx *task.Cx) (int, error) {
	w := cx.Waker()
	q.mu.Lock()
	if len(q.items) == 0 {
		q.receivers = append(q.receivers, w)
		q.mu.Unlock()
		return 0, cx.Suspend()
	}
	v := q.items[0]
	q.items = q.items[1:]
	q.mu.Unlock()
	q.wake(cx, &q.senders)
	return v, nil
}

// producer puts n values into a queue.
type producer struct {
	task.Frame
	put func(*task.Cx, int) error
	n   int
}

func (p *producer) Poll(cx *task.Cx) error {
	for ; p.n > 0; p.n-- {
		if err := p.put(cx, p.n); err != nil {
			return err
		}
	}
	return nil
}

// consumer takes n values.
type consumer struct {
	task.Frame
	take func(*task.Cx) (int, error)
	n    int
}

func (c *consumer) Poll(cx *task.Cx) error {
	for ; c.n > 0; c.n-- {
		if _, err := c.take(cx); err != nil {
			return err
		}
	}
	return nil
}

// In a test this is sim.Test(t, func(s *sim.Sim) { ... }).
func Example() {
	broken := sim.Config{Seeds: 1000}.Run(func(s *sim.Sim) {
		q := &Queue{Limit: 1}
		s.Go(&producer{put: q.Put, n: 3})
		s.Go(&consumer{take: q.Take, n: 3})
	})
	reason, _, _ := strings.Cut(broken.Failure.Reason, "\n")
	fmt.Println(reason)

	fixed := sim.Config{Seeds: 1000}.Run(func(s *sim.Sim) {
		q := &FixedQueue{Queue{Limit: 1}}
		s.Go(&producer{put: q.Put, n: 3})
		s.Go(&consumer{take: q.Take, n: 3})
	})
	fmt.Println(fixed.Failure == nil)
	// Output:
	// deadlock: nothing can run, no timer is armed, and 2 tasks have not ended:
	// true
}

// An invariant is looked at after each step: here two producers find room for one value.
func ExampleSim_Invariant() {
	r := sim.Config{}.Run(func(s *sim.Sim) {
		q := &Queue{Limit: 1}
		s.Invariant(func() error {
			if len(q.items) > q.Limit {
				return errors.New("more values than fit")
			}
			return nil
		})
		for range 2 {
			s.Go(&producer{put: func(cx *task.Cx, v int) error {
				if q.full() {
					return nil
				}
				s.Point() // as a thread may lose its processor here
				q.mu.Lock()
				defer q.mu.Unlock()
				q.items = append(q.items, v)
				return nil
			}, n: 1})
		}
	})
	fmt.Println(r.Failure.Reason)
	// Output: invariant: more values than fit
}

// What is not decided by the program is a choice, and time is no obstacle.
func ExampleSim_Choose() {
	longest := time.Duration(0)
	r := sim.Config{Seeds: 200}.Run(func(s *sim.Sim) {
		pause := time.Duration(1+s.Choose(7)) * 24 * time.Hour
		s.Go(&sleeper{d: pause})
		s.Wait()
		longest = max(longest, s.Clock().Now().Sub(sim.Epoch))
	})
	fmt.Println(r.Failure == nil, longest.Round(time.Hour))
	// Output: true 168h0m0s
}
