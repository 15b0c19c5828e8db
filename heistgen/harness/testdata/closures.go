// run

package main

import "fmt"

type acc struct{ n int }

func (a *acc) add(k int) int { a.n += k; return a.n }
func (a acc) peek(k int) int { return a.n + k }

func collect(n int) (out []func() int) {
	for i, j := 0, n; i < j; i, j = i+1, j-1 {
		k := i * j
		out = append(out, func() int { i += 10; k++; return i + j + k })
		if i == 1 {
			i++
		}
	}
	for i := range n {
		defer func() { out = append(out, func() int { i++; return i }) }()
	}
	for _, v := range [3]int{7, 8, 9} {
		p := &v
		out = append(out, func() int { *p++; return v })
	}
	return
}

func values(a acc) string {
	add, peek := a.add, a.peek
	bump := (*acc).add
	look := acc.peek
	a.n = 100
	x := add(1)
	y := bump(&a, peek(2))
	return fmt.Sprint(x, y, look(a, 3), peek(4), a)
}

func fib() func() int {
	a, b := 0, 1
	return func() (r int) {
		r = a
		a, b = b, a+b
		return
	}
}

func compose(fs ...func(int) int) func(int) int {
	return func(x int) int {
		for i := len(fs) - 1; i >= 0; i-- {
			x = fs[i](x)
		}
		return x
	}
}

func main() {
	fs := collect(5)
	for range 2 {
		for _, f := range fs {
			fmt.Print(f(), " ")
		}
		fmt.Println()
	}
	fmt.Println(values(acc{5}))
	next := fib()
	for range 10 {
		fmt.Print(next(), " ")
	}
	var fact func(int) int
	fact = func(n int) int {
		if n < 2 {
			return 1
		}
		return n * fact(n-1)
	}
	k := 3
	f := compose(fact, func(x int) int { k++; return x + k }, func(x int) int { return x / 2 })
	fmt.Println(f(4), f(5), k)
}
