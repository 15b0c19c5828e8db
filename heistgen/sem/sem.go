// Package sem compares straight-line tasks with the functions that they come from. The functions
// run as plain Go, with a pauser that never waits; the machines with one that waits at random.
package sem

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/heist-go/heist/task"
)

//go:generate go run .. .

// pauser is an operation that waits at random, and the trace of what happened.
type pauser struct {
	seed    uint64 // 0: never waits
	waiting bool
	log     strings.Builder
}

// Wait waits, or does not.
func (p *pauser) Wait(cx *task.Cx) error {
	if p.seed == 0 {
		return nil
	}
	if p.waiting {
		if err := cx.Yield(); err != nil {
			return err
		}
		p.waiting = false
		return nil
	}
	p.seed = p.seed*6364136223846793005 + 1442695040888963407
	if p.seed>>63 == 0 {
		return nil
	}
	p.waiting = true
	return cx.Yield()
}

// fill waits, and then writes c.
func (p *pauser) fill(cx *task.Cx, b []byte, c byte) error {
	if err := p.Wait(cx); err != nil {
		return err
	}
	b[0] = c
	return nil
}

// next waits, and returns what follows n.
func (p *pauser) next(cx *task.Cx, n int) (int, error) {
	if err := p.Wait(cx); err != nil {
		return 0, err
	}
	return n + 1, nil
}

// with says whether there is a context: a function that never waits needs none.
func with(cx *task.Cx, p *pauser) { p.say("context %v", cx != nil || p.seed == 0) }

func (p *pauser) say(format string, args ...any) { fmt.Fprintf(&p.log, format+"; ", args...) }

var errDeep = errors.New("deep")

func catch(err *error, p *pauser) { // not a closure: recovers because it is deferred directly
	if v := recover(); v != nil {
		p.say("caught %v", v)
		*err = fmt.Errorf("caught: %v", v)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func seq(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// never waits until the task is canceled.
func never(cx *task.Cx) error {
	if err := cx.Err(); err != nil {
		return err
	}
	cx.Waker()
	return cx.Suspend()
}

// tree is a binary tree.
type tree struct {
	left, right *tree
	value       int
}

func grow(from, to int) *tree {
	if from >= to {
		return nil
	}
	mid := (from + to) / 2
	return &tree{grow(from, mid), grow(mid+1, to), mid}
}

var errStop = errors.New("stop")

// noMap returns a map that cannot be written to.
func noMap() map[int]int { return nil }

// lists is a type that is a slice of itself.
type lists []lists

// was sets an integer, and returns what it was.
func was(i *int, to int) int {
	n := *i
	*i = to
	return n
}

// polls is an operation that may be called left times, and notes in which polls deferred calls run.
type polls struct {
	left                   int // calls of Wait, one for each poll at least
	panics                 bool
	now                    *task.Cx // of the last poll
	inside, outside, stale int
}

// Wait waits, or panics or ends when left is used up.
func (p *polls) Wait(cx *task.Cx) error {
	p.now = cx //heistvet:ignore keptcx: it is compared, and not used
	if p.left--; p.left < 0 {
		if p.panics {
			panic("polls: it was to be")
		}
		return nil
	}
	return cx.Yield()
}

// end is a deferred call.
func (p *polls) end(cx *task.Cx) {
	switch cx {
	case nil:
		p.outside++
	case p.now:
		p.inside++
	default:
		p.stale++
	}
}

// vec is an alias with a parameter, cellOf a type whose methods others promote.
type vec[T any] = []T

type cellOf[T any] struct{ v T }

func (c *cellOf[T]) swap(v T) T { c.v, v = v, c.v; return v }
func (c cellOf[T]) get() T      { return c.v }

type shelf struct {
	cellOf[int]
	label struct{ *cellOf[string] }
}

type spot struct {
	X, Y int `k:"v"`
}

// asleep never comes. In plain Go nobody waits: there it says so.
func asleep(cx *task.Cx) error {
	if cx == nil {
		return task.Pending
	}
	return never(cx)
}

// also is another pauser, with another seed.
func (p *pauser) also() *pauser {
	if p.seed == 0 {
		return new(pauser)
	}
	return &pauser{seed: p.seed ^ 0x9e3779b97f4a7c15}
}

func nilError(err error) int {
	if err != nil {
		panic(err)
	}
	return 1
}

func (p *pauser) spot(cx *task.Cx, x int) (spot, error) { return spot{x, x + 1}, p.Wait(cx) }

func (p *pauser) array(cx *task.Cx, x int) ([3]int, error) {
	return [3]int{x, x + 1, x + 2}, p.Wait(cx)
}

func (p *pauser) at(cx *task.Cx, i *int) (*int, error) { return i, p.Wait(cx) }

func (s spot) sum(k int) int { return s.X + s.Y + k }

type span int64

// P3 has the name that a type parameter without one would have.
type P3 string

var errNone error

type (
	nil_      string
	errorType = error
)

type summer interface{ sum(int) int }

// ops is operations in fields and lists.
type ops struct {
	one  func(*task.Cx) error
	many []func(cx *task.Cx, n int) (int, error)
}
