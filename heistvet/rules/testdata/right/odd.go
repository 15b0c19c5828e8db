package right

import "github.com/heist-go/heist/task"

// A name is only a name.
func shadows(cx *task.Cx) int {
	append := func() []int { return nil }
	delete, n := func() {}, 0
	for range n {
		delete()
	}
	return len(append())
}

func shadowsInPoll(cx *task.Cx, p *task.Promise[int]) error {
	delete := func() {}
	for range 3 {
		delete()
		if _, err := p.Wait(cx); err != nil {
			return err
		}
	}
	return nil
}

type list struct {
	next *list
	f    func() int
}

// What is given itself has no end.
func loops(cx *task.Cx) *list {
	var l *list
	l = &list{next: l}
	var f func() int
	f = func() int { return f() + f() }
	l.f = f
	m := &list{}
	m = &list{next: m, f: f}
	var b []byte
	for range 3 {
		b = append(b, b...)
		b = b[:len(b):len(b)]
	}
	go func() { l.next = l }()
	_ = append(b, f2(b)...)
	return m
}

func f2(b []byte) []byte {
	if len(b) == 0 {
		return f3(b)
	}
	return f2(b[1:])
}

func f3(b []byte) []byte { return f2(b) }
