// run

package main

import (
	"fmt"
	"iter"
	"strings"
	"unicode"
)

type token struct {
	kind rune
	text string
	pos  int
}

type lexer struct {
	src  []rune
	pos  int
	peek *token
}

func (l *lexer) scan() (t token, ok bool) {
	if l.peek != nil {
		t, l.peek = *l.peek, nil
		return t, true
	}
	for l.pos < len(l.src) && unicode.IsSpace(l.src[l.pos]) {
		l.pos++
	}
	if l.pos == len(l.src) {
		return
	}
	t.pos = l.pos
	var b strings.Builder
	switch r := l.src[l.pos]; {
	case unicode.IsDigit(r):
		for t.kind = '0'; l.pos < len(l.src) && unicode.IsDigit(l.src[l.pos]); l.pos++ {
			b.WriteRune(l.src[l.pos])
		}
	case r == '"':
		t.kind = '"'
		for l.pos++; ; l.pos++ {
			if l.pos >= len(l.src) {
				panic(fmt.Errorf("open string at %d", t.pos))
			}
			if c := l.src[l.pos]; c == '"' {
				l.pos++
				break
			} else if c == '\\' {
				l.pos++
			}
			b.WriteRune(l.src[l.pos])
		}
	default:
		t.kind = r
		l.pos++
	}
	t.text = b.String()
	return t, true
}

func (l *lexer) expect(k rune) (t token) {
	t, ok := l.scan()
	if !ok || t.kind != k {
		panic(fmt.Errorf("want %q at %d, have %q", k, l.pos, t.kind))
	}
	return
}

func (l *lexer) value() (v any) {
	switch t, _ := l.scan(); t.kind {
	case '0':
		n := 0
		for _, d := range t.text {
			n = n*10 + int(d-'0')
		}
		return n
	case '"':
		return t.text
	case '[':
		list := []any{}
		for sep := false; ; sep = true {
			t, ok := l.scan()
			if ok && t.kind == ']' {
				return list
			}
			if sep {
				if t.kind != ',' {
					panic(fmt.Errorf("no comma at %d", t.pos))
				}
			} else {
				l.peek = &t
			}
			list = append(list, l.value())
		}
	case '-':
		return -l.value().(int)
	default:
		panic(fmt.Errorf("unexpected %q at %d", t.kind, t.pos))
	}
}

func parse(s string) (v any, err error) {
	l := lexer{src: []rune(s)}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case error:
			v, err = nil, e
		}
	}()
	v = l.value()
	if t, ok := l.scan(); ok {
		return v, fmt.Errorf("rest at %d", t.pos)
	}
	return
}

func leaves(v any) iter.Seq2[int, any] {
	return func(yield func(int, any) bool) {
		n := 0
		var walk func(any) bool
		walk = func(v any) bool {
			list, ok := v.([]any)
			if !ok {
				n++
				return yield(n, v)
			}
			for _, v := range list {
				if !walk(v) {
					return false
				}
			}
			return true
		}
		walk(v)
	}
}

func show(v any) {
	for i, leaf := range leaves(v) {
		if fmt.Print(" ", i, "=", leaf); i == 3 {
			break
		}
	}
	fmt.Println()
}

func main() {
	for _, s := range []string{`12`, `[1, [2, "a\"b"], -3]`, `"x`, `[1 2]`, `-"a"`, `[]`, `[,]`, `1 2`, ``, `[[[], 4], "é"]`} {
		v, err := parse(s)
		fmt.Printf("%v %v", v, err)
		show(v)
	}
}
