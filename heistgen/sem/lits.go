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

// within is about literals that are over when a statement is: their frames, and the variables that they capture, are in
// the function's frame.
//
//heist:task context
func within(cx *task.Cx, p *pauser) (out []string, err error) {
	// Variables of each iteration, and the same frame again.
	var limit combine.Timeout
	for i := range 3 {
		k := 10 * i
		err := limit.Wait(cx, time.Hour, func(cx *task.Cx) error {
			for range i {
				if err := p.Wait(cx); err != nil {
					return err
				}
				k++
			}
			return nil
		})
		out = append(out, fmt.Sprint("loop ", i, k, err))
	}

	// An operand that a literal changes is what it was; what lives meanwhile has another place than what it captures.
	n, text := 1, ""
	var race combine.Race[int]
	at, v, err := race.Wait(cx, func(cx *task.Cx) (int, error) {
		defer func() { text += "lost" }()
		return 0, never(cx)
	}, func(cx *task.Cx) (int, error) {
		m := n
		n += 5
		if err := p.Wait(cx); err != nil {
			return 0, err
		}
		for i := range 3 {
			text += fmt.Sprint(i)
			if err := p.Wait(cx); err != nil {
				return 0, err
			}
		}
		return m + n, nil
	})
	out = append(out, fmt.Sprint("race ", at, v, err, n, text))

	// What is lent, and is captured.
	var buf [4]byte
	err = limit.Wait(cx, time.Hour, func(cx *task.Cx) error {
		for i := range buf {
			if err := p.fill(cx, buf[i:i+1], byte('a'+i)); err != nil {
				return err
			}
		}
		return nil
	})
	out = append(out, fmt.Sprint("lent ", string(buf[:]), err))

	// A literal in a literal, with the variables of both and of the function.
	sum := 0
	retry := combine.Retry{Backoff: task.Backoff{Min: time.Nanosecond, Max: time.Nanosecond, Limit: 9}}
	err = retry.Do(cx, func(cx *task.Cx) error {
		tries := 0
		var join combine.Join2[int, int]
		a, b, err := join.Wait(cx, func(cx *task.Cx) (int, error) {
			tries++
			sum++
			return tries, p.Wait(cx)
		}, func(cx *task.Cx) (int, error) {
			if err := p.Wait(cx); err != nil {
				return 0, err
			}
			sum += 10
			return sum / 10, nil
		})
		if err == nil && a+b < 4 {
			return errDeep
		}
		return err
	})
	out = append(out, fmt.Sprint("retry ", sum, retry.Attempts(), err))

	// A panic, after which the frame is that of another call, and of another function.
	for i := range 2 {
		s, err := torn(cx, p, 100*i)
		if err == nil {
			return nil, errDeep
		}
		a, b, e := other(cx, p, i)
		out = append(out, fmt.Sprint("torn ", s, err, a, b, e))
	}

	// A literal that awaits the function around it, and a pause in a frame.
	d, err := descend(cx, p, 3)
	out = append(out, fmt.Sprint("descend ", d, err))
	return out, err
}

//heist:task context
func torn(cx *task.Cx, p *pauser, k int) (s string, err error) {
	n := k
	defer func() { s = fmt.Sprint(n) }()
	defer catch(&err, p)
	var join combine.Join2[int, int]
	_, _, err = join.Wait(cx, func(cx *task.Cx) (int, error) {
		defer func() {
			n++
			p.say("torn %d", n)
		}()
		return 0, never(cx)
	}, func(cx *task.Cx) (int, error) {
		if err := p.Wait(cx); err != nil {
			return 0, err
		}
		n += 10
		panic("torn")
	})
	return "", err
}

//heist:task context
func other(cx *task.Cx, p *pauser, k int) (a, b int, err error) {
	a, b = k, k+1
	return a, b, p.Wait(cx)
}

//heist:task context
func descend(cx *task.Cx, p *pauser, n int) (sum int, err error) {
	if n == 0 {
		return 0, p.Wait(cx)
	}
	var pause task.Timer
	if err := pause.Sleep(cx, time.Nanosecond); err != nil {
		return 0, err
	}
	var limit combine.Timeout
	err = limit.Wait(cx, time.Hour, func(cx *task.Cx) error {
		v, err := descend(cx, p, n-1)
		sum = v + n
		return err
	})
	return sum, err
}

// again waits in literals n times.
//
//heist:task
func again(cx *task.Cx, n int) (sum int, err error) {
	for i := range n {
		var limit combine.Timeout
		err := limit.Wait(cx, time.Hour, func(cx *task.Cx) error {
			defer func() { sum += i }()
			return cx.Yield()
		})
		if err != nil {
			return 0, err
		}
		var sel combine.Select
		if _, err := sel.Wait(cx, never, func(cx *task.Cx) error {
			for range 2 {
				if err := cx.Yield(); err != nil {
					return err
				}
			}
			sum++
			return nil
		}); err != nil {
			return 0, err
		}
		var join combine.Join2[int, int]
		a, b, err := join.Wait(cx, func(cx *task.Cx) (int, error) { return 1, cx.Yield() }, func(cx *task.Cx) (int, error) { return i, cx.Yield() })
		if err != nil {
			return 0, err
		}
		sum += a + b
		var pause task.Timer
		if err := pause.Sleep(cx, 0); err != nil {
			return 0, err
		}
	}
	return sum, nil
}
