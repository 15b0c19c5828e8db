// run

package main

import (
	"fmt"
	"strings"
)

type logger struct {
	prefix string
	lines  []string
}

func (l *logger) log(format string, args ...any) (n int) {
	line := fmt.Sprintf(l.prefix+format, args...)
	l.lines = append(l.lines, line)
	return len(line)
}

func (l *logger) with(fields ...string) *logger {
	c := *l
	c.prefix += strings.Join(fields, ",") + ": "
	if len(fields) > 0 {
		fields[0] = "*"
	}
	return &c
}

func forward(l *logger, args ...any) (int, string, []any) {
	n := l.log("%v %v", args...)
	args = append(args, n)
	return n, fmt.Sprint(args...), args
}

func pair(n int) (int, error) {
	if n%2 == 1 {
		return n, fmt.Errorf("odd %d", n)
	}
	return n * 2, nil
}

var both = func(n int, err error) string { return fmt.Sprint(n, "/", err) }

var sum = func(base int, more ...int) (t int) {
	t = base
	for i := range more {
		more[i] += base
		t += more[i]
	}
	return
}

func three(n int) (int, int, int) { return n, n + 1, n + 2 }

func spread(n int, rest ...any) string { return fmt.Sprint(n, len(rest), rest) }

func main() {
	l := &logger{}
	fmt.Println(forward(l, 1, "a"))
	fmt.Println(forward(l.with("x", "y"), nil, []int{1}))
	fields := []string{"k", "v"}
	fmt.Println(forward(l.with(fields...), fields, l.with().prefix))
	fmt.Println(both(pair(3)), both(pair(4)))
	list := []int{1, 2, 3}
	fmt.Println(sum(three(1)), sum(5, list...), list, sum(5, list[:1]...), list, sum(7))
	fmt.Println(spread(1), spread(1, nil), spread(1, nil...), spread(1, []any{2, 3}...), spread(1, []any{2, 3}))
	fmt.Println(l.lines)
}
