//go:build heistgen

package sem

import (
	"fmt"

	"github.com/heist-go/heist/task"
)

// climb yields the values of a tree in order: it awaits itself, and has something to do behind that. It panics at one
// value, and fails at another.
//
//heist:task context
func climb(cx *task.Cx, p *pauser, t *tree, panics, fails int, yield func(int) bool) (err error) {
	if t == nil {
		return p.Wait(cx)
	}
	here := t.value
	if err = climb(cx, p, t.left, panics, fails, yield); err != nil {
		return fmt.Errorf("%d: %w", here, err)
	}
	switch here {
	case panics:
		panic(fmt.Sprint("at ", here))
	case fails:
		return errDeep
	}
	if err != nil || !yield(here) {
		return errStop
	}
	err = climb(cx, p, t.right, panics, fails, yield)
	p.say("up %d %v", here, err)
	return err
}

// rescued awaits climb, and makes an error of what it panics with.
//
//heist:task context
func rescued(cx *task.Cx, p *pauser, t *tree, panics, fails int, yield func(int) bool) (err error) {
	defer catch(&err, p)
	if !yield(-1) {
		return errStop
	}
	err = climb(cx, p, t, panics, fails, yield)
	p.say("climbed %v", err)
	return err
}

// zig and zag await each other, and themselves.
//
//heist:task context
func zig(cx *task.Cx, p *pauser, t *tree, yield func(int) bool) error {
	if t == nil {
		return nil
	}
	if err := zig(cx, p, t.left, yield); err != nil {
		return err
	}
	if !yield(t.value) {
		return errStop
	}
	return zag(cx, p, t.right, yield)
}

//heist:task context
func zag(cx *task.Cx, p *pauser, t *tree, yield func(int) bool) error {
	if t == nil {
		return p.Wait(cx)
	}
	if err := zag(cx, p, t.right, yield); err != nil {
		return err
	}
	if !yield(-t.value) {
		return errStop
	}
	err := zig(cx, p, t.left, yield)
	p.say("zag %d", t.value)
	return err
}

// swapped awaits itself with other types, and with its own.
//
//heist:task context
func swapped[A, B any](cx *task.Cx, p *pauser, n int, a A, b B, yield func(string) bool) error {
	if n == 0 {
		return p.Wait(cx)
	}
	if err := swapped(cx, p, n-1, b, a, yield); err != nil {
		return err
	}
	if !yield(fmt.Sprintf("%d %T %v", n, a, b)) {
		return errStop
	}
	if n%2 == 0 {
		if err := swapped(cx, p, n/2, a, b, yield); err != nil {
			return err
		}
	}
	return nil
}
