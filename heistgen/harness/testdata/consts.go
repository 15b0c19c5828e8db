// run

package main

import "fmt"

type level int

func (l level) String() string { return [...]string{"low", "mid", "high"}[l%3] }

func sizes(n int) (out []int) {
	const (
		_  = iota
		kb = 1 << (10 * iota)
		mb
		gb
	)
	type unit struct {
		name string
		size int
	}
	units := []unit{{"gb", gb}, {"mb", mb}, {"kb", kb}}
	for _, u := range units {
		const half = 0.5
		if float64(n) >= half*float64(u.size) {
			out = append(out, n/u.size)
		}
		n %= u.size
	}
	{
		const kb, other = "shadow", 'x' + iota
		out = append(out, len(kb), int(other))
	}
	return
}

func levels() (s string) {
	const (
		low level = iota
		mid
		high
		skip, other = iota * 2, level(iota)
	)
	for l := low; l <= high; l++ {
		switch l {
		case low, high:
			s += fmt.Sprint(l, " ")
		case mid:
			s += fmt.Sprintf("%v/%d/%d ", l, skip, other)
		}
	}
	return s
}

func wide() any {
	const big = 1 << 100
	const f = big / 3.0
	var x uint8 = big >> 93
	var sh uint = 3
	y := 1.0 + float32(uint32(1)<<sh)
	var z int64 = 1 << sh
	var w = uint16(1<<sh | 0xff00)
	return fmt.Sprint(x, y, z, w, f > 1e29, -7/2, -7%3, 7&^5, ^0, 'a'+1, "s"+"t", len("héllo"), 5.0/2, 5/2, 1/3.0)
}

func complexes(c complex128) (r, i float64) {
	z := c*c + 2i
	z *= complex(real(c), -imag(c))
	var w complex64 = complex64(z) / (1 + 1i)
	if z == complex(r, i) {
		return
	}
	r, i = real(z), float64(imag(w))
	p := &z
	*p -= c
	return r + real(*p), i - imag(z)
}

func main() {
	fmt.Println(sizes(5<<30+7<<20+9), levels(), wide())
	fmt.Println(complexes(1 + 2i))
	fmt.Println(complexes(0))
}
