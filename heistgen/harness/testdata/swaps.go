// run

package main

import "fmt"

// Assignments to several places, whose operands call functions.

var log string

func at(i int) int { log += fmt.Sprintf("at%d ", i); return i }

func val[T any](v T) T { log += fmt.Sprintf("v%v ", v); return v }

type cell struct {
	n    int
	next *cell
	arr  [3]int
}

func (c *cell) me() *cell { log += fmt.Sprintf("me%d ", c.n); return c }

func swap(a []int) (i int) {
	a[i], i = val(5), at(1)
	i, a[i] = at(2), val(6)
	a[at(0)], a[at(i)] = a[at(i)], a[at(0)]
	a[i], a[at(1)], i = a[at(1)], val(a[i]), a[i]%3
	return i
}

func links(c *cell) *cell {
	c.next, c = &cell{n: val(2)}, c.me()
	c, c.next.next = c.next, c
	c.next, c.n, c = nil, at(7), c.next.me()
	c.me().n, c.me().next = val(9), c.me()
	c.me().arr[at(1)], c.me().arr[at(2)] = val(1), val(c.me().arr[at(1)])
	return c
}

func turns(a []int) int {
	for i, j := 0, len(a)-1; i < j; i, j = at(i+1), at(j-1) {
		a[i], a[j] = val(a[j]), val(a[i])
	}
	x, y := 1, 1
	for range 5 {
		x, y = y, val(x+y)
	}
	return x
}

func compound(m map[string][]int, a *[3]int) {
	m[val("k")] = append(m[val("k")], at(1))
	m["k"][at(0)] += val(10)
	m["k"][at(0)]++
	a[at(1)] |= val(6)
	a[at(2)], m["k"][at(0)] = a[at(1)]<<at(2), val(-1)
	*(&a[at(0)]) -= val(3)
}

func copies(a [3]int) (out []int) {
	for i, v := range a {
		a[2] = 10 * val(i)
		out = append(out, v, a[2])
	}
	for i, v := range &a {
		a[2] = 100 * val(i)
		out = append(out, v)
	}
	b := a
	s := b[:]
	for i := range b {
		s[i], b[(i+1)%3] = b[i]+1, val(s[i])
	}
	return append(out, s...)
}

func same(a, b [2]cell, c, d struct{ x, y any }) (out []bool) {
	out = append(out, a == b, [2]int{at(1), 2} == [...]int{val(1), 2}, c == d, c.x == d.y)
	a[at(1)].n++
	out = append(out, a == b, a != [2]cell{b[0], {n: b[1].n + val(1)}})
	defer func() { out = append(out, fmt.Sprint(recover()) != "") }()
	c.x, d.x = []int{1}, []int{1}
	return append(out, c == d)
}

func main() {
	a := []int{1, 2, 3}
	fmt.Println(swap(a), a, log)
	log = ""
	c := links(&cell{n: 1})
	fmt.Println(c.n, c.arr, c.next == c, log)
	log = ""
	fmt.Println(turns(a), a, log)
	log = ""
	m, arr := map[string][]int{"k": {4}}, [3]int{1, 2, 3}
	compound(m, &arr)
	fmt.Println(m, arr, log)
	log = ""
	fmt.Println(copies(arr), arr, log)
	log = ""
	fmt.Println(same([2]cell{{n: 1}, {n: 2}}, [2]cell{{n: 1}, {n: 2}}, struct{ x, y any }{1, 1}, struct{ x, y any }{1, 1}), log)
}
