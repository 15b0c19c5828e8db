//go:build heistgen

package sem

import (
	"fmt"
	"slices"

	"github.com/heist-go/heist/task"
)

// lately are functions with what Go has got lately, and with waits where few are.
//
//heist:task context
func lately(cx *task.Cx, p *pauser) (out []string, err error) {
	for _, one := range []func(cx *task.Cx, p *pauser) (string, error){
		func(cx *task.Cx, p *pauser) (string, error) { return besides(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return chosen(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return multiple(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return fresh(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return shadowed(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return untyped(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return brokenText(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return rangedArrays(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return converted(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return functions(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return promoted(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return blank(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return leaving(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return entries(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return anew(cx, p) },
		func(cx *task.Cx, p *pauser) (string, error) { return mutual(cx, p, 5) },
		func(cx *task.Cx, p *pauser) (string, error) {
			s, err := summedOf(cx, p, vec[int]{1, 2, 3})
			return fmt.Sprint(s), err
		},
		func(cx *task.Cx, p *pauser) (string, error) {
			return hidden[string, bool, float64, error](cx, p, "x", true, 1.5, "last")
		},
	} {
		text, err := one(cx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// besides waits for several operations together, whose results it looks at when they are over.
//
//heist:task context
func besides(cx *task.Cx, p *pauser) (out string, err error) {
	q := p.also()
	var b, c [2]byte
	if err := task.All(p.fill(cx, b[:], 'x'), q.fill(cx, c[1:], 'y')); err != nil {
		return "", err
	}
	out = string(b[:1]) + string(c[1:])
	for i := range 3 {
		at, err := task.First(p.fill(cx, b[i%2:], byte('0'+i)), asleep(cx))
		out += fmt.Sprint(at, err, string(b[i%2]))
	}
	p.say("%d", nilError(task.All(p.Wait(cx), q.Wait(cx)))+nilError(task.All(nil, q.Wait(cx))))
	if nilError(task.All(q.Wait(cx))) == 1 && task.All(p.Wait(cx), nil, q.Wait(cx)) == nil {
		out += " both"
	}
	at := func(cx *task.Cx) (int, error) { return task.First(p.Wait(cx), asleep(cx)) }
	n, err := at(cx)
	out += fmt.Sprint(" ", n, err, must(task.First(p.Wait(cx), asleep(cx))))
	first, err := task.First(task.All(p.Wait(cx), asleep(cx)), (q.Wait(cx)))
	out += fmt.Sprint(" ", first, err)
	err = task.All(task.All(q.Wait(cx), nil), task.All(p.Wait(cx), q.Wait(cx), task.All()))
	out += fmt.Sprint(" ", err, must(task.First(asleep(cx), task.All(asleep(cx)), task.All(task.All(), task.All(p.Wait(cx))), asleep(cx))))
	given := func(n int) error { p.say("given %d", n); return nil }
	err = task.All(given(must(p.next(cx, 1))), q.fill(cx, c[must(p.next(cx, 0)):], byte('a'+must(p.next(cx, 1)))), given(must(p.next(cx, 5))), nil)
	out += fmt.Sprint(" ", err, string(c[1]))
	failed := errDeep
	err = task.All(q.Wait(cx), failed)
	failed = nil
	return out + fmt.Sprint(err, failed), task.All(p.Wait(cx), failed)
}

// chosen is switches whose initial statements, tags and cases wait.
//
//heist:task context
func chosen(cx *task.Cx, p *pauser) (out string, err error) {
	for n := range 4 {
		switch x, y := must(p.next(cx, n)), n; {
		case x > must(p.next(cx, 2)):
			out += "large "
			if n == 2 {
				break
			}
			fallthrough
		case must(p.next(cx, y)) == 1:
			out += "one "
		default:
			out += fmt.Sprint(x, " ")
		}
		switch p.say("init"); must(p.next(cx, n)) {
		case must(p.next(cx, 0)), must(p.next(cx, 1)):
			out += "few "
		case 3:
			out += "three "
			fallthrough
		default:
			out += "many "
		}
		switch x := any(must(p.next(cx, n))); v := x.(type) {
		case string:
			out += v
		case int:
			if must(p.next(cx, v)) > 3 {
				break
			}
			out += fmt.Sprint("int", v)
			x = v
		}
		if a, b := must(p.next(cx, n)), must(p.next(cx, 1)); a < b {
			out += "<"
		} else if c := must(p.next(cx, a)); c == b+1 {
			out += "="
		} else {
			out += fmt.Sprint(a + b + c)
		}
	block:
		switch {
		default:
			if must(p.next(cx, n)) == 2 {
				break block
			}
			out += "block"
		}
		switch {
		}
		out += "; "
	}
	return out, nil
}

// multiple assigns to several places, with waits in operands of them.
//
//heist:task context
func multiple(cx *task.Cx, p *pauser) (out string, err error) {
	a, i := []int{10, 20, 30, 40}, 1
	a[i], i = must(p.next(cx, 4)), must(p.next(cx, 1))
	i, a[i] = must(p.next(cx, 2)), must(p.next(cx, 6))
	out += fmt.Sprint(a, i)
	a[must(p.next(cx, 0))], a[must(p.next(cx, 1))] = a[must(p.next(cx, 1))], a[must(p.next(cx, 0))]
	a[i-3], i = i, must(p.next(cx, a[i-3]))
	out += fmt.Sprint(a, i)
	m := map[string]*spot{"a": {1, 2}}
	m["a"].X, m["b"] = must(p.next(cx, 7)), &spot{Y: must(p.next(cx, 8))}
	m["a"].Y, m["a"] = must(p.next(cx, 1)), m["b"]
	out += fmt.Sprint(*m["a"], *m["b"])
	x, y := 1, 2
	for range 3 {
		x, y = y, must(p.next(cx, x))+y
	}
	q, r := &x, &y
	*q, q, r = must(p.next(cx, *r)), r, q
	*must(p.at(cx, q)) += must(p.next(cx, *r))
	*must(p.at(cx, &a[1])), *must(p.at(cx, &a[2])) = a[2], a[1]
	a[must(p.next(cx, 0))] <<= must(p.next(cx, 1))
	a[must(p.next(cx, -1))]++
	out += fmt.Sprint(x, y, *q, *r, a)
	var s spot
	s, s.X = must(p.spot(cx, 3)), must(p.next(cx, 8))
	t := []spot{s, s}
	t[0], t[1].Y, err = spot{Y: t[1].X}, t[0].X, p.Wait(cx)
	defer func() {
		out += fmt.Sprint(" ", recover() != nil, a[3])
	}()
	a[3], a[must(p.next(cx, 9))] = must(p.next(cx, 99)), must(p.next(cx, 98))
	return out + fmt.Sprint(s, t), err
}

// fresh calls builtin functions with what waits.
//
//heist:task context
func fresh(cx *task.Cx, p *pauser) (out string, err error) {
	a, b := new(must(p.next(cx, 1))), new(int8(must(p.next(cx, 2))))
	c := new(spot{Y: must(p.next(cx, *a))})
	if err := p.Wait(cx); err != nil {
		return "", err
	}
	*a += must(p.next(cx, int(*b)))
	out += fmt.Sprint(*a, *b, *c, *new(must(p.array(cx, 4))))
	m := min(must(p.next(cx, 5)), *a, must(p.next(cx, 3)), 9)
	n := max(float64(must(p.next(cx, 1))), 2.5, float64(m)/3)
	set := map[int]int{must(p.next(cx, 0)): must(p.next(cx, 1)), 7: m}
	out += fmt.Sprint(m, n, set, len(set)+must(p.next(cx, 0)))
	for k := range set {
		if err := p.Wait(cx); err != nil {
			return "", err
		}
		clear(set)
		m += k / k
	}
	list := append(make([]int, must(p.next(cx, 1)), must(p.next(cx, 4))), must(p.next(cx, 6)), must(p.next(cx, 7)))
	clear(list[must(p.next(cx, 1)):must(p.next(cx, 2))])
	list = append(list[:must(p.next(cx, 0)):must(p.next(cx, 2))], list[must(p.next(cx, 1)):]...)
	k := copy(list[must(p.next(cx, 0)):], ([]int{must(p.next(cx, 0)), 9})[:must(p.next(cx, 0))])
	delete(set, must(p.next(cx, 1)))
	z := complex(float64(must(p.next(cx, 1))), float64(k))
	z *= complex(0, float64(must(p.next(cx, 0))))
	out += fmt.Sprint(m, list, len(list), cap(list), k, set, z == complex(imag(z), real(z)), real(z)+float64(must(p.next(cx, 1))))
	print := func(s ...any) { out += fmt.Sprint(s...) }
	print(append([]byte("x"), fmt.Sprint(must(p.next(cx, 1)))...), string(rune(must(p.next(cx, 64)))), []byte(fmt.Sprint(must(p.next(cx, 8))))[0])
	return out, nil
}

// shadowed declares predeclared names, and waits.
//
//heist:task context
func shadowed(cx *task.Cx, p *pauser) (out string, err error) {
	len := must(p.next(cx, 3))
	nil := must(p.next(cx, len))
	true := nil == len
	for error := range 3 {
		append := func(a, b int) int { return a*10 + b }
		if err := p.Wait(cx); err != errNone {
			return "", err
		}
		len = append(len, error)
		for true := 0; true < must(p.next(cx, 1)); true++ {
			any := must(p.next(cx, true))
			new := &any
			if any == 1 {
				continue
			}
			*new += error
			len += *new
		}
		func() {
			panic := must[int]
			defer func() { recover := error; nil += recover }()
			len += panic(1, errNone)
		}()
	}
	type string []int
	var int string
	int = string{must(p.next(cx, 4)), len}
	{
		string := must(p.next(cx, int[0]))
		int := string + int[1]
		out += fmt.Sprint(string, int, err)
	}
	switch error := any(must(p.next(cx, 1))).(type) {
	case nil_:
		out += fmt.Sprint(error + nil_(fmt.Sprint(must(p.next(cx, 1)))))
	default:
		spot := must(p.spot(cx, len))
		const int64 = 5
		again := func(cx *task.Cx, int int8, task ...any) (error any, err errorType) {
			other, err := p.spot(cx, spot.X)
			return other.Y + len, err
		}
		x, y := again(cx, int8(must(p.next(cx, 1))), spot)
		limit := func(cx *task.Cx, int int8) (bool uint8, err errorType) {
			for error := range int {
				spot := must(p.spot(cx, spot.Y))
				bool += uint8(spot.X) + uint8(error) + int64
			}
			return bool, p.Wait(cx)
		}
		task := must(limit(cx, int8(must(p.next(cx, 1)))))
		out += fmt.Sprint(x, y, task, spot, must(p.spot(cx, 1)).sum(int64))
	}
	task, machine, cx2 := must(p.next(cx, 1)), must(p.next(cx, 2)), must(p.next(cx, 3)) == len
	iota, false := must(p.next(cx, task)), must(p.next(cx, machine))
	return out + fmt.Sprint(len, nil, true, int, task, machine, cx2, iota, false), p.Wait(cx)
}

// untyped has constants that no type holds beside waits.
//
//heist:task context
func untyped(cx *task.Cx, p *pauser) (out string, err error) {
	const huge = 1 << 100
	const third = 1.0 / 3
	a := huge>>98 + must(p.next(cx, 1))
	b := uint8(must(p.next(cx, 2)))<<7 + 255
	c := 1<<must(p.next(cx, 2)) == int64(8)
	var d uint8 = 1 << must(p.next(cx, 7))
	e := int64(1) << must(p.next(cx, 61)) >> 1
	f := third*float64(must(p.next(cx, 2))) + huge/(huge/2)
	g := 'a' + int32(must(p.next(cx, 0)))
	h := [huge >> 97]int{huge >> 99: must(p.next(cx, 5))*0 + 1<<3}
	i := make([]byte, 1<<must(p.next(cx, 2)))
	j := "abc"[must(p.next(cx, 0))] - 'a' + 250
	k := -must(p.next(cx, 0))<<63>>63 | 1<<2
	var l float32 = 1 << 3 / float32(must(p.next(cx, 3)))
	m := any(1<<must(p.next(cx, 3))) == any(int(16))
	n := []int8{1 << must(p.next(cx, 6)), ^int8(must(p.next(cx, 0))), 'b' - 'a'}
	o := span(must(p.next(cx, 1))) * 1e9
	var q any = must(p.next(cx, 1)) > huge>>99
	r := 2i * complex(float64(must(p.next(cx, 0))), 0) * 2i
	return fmt.Sprint(a, b, c, d, e, f, g, h, len(i), j, k, l, m, n, o, q, r, 07_1+must(p.next(cx, 0)), must(p.next(cx, 4))&^0b101), nil
}

// brokenText ranges over texts that are no UTF-8, and changes them.
//
//heist:task context
func brokenText(cx *task.Cx, p *pauser) (out string, err error) {
	s := "a\xffé\xed\xa0\x80z\xe2\x82"
	n := 0
	for i, r := range s {
		if err := p.Wait(cx); err != nil {
			return "", err
		}
		s = s[:1]
		out += fmt.Sprint(i, r, " ")
		func() { i += 10; n += i }()
	}
	for i := range "\x80" + out[:must(p.next(cx, 1))] {
		n += 100 * must(p.next(cx, i))
	}
	for range s {
		n += must(p.next(cx, 0))
	}
	var i, r = 0, rune(0)
	for i, r = range "é\xc3z" {
		if must(p.next(cx, i)) == 3 {
			continue
		}
		out += string(r)
	}
	for i, b := range []byte("\xffz") {
		out += fmt.Sprint(must(p.next(cx, i)), b)
	}
	return out + fmt.Sprint(n, s, i, r), nil
}

// rangedArrays ranges over arrays that change, and compares some.
//
//heist:task context
func rangedArrays(cx *task.Cx, p *pauser) (out string, err error) {
	a := [3]int{1, 2, 3}
	for i, v := range a {
		a[2] = must(p.next(cx, 10*i))
		out += fmt.Sprint(v, a[2], " ")
	}
	for i, v := range &a {
		a[2] = must(p.next(cx, 20*i))
		out += fmt.Sprint(v, " ")
	}
	for i, v := range must(p.array(cx, 5)) {
		a[i] += must(p.next(cx, v))
	}
	grid := [2][3]int{a, {1}}
	for i, row := range grid {
		grid[1-i][0] = must(p.next(cx, 7))
		for j := range row {
			row[j] += must(p.next(cx, j))
		}
		out += fmt.Sprint(row, grid)
	}
	for i := range len(grid) + must(p.next(cx, 0)) {
		grid[i%2][i] = must(p.next(cx, i))
	}
	same := must(p.array(cx, 1)) == [...]int{must(p.next(cx, 0)), 2, 3}
	other := grid != [2][3]int{grid[0], must(p.array(cx, 2))} || a == must(p.array(cx, 0))
	s := struct {
		a [2]any
		b string
	}{[2]any{must(p.next(cx, 1)), "x"}, "b"}
	t := s
	if err := p.Wait(cx); err != nil {
		return "", err
	}
	equal := s == t
	t.a[0] = must(p.next(cx, 2))
	out += fmt.Sprint(same, other, equal, s == t, s.a == [2]any{must(p.next(cx, 1)), "x"})
	defer func() { out += fmt.Sprint(" ", recover()) }()
	s.a[1], t.a[1] = []int{must(p.next(cx, 1))}, []int{2}
	out += fmt.Sprint(s == t, any(must(p.array(cx, 1))) == any(a))
	t.a[0] = s.a[0]
	return out + fmt.Sprint(s == t, must(p.next(cx, 1))), nil
}

// converted converts structs, and calls methods by their types.
//
//heist:task context
func converted(cx *task.Cx, p *pauser) (out string, err error) {
	type plain struct{ X, Y int }
	a := plain(must(p.spot(cx, 1)))
	b := struct {
		X, Y int `other:"tag"`
	}(must(p.spot(cx, a.Y)))
	a.X = must(p.next(cx, b.X))
	c := spot(b)
	f, g := spot.sum, c.sum
	c.X = must(p.next(cx, 100))
	out += fmt.Sprint(f(c, must(p.next(cx, 1))), g(must(p.next(cx, 1))), spot.sum(must(p.spot(cx, 5)), must(p.next(cx, 2))), (*spot).sum(&c, must(p.next(cx, 0))))
	d := (*plain)(&c)
	d.Y = must(p.next(cx, 41))
	e := struct{ *plain }{d}
	e.X, e.plain.Y = must(p.next(cx, 2)), must(p.next(cx, e.Y))
	h := summer.sum
	out += fmt.Sprint(h(spot(a), must(p.next(cx, 3))), a, b, c, must(p.spot(cx, 2)).sum(must(p.next(cx, 2))), [...]spot{1: must(p.spot(cx, 6))}[must(p.next(cx, 0))].Y)
	func(s struct{ X, Y int }) { out += fmt.Sprint(s) }(struct{ X, Y int }(must(p.spot(cx, 8))))
	return out, nil
}

// functions ranges over functions between its waits, with jumps out of the bodies, and defer statements in them.
//
//heist:task context
func functions(cx *task.Cx, p *pauser) (out string, err error) {
	defer func() { out += "; last" }()
rows:
	for i := range 4 {
		if err := p.Wait(cx); err != nil {
			return "", err
		}
		for v := range seq(3) {
			defer func() { out += fmt.Sprint("; deferred ", i, v) }()
			switch {
			case v == i:
				continue rows
			case i == 3 && v == 1:
				break rows
			}
			for w := range seq(5) {
				if w > v {
					break
				}
				defer p.say("inner %d", w)
				if i == 2 && w == 1 {
					continue rows
				}
				out += fmt.Sprint(i, v, w, " ")
			}
		}
		out += fmt.Sprint("row ", must(p.next(cx, i)), " ")
	}
	n := 0
	for v := range seq(must(p.next(cx, 3))) {
		n = n*10 + v
		if v == 2 {
			goto found
		}
	}
	return "not found", nil
found:
	for _, v := range slices.Collect(seq(must(p.next(cx, 1)))) {
		n += must(p.next(cx, v))
	}
	for v := range seq(9) {
		defer func() { n += v }()
		if v == 1 {
			return out + fmt.Sprint(n), nil
		}
	}
	return "no return", nil
}

// promoted calls methods that instances of a generic type promote.
//
//heist:task context
func promoted(cx *task.Cx, p *pauser) (out string, err error) {
	var s shelf
	s.label.cellOf = &cellOf[string]{"one"}
	list := []shelf{s, s}
	out += fmt.Sprint(s.swap(must(p.next(cx, 1))), list[must(p.next(cx, 0))].swap(must(p.next(cx, 2))), s.label.swap(fmt.Sprint(must(p.next(cx, 3)))))
	get, swap := s.get, s.swap
	s.v = must(p.next(cx, 5))
	out += fmt.Sprint(get(), swap(must(p.next(cx, 6))), s.v, list[1].get(), list[1].label.get(), (*shelf).swap(&list[must(p.next(cx, -1))], must(p.next(cx, 8))), shelf.get(list[0]))
	for _, c := range list {
		c.swap(must(p.next(cx, c.get())))
		out += fmt.Sprint(" ", c.v)
	}
	for i := range list {
		c := &list[i]
		c.cellOf, c.label.cellOf = cellOf[int]{must(p.next(cx, i))}, nil
		out += fmt.Sprint(" ", c.v)
	}
	defer func() { out += fmt.Sprint(" ", recover() != nil) }()
	return out + list[must(p.next(cx, 0))].label.get(), nil
}

// blank has blanks wherever they may stand.
//
//heist:task context
func blank(cx *task.Cx, p *pauser) (out string, _ error) {
	_ = must(p.next(cx, 1))
	_, a := must(p.next(cx, 1)), must(p.next(cx, 2))
	_, err := p.next(cx, 3)
	_, _ = p.next(cx, 4)
	var _, b = must(p.next(cx, 4)), must(p.next(cx, 5))
	var _, failed = p.next(cx, 6)
	var _ int = must(p.next(cx, 7))
	for _ = range must(p.next(cx, 1)) {
		a++
	}
	for _, _ = range must(p.array(cx, 1)) {
		a += must(p.next(cx, 0))
	}
	for _, v := range must(p.array(cx, 1)) {
		a += v
	}
	if _, err := p.next(cx, 8); err != nil {
		return "", err
	}
	_, ok := map[int]int{2: 1}[must(p.next(cx, 1))]
	_, is := any(must(p.next(cx, 1))).(string)
	switch _, c := must(p.next(cx, 1)), must(p.next(cx, 2)); {
	default:
		b += c
	}
	func(_ int, d int) { _, b = d, d+b }(must(p.next(cx, 1)), must(p.next(cx, 2)))
	_ = func(_ *task.Cx, _ int) error { p.say("blank"); return nil }(cx, must(p.next(cx, 1)))
	l := func(_ int, e int, cx *task.Cx) { p.say("late %d", e) }
	l(must(p.next(cx, 1)), must(p.next(cx, 2)), nil)
	_ = [2]int{must(p.next(cx, 1)), must(p.next(cx, 2))}[must(p.next(cx, 0))]
	return fmt.Sprint(a, b, err, failed, ok, is), p.Wait(cx)
}

// leaving jumps between loops with waits in their heads.
//
//heist:task context
func leaving(cx *task.Cx, p *pauser) (out string, err error) {
	tries := 0
again:
	for i := must(p.next(cx, -1)); i < must(p.next(cx, 4)); i += must(p.next(cx, 0)) {
		defer func() { out += fmt.Sprint(";", i) }()
		for j := range uint8(must(p.next(cx, 3))) {
			switch s := must(p.next(cx, int(j))) + i; {
			case s == 2:
				continue
			case s == 4 && tries == 0:
				tries++
				goto again
			case s == 5:
				continue again
			case s == 7:
				break again
			case s > 3 && j > 2:
				goto over
			}
			out += fmt.Sprintf("%T%d%d ", j, i, j)
		}
		out += "|"
	}
	out += "end"
over:
	n := must(p.next(cx, tries))
	if n < 4 {
		tries++
		goto over
	}
	return out + fmt.Sprint(n), nil
}

// entries reads and changes entries of maps, and asserts types, of what waits.
//
//heist:task context
func entries(cx *task.Cx, p *pauser) (out string, err error) {
	m := map[int][]int{2: {1}}
	m[must(p.next(cx, 1))] = append(m[must(p.next(cx, 1))], must(p.next(cx, 2)))
	m[must(p.next(cx, 1))][must(p.next(cx, 0))] *= must(p.next(cx, 4))
	v, ok := m[must(p.next(cx, 2))]
	n, is := any(must(p.next(cx, 2))).(int)
	out += fmt.Sprint(m, v, ok, n, is)
	c := map[spot]int{must(p.spot(cx, 1)): must(p.next(cx, 1))}
	c[must(p.spot(cx, 1))]++
	c[spot{must(p.next(cx, 0)), 2}] += must(p.next(cx, 4))
	delete(c, must(p.spot(cx, 2)))
	out += fmt.Sprint(c, len(c))
	f := map[string]func(...int) int{"sum": func(l ...int) (s int) {
		for _, v := range l {
			s = s*10 + v
		}
		return s
	}}
	a := must(p.array(cx, 1))
	out += fmt.Sprint(f["sum"](must(p.next(cx, 1)), must(p.next(cx, 2))), f["sum"](a[:must(p.next(cx, 1))]...), f["sum"]())
	defer func() { out += fmt.Sprint(" ", recover()) }()
	var none map[int]int
	none[must(p.next(cx, 1))] = must(p.next(cx, 2))
	return "unreached", nil
}

// mutual is literals that call each other.
//
//heist:task context
func mutual(cx *task.Cx, p *pauser, n int) (out string, err error) {
	var even, odd func(cx *task.Cx, n int) (bool, error)
	calls := 0
	even = func(cx *task.Cx, n int) (bool, error) {
		if calls++; n == 0 {
			return true, p.Wait(cx)
		}
		return odd(cx, n-1)
	}
	odd = func(cx *task.Cx, n int) (yes bool, err error) {
		defer func() { out += fmt.Sprint(n, yes, " ") }()
		if n == 0 {
			return false, p.Wait(cx)
		}
		yes, err = even(cx, must(p.next(cx, n-2)))
		return yes, err
	}
	yes, err := even(cx, n)
	old := odd
	odd = func(cx *task.Cx, n int) (bool, error) { return !must(old(cx, n)), p.Wait(cx) }
	no, err2 := even(cx, must(p.next(cx, n)))
	return fmt.Sprint(yes, no, err, err2, calls, " ", out), nil
}

// summedOf takes an alias with a parameter.
//
//heist:task context
func summedOf[T ~int](cx *task.Cx, p *pauser, v vec[T]) (s T, err error) {
	var last vec[T]
	for i := range T(len(v)) {
		s += v[i] + T(must(p.next(cx, int(i))))
		last = append(last, min(s, T(must(p.next(cx, 5)))))
	}
	one := func(cx *task.Cx, x T) (T, error) { return x + 1, p.Wait(cx) }
	s = must(one(cx, s))
	{
		T := must(one(cx, s))
		T += must(one(cx, T))
		s += T
	}
	return s + last[len(last)-1], p.Wait(cx)
}

// anew declares variables again and again, each time another one.
//
//heist:task context
func anew(cx *task.Cx, p *pauser) (out string, err error) {
	var fs []func() int
	var ops []func(cx *task.Cx) (int, error)
	var kept [][]byte
	var ptrs []*spot
	n := 0
again:
	x := must(p.next(cx, n))
	var z int
	fs = append(fs, func() int { x++; z += 10; return x + z })
	y := x
	ops = append(ops, func(cx *task.Cx) (int, error) { y += z; return y, p.Wait(cx) })
	if n++; n < 3 {
		goto again
	}
	for i := range 3 {
		var b, c [2]byte
		var s spot
		out += fmt.Sprint(b, c, s)
		if err := p.fill(cx, b[i%2:], byte('0'+i)); err != nil {
			return "", err
		}
		if i != 1 {
			kept = append(kept, c[:], b[:1])
		}
		if err := p.fill(cx, c[:], byte('a'+i)); err != nil {
			return "", err
		}
		s.X, s.Y = must(p.next(cx, i)), int(b[i%2])
		ptrs = append(ptrs, &s)
		defer func(k int, t spot) { out += fmt.Sprint(" ", k, t, s) }(must(p.next(cx, i)), s)
		s.X *= must(p.next(cx, 9))
	}
	for i, f := 0, func() int { return -1 }; i < 3; i, f = i+1, func() int { return i } {
		if err := p.Wait(cx); err != nil {
			return "", err
		}
		i += must(p.next(cx, -1))
		fs = append(fs, f, func() int { i *= 2; return i })
	}
	for _, f := range fs {
		out += fmt.Sprint(" ", f(), f())
	}
	for _, op := range ops {
		out += fmt.Sprint(" ", must(op(cx)), must(op(cx)))
	}
	for i, s := range ptrs {
		s.Y += must(p.next(cx, i))
	}
	return out + fmt.Sprint(kept, *ptrs[0], *ptrs[2]), p.Wait(cx)
}

// hidden has type parameters that hide what its output has to write.
//
//heist:task context
func hidden[int, spot, slices, _ any](cx *task.Cx, p *pauser, x int, y spot, z slices, last P3) (out string, err error) {
	type plain struct {
		X int
		Y spot
	}
	n, at, kept := len(last), must(p.spot(cx, 2)), &x
	pair := func(cx *task.Cx, x int, _ slices) (plain, error) { return plain{x, y}, p.Wait(cx) }
	for i, v := range must(p.array(cx, 3)) {
		n += i * v
		defer func(k spot) { out += fmt.Sprint(" ", k, n, at) }(must(pair(cx, x, z)).Y)
		at = must(p.spot(cx, v))
	}
	cell := &cellOf[int]{*kept}
	old, was, err := cell.exchanged(cx, p, x)
	if err != nil {
		return "", err
	}
	last += P3(fmt.Sprint(was, must(p.next(cx, 1))))
	return fmt.Sprint(n, at, *kept, z, last, old, must(pair(cx, cell.v, z))), p.Wait(cx)
}

// exchanged has a receiver whose type parameter hides what its output has to write.
//
//heist:task context
func (c *cellOf[int]) exchanged(cx *task.Cx, p *pauser, v int) (old int, at spot, err error) {
	for i := range must(p.array(cx, 3)) {
		at = must(p.spot(cx, i+must(p.next(cx, i))))
		old = c.swap(v)
	}
	return old, at, p.Wait(cx)
}
