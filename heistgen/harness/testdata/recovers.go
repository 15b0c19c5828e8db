// run

package main

import (
	"errors"
	"fmt"
	"runtime"
)

var log []any

func say(v ...any) { log = append(log, fmt.Sprint(v...)) }

func third(k int) (r string) {
	defer func() {
		defer func() {
			if v := recover(); v != nil {
				say("inner ", v)
				r += "i"
			}
		}()
		if v := recover(); v != nil {
			say("third ", v)
			r = fmt.Sprint(v)
			if k%3 == 1 {
				panic(fmt.Errorf("second: %v", v))
			}
		}
	}()
	if k > 2 {
		panic(k)
	}
	return "calm"
}

func second(k int) (r string, err error) {
	defer func() {
		var re runtime.Error
		switch v := recover().(type) {
		case nil:
			r += "."
		case error:
			if errors.As(v, &re) {
				r = "runtime"
			}
			err = v
		default:
			panic(fmt.Sprint("not for me: ", v))
		}
	}()
	var m map[int]int
	var list []int
	switch k {
	case 0:
		m[k] = 1
	case 1:
		k = list[k]
	case 2:
		panic("text")
	case 3:
		panic(errors.New("an error"))
	}
	return third(k), nil
}

func first(k int) (r string) {
	defer func() {
		if v := recover(); v != nil {
			r = fmt.Sprint("first: ", v)
		}
	}()
	a, err := second(k)
	return fmt.Sprint(a, err)
}

func goexit() (r int) {
	defer func() { say("goexit ", recover(), r) }()
	for i := 0; ; i++ {
		defer func() {
			if r += i; i == 2 {
				recover()
			}
		}()
		if i == 3 {
			panic(i)
		}
	}
}

func main() {
	for k := range 8 {
		fmt.Println(first(k))
	}
	func() {
		defer func() { say("main ", recover()) }()
		say(goexit())
	}()
	fmt.Println(log...)
}
