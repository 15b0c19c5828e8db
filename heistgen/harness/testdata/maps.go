// run

package main

import (
	"fmt"
	"maps"
	"slices"
	"sort"
)

type stats map[string]struct {
	n   int
	max float64
}

func (s stats) add(k string, v float64) {
	e := s[k]
	e.n++
	e.max = max(e.max, v)
	s[k] = e
}

func prune(m map[int]string) (kept, seen int) {
	for k := range m {
		seen++
		for d := range m {
			if d != k && d%2 == k%2 {
				delete(m, d)
			}
		}
		m[k] += "!"
	}
	for range m {
		kept++
	}
	return
}

func sum(m map[string][]int) (total int) {
	for k, list := range m {
		switch k {
		case "skip":
			continue
		case "clear":
			clear(list)
		}
		for i, v := range list {
			if m[k][i]++; v < 0 {
				break
			}
			total += v
		}
	}
	return total
}

func keys[M ~map[K]V, K ~string | ~int, V any](m M) (out []K) {
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return
}

func empty(m map[int]string) (total int) {
	for k, v := range maps.All(m) {
		total += len(v)
		delete(m, k)
	}
	return
}

func main() {
	s := stats{}
	for i, k := range []string{"a", "b", "a", "c", "b", "a"} {
		s.add(k, float64(i*i%7))
	}
	names := keys(s)
	sort.Slice(names, func(i, j int) bool {
		return s[names[i]].n > s[names[j]].n || s[names[i]].n == s[names[j]].n && names[i] < names[j]
	})
	for _, n := range names {
		fmt.Print(n, s[n], " ")
	}
	m := map[int]string{}
	for i := range 9 {
		m[i] = fmt.Sprint(i)
	}
	fmt.Println(prune(m))
	fmt.Println(empty(m), len(m))
	lists := map[string][]int{"a": {1, 2, -1, 4}, "skip": {5}, "clear": {6, 7}, "nil": nil}
	fmt.Println(sum(lists), lists)
	var none map[string]map[string]int
	fmt.Println(none["a"]["b"], len(none["x"]))
	defer func() { fmt.Println(recover(), len(none)) }()
	none["a"]["b"]++
}
