// run

package main

import (
	"fmt"
	"unicode/utf8"
)

// Texts that are no UTF-8, and what a range makes of them.

const broken = "a\xffé\xc3\x28\xed\xa0\x80z\xe2\x82"

func runes(s string) (at []int, rs []rune, bad int) {
	t := s
	for i, r := range s {
		at = append(at, i)
		rs = append(rs, r)
		if r == utf8.RuneError {
			bad++
			if t[i] == 0xef {
				bad += 100
			}
		}
		s = s[:1] // the range goes on over what it was
	}
	return at, rs, bad
}

func counts(s string) (n int) {
	for range s {
		n++
	}
	for i := range s {
		n += 100 * i
	}
	var r rune
	var i int
	for i, r = range s {
		if r == 'z' {
			break
		}
		n += int(r) & 1
	}
	return n*1000 + i + int(r)
}

func octets(s string) string {
	out := ""
	b := []byte(s)
	for i, c := range b {
		if i+1 < len(b) {
			b[i+1] ^= 0x20
		}
		out += fmt.Sprintf("%02x%02x ", c, s[i])
	}
	for i, c := range []byte(s[2:5]) {
		out += fmt.Sprint(i, c, ";")
	}
	for i, c := range []rune(s) {
		out += fmt.Sprint(i, c, ";")
	}
	return out + string([]rune{0x10ffff, -1, 0xd800, 'x'})
}

func within(s string) (out string) {
words:
	for i, r := range s {
		for j, q := range s[i:] {
			switch {
			case q == utf8.RuneError:
				continue words
			case j > 3:
				break words
			}
			out += fmt.Sprintf("%d.%d%c%c ", i, j, r, q)
		}
	}
	return out
}

func keyed(s string) map[rune][]int {
	m := map[rune][]int{}
	for i, r := range s {
		m[r] = append(m[r], i)
		defer func() { m[r] = append(m[r], -i) }()
	}
	return m
}

func main() {
	for _, s := range []string{broken, "", "z", "\x80", "日本語z"} {
		fmt.Println(runes(s))
		fmt.Println(counts(s), within(s), keyed(s))
	}
	fmt.Printf("%q\n", octets(broken))
}
