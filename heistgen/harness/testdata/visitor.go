// run

package main

import (
	"fmt"
	"strconv"
)

type expr interface{}

type (
	num    float64
	name   string
	binary struct {
		op   rune
		l, r expr
	}
	call struct {
		fn   string
		args []expr
	}
	let struct {
		name
		val, body expr
	}
)

type scope struct {
	*scope
	vars map[name]expr
}

func (s *scope) find(n name) (v expr, depth int) {
	for ; s != nil; s, depth = s.scope, depth+1 {
		if v, ok := s.vars[n]; ok {
			return v, depth
		}
	}
	return nil, -1
}

func eval(s *scope, e expr) (out expr) {
	switch e := e.(type) {
	case nil:
		return num(0)
	case num, fmt.Stringer:
		return e
	case name:
		v, depth := s.find(e)
		if depth < 0 {
			panic("unbound " + e)
		}
		return v
	case binary:
		switch l, r := eval(s, e.l), eval(s, e.r); l := l.(type) {
		case num:
			switch r, ok := r.(num); {
			case !ok:
				return fmt.Sprint(l) + show(e.r)
			case e.op == '+':
				return l + r
			case e.op == '*':
				return l * r
			default:
				return binary{e.op, l, r}
			}
		case string:
			return l + show(r)
		}
	case *call:
		var args []expr
		for _, a := range e.args {
			args = append(args, eval(s, a))
		}
		e = &call{e.fn, args}
		return apply(*e)
	case let:
		inner := scope{s, map[name]expr{e.name: eval(s, e.val)}}
		return eval(&inner, e.body)
	case []expr:
		for i := range e {
			if out = eval(s, e[i]); out == num(0) {
				return i
			}
		}
		return out
	}
	return fmt.Sprintf("%T?", e)
}

func apply(c call) expr {
	switch c.fn {
	case "sum":
		var t num
		for _, a := range c.args {
			if n, ok := a.(num); ok {
				t += n
			} else if i, ok := a.(int); ok {
				t -= num(i)
			}
		}
		return t
	}
	return c
}

func show(e expr) string {
	switch e := e.(type) {
	case num:
		return strconv.FormatFloat(float64(e), 'g', -1, 64)
	case string, name:
		return fmt.Sprintf("%q", e)
	}
	return "?"
}

func try(e expr) {
	defer func() {
		if v, ok := recover().(name); ok {
			fmt.Println("failed:", v)
		}
	}()
	fmt.Println(eval(&scope{vars: map[name]expr{"pi": num(3)}}, e))
}

func main() {
	try(binary{'+', num(1), binary{'*', name("pi"), num(2)}})
	try(let{"x", num(4), let{"y", binary{'+', name("x"), name("pi")}, &call{"sum", []expr{name("x"), name("y"), nil, []expr{num(1), nil}}}}})
	try(binary{'+', name("x"), num(1)})
	try(binary{'-', num(1), num(2)})
	try(binary{'+', num(1), &call{fn: "f"}})
	try([]expr{num(1), nil})
	try(true)
}
