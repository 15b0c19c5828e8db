// run

package main

import "fmt"

type limits struct {
	soft, hard int
	names      []string
}

type config struct {
	limits
	routes map[string][]*route
	nested [2]struct {
		on bool
		f  func(int) int
	}
	any     interface{}
	handler func(string) (int, error)
}

type route struct {
	path string
	prev *route
	opts map[int][]limits
}

var seq int

func next(label string) int {
	seq++
	fmt.Print(label, seq, " ")
	return seq
}

func text(label string) string { return fmt.Sprint(label, next(label)) }

func last(r []*route) *route {
	if len(r) == 0 {
		return nil
	}
	return r[len(r)-1]
}

func build(k int) (c config) {
	c = config{
		limits: limits{hard: next("h"), soft: next("s") - c.hard, names: []string{2: text("n"), 0: text("m")}},
		routes: map[string][]*route{
			text("r"): {{path: text("p"), opts: map[int][]limits{next("o"): {{next("x"), next("y"), nil}, {names: []string{text("z")}}}}}, nil},
			"fixed":   {{text("q"), last(c.routes["fixed"]), nil}},
		},
		nested: [...]struct {
			on bool
			f  func(int) int
		}{1: {next("b")%2 == 0, func(i int) int { return i * k * next("f") }}},
		any: [...]any{next("a"), text("t"), struct{ v [1]int }{[1]int{next("v")}}, &k == nil, func() int { return k }()},
	}
	c.handler = func(s string) (int, error) {
		if k = len(s); k > 3 {
			return next("long"), fmt.Errorf("%s too long for %d", s, c.hard)
		}
		return c.nested[1].f(k), nil
	}
	return c
}

func main() {
	c := build(3)
	fmt.Println()
	fmt.Println(c.limits, len(c.routes), c.any, c.nested[1].on)
	for _, k := range []string{"fixed", "r6"} {
		for _, r := range c.routes[k] {
			if r != nil {
				fmt.Println(k, r.path, r.prev, r.opts)
			}
		}
	}
	fmt.Println(c.handler("abcd"))
	fmt.Println(c.handler("ab"))
}
