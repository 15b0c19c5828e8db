// run

package main

import (
	"errors"
	"fmt"
)

// Switches of all kinds.

var log []string

func say[T any](v T) T { log = append(log, fmt.Sprint(v)); return v }

type kind uint8

func (k kind) String() string { return fmt.Sprintf("kind%d", uint8(k)) }

type coded interface{ Code() int }

type fault struct{ code int }

func (f fault) Error() string { return fmt.Sprint("fault ", f.code) }
func (f *fault) Code() int    { return f.code }

func bare(n int) (out string) {
	switch m := say(n * 2); {
	case say(m) > 6:
		out = "large"
		fallthrough
	case false:
		out += " or false"
		if n == 5 {
			break
		}
		fallthrough
	default:
		out += " default"
	case say(m+1) == 3:
		out = "three"
	}
	switch say(true) {
	case n > 3:
		return out + " true"
	case n > 1 && say(n) == 2, say(n) == 1:
		out += " few"
	}
	switch {
	}
	switch say(n) {
	}
	switch n := any(n); n {
	case "0", nil, 0:
		out += " zero"
	case int64(2):
		out += " not this"
	case say(2):
		out += " this"
	}
	return out
}

func typed[T any](v any, t T) (out string) {
	switch x := say(v).(type) {
	case nil:
		return "nil"
	case T:
		return fmt.Sprint("T ", x, t)
	case kind, *kind:
		return fmt.Sprintf("%T", x)
	case interface{ Unwrap() error }:
		out = fmt.Sprint("wraps ", x.Unwrap())
	case coded:
		out = fmt.Sprint("code ", x.Code())
		x = &fault{x.Code() + 1}
		out += fmt.Sprint(x.Code())
	case error:
		out = x.Error()
	case func() string:
		out = x()
	case []T, map[string]T:
		out = fmt.Sprint("many ", x)
	case struct{ A, B int }:
		out = fmt.Sprint(x.A + x.B)
	default:
		out = fmt.Sprintf("other %T", x)
	}
	switch v := v.(type) {
	case error:
		var f fault
		if errors.As(v, &f); f.code == 7 {
			break
		}
		out += " not seven"
	}
	return out
}

func nested(list []any) (out []string) {
loop:
	for i, v := range list {
		switch v := v.(type) {
		case int:
			switch {
			case v < 0:
				continue loop
			case v == 0:
				break
			case v > 10:
				break loop
			default:
				for v := range v {
					switch v {
					case 2:
						continue loop
					case 1:
						continue
					}
					out = append(out, fmt.Sprint(i, v))
				}
			}
			out = append(out, "int")
		case string:
			if v == "" {
				break
			}
			out = append(out, v)
		}
		out = append(out, "next")
	}
	return out
}

func main() {
	for n := range 6 {
		fmt.Println(bare(n), log)
		log = nil
	}
	k := kind(3)
	for _, v := range []any{nil, 1, k, &k, fmt.Errorf("w %w", fault{7}), &fault{2}, fault{3}, func() string { return say("f") }, []int{1}, map[string]int{"a": 1}, struct{ A, B int }{1, 2}, 1.5, errors.New("plain")} {
		fmt.Println(typed(v, 5), typed(v, "s"))
	}
	fmt.Println(nested([]any{1, -1, 0, 3, "", "a", 2, 11, "not"}), log == nil)
}
