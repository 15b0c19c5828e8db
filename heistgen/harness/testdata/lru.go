// run

package main

import "fmt"

type entry[K comparable, V any] struct {
	key        K
	val        V
	prev, next *entry[K, V]
}

type cache[K comparable, V any] struct {
	m          map[K]*entry[K, V]
	head, tail *entry[K, V]
	cap        int
	evict      func(K, V)
}

func newCache[K comparable, V any](n int, evict func(K, V)) *cache[K, V] {
	return &cache[K, V]{m: make(map[K]*entry[K, V]), cap: n, evict: evict}
}

func (c *cache[K, V]) unlink(e *entry[K, V]) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		c.head = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		c.tail = e.prev
	}
	e.prev, e.next = nil, nil
}

func (c *cache[K, V]) front(e *entry[K, V]) {
	e.next = c.head
	if c.head, e.prev = e, nil; e.next != nil {
		e.next.prev = e
	}
	if c.tail == nil {
		c.tail = e
	}
}

func (c *cache[K, V]) get(k K) (v V, ok bool) {
	e, ok := c.m[k]
	if !ok {
		return
	}
	c.unlink(e)
	c.front(e)
	return e.val, true
}

func (c *cache[K, V]) put(k K, v V) (old V, replaced bool) {
	if e := c.m[k]; e != nil {
		old, e.val = e.val, v
		c.unlink(e)
		c.front(e)
		return old, true
	}
	for len(c.m) >= c.cap {
		last := c.tail
		c.unlink(last)
		delete(c.m, last.key)
		if c.evict != nil {
			c.evict(last.key, last.val)
		}
	}
	c.m[k] = &entry[K, V]{key: k, val: v}
	c.front(c.m[k])
	return
}

func (c *cache[K, V]) update(k K, f func(V, bool) V) V {
	v, ok := c.get(k)
	c.put(k, f(v, ok))
	v, _ = c.get(k)
	return v
}

type point struct{ x, y int }

func main() {
	var out []string
	c := newCache(3, func(k string, v point) { out = append(out, fmt.Sprint(k, v)) })
	for i, k := range []string{"a", "b", "c", "a", "d", "e", "a", "f"} {
		v := c.update(k, func(p point, ok bool) point {
			if !ok {
				return point{x: i}
			}
			p.x, p.y = p.y, p.x+i
			return p
		})
		fmt.Print(k, v, " ")
	}
	fmt.Println(out, len(c.m))
	for e := c.head; e != nil; e = e.next {
		fmt.Print(e.key, e.val)
	}
	n := newCache[[2]int, any](1, nil)
	fmt.Println(n.put([2]int{1, 2}, "x"))
	fmt.Println(n.put([2]int{1, 2}, nil))
	fmt.Println(n.get([2]int{1, 2}))
	fmt.Println(n.get([2]int{2, 1}))
}
