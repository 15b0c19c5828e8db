//go:build heistgen

package far

import (
	"errors"
	"fmt"

	"github.com/heist-go/heist/task"
)

// Sum adds its arguments up, and waits in between.
//
//heist:task context
func Sum(cx *task.Cx, w Waiter, list ...int) (sum int, err error) {
	defer func() { sum++ }()
	for _, v := range list {
		if err := w.Wait(cx); err != nil {
			return 0, err
		}
		sum += v
	}
	return sum, nil
}

// Take returns what was in the box.
//
//heist:task context
func (b *Box[T]) Take(cx *task.Cx, w Waiter) (v T, err error) {
	if err := w.Wait(cx); err != nil {
		return v, err
	}
	v, b.Value = b.Value, v
	return v, nil
}

// Both calls f, between waits.
//
//heist:task context
func Both[A, B any](cx *task.Cx, w Waiter, a A, b B) (string, error) {
	if err := w.Wait(cx); err != nil {
		return "", err
	}
	return fmt.Sprint(a, b), w.Wait(cx)
}

// Count yields 0 to n-1.
//
//heist:task context
func Count(cx *task.Cx, w Waiter, n int, yield func(int) bool) error {
	for i := range n {
		if err := w.Wait(cx); err != nil {
			return err
		}
		if !yield(i) {
			return nil
		}
	}
	return nil
}

// Explode panics after a wait.
//
//heist:task name=Bang context
func Explode(cx *task.Cx, t *Trace, w Waiter) error {
	defer t.add("unwound")
	if err := w.Wait(cx); err != nil {
		return err
	}
	panic(errors.New("far"))
}
