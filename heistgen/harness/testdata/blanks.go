// run

package main

import "fmt"

// Blanks in all places where they may stand.

var log []string

func say(s string) int { log = append(log, s); return len(log) }

func three() (int, string, error) { return say("three"), "t", nil }

type padded struct {
	_ int
	a int
	_ struct{ _, b string }
	_ int
}

func (padded) none(_ int, _ string) int                { return say("none") }
func (_ *padded) some(int, ...string) (_ int, _ error) { say("some"); return }

func ignores(_, b int, _ ...string) (_ int, c string, _ error) {
	_ = say("a")
	_, _ = say("b"), say("c")
	_, c, _ = three()
	var _ = say("d")
	var _, d = say("e"), b
	var _, _, _ = three()
	_, e, _ := three()
	for range say("f") % 3 {
		_ = e
	}
	for _ = range []int{say("g")} {
	}
	for _, _ = range map[int]int{say("h"): 1} {
	}
	for _, v := range [...]string{"x", "y"} {
		_ = v + c
		c += v
	}
	var m map[string]int
	_, ok := m["none"]
	_, _ = m[fmt.Sprint(say("i"))], ok
	var x any = d
	_, _ = x.(string)
	switch _ = say("j"); x.(type) {
	case string:
	case int:
		_ = x
	}
	switch _, s, _ := three(); {
	case s == "":
	default:
		_ = s
	}
	if _ = say("k"); ok {
		return
	}
	func(_ int, _ string) { _ = say("l") }(say("m"), c)
	defer func(_ int) { _ = recover(); c += "!" }(say("n"))
	p := &padded{a: say("o")}
	_, _ = p.none(say("p"), ""), p.a
	_, _ = p.some(say("q"))
	_ = *p == padded{a: p.a}
	_ = []func(_ int) (_ string){func(int) string { return "" }}[0](say("r"))
	var q *padded
	_ = q.a
	return 1, "unreached", nil
}

func _() { say("never") }

const _ = iota

type _ = padded

func main() {
	fmt.Println(ignores(1, 2, "3"))
	fmt.Println(log)
}
