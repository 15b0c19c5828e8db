//go:build heistgen

package refused5

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// ---- function literals

//heist:task
func assigns(cx *task.Cx, c *reactor.Conn) error {
	var kept []byte
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	keep := func() { kept = line }
	keep()
	if err := cx.Yield(); err != nil { // want `kept holds bytes that are lent until the function waits, which it does here: keep a copy \(bytes.Clone\(kept\), or string\(kept\)\)`
		return err
	}
	use(kept)
	return nil
}

//heist:task
func inPlace(cx *task.Cx, c *reactor.Conn) error {
	var kept []byte
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	func() { kept = line[1:] }()
	return c.Write(cx, kept) // want `kept holds bytes`
}

//heist:task
func called(cx *task.Cx, c *reactor.Conn) error {
	var words [][]byte
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	each(line, func(w []byte) { words = append(words, w) })
	use(words)                         // fine
	if err := cx.Yield(); err != nil { // want `words holds bytes`
		return err
	}
	use(words)
	return nil
}

//heist:task
func calledWithCopy(cx *task.Cx, c *reactor.Conn) error {
	var words []string
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	each(line, func(w []byte) { words = append(words, string(w)) })
	if err := cx.Yield(); err != nil {
		return err
	}
	use(words)
	return nil
}

//heist:task
func machine(cx *task.Cx, c *reactor.Conn) error {
	var line []byte
	var limit combine.Timeout
	for {
		err := limit.Wait(cx, time.Second, func(cx *task.Cx) (err error) {
			line, err = c.ReadUntil(cx, '\n', 80)
			return err
		})
		if err != nil {
			return err
		}
		use(line)                                 // fine
		if err := c.Write(cx, line); err != nil { // want `line holds bytes`
			return err
		}
	}
}

//heist:task
func machineInTurn(cx *task.Cx, c *reactor.Conn) error {
	var line []byte
	var limit combine.Timeout
	for {
		err := limit.Wait(cx, time.Second, func(cx *task.Cx) (err error) {
			line, err = c.ReadUntil(cx, '\n', 80)
			return err
		})
		if err != nil {
			return err
		}
		use(line) // fine: nothing reads it after the wait
	}
}

//heist:task
func machineWaits(cx *task.Cx, c *reactor.Conn) error {
	var line []byte
	var limit combine.Timeout
	err := limit.Wait(cx, time.Second, func(cx *task.Cx) (err error) {
		if line, err = c.ReadUntil(cx, '\n', 80); err != nil {
			return err
		}
		return cx.Yield() // want `line holds bytes`
	})
	use(line)
	return err
}

//heist:task
func machineCopies(cx *task.Cx, c *reactor.Conn) error {
	var line []byte
	var limit combine.Timeout
	err := limit.Wait(cx, time.Second, func(cx *task.Cx) error {
		b, err := c.ReadUntil(cx, '\n', 80)
		line = bytes.Clone(b)
		return err
	})
	if err != nil {
		return err
	}
	return c.Write(cx, line)
}

//heist:task
func joined(cx *task.Cx, a, b *reactor.Conn) error {
	var first []byte
	var join combine.All
	err := join.Wait(cx, func(cx *task.Cx) (err error) {
		first, err = a.ReadUntil(cx, '\n', 80)
		return err
	}, func(cx *task.Cx) error {
		_, err := b.ReadUntil(cx, '\n', 80) // want `first holds bytes`
		return err
	})
	use(first)
	return err
}

//heist:task
func joinedResults(cx *task.Cx, a, b *reactor.Conn) error {
	var join combine.Join2[[]byte, []byte]
	x, y, err := join.Wait(cx, a.Next, b.Next) // want `the bytes of the first of these that is over are gone when the last is`
	use(x, y)
	return err
}

//heist:task
func tried(cx *task.Cx, c *reactor.Conn) error {
	var last []byte
	var retry combine.Retry
	return retry.Do(cx, func(cx *task.Cx) (err error) { // want `last holds bytes`
		use(last)
		last, err = c.ReadUntil(cx, '\n', 80)
		return err
	})
}

//heist:task
func spawned(cx *task.Cx, c *reactor.Conn, g *task.Group) error {
	var line []byte
	g.Go(cx, task.Func(func(cx *task.Cx) (err error) {
		line, err = c.ReadUntil(cx, '\n', 80) // want `line is given bytes that are lent until the function literal returns, or waits`
		return err
	}))
	if err := g.Wait(cx); err != nil {
		return err
	}
	use(line)
	return nil
}

//heist:task
func handsOver(cx *task.Cx, c *reactor.Conn, g *task.Group) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	g.Go(cx, task.Func(func(cx *task.Cx) error { // want `the function literal has bytes that are lent until the function waits, and is kept by a function that runs later`
		return c.Write(cx, bytes.Clone(line))
	}))
	return g.Wait(cx)
}

//heist:task
func constructs(cx *task.Cx, c *reactor.Conn, g *task.Group) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	g.Go(cx, newSays(c, line)) // want `newSays\(c, line\) has bytes that are lent until the function waits, and is kept by the task`
	return g.Wait(cx)
}

//heist:task
func says(cx *task.Cx, c *reactor.Conn, b []byte) error { return c.Write(cx, b) }

//heist:task
func readsLater(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	show := func() { use(line) }
	if err := cx.Yield(); err != nil { // want `line holds bytes`
		return err
	}
	show()
	return nil
}

//heist:task
func readsBefore(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	show := func() { use(line) }
	show()
	return cx.Yield() // fine
}

//heist:task
func readsNew(cx *task.Cx, c *reactor.Conn) error {
	var line []byte
	show := func() { use(line) }
	for {
		var err error
		if line, err = c.ReadUntil(cx, '\n', 80); err != nil {
			return err
		}
		show() // fine
	}
}

//heist:task
func function(cx *task.Cx, c *reactor.Conn) error {
	read := func(cx *task.Cx) ([]byte, error) { return c.ReadUntil(cx, '\n', 80) }
	line, err := read(cx)
	if err != nil {
		return err
	}
	return c.Write(cx, line) // want `line holds bytes`
}

//heist:task
func functionAssigns(cx *task.Cx, c *reactor.Conn) error {
	var line []byte
	read := func(cx *task.Cx) (err error) {
		line, err = c.ReadUntil(cx, '\n', 80)
		return err
	}
	for {
		if err := read(cx); err != nil {
			return err
		}
		use(line) // fine
		line = bytes.Clone(line)
		if err := c.Write(cx, line); err != nil {
			return err
		}
	}
}

//heist:task
func deferred(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	defer func() { use(line) }()
	return cx.Yield() // want `line holds bytes`
}

//heist:task
func deferredBefore(cx *task.Cx, c *reactor.Conn) error {
	var line []byte
	defer func() { use(line) }()
	for {
		var err error
		line, err = c.ReadUntil(cx, '\n', 80)
		if err != nil {
			return err
		}
		if err := cx.Yield(); err != nil { // want `line holds bytes`
			return err
		}
	}
}

//heist:task
func deferredOperand(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	defer use(line)
	return cx.Yield() // want `use\(line\) holds bytes`
}

//heist:task
func deferredKeeps(cx *task.Cx, c *reactor.Conn, s *store) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	defer func() { s.buf = line }() // want `line has bytes that are lent until the function waits, and is kept in s.buf`
	return nil
}

//heist:task
func deferredFine(cx *task.Cx, c *reactor.Conn) error {
	if err := cx.Yield(); err != nil {
		return err
	}
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	defer func() { use(line) }()
	return nil
}

// ---- parts of variables, and what they lead to

//heist:task
func field(cx *task.Cx, c *reactor.Conn) error {
	var m message
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	m.body, m.id = line, len(line)
	if err := cx.Yield(); err != nil { // want `m.body holds bytes that are lent until the function waits, which it does here: keep a copy \(bytes.Clone\(m.body\)`
		return err
	}
	use(m.id)
	use(m)
	return nil
}

//heist:task
func otherField(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	m := message{id: len(line), body: line, text: string(line)}
	if err := cx.Yield(); err != nil {
		return err
	}
	use(m.id, m.text, len(m.body), m.body == nil) // fine
	return nil
}

//heist:task
func copiedFields(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	m, err := parse(line)
	if err != nil {
		return err
	}
	m.path, m.body = bytes.Clone(m.path), bytes.Clone(m.body)
	if err := cx.Yield(); err != nil {
		return err
	}
	use(m)
	return nil
}

//heist:task
func parsed(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	m, err := parse(line)
	if err != nil {
		return err
	}
	m.path = bytes.Clone(m.path)
	return c.Write(cx, m.body) // want `m.body holds bytes`
}

//heist:task
func nested(cx *task.Cx, c *reactor.Conn) error {
	var x struct{ in struct{ m message } }
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	x.in.m.body = line
	if err := cx.Yield(); err != nil { // want `x.in.m.body holds bytes`
		return err
	}
	in := x.in
	use(in)
	return nil
}

//heist:task
func elements(cx *task.Cx, c *reactor.Conn) error {
	lines := make([][]byte, 3)
	var ring [4][]byte
	byKey := map[string][]byte{}
	var all [][]byte
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	lines[1] = line
	ring[2] = line[1:]
	byKey[string(line)] = line
	all = append(all, line)
	if err := cx.Yield(); err != nil { // want `lines holds bytes` `ring holds bytes` `byKey holds bytes` `all holds bytes`
		return err
	}
	use(lines[0], ring, byKey["a"], all)
	return nil
}

//heist:task
func appended(cx *task.Cx, c *reactor.Conn) error {
	var buf []byte
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	buf = append(buf, line...)
	return c.Write(cx, buf) // fine: a copy
}

//heist:task
func pointer(cx *task.Cx, c *reactor.Conn) error {
	var kept []byte
	var m message
	p, q := &kept, &m
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	*p = line
	q.body = line
	if err := cx.Yield(); err != nil { // want `kept holds bytes` `m holds bytes`
		return err
	}
	use(kept, m)
	return nil
}

//heist:task
func throughPointer(cx *task.Cx, c *reactor.Conn) error {
	var m message
	p := &m
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	m.body = line
	if err := cx.Yield(); err != nil { // want `m.body holds bytes`
		return err
	}
	use(p.body)
	return nil
}

//heist:task
func twoNames(cx *task.Cx, c *reactor.Conn) error {
	m := &message{}
	other := m
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	m.body = line
	if err := cx.Yield(); err != nil { // want `other holds bytes`
		return err
	}
	use(other)
	return nil
}

//heist:task
func outside(cx *task.Cx, c *reactor.Conn, s *store, to *[]byte, list [][]byte) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	s.buf = line                            // want `line has bytes that are lent until the function waits, and is kept in s.buf: keep a copy of them`
	s.lines = append(s.lines, line)         // want `is kept in s.lines`
	s.byKey[string(line)] = line            // want `is kept in s.byKey`
	s.last = &message{body: line}           // want `is kept in s.last`
	s.show = func() { use(line) }           // want `is kept in s.show`
	*to = line                              // want `is kept in \*to`
	list[0] = line                          // want `is kept in list\[0\]`
	global = line                           // want `is kept in global`
	s.keep(line)                            // want `is kept in s`
	s.keeps(line)                           // want `is kept in s`
	s.copies(line)                          // fine
	func() { s.buf = line[1:] }()           // want `is kept in s.buf`
	s.buf = bytes.Clone(line)               // fine
	s.last = &message{id: size(line)}       // fine
	_ = c.Post(line)                        // want `is kept by who receives it`
	time.AfterFunc(1, func() { use(line) }) // want `is kept by a function that runs later`
	return nil
}

//heist:task
func results(cx *task.Cx, c *reactor.Conn) (line []byte, err error) {
	line, err = c.ReadUntil(cx, '\n', 80)
	if len(line) > 3 {
		return
	}
	return line, cx.Yield() // want `line holds bytes`
}

//heist:task
func named1(cx *task.Cx, c *reactor.Conn) (m message, err error) {
	m.body, err = c.ReadUntil(cx, '\n', 80)
	return
}

//heist:task
func ofResult(cx *task.Cx, c *reactor.Conn) error {
	m, err := named1(cx, c)
	if err != nil {
		return err
	}
	use(m)                             // fine
	if err := cx.Yield(); err != nil { // want `m holds bytes that are lent until the function waits, which it does here: keep a copy of them`
		return err
	}
	use(m)
	return nil
}

// ---- what calls give

//heist:task
func methods(cx *task.Cx, c *reactor.Conn) error {
	var a, b, d message
	p := new(message)
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	a.set(line)
	b.copy(line)
	d = d.with(line)
	p.set(line)
	if err := cx.Yield(); err != nil { // want `a holds bytes` `d holds bytes` `p holds bytes`
		return err
	}
	use(a, b, d, p)
	return nil
}

//heist:task
func ranged(cx *task.Cx, c *reactor.Conn) error {
	var kept, found []byte
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	for _, w := range bytes.Fields(line) {
		if len(w) > 3 {
			kept = w
		}
	}
	for w := range bytes.SplitSeq(line, []byte(",")) {
		found = w
	}
	if err := cx.Yield(); err != nil { // want `kept holds bytes` `found holds bytes`
		return err
	}
	use(kept, found)
	return nil
}

//heist:task
func rangedAcross(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	for _, w := range bytes.Fields(line) {
		if err := c.Write(cx, bytes.Clone(w)); err != nil { // want `bytes.Fields\(line\) holds bytes`
			return err
		}
	}
	return nil
}

//heist:task
func aliased(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	n := named(line)
	raw := json.RawMessage(line)
	key, value, _ := bytes.Cut(line, []byte("="))
	trimmed := bytes.TrimRight(line, "\n")
	last := bytes.Split(line, nil)[0]
	helped := word(line)
	one := first([][]byte{line})
	some := part(n)
	up := bytes.ToUpper(line)
	reader := bytes.NewReader(line)
	var any any = line
	p := pair[[]byte]{}
	p.put(line)
	if err := cx.Yield(); err != nil { // want `n holds bytes` `raw holds bytes` `key holds bytes` `value holds bytes` `trimmed holds bytes` `last holds bytes` `helped holds bytes` `one holds bytes` `some holds bytes` `reader holds bytes` `any holds bytes` `p holds bytes`
		return err
	}
	use(n, raw, key, value, trimmed, last, helped, one, some, up, reader, any, p)
	return nil
}

//heist:task
func operand(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	use(word(line), cx.Yield())        // want `word\(line\) holds bytes`
	return c.Write(cx, cx.Scratch(10)) // want `cx.Scratch\(10\) holds bytes`
}

//heist:task
func generates(cx *task.Cx, c *reactor.Conn, yield func([]byte) bool) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	yield(bytes.Clone(line))
	yield(nil)
	line, err = c.ReadUntil(cx, '\n', 80)
	if err == nil {
		yield(line) // want `bytes that are lent until the function waits are yielded`
	}
	return err
}

// ---- ways through a function

//heist:task
func branches(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	if len(line) > 10 {
		line = bytes.Clone(line)
	} else {
		line = nil
	}
	switch kept := line; {
	case len(line) > 3:
		return c.Write(cx, kept) // fine
	}
	line, err = c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	if len(line) > 10 {
		line = bytes.Clone(line)
	}
	return c.Write(cx, line) // want `line holds bytes`
}

//heist:task
func loops(cx *task.Cx, c *reactor.Conn) error {
	var before, clean []byte
	for i := 0; ; i++ {
		use(before, clean)
		line, err := c.ReadUntil(cx, '\n', 80) // want `before holds bytes`
		if err != nil {
			return err
		}
		if len(line) == 0 {
			continue
		}
		before = line
		clean = bytes.Clone(line)
		if i > 3 {
			break
		}
	}
	return nil
}

//heist:task
func jumps(cx *task.Cx, c *reactor.Conn) error {
	var kept []byte
again:
	line, err := c.ReadUntil(cx, '\n', 80) // want `kept holds bytes`
	use(kept)
	if err != nil {
		return err
	}
	kept = line
	if len(line) > 3 {
		goto again
	}
	return nil
}

//heist:task
func switches(cx *task.Cx, c *reactor.Conn, kind int) error {
	var kept, text []byte
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	switch kind {
	case 0:
		kept = line
		fallthrough
	case 1:
		text = kept
	default:
		text = nil
	}
	var v any = line
	var typed []byte
	switch x := v.(type) {
	case []byte:
		typed = x
	case int:
		use(x)
	}
	if err := cx.Yield(); err != nil { // want `text holds bytes` `typed holds bytes`
		return err
	}
	use(text, typed)
	return nil
}

//heist:task
func copiedOnEachWay(cx *task.Cx, c *reactor.Conn, kind int) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	switch kind {
	case 0:
		line = bytes.Clone(line)
	case 1:
		line = nil
	default:
		return cx.Yield() // fine: nobody reads it
	}
	for range 3 {
		if err := c.Write(cx, line); err != nil {
			return err
		}
	}
	return nil
}

//heist:task
func functionInField(cx *task.Cx, c *reactor.Conn) error {
	var hooks struct{ show, set func() }
	var kept []byte
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	hooks.show = func() { use(kept) }
	hooks.set = func() { kept = line }
	hooks.set()
	hooks.show()                       // fine
	if err := cx.Yield(); err != nil { // want `kept holds bytes` `line holds bytes`
		return err
	}
	hooks.show()
	return nil
}

//heist:task
func literalInLiteral(cx *task.Cx, c *reactor.Conn) error {
	var kept []byte
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	func() {
		each(line, func(w []byte) {
			defer func() { kept = w }()
		})
	}()
	return c.Write(cx, kept) // want `kept holds bytes`
}

//heist:task
func otherMachine(cx *task.Cx, c *reactor.Conn) error {
	var limit combine.Timeout
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	return limit.Wait(cx, time.Second, func(cx *task.Cx) error { // want `line holds bytes`
		return c.Write(cx, line)
	})
}

//heist:task
func machineInVariable(cx *task.Cx, c *reactor.Conn) error {
	var limit combine.Timeout
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	write := func(cx *task.Cx) error { return c.Write(cx, line) }
	if err := cx.Yield(); err != nil { // want `line holds bytes`
		return err
	}
	return limit.Wait(cx, time.Second, write)
}

//heist:task
func returnedFunction(cx *task.Cx, c *reactor.Conn) (func(), error) {
	var line []byte
	show := func() { use(line) }
	read := func(cx *task.Cx) (err error) {
		line, err = c.ReadUntil(cx, '\n', 80)
		return err
	}
	err := read(cx)
	return show, err
}

//heist:task
func generic[T any](cx *task.Cx, c *reactor.Conn, of func([]byte) T) (v T, err error) {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return v, err
	}
	return of(line), nil
}

//heist:task
func ofGeneric(cx *task.Cx, c *reactor.Conn) error {
	n, err := generic(cx, c, func(b []byte) int { return len(b) })
	if err != nil {
		return err
	}
	b, err := generic(cx, c, func(b []byte) []byte { return b })
	if err != nil {
		return err
	}
	use(n, b)                          // fine
	if err := cx.Yield(); err != nil { // want `b holds bytes`
		return err
	}
	use(n, b)
	return nil
}

//heist:task
func (s *store) read(cx *task.Cx, c *reactor.Conn) error {
	var err error
	s.buf, err = c.ReadUntil(cx, '\n', 80) // want `is kept in s.buf`
	return err
}

//heist:task
func (m message) write(cx *task.Cx, c *reactor.Conn) error { return c.Write(cx, m.body) }

//heist:task
func ofReceiver(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	return message{body: line}.write(cx, c) // want `bytes that are lent until the function waits are handed to write`
}

//heist:task
func recursive(cx *task.Cx, c *reactor.Conn, n int) ([]byte, error) {
	if n > 0 {
		return recursive(cx, c, n-1)
	}
	return c.ReadUntil(cx, '\n', 80)
}

//heist:task
func ofRecursive(cx *task.Cx, c *reactor.Conn) error {
	line, err := recursive(cx, c, 3)
	if err != nil {
		return err
	}
	return c.Write(cx, line) // want `line holds bytes`
}

//heist:task
func byHand(cx *task.Cx, c *reactor.Conn) error {
	b, err := frame(cx, c)
	if err != nil {
		return err
	}
	p := page(cx)
	if err := cx.Yield(); err != nil { // want `b holds bytes` `p holds bytes`
		return err
	}
	use(b, p)
	return nil
}
