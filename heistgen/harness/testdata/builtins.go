// run

package main

import (
	"cmp"
	"fmt"
)

// What Go has got lately, and builtin functions beside each other.

type pair[A, B any] struct {
	first  A
	second B
}

type (
	named[T any]         = pair[string, T]
	list[T any]          = []T
	table[K cmp.Ordered] = map[K]list[named[K]]
)

func (p pair[A, B]) swap() pair[B, A] { return pair[B, A]{p.second, p.first} }

var log []string

func say[T any](v T) T {
	log = append(log, fmt.Sprint(v))
	return v
}

func smallest[T cmp.Ordered](a, b T, rest ...T) T {
	m := min(say(a), say(b))
	for _, r := range rest {
		m = min(m, say(r))
	}
	return max(m, min(a, m), m)
}

func addresses(n int) (out []*int) {
	for i := range n {
		p, q := new(i*i), new(say(i)+1)
		*p += *q
		out = append(out, p, q, new(int(say(int8(i)))))
	}
	return out
}

func filled(k string) (table[string], int) {
	t := make(table[string], len(k))
	for i, r := range k {
		c := string(r)
		t[c] = append(t[c], named[string]{say(c), fmt.Sprint(i)})
	}
	n := len(t)
	if n > 2 {
		clear(t)
	}
	t[k] = list[named[string]]{{k, "all"}, {second: say("none")}}
	return t, n
}

func cleared(n int) ([]int, [4]int) {
	s := make([]int, n, n+2)
	var a [4]int
	for i := range s {
		s[i] = say(i + 1)
		a[i%len(a)] += s[i]
	}
	clear(s[1 : n-1])
	clear(a[:2])
	s = append(s, s[:copy(s[1:], a[2:])]...)
	return s, a
}

func whole(limit uint8) (out string) {
outer:
	for i := range limit {
		for j := range max(i, 2) {
			switch {
			case say(i) == 3 && j == 1:
				continue outer
			case i+j > 5:
				break outer
			case j == 2:
				continue
			}
			out += fmt.Sprintf("%T%d%d ", j, i, j)
		}
		out += "|"
	}
	return out
}

func parts(c complex128, f float32) (complex128, complex64, float64) {
	d := complex(imag(c), real(c))
	d *= c
	e := complex64(d) + complex(f, say(f))
	if d == c || e != complex64(d) {
		d -= 1i
	}
	return d / 2, e, real(d) * imag(d)
}

func main() {
	fmt.Println(smallest(3, 1, 2), smallest("b", "a"), smallest(2.5, -0.0, 7, -1))
	for _, p := range addresses(3) {
		fmt.Print(*p, " ")
	}
	fmt.Println()
	fmt.Println(filled("ab"))
	fmt.Println(filled("abca"))
	fmt.Println(cleared(4))
	fmt.Println(whole(5))
	fmt.Println(parts(3+4i, 0.5))
	var n named[float64] = pair[float64, string]{1.5, "x"}.swap()
	fmt.Println(n, n.swap(), log)
}
