// run

package main

import (
	"fmt"
	"math"
)

// Constants that no type holds, beside calls.

const (
	huge  = 1 << 100
	small = huge >> 98
	big   = 1<<63 - 1
	third = 1.0 / 3
	mask  = ^uint32(0)
)

const (
	_, skipped = iota, iota * huge >> 100
	kb, kbits  = 1 << (10 * iota), 8 << (10 * iota)
	mb, mbits
)

func id[T any](v T) T { return v }

func wraps(n int) (out []any) {
	out = append(out, big+id(n), int8(id(n))<<7, uint8(id(n))-2, -id(n)<<63>>63)
	out = append(out, huge/(huge-1)+id(n), small*id(n), 'a'+id(int32(n)), "s"[0]+id(byte(250)))
	out = append(out, huge*third/huge+id(float64(n)), math.MaxUint64/1e3*id(1.5), float32(third)+id(float32(n)))
	x := id(uint16(n)) * math.MaxUint16
	x += math.MaxUint16 - small
	var s uint = uint(id(n) + 2)
	var f float64 = float64(uint32(1)<<s) + float64(id(n))
	var u8 = uint8(1)<<s<<id(6) | 1<<id(1)
	var i int = 1.0 << s
	out = append(out, x, f, u8, i, mask<<id(s), 1<<s == id(8), id(mask)>>31)
	return append(out, kb+id(n), mb|kbits, mbits, skipped)
}

func divides(a, b int) (q, r int, err any) {
	defer func() {
		if err = recover(); err != nil {
			q--
		}
	}()
	q, r = math.MinInt/id(b), id(a)%id(b)
	q += id(a) / b
	return q, r, nil
}

func floats(z float64) (out []any) {
	inf := 1 / id(z)
	nan := inf - id(inf)
	m := map[float64]int{nan: 1, id(nan): 2, inf: 3, -z: 4}
	m[z]++
	m[nan]++
	out = append(out, len(m), m[0], nan == id(nan), nan != nan, -inf < id(-1.0), math.Signbit(-z), min(nan, id(1.0)), max(-z, id(z)))
	const c = 2i * 2i
	return append(out, id(3+c), c*complex(id(z), 1), int(real(c))+id(1), [small]int{small - 1: id(1)}, len([...]string{kb >> 8: "x"}))
}

func main() {
	for n := range 3 {
		fmt.Println(wraps(n)...)
	}
	fmt.Println(divides(7, -1))
	fmt.Println(divides(7, 0))
	fmt.Println(floats(0)...)
}
