//go:build heistgen

package sem

import (
	"fmt"

	"github.com/heist-go/heist/task"
)

// turns are functions in which it matters when something is evaluated, and what constants are. Mutants of the
// generator are looked for in these: they stay short.
//
//heist:task context
func turns(cx *task.Cx, p *pauser) (out []string, err error) {
	for i := range 5 {
		text := ""
		switch i { // each is called by its name, so that the version for goroutines calls that for goroutines
		case 0:
			text, err = parallel(cx, p)
		case 1:
			text, err = localConsts(cx, p)
		case 2:
			text, err = builtins(cx, p)
		case 3:
			text, err = late(cx, p)
		case 4:
			text, err = polledAgain(cx, p)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// parallel ranges with key and value of one assignment, where the one is an operand of the other.
//
//heist:task context
func parallel(cx *task.Cx, p *pauser) (out string, err error) {
	x := []int{10, 20, 30}
	i := 1
	for i, x[i] = range []int{99} {
		if err := p.Wait(cx); err != nil {
			return "", err
		}
	}
	out += fmt.Sprint(i, x, " ")
	i = 2
	for x[i], i = range [2]int{0, 1} {
		if err := p.Wait(cx); err != nil {
			return "", err
		}
		out += fmt.Sprint(i, x, " ")
	}
	var r [3]rune
	i = 1
	for i, r[i] = range "a\u00e9" {
		if err := p.Wait(cx); err != nil {
			return "", err
		}
		out += fmt.Sprint(i, r, " ")
	}
	i = 1
	for i, x[i] = range map[int]int{2: 7} {
		if err := p.Wait(cx); err != nil {
			return "", err
		}
		out += fmt.Sprint(i, x, " ")
	}
	i = 1
	for x[i], x[was(&i, 0)] = range []int{5} {
		if err := p.Wait(cx); err != nil {
			return "", err
		}
		out += fmt.Sprint(i, x, " ")
	}
	i = 1
	if i, x[i], err = both(cx, p); err != nil {
		return "", err
	}
	return out + fmt.Sprint(i, x), nil
}

// both returns two values.
//
//heist:task context
func both(cx *task.Cx, p *pauser) (a, b int, err error) { return 2, 3, p.Wait(cx) }

// localConsts names constants of the function, and its types, in literals that are machines, in closures, and in
// deferred calls.
//
//heist:task context
func localConsts(cx *task.Cx, p *pauser) (out string, err error) {
	const size = 3
	type kind int
	const (
		first kind = iota + size
		second
	)
	defer p.say("const %v %v", second, any(second) == any(kind(4)))
	defer func() { p.say("closed %v %v", size, first) }()
	one := func(cx *task.Cx) (string, error) {
		const size = "inner"
		defer p.say("literal %v %v", size, second)
		if err := p.Wait(cx); err != nil {
			return "", err
		}
		p.say("%v", any(first) == any(kind(3)))
		two := func(cx *task.Cx, k kind) (string, error) {
			var list [first]kind
			if err := p.Wait(cx); err != nil {
				return "", err
			}
			return fmt.Sprint(size, len(list), k, second), nil
		}
		s, err := two(cx, first)
		return s + size, err
	}
	if out, err = one(cx); err != nil {
		return "", err
	}
	{
		const size = 9
		last := func(cx *task.Cx) (int, error) { return size, p.Wait(cx) }
		n, err := last(cx)
		if err != nil {
			return "", err
		}
		out += fmt.Sprint(n, size)
	}
	return out + fmt.Sprint(size), nil
}

// builtins stand before waits that change what they look at.
//
//heist:task context
func builtins(cx *task.Cx, p *pauser) (out string, err error) {
	list, word, c := []int{1}, "a", 1i
	var v any = 1
	change := func(cx *task.Cx) (int, error) {
		if err := p.Wait(cx); err != nil {
			return 0, err
		}
		list, word, c, v = append(list, 2), word+"b", c+2, fmt.Sprint(v)
		return len(list), nil
	}
	{
		a, b, c := len(list), must(change(cx)), cap(list) >= len(list)
		out += fmt.Sprint(a, b, c, " ")
	}
	{
		a, b, c := real(c), must(change(cx)), imag(c)
		out += fmt.Sprint(a, b, c, " ")
	}
	{
		a, b, c := list[1:], must(change(cx)), []byte(word)
		out += fmt.Sprint(a, b, c, " ")
	}
	{
		a, b, c := []byte(word), must(change(cx)), complex(real(c), 1)
		out += fmt.Sprint(a, b, c, " ")
	}
	out += fmt.Sprint(len(word), must(change(cx)), len(word), *new(len(word)), " ")
	out += fmt.Sprint([]int{len(list), must(change(cx)), len(list)}, min(len(word), must(change(cx))), " ")
	v = 1
	defer func() { p.say("%v %d", recover() != nil, len(list)) }()
	s, n := v.(string), must(change(cx)) // panics before it calls
	return out + fmt.Sprint(s, n), nil
}

// late reads variables beside calls that change them: as late as the compiler does.
//
//heist:task context
func late(cx *task.Cx, p *pauser) (out string, err error) {
	w := 1
	list := func(cx *task.Cx, a ...int) ([]int, error) { return a, p.Wait(cx) }
	change := func(cx *task.Cx) (int, error) { w *= 2; return 1, p.Wait(cx) }
	out += fmt.Sprint(must(list(cx, w, must(change(cx)), w)), " ")
	f := func(cx *task.Cx, n int) (int, error) { return n, p.Wait(cx) }
	replace := func(cx *task.Cx) (int, error) {
		f = func(cx *task.Cx, n int) (int, error) { return n + 100, p.Wait(cx) }
		return 1, p.Wait(cx)
	}
	out += fmt.Sprint(must(f(cx, must(replace(cx)))), " ")
	m := map[int]int{}
	m[w] = must(change(cx))
	out += fmt.Sprint(m, []int{w, must(change(cx)), w})
	return out, nil
}

// polledAgain has operations that are called again, with the same operands, and whose results are not there before; and a
// deferred call with the context.
//
//heist:task context
func polledAgain(cx *task.Cx, p *pauser) (out string, err error) {
	defer with(cx, p)
	buf, n := make([]byte, 1), 0
	for range 4 {
		if err := p.fill(cx, buf, byte(was(&n, n+1))); err != nil {
			return "", err
		}
		out += fmt.Sprint(buf, n, " ")
	}
	v := 1
	for range 4 {
		if v, err = p.next(cx, v); err != nil {
			return "", err
		}
	}
	return out + fmt.Sprint(v), nil
}
