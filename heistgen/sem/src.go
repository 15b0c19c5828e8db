//go:build heistgen

package sem

import (
	"fmt"
	"runtime"

	"github.com/heist-go/heist/task"
)

// --- 1. panics through awaiting callers, recover in a closure and in a named function,
// re-panic, named results changed by defers, defers in loops.

//heist:task context
func outer(cx *task.Cx, p *pauser, how string) (n int, err error) {
	defer func() { p.say("outer %d %v %v", n, err, recover()); n *= 2 }()
	defer catch(&err, p)
	n, err = middle(cx, p, how)
	p.say("after middle %d %v", n, err)
	return n + 1, err
}

//heist:task context
func middle(cx *task.Cx, p *pauser, how string) (n int, err error) {
	for i := range 3 {
		defer func() {
			v := recover()
			p.say("middle %d %v", i, v)
			if v != nil && i > 0 {
				panic(fmt.Sprint("again ", v))
			}
			n += i
		}()
		if err := p.Wait(cx); err != nil {
			return 0, err
		}
	}
	n, err = inner(cx, p, how)
	p.say("after inner")
	return n, err
}

//heist:task context
func inner(cx *task.Cx, p *pauser, how string) (int, error) {
	if err := p.Wait(cx); err != nil {
		return 0, err
	}
	switch how {
	case "panic":
		panic("deep")
	case "nil map":
		m := noMap()
		m[1] = 2
	case "goexit":
		runtime.Goexit()
	case "error":
		return 7, errDeep
	}
	return 5, nil
}

// --- 2. loop variables of each iteration, captured by closures that outlive it; an
// address-taken local; shadowing.

//heist:task context
func captures(cx *task.Cx, p *pauser) (err error) {
	var fs []func() int
	var ps []*int
	for i, j := 0, 10; i < 4; i, j = i+1, j-1 {
		fs = append(fs, func() int { i++; return i * j })
		x := i
		ps = append(ps, &x)
		if err := p.Wait(cx); err != nil {
			return err
		}
		if i == 1 {
			i++ // the body changes this iteration's variable
		}
		x += 100
	}
	for k, f := range fs {
		p.say("%d %d", f(), *ps[k])
		if err := p.Wait(cx); err != nil {
			return err
		}
	}
	return nil
}

// --- 3. range over a map across suspensions, with removals; over a string.

//heist:task context
func ranges(cx *task.Cx, p *pauser) (err error) {
	m := map[int]string{}
	for i := range 50 {
		m[i] = fmt.Sprint(i)
	}
	seen, sum := 0, 0
	for k, v := range m {
		if err := p.Wait(cx); err != nil {
			return err
		}
		delete(m, k)
		delete(m, k^1) // the pair is gone: it must not come
		seen++
		_ = v
		sum += k / 2
	}
	p.say("%d %d", seen, sum)
	for i, r := range "aé€" {
		if err := p.Wait(cx); err != nil {
			return err
		}
		p.say("%d%c", i, r)
	}
	return nil
}

// --- 4. order of evaluation with waits inside of expressions, and short circuits.

//heist:task context
func val(cx *task.Cx, p *pauser, v int) (int, error) {
	p.say("val%d", v)
	if err := p.Wait(cx); err != nil {
		return 0, err
	}
	return v, nil
}

//heist:task context
func order(cx *task.Cx, p *pauser) (err error) {
	a := []int{1, 2, 3, 4}
	a[must(val(cx, p, 1))], a[must(val(cx, p, 2))] = must(val(cx, p, 30)), a[must(val(cx, p, 0))]
	if must(val(cx, p, 1)) == 1 && must(val(cx, p, 0)) == 1 || must(val(cx, p, 5)) == 5 {
		p.say("yes")
	}
	p.say("%v", a)
	return p.Wait(cx)
}

// --- 5. recursion: frames from the caller's spare; generic.

//heist:task context
func fib(cx *task.Cx, p *pauser, n int) (int, error) {
	if n < 2 {
		return n, p.Wait(cx)
	}
	a, err := fib(cx, p, n-1)
	if err != nil {
		return 0, err
	}
	b, err := fib(cx, p, n-2)
	return a + b, err
}

//heist:task context
func mapped[T, U any](cx *task.Cx, p *pauser, in []T, f func(T) U) (out []U, err error) {
	for _, v := range in {
		if err := p.Wait(cx); err != nil {
			return nil, err
		}
		out = append(out, f(v))
	}
	return out, nil
}

// --- 6. range over a function that does not wait, with a return, a defer and a
// labelled continue inside; goto over and back.

//heist:task context
func jumps(cx *task.Cx, p *pauser) (n int, err error) {
	tries := 0
again:
	tries++
	if err := p.Wait(cx); err != nil {
		return 0, err
	}
outer:
	for i := range 3 {
		if err := p.Wait(cx); err != nil {
			return 0, err
		}
		for v := range seq(5) {
			defer p.say("d%d%d", i, v)
			if v == 2 && i < 2 {
				continue outer
			}
			if v == 3 && tries == 3 {
				return v, nil
			}
			if v == 3 {
				goto again
			}
		}
	}
	return 0, nil
}

// --- 7. short circuits that stop, deferred calls in their order.

//heist:task context
func circuit(cx *task.Cx, p *pauser) (err error) {
	defer p.say("first")
	defer p.say("second")
	if must(val(cx, p, 1)) == 1 || must(val(cx, p, 2)) == 2 {
		p.say("or")
	}
	if must(val(cx, p, 3)) == 1 && must(val(cx, p, 4)) == 2 {
		p.say("never")
	}
	ok := must(val(cx, p, 5)) == 5 || must(val(cx, p, 6)) == 6
	if !(ok && must(val(cx, p, 7)) == 7) {
		p.say("never")
	}
	return nil
}

// nested is a slice of a type that is a slice of itself.
//
//heist:task context
func nested(cx *task.Cx, p *pauser, depth int) (lists, error) {
	if depth == 0 {
		return nil, p.Wait(cx)
	}
	in, err := nested(cx, p, depth-1)
	out := in
	out = append(out, in)
	return out, err
}

// constants are repeated where their names mean something else.
//
//heist:task context
func constants(cx *task.Cx, p *pauser) (string, error) {
	if err := p.Wait(cx); err != nil {
		return "", err
	}
	const (
		a    = iota
		iota = iota
		b
	)
	const limit, base = 5, "ab"
	const (
		size = len(base) + len(base)
		twice
		last = iota
	)
	return fmt.Sprint(a, iota, b, limit, size, twice, last, base), p.Wait(cx)
}

// drops waits for ever with what it has been given, which it does not need any more, and shares
// a field between variables that are not needed at the same time.
//
//heist:task context
func drops(cx *task.Cx, p *pauser, big *tree) error {
	if err := p.Wait(cx); err != nil {
		return err
	}
	p.say("%d", big.value)
	a := "a" + fmt.Sprint(big.value)
	if err := p.Wait(cx); err != nil {
		return err
	}
	p.say("%s", a)
	b := a + "b"
	if err := p.Wait(cx); err != nil {
		return err
	}
	p.say("%s", b)
	return never(cx)
}

// names has variables that are called what machines call theirs, in statements that stay as they
// are.
//
//heist:task context
func names(cx *task.Cx, p *pauser, d []string) (out string, err error) {
	defer func() {
		for ok, raised := range d {
			out += fmt.Sprint(ok, raised)
		}
	}()
	for i, m := range d {
		for self, driver := range d {
			for in, input := range d {
				for failed, end := range d {
					for finish, did := range d {
						out += fmt.Sprint(i, m, self, driver, in, input, failed, end, finish, did)
					}
				}
			}
		}
	}
	if err := p.Wait(cx); err != nil {
		return "", err
	}
	each := func() []string { return d } // a function value in a range
	for range each() {
		m, self, machine, call := 1, 2, 3, 4
		out += fmt.Sprint(m, self, machine, call)
	}
	return out + fmt.Sprint(len(d)), p.Wait(cx)
}

// --- 8. instances of generic functions that are named.

//heist:task context
func pair[A, B any](cx *task.Cx, p *pauser, a A, b B) (string, error) {
	return fmt.Sprint(a, b), p.Wait(cx)
}

//heist:task context
func pairs(cx *task.Cx, p *pauser) (string, error) {
	a, err := pair[int, string](cx, p, 1, "x")
	if err != nil {
		return "", err
	}
	b, err := pair[[2]int](cx, p, [2]int{1, 2}, true)
	return a + b, err
}
