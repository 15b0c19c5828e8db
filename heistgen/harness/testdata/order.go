// run

package main

import "fmt"

var trace []string

func t[T any](s string, v T) T { trace = append(trace, s); return v }

type node struct {
	left, right *node
	vals        [3]int
	m           map[string]int
}

func (n *node) at(s string, i int) *int { t(s, i); return &n.vals[i] }

func assign(n *node) (err any) {
	defer func() { err = recover() }()
	list := []int{1, 2, 3}
	i := 0
	i, list[i] = t("a", 2), t("b", 9)
	list[t("c", 1)], list[t("d", 0)] = list[t("e", 0)], list[t("f", 1)]
	*n.at("g", 1), *n.at("h", 2) = t("i", 5), t("j", 6)
	n.m[t("k", "x")] += t("l", 4)
	n.m[t("m", "x")], n.left = t("n", 7), &node{vals: [3]int{t("o", 1), t("p", 2)}}
	n.left.vals[t("q", 2)] <<= t("r", 3)
	x, ok := n.m[t("s", "y")]
	trace = append(trace, fmt.Sprint(list, i, x, ok, n.left.vals, n.m, n.vals))
	n.right.vals[t("u", 1)] = t("v", 3)
	return "unreached"
}

func conditions(k int) (s string) {
	if t("a", k > 1) && t("b", k > 2) || t("c", k == 0) && !t("d", k != 0) {
		s += "yes"
	}
	for i := t("e", 0); t("f", i < k); i += t("g", 1) {
		s += fmt.Sprint(i)
	}
	switch t("h", k) {
	case t("i", 0), t("j", 1):
		s += "small"
	case t("k", 2):
		s += "two"
		fallthrough
	default:
		s += "default"
	}
	return s + fmt.Sprint(t("l", 1)+t("m", 2)*t("n", 3), t("o", "x")[t("p", 0):t("q", 1)], -t("r", k), []int{1: t("t", 2)}[t("u", 1)])
}

func bounds(k int) (err any) {
	defer func() { err = fmt.Sprint(recover()) }()
	list := make([]int, t("a", 2), t("b", 4))
	list = list[t("c", 1):t("d", k)]
	arr := [...]int{4, 5, 6}
	p := &arr
	sub := p[t("e", k-1):t("f", k):t("g", 3)]
	_ = sub[t("h", 1)]
	return nil
}

func main() {
	n := &node{m: map[string]int{}}
	fmt.Println(assign(n), trace)
	for k := range 4 {
		trace = nil
		fmt.Println(conditions(k), trace)
	}
	for k := range 6 {
		trace = nil
		fmt.Println(bounds(k), trace)
	}
}
