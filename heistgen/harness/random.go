package harness

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Random returns a program of random functions, to be compared in those forms. What it does depends on nothing that Go leaves
// open: an expression with a call in it reads only variables that no call can change; and where operands wait, no index is out of
// range beside another call, which may come first.
func Random(seed uint64, forms ...Form) []byte {
	r := &random{r: rand.New(rand.NewPCG(seed, 1)), indices: 4}
	if slices.Contains(forms, Values) || slices.Contains(forms, Operands) {
		r.indices = 3
	}
	r.p(`// run

package main

import "fmt"

var fuel = 4000

func say(args ...any) { fmt.Println(args...) }

type node struct {
	v   int
	arr [3]int
	in  inner
}

type inner struct{ k int }

func (n *node) bump(k int) int {
	n.v += k
	say("bump", n.v)
	return n.v
}

func (i inner) get(k int) int { return i.k + k }

type base struct{ n int }

func (b *base) add(k int) (int, error) {
	b.n += k
	if b.n%%5 == 4 {
		return b.n, fmt.Errorf("five %%d", b.n)
	}
	return b.n, nil
}

type derived struct {
	base
	name string
}

func id(k int) int {
	say("id", k)
	return k
}

func yes(k int) bool {
	say("yes", k)
	return k%%2 == 0
}

func two(k int) (int, string) {
	if k < 0 {
		return k, "neg"
	}
	return k + 1, fmt.Sprint("s", k)
}

func pick[T any](a, b T, k int) T {
	if k%%2 == 0 {
		return a
	}
	return b
}

func sum(list ...int) int {
	s := 0
	for _, v := range list {
		s += v
	}
	return s
}

func guard(name string) {
	if v := recover(); v != nil {
		say(name, "recovered", v)
	}
}

func (n *node) guard(k int) {
	if v := recover(); v != nil {
		say("node recovered", v, k)
		n.v++
	}
}
`)
	const funcs = 24
	for i := range funcs {
		r.function(i)
	}
	r.p("\nfunc try(k int) {\n\tdefer guard(fmt.Sprint(\"main\", k))\n\tswitch k {\n")
	for i := range funcs {
		r.p("\tcase %d:\n\t\tfuel = 4000\n\t\tsay(f%d(3, %d, []int{1, 2, 3, 4}))\n", i, i, i)
	}
	r.p("\t}\n}\n\nfunc main() {\n\tfor k := range %d {\n\t\tsay(\"---\", k)\n\t\ttry(k)\n\t}\n}\n", funcs)
	return []byte(r.b.String())
}

type random struct {
	r       *rand.Rand
	b       strings.Builder
	depth   int
	deep    int // the deepest nesting of the function: most are small, as large ones take long to compile
	n       int // names
	fn      int
	named   bool
	indices int // of a list of three: the fourth is out of range
	// variables in scope: pure ones are never captured, addressed or changed by a call
	pure, loose []string
	loops       []string // labels, "" for one without
}

func (r *random) p(format string, args ...any) { fmt.Fprintf(&r.b, format, args...) }
func (r *random) chance(n int) bool            { return r.r.IntN(n) == 0 }
func (r *random) name(p string) string         { r.n++; return fmt.Sprintf("%s%d", p, r.n) }

func (r *random) function(i int) {
	r.fn, r.n = i, 0
	r.deep = []int{1, 1, 1, 1, 2, 2, 2, 3}[r.r.IntN(8)]
	r.pure, r.loose, r.loops = []string{"a", "b"}, nil, nil
	r.named = r.chance(2)
	if r.named {
		r.p("\nfunc f%d(a, b int, s []int) (out int) {\n", i)
		r.loose = append(r.loose, "out")
	} else {
		r.p("\nfunc f%d(a, b int, s []int) int {\n", i)
	}
	r.p("if fuel--; fuel < 0 {\nreturn 0\n}\n")
	r.p("nd := &node{v: a}\nvar list []func() int\nvar acc int\n_, _, _ = nd, list, acc\n")
	r.loose = append(r.loose, "acc")
	if r.chance(2) {
		switch r.r.IntN(4) {
		case 0:
			r.p("defer guard(\"f%d\")\n", i)
		case 1:
			r.p("defer func() {\nif v := recover(); v != nil {\nsay(\"caught\", v)\n%s}\n}()\n", r.setOut())
		case 2:
			r.p("defer nd.guard(a)\n")
		case 3:
			r.p("defer say(\"leaving\", a, b)\n")
		}
	}
	r.block(3 + r.r.IntN(5))
	r.p("for _, g := range list {\nsay(\"closure\", g())\n}\n")
	r.p("return %s\n}\n", r.quiet())
}

func (r *random) setOut() string {
	if r.named {
		return "out += 100\n"
	}
	return ""
}

// block writes n statements in a scope.
func (r *random) block(n int) {
	pure, loose := len(r.pure), len(r.loose)
	for range n {
		r.statement()
	}
	r.pure, r.loose = r.pure[:pure], r.loose[:loose]
}

func (r *random) nested(n int) {
	r.depth++
	r.block(n)
	r.depth--
}

func (r *random) statement() {
	if r.depth > r.deep {
		r.simple()
		return
	}
	switch r.r.IntN(20) {
	case 0, 1:
		r.p("if %s {\n", r.cond(2))
		r.nested(1 + r.r.IntN(3))
		if r.chance(2) {
			r.p("} else if x := %s; x > %d {\n_ = x\n", r.loud(2), r.r.IntN(5))
			r.nested(1)
		}
		if r.chance(2) {
			r.p("} else {\n")
			r.nested(1 + r.r.IntN(2))
		}
		r.p("}\n")
	case 2:
		r.loop(func(label string) {
			i := r.name("i")
			r.p("%sfor %s := 0; %s < %d; %s++ {\nif fuel--; fuel < 0 {\nbreak\n}\n", label, i, i, 1+r.r.IntN(4), i)
			r.loose = append(r.loose, i)
		}, 1)
	case 3:
		r.loop(func(label string) {
			i, j := r.name("i"), r.name("j")
			r.p("%sfor %s, %s := 0, %d; %s < %s; %s, %s = %s+1, %s-1 {\nif fuel--; fuel < 0 {\nbreak\n}\n", label, i, j, 2+r.r.IntN(5), i, j, i, j, i, j)
			r.loose = append(r.loose, i, j)
		}, 2)
	case 4:
		r.loop(func(label string) {
			k, v := r.name("k"), r.name("v")
			r.p("%sfor %s, %s := range %s {\n_, _ = %s, %s\nif fuel--; fuel < 0 {\nbreak\n}\n", label, k, v, r.one("s", "([]int{4, 5})", "([3]int{7, 8, 9})", "nd.arr", "&nd.arr"), k, v)
			r.pure = append(r.pure, k)
			r.loose = append(r.loose, v)
		}, 0)
	case 5:
		r.loop(func(label string) {
			k := r.name("k")
			r.p("%sfor %s := range %s {\n_ = %s\nif fuel--; fuel < 0 {\nbreak\n}\n", label, k, r.one("3", "len(s)", "id(2)"), k)
			r.loose = append(r.loose, k)
		}, 1)
	case 6:
		r.loop(func(label string) {
			k, v := r.name("k"), r.name("v")
			r.p("%sfor %s, %s := range \"aé€z\" {\nsay(%s, string(%s))\nif fuel--; fuel < 0 {\nbreak\n}\n", label, k, v, k, v)
			r.pure = append(r.pure, k)
		}, 0)
	case 7:
		k := r.name("m")
		r.p("%s := map[int]int{1: 2, 3: 4, 5: 6}\nfor k, v := range %s {\nif fuel < 0 { // before the loop, or never: which keys were there does not matter\nbreak\n}\nacc += k*v + id(0)\ndelete(%s, k)\n}\nsay(len(%s))\n", k, k, k, k)
	case 8, 9:
		if r.chance(2) {
			r.p("switch %s {\n", r.loud(2))
			n := 2 + r.r.IntN(3)
			for c := range n {
				r.p("case %d, %d:\n", 2*c, 2*c+1)
				r.loops = append(r.loops, "switch")
				r.nested(1 + r.r.IntN(2))
				r.loops = r.loops[:len(r.loops)-1]
				if r.chance(3) && c < n-1 {
					r.p("fallthrough\n")
				}
			}
			if r.chance(2) {
				r.p("default:\n")
				r.nested(1)
			}
			r.p("}\n")
			return
		}
		r.p("switch {\n")
		for range 2 {
			r.p("case %s:\n", r.cond(2))
			r.loops = append(r.loops, "switch")
			r.nested(1)
			r.loops = r.loops[:len(r.loops)-1]
		}
		if r.chance(2) {
			r.p("default:\n")
			r.nested(1)
		}
		r.p("}\n")
	case 10:
		v := r.name("t")
		r.p("switch %s := pick[any](%s, \"text\", %s).(type) {\ncase int:\nsay(\"int\", %s+1)\n", v, r.quiet(), r.loud(1), v)
		r.nested(1)
		r.p("case string, error:\nsay(%s)\n", v)
		r.nested(1)
		r.p("}\n")
	case 11:
		l := r.name("again")
		c := r.name("c")
		r.p("%s := 0\n%s:\n%s++\n", c, l, c)
		r.nested(1)
		r.p("if %s < %d && fuel > 0 {\ngoto %s\n}\n", c, 2+r.r.IntN(2), l)
	case 12:
		if r.chance(2) {
			r.p("{\n")
			r.nested(2)
			r.p("}\n")
			return
		}
		x := r.name("d")
		r.p("%s := derived{base{%s}, \"n\"}\nif n, err := %s.add(%s); err != nil {\nsay(n, err)\n} else {\nacc += n\n}\n", x, r.quiet(), x, r.loud(1))
	default:
		r.simple()
	}
}

func (r *random) one(list ...string) string { return list[r.r.IntN(len(list))] }

// loop writes a loop whose head declares variables.
func (r *random) loop(head func(label string), _ int) {
	pure, loose := len(r.pure), len(r.loose)
	label := ""
	if r.chance(3) {
		label = r.name("L")
	}
	text := ""
	if label != "" {
		text = label + ":\n"
	}
	head(text)
	r.loops = append(r.loops, "loop"+label)
	r.nested(1 + r.r.IntN(3))
	if label != "" {
		r.p("if %s {\n%s %s\n}\n", r.cond(0), r.one("break", "continue"), label)
	}
	r.loops = r.loops[:len(r.loops)-1]
	r.p("}\n")
	r.pure, r.loose = r.pure[:pure], r.loose[:loose]
}

func (r *random) simple() {
	switch r.r.IntN(22) {
	case 0, 1:
		v := r.name("p")
		r.p("%s := %s\n_ = %s\n", v, r.loud(3), v)
		r.pure = append(r.pure, v)
	case 2:
		v := r.name("q")
		r.p("var %s = %s\n_ = %s\n", v, r.quiet(), v)
		r.loose = append(r.loose, v)
	case 3:
		r.p("acc %s %s\n", r.one("+=", "-=", "^=", "|="), r.loud(2))
	case 4:
		r.p("say(%s, %s)\n", r.loud(2), r.loud(2))
	case 5:
		r.p("say(%s)\n", r.quiet())
	case 6:
		if len(r.loose) > 0 {
			x := r.loose[r.r.IntN(len(r.loose))]
			r.p("list = append(list, func() int { %s++; return %s })\n", x, x)
		}
	case 7:
		if len(r.loose) > 0 {
			r.p("{\nptr := &%s\n*ptr += %s\n}\n", r.loose[r.r.IntN(len(r.loose))], r.quiet())
		}
	case 8:
		r.p("s[%d] = %s\n", r.r.IntN(3), r.loud(2))
	case 9:
		r.p("s[id(%d)], nd.arr[id(%d)] = %s, %s\n", r.r.IntN(3), r.r.IntN(3), r.loud(1), r.loud(1))
	case 10:
		r.p("defer say(\"deferred\", %s)\n", r.loud(1))
	case 11:
		if len(r.loose) > 0 {
			x := r.loose[r.r.IntN(len(r.loose))]
			r.p("defer func() { say(\"late\", %s); %s++ }()\n", x, x)
		}
	case 12:
		r.p("if %s {\npanic(fmt.Sprint(\"boom\", %s))\n}\n", r.cond(1), r.quiet())
	case 13:
		r.p("if %s {\nsay(10 / (%s - %s))\n}\n", r.cond(1), r.quiet(), r.quiet())
	case 14:
		x, y := r.name("x"), r.name("y")
		r.p("%s, %s := two(%s)\nsay(%s, %s)\n", x, y, r.loud(1), x, y)
		r.pure = append(r.pure, x)
	case 15:
		for k := len(r.loops) - 1; k >= 0; k-- {
			if strings.HasPrefix(r.loops[k], "loop") {
				word := r.one("continue", "break")
				if r.loops[len(r.loops)-1] == "switch" && r.chance(2) {
					word = "break"
				}
				r.p("if %s {\n%s\n}\n", r.cond(1), word)
				return
			}
		}
		r.p("if %s {\nreturn %s\n}\n", r.cond(1), r.loud(1))
	case 16:
		r.p("if %s {\nreturn %s\n}\n", r.cond(0), r.loud(2))
	case 17:
		r.p("nd.bump(%s)\n", r.loud(1))
	case 18:
		r.p("say(two(%s))\n", r.loud(1))
	case 19:
		r.p("say(inner{%s}.get(%s), sum(%s, %s), []int{%s, %s})\n", r.loud(1), r.loud(1), r.loud(1), r.loud(1), r.loud(1), r.loud(1))
	case 20:
		r.p("func() {\ndefer guard(\"lit\")\nvar m map[string]int\nif %s {\nm[\"x\"] = 1\n}\n}()\n", r.quietCond())
	case 21:
		if r.named {
			r.p("out = %s\n", r.loud(1))
		} else {
			r.p("acc++\n")
		}
	}
}

func (r *random) pureVar() string { return r.pure[r.r.IntN(len(r.pure))] }

// loud is an int expression with calls: it reads pure variables only.
func (r *random) loud(depth int) string {
	if depth == 0 {
		if r.chance(3) {
			return fmt.Sprint(r.r.IntN(6))
		}
		return r.pureVar()
	}
	switch r.r.IntN(10) {
	case 0, 1:
		return "id(" + r.loud(depth-1) + ")"
	case 2, 3:
		return "(" + r.loud(depth-1) + r.one(" + ", " - ", " * ", " & ", " ^ ") + r.loud(depth-1) + ")"
	case 4:
		if r.fn > 0 && r.depth < 2 {
			return fmt.Sprintf("f%d(%s, %s, ([]int{%s, 2, 3, 4}))", r.r.IntN(r.fn), r.loud(depth-1), r.loud(depth-1), r.loud(0))
		}
		return "-id(" + r.loud(depth-1) + ")"
	case 5:
		return fmt.Sprintf("pick(%s, %s, %s)", r.loud(depth-1), r.loud(depth-1), r.loud(depth-1))
	case 6:
		return fmt.Sprintf("sum(%s, id(%s), %s)", r.loud(depth-1), r.loud(0), r.loud(depth-1))
	case 7:
		return fmt.Sprintf("([]int{%s, %s, 3})[id(%d)]", r.loud(depth-1), r.loud(depth-1), r.r.IntN(4)%r.indices)
	case 8:
		return fmt.Sprintf("(inner{%s}).get(%s)", r.loud(depth-1), r.loud(depth-1))
	}
	return r.loud(depth - 1)
}

func (r *random) cond(depth int) string {
	if depth == 0 {
		return fmt.Sprintf("%s%%%d == %d", r.pureVar(), 2+r.r.IntN(3), r.r.IntN(2))
	}
	switch r.r.IntN(7) {
	case 0:
		return "yes(" + r.loud(depth-1) + ")"
	case 1:
		return "(" + r.cond(depth-1) + " && " + r.cond(depth-1) + ")"
	case 2:
		return "(" + r.cond(depth-1) + " || " + r.cond(depth-1) + ")"
	case 3:
		return "!(" + r.cond(depth-1) + ")"
	case 4:
		return r.loud(depth) + r.one(" < ", " == ", " >= ") + r.loud(depth-1)
	}
	return r.cond(depth - 1)
}

// quiet is an int expression without calls.
func (r *random) quiet() string {
	if len(r.loose) > 0 && r.chance(2) {
		x := r.loose[r.r.IntN(len(r.loose))]
		return r.one(x, "("+x+" + "+r.pureVar()+")", "s[1]", "nd.v", "nd.arr[2]", "len(s)")
	}
	return r.pureVar()
}

func (r *random) quietCond() string { return r.quiet() + r.one(" < ", " == ", " > ") + r.quiet() }
