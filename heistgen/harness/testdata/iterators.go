// run

package main

import (
	"fmt"
	"maps"
	"slices"
)

type list []int

func assigned() (s string) {
	var i int
	a := []int{5, 6, 7}
	for i, a[i] = range slices.All([]int{1, 2, 0}) {
		s += fmt.Sprint(i, a)
	}
	var p *int = &i
	for _, *p = range slices.Backward(a) {
		s += fmt.Sprint(" ", i)
	}
	for a[i] = range slices.Values(list{2, 1}) {
		i = a[i]
		s += fmt.Sprint(a)
	}
	return
}

func changed(l list) (n int) {
	for i, v := range slices.All(l) {
		l[len(l)-1-i] += v
		l = append(l, v)
		n += v
		v++
		i += 2
	}
	for range slices.Values(l[:2]) {
		n *= 2
	}
	for i := range slices.Backward(l) {
		if i%2 == 0 {
			continue
		}
		n += i
	}
	return
}

func leaves(m map[string]list) (out list, err any) {
	defer func() { err = recover() }()
outer:
	for k, l := range maps.All(m) {
		defer func() { out = append(out, -len(k)) }()
		for v := range slices.Values(l) {
			switch {
			case v == 3:
				continue outer
			case v == 4:
				break outer
			case v == 5:
				return append(out, v), nil
			case v == 6:
				goto end
			}
			out = append(out, v)
		}
	}
	for k := range maps.Keys(m) {
		for v := range maps.Values(map[string]int{k: 1}) {
			out = append(out, v)
			panic(k)
		}
	}
end:
	return out, nil
}

func gather() (fs []func() int) {
	for i, v := range slices.All([]int{1, 2, 3}) {
		fs = append(fs, func() int { i, v = i+v, i; return i })
	}
	for v := range slices.Values([]int{4, 5}) {
		p := &v
		fs = append(fs, func() int { *p++; return v })
	}
	return
}

func generic[S ~[]E, E comparable](s S, e E) int {
	for i, v := range slices.All(s) {
		if v == e {
			return i
		}
	}
	return -1
}

func main() {
	fmt.Println(assigned())
	fmt.Println(changed(list{1, 2, 3, 4}))
	for v := range 8 {
		fmt.Println(leaves(map[string]list{"a": {1, v, 2}}))
	}
	fmt.Println(leaves(nil))
	for range 2 {
		for _, f := range gather() {
			fmt.Print(f(), f(), " ")
		}
	}
	fmt.Println(generic(list{1, 2}, 2), generic([]string(nil), ""))
}
