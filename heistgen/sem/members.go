//go:build heistgen

package sem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/stream"
)

// members starts tasks in all ways, and waits for them: what they do needs a scheduler.
//
//heist:task context
func members(cx *task.Cx, p *pauser) (out []string, err error) {
	for _, one := range []func(cx *task.Cx, p *pauser) (string, error){
		func(cx *task.Cx, p *pauser) (string, error) { return grouped(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return failing2(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return handled(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return streamed(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return firsts(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return kept(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return moments(cx, p) },
	} {
		text, err := one(cx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// grouped has members that are made in a list, and looks at their results afterwards.
//
//heist:task context
func grouped(cx *task.Cx, p *pauser) (out string, err error) {
	var g task.Group
	g.SetLimit(2)
	var parts []*partTask
	for i := range 4 {
		t := newPart(p, i)
		parts = append(parts, t)
		g.Go(cx, t)
	}
	full := g.TryGo(cx, newPart(p, 9))
	if err := g.Wait(cx); err != nil {
		return "", err
	}
	for _, t := range slices.Backward(parts) {
		n, s, err := t.Result()
		out += fmt.Sprint(n, s, err, " ")
	}
	again := newPart(p, must(p.next(cx, 6)))
	if err := g.TryGo(cx, again); err != nil {
		return "", err
	}
	err = task.All(p.also().Wait(cx), g.Wait(cx))
	n, _, _ := again.Result()
	var h task.Group
	tasks := []task.Task{newPart(p, 20), task.Func(func(cx *task.Cx) error {
		n += must(p.next(cx, 0))
		return nil
	}), newPart(p, 30)}
	h.GoAll(cx, tasks...)
	h.Goroutine(cx, func(ctx context.Context) error { return ctx.Err() })
	at, e := task.First(asleep(cx), h.Wait(cx))
	cx.Go(newPart(p, 40))
	return out + fmt.Sprint(full == task.ErrLimit, n, err, at, e), nil
}

//heist:task context name=part
func partOf(cx *task.Cx, p *pauser, n int) (int, string, error) {
	for i := range n % 3 {
		n += i * must(p.next(cx, 1))
	}
	return n, fmt.Sprint("part", n), p.also().Wait(cx)
}

// failing2 has members that fail and panic, and decides by hooks.
//
//heist:task context
func failing2(cx *task.Cx, p *pauser) (out string, err error) {
	failed := 0
	g := task.Group{Failed: func(t task.Task, err error) error {
		if failed++; errors.Is(err, errStop) {
			return nil
		}
		return fmt.Errorf("counted: %w", err)
	}}
	for _, e := range []error{errStop, nil, errDeep} {
		g.Go(cx, task.Func(func(cx *task.Cx) error {
			if err := p.also().Wait(cx); err != nil {
				return err
			}
			return e
		}))
		err = g.Wait(cx)
	}
	out = fmt.Sprint(failed, err, errors.Is(err, errDeep))
	func() {
		defer func() { out += fmt.Sprint(" ", recover()) }()
	}()
	text, err := raised(cx, p)
	return out + text, err
}

//heist:task context
func raised(cx *task.Cx, p *pauser) (out string, err error) {
	var g task.Group
	defer func() {
		if e, ok := recover().(*task.PanicError); ok {
			out += fmt.Sprint(" raised ", e.Value)
		}
	}()
	lost := newPart(p, 1)
	g.Go(cx, lost)
	g.Go(cx, task.Func(func(cx *task.Cx) error {
		defer func() { out += " unwound" }()
		panic(must(p.next(cx, 1)))
	}))
	_ = g.Wait(cx)
	return "not raised", p.Wait(cx)
}

// handled has handles of literals, and waits for them in another order.
//
//heist:task context
func handled(cx *task.Cx, p *pauser) (out string, err error) {
	handles := map[string]*task.Handle[[]int]{}
	sum := 0
	for i, name := range []string{"a", "b", "c"} {
		handles[name] = task.Go(cx, func(cx *task.Cx) (list []int, err error) {
			defer func() { sum += len(list) }()
			for k := range i + 1 {
				list = append(list, must(p.next(cx, k*i)))
			}
			if name == "b" {
				return nil, errDeep
			}
			return list, p.also().Wait(cx)
		})
	}
	for _, name := range []string{"c", "a", "b"} {
		v, err := handles[name].Wait(cx)
		w, again := handles[name].Result()
		out += fmt.Sprint(v, err, len(w), again == err, " ")
	}
	never := task.Go(cx, func(cx *task.Cx) (string, error) {
		defer func() { sum += 100 }()
		return "", asleep(cx)
	})
	never.Cancel(errStop)
	_, err = never.Wait(cx)
	inner := task.Go(cx, func(cx *task.Cx) (*task.Handle[int], error) {
		h := task.Go(cx, func(cx *task.Cx) (int, error) { return sum, p.Wait(cx) })
		return h, p.also().Wait(cx)
	})
	last := must(inner.Wait(cx))
	n, e := last.Wait(cx)
	return out + fmt.Sprint(sum, errors.Is(err, errStop), n == sum || errors.Is(e, task.ErrCanceled)), nil
}

// streamed has literals that streams call.
//
//heist:task context
func streamed(cx *task.Cx, p *pauser) (out string, err error) {
	calls := 0
	squares := stream.MapConcurrent(stream.Of(newCount(p, 5)), 1, func(cx *task.Cx, v int) (string, error) {
		calls++
		return fmt.Sprint(must(p.next(cx, v*v))), nil
	})
	for {
		v, err := squares.Next(cx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
		out += v + " "
	}
	var list []int
	if err := stream.MapConcurrent(stream.FromSlice([]int{3, 1, 2}), 2, func(cx *task.Cx, v int) (int, error) {
		for range v {
			if err := p.also().Wait(cx); err != nil {
				return 0, err
			}
		}
		return v * must(p.next(cx, calls)), nil
	}).Filter(func(v int) bool { return v > 6 }).Collect(cx, &list); err != nil {
		return "", err
	}
	last := 0
	err = stream.FromSlice(list).ForEach(cx, func(cx *task.Cx, v int) error {
		last = last*100 + must(p.next(cx, v))
		return p.Wait(cx)
	})
	failed := stream.FromSlice(list).ForEach(cx, func(cx *task.Cx, v int) error { return errDeep })
	return out + fmt.Sprint(list, last, err, failed, calls), nil
}

// firsts waits for one of several, or for all.
//
//heist:task context
func firsts(cx *task.Cx, p *pauser) (out string, err error) {
	var anyOf combine.Any[string]
	tries := 0
	at, s, err := anyOf.Wait(cx, func(cx *task.Cx) (string, error) {
		tries++
		return "", errors.Join(errStop, p.also().Wait(cx))
	}, func(cx *task.Cx) (string, error) {
		for range 5 {
			tries += must(p.next(cx, 0))
		}
		return "second", nil
	}, func(cx *task.Cx) (string, error) { return "", asleep(cx) })
	out = fmt.Sprint(at, s, err, tries)
	var three combine.Join3[int, string, []byte]
	a, b, c, err := three.Wait(cx, func(cx *task.Cx) (int, error) { return p.next(cx, tries) }, func(cx *task.Cx) (string, error) {
		defer func() { tries++ }()
		return out[:1], p.Wait(cx)
	}, func(cx *task.Cx) (b []byte, err error) {
		b = append(b, byte('a'+len(s)))
		return b, p.fill(cx, b, b[0]+1)
	})
	out += fmt.Sprint(a, b, string(c), err, tries)
	for i := range 3 {
		var sel combine.Select
		now := i
		k, err := sel.Wait(cx, func(cx *task.Cx) error {
			if i == 1 {
				return asleep(cx)
			}
			now += must(p.next(cx, 10))
			return nil
		}, func(cx *task.Cx) error {
			if i != 1 {
				return asleep(cx)
			}
			now *= must(p.next(cx, 20))
			return errDeep
		})
		var try combine.Select
		none, e := try.Try(cx, func(cx *task.Cx) error { return asleep(cx) })
		out += fmt.Sprint(" ", k, err, now, none, e)
	}
	return out, nil
}

// kept calls operations that are values.
//
//heist:task context
func kept(cx *task.Cx, p *pauser) (out string, err error) {
	n := 0
	o := ops{one: p.Wait, many: []func(*task.Cx, int) (int, error){p.next, func(cx *task.Cx, k int) (int, error) {
		n += k
		return must(p.next(cx, n)), nil
	}}}
	for i := range 4 {
		if err := o.one(cx); err != nil {
			return "", err
		}
		v, err := o.many[must(p.next(cx, i-1))%2](cx, i)
		out += fmt.Sprint(v, err, " ")
		if i == 1 {
			o.one = func(cx *task.Cx) error { n += 10; return p.Wait(cx) }
			o.many[0], o.many[1] = o.many[1], o.many[0]
		}
	}
	op, next := p.Wait, p.next
	more := map[bool]func(*task.Cx) error{true: op}
	return out + fmt.Sprint(n, op(cx), must(next(cx, 1)), more[must(p.next(cx, 0)) == 1](cx)), nil
}

// moments asks what the poll knows.
//
//heist:task context
func moments(cx *task.Cx, p *pauser) (out string, err error) {
	var d task.Deadline
	var timer task.Timer
	start := cx.Now()
	for i := range 3 {
		if err := d.Check(cx, time.Hour); err != nil {
			return "", err
		}
		if err := cx.Spend(); err != nil {
			return "", err
		}
		out += fmt.Sprint(i, d.Remaining(cx) > 0, cx.Now().Before(start), cx.Err(), cx.Context().Err(), " ")
		timer.Reset(cx, time.Nanosecond)
		if err := task.All(timer.Wait(cx), p.also().Wait(cx)); err != nil {
			return "", err
		}
		timer.Reset(cx, time.Hour)
		timer.Stop(cx)
	}
	return out, nil
}
