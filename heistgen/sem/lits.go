//go:build heistgen

package sem

import (
	"errors"
	"fmt"
	"time"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// literals hands function literals that wait to combinators.
//
//heist:task context
func literals(cx *task.Cx, p *pauser) (out []string, err error) {
	n := 0
	var limit combine.Timeout
	err = limit.Wait(cx, time.Hour, func(cx *task.Cx) error {
		defer func() { n++ }()
		for range 3 {
			if err := p.Wait(cx); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	out = append(out, fmt.Sprint("timeout ", n, err))

	// One that loses: what it has deferred runs.
	var q pauser
	var sel combine.Select
	at, err := sel.Wait(cx, func(cx *task.Cx) error {
		defer q.say("dropped")
		for {
			if err := never(cx); err != nil {
				return err
			}
		}
	}, func(cx *task.Cx) error {
		if err := cx.Yield(); err != nil {
			return err
		}
		return p.Wait(cx)
	})
	out = append(out, fmt.Sprint("select ", at, err, q.log.String()))

	// Two at the same time, and the same one twice.
	var join combine.Join2[int, string]
	a, b, err := join.Wait(cx, func(cx *task.Cx) (int, error) {
		x, err := val(cx, p, 1)
		if err != nil {
			return 0, err
		}
		y, err := val(cx, p, 2)
		return x + y + n, err
	}, func(cx *task.Cx) (string, error) {
		s := ""
		for i := range 3 {
			if err := p.Wait(cx); err != nil {
				return "", err
			}
			s += fmt.Sprint(i)
		}
		return s, nil
	})
	out = append(out, fmt.Sprint("join ", a, b, err))
	count := 0
	twice := func(cx *task.Cx) error {
		k := count
		count++
		for range 2 {
			if err := cx.Yield(); err != nil {
				return err
			}
		}
		out = append(out, fmt.Sprint("twice ", k))
		return nil
	}
	var all combine.All
	if err := all.Wait(cx, twice, twice); err != nil {
		return nil, err
	}

	// Tries.
	tries := 0
	retry := combine.Retry{Backoff: task.Backoff{Min: time.Nanosecond, Max: time.Nanosecond, Limit: 9}}
	err = retry.Do(cx, func(cx *task.Cx) error {
		if err := p.Wait(cx); err != nil {
			return err
		}
		if tries++; tries < 3 {
			return errDeep
		}
		return nil
	})
	out = append(out, fmt.Sprint("retry ", tries, err))

	// Children.
	var g task.Group
	sum := 0
	for i := range 4 {
		g.Go(cx, task.Func(func(cx *task.Cx) error {
			for range i {
				if err := cx.Yield(); err != nil {
					return err
				}
			}
			sum += i
			return nil
		}))
	}
	if err := g.Wait(cx); err != nil {
		return nil, err
	}
	h := task.Go(cx, func(cx *task.Cx) (int, error) {
		v, err := fib(cx, p, 6)
		return v + sum, err
	})
	v, err := h.Wait(cx)
	out = append(out, fmt.Sprint("children ", sum, v, err))

	// A panic goes through, and Goexit.
	func() {
		defer func() { out = append(out, fmt.Sprint("recovered ", recover())) }()
	}()
	err = errors.Join(catching(cx, p))
	out = append(out, fmt.Sprint("caught ", err))
	return out, nil
}

//heist:task context
func catching(cx *task.Cx, p *pauser) (err error) {
	defer catch(&err, p)
	var limit combine.Timeout
	return limit.Wait(cx, time.Hour, func(cx *task.Cx) error {
		defer p.say("unwound")
		if err := p.Wait(cx); err != nil {
			return err
		}
		panic("in a literal")
	})
}

// itself is a literal that calls itself, and one that is returned and has others in it.
//
//heist:task context
func itself(cx *task.Cx, p *pauser) (string, error) {
	log := ""
	var f func(cx *task.Cx, n int) (int, error)
	f = func(cx *task.Cx, n int) (int, error) {
		defer func() { log += fmt.Sprint("<", n) }()
		if err := p.Wait(cx); err != nil {
			return 0, err
		}
		if n <= 1 {
			return n, nil
		}
		a, err := f(cx, n-1)
		if err != nil {
			return 0, err
		}
		b, err := f(cx, n-2)
		return a + b, err
	}
	n, err := f(cx, 7)
	if err != nil {
		return "", err
	}
	h, err := maker(cx, p, 10)
	if err != nil {
		return "", err
	}
	a, err := h(cx, 1)
	if err != nil {
		return "", err
	}
	b, err := h(cx, 1)
	return fmt.Sprint(n, len(log), a, b), err
}

//heist:task context
func maker(cx *task.Cx, p *pauser, k int) (func(cx *task.Cx, n int) (int, error), error) {
	if err := p.Wait(cx); err != nil {
		return nil, err
	}
	return func(cx *task.Cx, n int) (int, error) {
		k++
		if err := p.Wait(cx); err != nil {
			return 0, err
		}
		inner := func(cx *task.Cx) (int, error) {
			if err := p.Wait(cx); err != nil {
				return 0, err
			}
			n++
			return n * k, p.Wait(cx)
		}
		var t combine.Timeout
		out := 0
		err := t.Wait(cx, time.Hour, func(cx *task.Cx) error {
			v, err := inner(cx)
			out = v
			return err
		})
		return out, err
	}, nil
}
