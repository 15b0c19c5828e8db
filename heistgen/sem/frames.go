//go:build heistgen

package sem

import (
	"fmt"

	"github.com/heist-go/heist/task"
)

// Functions that are awaited one after the other, in loops and in turns, whose frames lie in each other.

//heist:task context
func numbers(cx *task.Cx, p *pauser, a, b int) (sum int, err error) {
	for i := range b {
		if err := p.Wait(cx); err != nil {
			return 0, err
		}
		sum += a*i + b
	}
	return sum, nil
}

//heist:task context
func letters(cx *task.Cx, p *pauser, from string, n int) (text string, err error) {
	defer func() { p.say("letters %s", text) }()
	count := 0
	for _, r := range from {
		if err := p.Wait(cx); err != nil {
			return "", err
		}
		if count++; count > n {
			panic(text)
		}
		text = string(r) + text
	}
	return text, p.Wait(cx)
}

//heist:task context
func mixed(cx *task.Cx, p *pauser, of []int, name string) (out string, n int, err error) {
	defer catch(&err, p)
	small, flag := uint8(len(name)), len(of) > 2
	for _, v := range of {
		k, err := numbers(cx, p, v, 2)
		if err != nil {
			return "", 0, err
		}
		s, err := letters(cx, p, name, k)
		if err != nil {
			return "", 0, err
		}
		out += fmt.Sprint(s, k, small, flag)
		small, flag = small+uint8(k), !flag
		n += k
	}
	return out, n, nil
}

//heist:task context
func pointed(cx *task.Cx, p *pauser, t *tree, at *int) (*tree, error) {
	for t.left != nil {
		if err := p.Wait(cx); err != nil {
			return nil, err
		}
		*at += t.value
		t = t.left
	}
	return t, p.Wait(cx)
}

//heist:task context
func frames(cx *task.Cx, p *pauser) (out []string, err error) {
	at := 0
	for i := range 3 {
		n, err := numbers(cx, p, i, 3)
		out = append(out, fmt.Sprint(n, err))
		t, err := pointed(cx, p, grow(0, 9), &at)
		if err != nil {
			return nil, err
		}
		s, err := letters(cx, p, "abc", 5)
		out = append(out, s, fmt.Sprint(t.value, at, err))
		x, n, err := mixed(cx, p, []int{i, 1, 2}, "xy")
		out = append(out, x, fmt.Sprint(n, err))
		x, n, err = mixed(cx, p, []int{n, -1}, "longer")
		out = append(out, x, fmt.Sprint(n, err))
		k, err := fib(cx, p, 4)
		out = append(out, fmt.Sprint(k, err))
	}
	n, text, err := gcd(cx, p, 1071, 462)
	out = append(out, fmt.Sprint(n, text, err))
	v, err := combined(cx, p, "q", 1)
	return append(out, v), err
}

//heist:task context
func combined(cx *task.Cx, p *pauser, a string, n int) (string, error) {
	if n > 3 {
		return a, p.Wait(cx)
	}
	s, err := letters(cx, p, a, 9)
	if err != nil {
		return "", err
	}
	m, err := numbers(cx, p, n, 2)
	if err != nil {
		return "", err
	}
	return combined(cx, p, fmt.Sprint(s, m), n+1)
}

// gcd returns calls of itself, which take its frame.
//
//heist:task context
func gcd(cx *task.Cx, p *pauser, a, b int) (n int, text string, err error) {
	text += fmt.Sprint(n, a, b)
	p.say("%s", text)
	if n = a % b; n == 0 {
		return b, text, nil
	}
	if err := p.Wait(cx); err != nil {
		return 0, "", err
	}
	return gcd(cx, p, b, a%b)
}
