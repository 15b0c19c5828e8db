// run

package main

import (
	"fmt"
	"strings"
)

type page[T any] struct {
	items []T
	next  *int
}

type source struct{ calls, size int }

func fetch[T any](s *source, from int, make func(int) T) (p page[T]) {
	s.calls++
	end := min(from+3, s.size)
	for i := from; i < end; i++ {
		p.items = append(p.items, make(i))
	}
	if end < s.size {
		p.next = &end
	}
	return p
}

func all[T any](s *source, make func(int) T) (out []T, pages int) {
	zero := 0
	for at := &zero; at != nil; pages++ {
		p := fetch(s, *at, make)
		out = append(out, p.items...)
		at = p.next
	}
	return
}

func windows[T fmt.Stringer](list []T, n int, visit func(...T) bool) (seen int) {
outer:
	for i := range list {
		w := list[i:min(i+n, len(list)):min(i+n, len(list))]
		for j, x := range w {
			if x.String() == "" {
				continue outer
			}
			if strings.HasPrefix(x.String(), "#") && j > 0 {
				break outer
			}
		}
		if seen++; !visit(w...) {
			return -seen
		}
	}
	return seen
}

type name string

func (n name) String() string { return string(n) }

func main() {
	for size := range 8 {
		s := source{size: size}
		nums, pages := all(&s, func(i int) int { return i * i })
		fmt.Println(nums, pages, s.calls)
	}
	s := &source{size: 7}
	names, _ := all(s, func(i int) name { return name([]string{"a", "b", "", "c", "d", "#e", "f"}[i]) })
	var log [][]name
	fmt.Println(windows(names, 2, func(w ...name) bool { log = append(log, w); return len(log) < 5 }))
	for _, l := range log {
		fmt.Print(l, cap(l), " ")
	}
	fmt.Println()
}
