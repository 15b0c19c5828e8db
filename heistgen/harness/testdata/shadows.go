// run

package main

import "fmt"

type text = string

func lens(len func([]int) int, list []int) int {
	new := len(list)
	append := func(a, b int) int { return a*10 + b }
	for _, cap := range list {
		new := append(new, cap)
		if true := new > 100; true {
			return new
		}
	}
	return new
}

func types(int string, any ...float64) (string_ text, error int8) {
	byte := int + "b"
	for range any {
		byte += byte[:1]
		error++
	}
	type bool struct{ yes, no text }
	b := bool{yes: byte}
	b.no, string_ = b.yes, b.no
	if true, false := 1, 0; true > false {
		nil := b.no
		string_ += nil
	}
	return string_, error
}

func m(d int) (out int) {
	in, cx, task, machine, at, wait := d, d+1, d+2, d+3, d+4, d+5
	err := func() int { return in + cx + task + machine + at + wait }
	out = err()
	for in := range 2 {
		task := task * in
		{
			task, in := in, task
			out += task*100 + in
		}
		out -= task
	}
	return out + in
}

func copy(make, copy []int) (iota int) {
	for iota = range make {
		if iota >= len(copy) {
			break
		}
		copy[iota] = -make[iota]
	}
	print := fmt.Sprint
	fmt := print("shadowed", iota)
	return len(fmt)
}

func scopes(x int) (s string) {
	if x := x + 1; x > 2 {
		x := x * 2
		s += fmt.Sprint("a", x)
	} else if y := x * 3; y > 3 {
		s += fmt.Sprint("b", x, y)
	} else {
		x, y := y, x
		s += fmt.Sprint("c", x, y)
	}
	switch x := x % 3; x := any(x).(type) {
	case int:
		s += fmt.Sprint("d", x)
	}
	for x := x; x < 3; x++ {
		x := x
		defer func() { s += fmt.Sprint("e", x) }()
		x += 10
	}
	return s + fmt.Sprint("f", x)
}

func main() {
	fmt.Println(lens(func(l []int) int { return len(l) }, []int{4, 5, 6}), lens(func(l []int) int { return 50 }, []int{1}))
	fmt.Println(types("i", 1, 2, 3))
	fmt.Println(m(1), m(7))
	list := []int{0, 0}
	fmt.Println(copy([]int{1, 2, 3}, list), list)
	for x := range 4 {
		fmt.Println(scopes(x))
	}
}
