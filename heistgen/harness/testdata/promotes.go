// run

package main

import "fmt"

// Methods that instances of generic types promote, and methods as functions.

type box[T any] struct{ v T }

func (b *box[T]) set(v T) T  { b.v, v = v, b.v; return v }
func (b box[T]) get() T      { return b.v }
func (b box[T]) twice() [2]T { return [2]T{b.get(), b.get()} }
func (b *box[T]) with(f func(T) T) *box[T] {
	b.v = f(b.get())
	return b
}

type counted[K comparable] struct {
	*box[K]
	seen map[K]int
}

func (c counted[K]) put(k K) int {
	c.seen[c.set(k)]++
	return c.seen[k]
}

type desk struct {
	counted[string]
	box[float64]
	tag struct{ box[rune] }
}

func (d *desk) all(k string) (out []any) {
	out = append(out, d.put(k), d.counted.get(), d.box.get(), d.tag.twice())
	d.tag.set('y')
	d.box.with(func(f float64) float64 { return f * 2 }).set(d.box.get() + 1)
	return append(out, d.tag.get(), d.box.v)
}

type shape interface{ area(k int) int }

type square struct{ side int }

func (s square) area(k int) int      { return s.side * s.side * k }
func (s *square) grow(by int) square { s.side += by; return *s }

type tagged struct {
	side int `json:"side"`
}

func expressions(s square) (out []int) {
	area, grow := square.area, (*square).grow
	bound, late := s.area, s.grow
	s.side = 3
	out = append(out, area(s, 2), bound(2), late(1).side)
	out = append(out, s.side)
	out = append(out, grow(&s, 2).side)
	out = append(out, (*square).area(&s, 1))
	out = append(out, shape.area(s, 3), square(tagged{7}).area(1), tagged(s).side)
	anonymous := struct {
		side int "kept"
	}(s)
	s = square(anonymous)
	out = append(out, s.grow(anonymous.side).area(1), interface{ area(int) int }(s).area(1))
	for _, f := range []func(square, int) int{square.area, area} {
		out = append(out, f(square{len(out)}, 1))
	}
	return out
}

func nothing(d *desk) (err any) {
	defer func() { err = recover() }()
	var c counted[string]
	f := d.get2
	return fmt.Sprint(f(), c.twice())
}

func (d *desk) get2() (n int) {
	defer func() {
		if recover() != nil {
			n = -1
		}
	}()
	return len(d.counted.get())
}

func main() {
	d := &desk{counted: counted[string]{&box[string]{"old"}, map[string]int{}}}
	d.tag.v = 'x'
	for _, k := range []string{"a", "b", "a", "old"} {
		fmt.Println(d.all(k)...)
	}
	fmt.Println(expressions(square{2}), nothing(d), nothing(nil), d.seen)
}
