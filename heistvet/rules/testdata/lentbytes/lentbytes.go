package lentbytes

import (
	"bytes"
	"container/list"
	"encoding/json"
	"time"

	"example.org/mistakes/helper"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

var global []byte

type message struct{ body []byte }

type reader struct {
	task.Frame
	conn   *reactor.Conn
	buf    []byte
	line   string
	lines  [][]byte
	out    *chans.Chan[[]byte]
	msgs   *chans.Chan[message]
	last   message
	fix    [16]byte
	next   *message
	byKey  map[string][]byte
	raw    json.RawMessage
	store  helper.Store
	group  task.Group
	done   func()
	any    any
	words  [][]byte
	ring   [4][]byte
	at, n  int
	err    error
	names  []string
	answer task.Promise[[]byte]
}

func (r *reader) Poll(cx *task.Cx) error {
	b, err := r.conn.Next(cx)
	if err != nil {
		return err
	}
	r.buf = b                    // want `b is lent until the poll returns, and is kept in r.buf: copy it`
	r.buf = b[1:]                // want `b\[1:\] is lent until the poll returns`
	global = b                   // want `b is lent until the poll returns, and is kept in global`
	r.lines = append(r.lines, b) // want `b is lent until the poll returns, and is kept in r.lines`
	r.lines[0] = b[:2]           // want `kept in r.lines\[0\]`
	rest := b[5:]
	r.last = message{body: rest}                    // want `kept in r.last`
	if err := r.out.TrySend(cx, rest); err != nil { // want `rest is lent until the poll returns, and is kept by who receives it`
		return err
	}
	go parse(rest) // want `kept by a goroutine`
	return nil
}

func parse([]byte) {}

func (r *reader) straight(cx *task.Cx) (err error) {
	r.buf, err = r.conn.ReadUntil(cx, '\n', 100) // want `r.conn.ReadUntil\(cx, '\\n', 100\) is lent until the poll returns, and is kept in r.buf`
	return err
}

func (r *reader) scratch(cx *task.Cx) error {
	r.buf = cx.Scratch(10) // want `cx.Scratch\(10\) is lent`
	return nil
}

// frame returns the next frame.
//
//heist:lent
func (r *reader) frame(cx *task.Cx) ([]byte, error) {
	b, err := r.conn.Next(cx)
	return b, err
}

func (r *reader) helper(cx *task.Cx) error {
	b, err := r.frame(cx)
	if err == nil {
		r.buf = b // want `b is lent`
	}
	return err
}

func (r *reader) declared(cx *task.Cx) error {
	b, err := r.conn.Next(cx)
	if err != nil {
		return err
	}
	var head = b[:1]
	r.buf = head // want `head is lent until the poll returns, and is kept in r.buf`
	return nil
}

func (r *reader) through(cx *task.Cx, list *list.List) error {
	b, err := r.conn.ReadUntil(cx, '\n', 100)
	if err != nil {
		return err
	}
	_ = r.conn.Post(b)                  // want `b is lent until the poll returns, and is kept by who receives it`
	_ = r.conn.Post(bytes.TrimSpace(b)) // want `bytes.TrimSpace\(b\) is lent`
	r.last = message{b}                 // want `message{…} is lent`
	r.next = &message{body: b[1:]}      // want `kept in r.next`
	m := message{body: b}
	r.last = m // want `m is lent`
	p := &message{}
	p.body = b
	r.next = p                         // want `p is lent`
	r.buf = bytes.TrimRight(b, "\r\n") // want `kept in r.buf`
	fields := bytes.Fields(b)
	r.buf = fields[0] // want `fields\[0\] is lent`
	for _, f := range fields {
		r.lines = append(r.lines, f) // want `f is lent`
	}
	for f := range bytes.SplitSeq(b, []byte(",")) {
		r.buf = f // want `f is lent`
	}
	k, v, _ := bytes.Cut(b, []byte("="))
	r.byKey[string(k)] = v // want `v is lent`
	r.buf = helper.Trim(b) // want `helper.Trim\(b\) is lent`
	h, rest := helper.Head(b)
	r.buf = rest                             // want `rest is lent`
	r.raw = json.RawMessage(h)               // want `kept in r.raw`
	r.store.Keep(b)                          // want `b is lent until the poll returns, and is kept in r.store`
	r.store.Add(b)                           // want `b is lent`
	helper.Remember(b)                       // want `b is lent until the poll returns, and is kept by helper.Remember`
	r.keep(b)                                // want `b is lent until the poll returns, and is kept in r`
	r.group.Go(cx, &child{line: b})          // want `kept by the task`
	go func() { parse(b) }()                 // want `kept by a goroutine`
	r.done = func() { parse(b) }             // want `kept in r.done`
	time.AfterFunc(1, func() { parse(b) })   // want `kept by a function that runs later`
	r.any = b                                // want `b is lent`
	r.words, r.buf = split(b)                // want `split\(b\) is lent`
	list.PushBack(b)                         // want `b is lent`
	r.ring[r.at] = b                         // want `b is lent`
	r.answer.Resolve(b, nil)                 // want `b is lent`
	_ = r.msgs.TrySend(cx, message{body: b}) // want `is lent`
	return nil
}

func (r *reader) keep(b []byte) { r.buf = b }

func split(b []byte) (words [][]byte, rest []byte) {
	for len(b) > 0 {
		words = append(words, b[:1])
		b = b[1:]
	}
	return words, b
}

type child struct {
	task.Frame
	line []byte
	text string
}

func (c *child) Poll(*task.Cx) error { return nil }

// line lends what it has read, without a word.
func (r *reader) word(cx *task.Cx) (message, error) {
	b, err := r.conn.Next(cx)
	if err != nil {
		return message{}, err
	}
	return message{body: bytes.TrimSpace(b)}, nil
}

func (r *reader) words2(cx *task.Cx) error {
	m, err := r.word(cx)
	if err != nil {
		return err
	}
	r.last = m // want `m is lent`
	return nil
}

// ---- what is right -----------------------------------------------------------

func (r *reader) good(cx *task.Cx) error {
	b, err := r.conn.ReadUntil(cx, '\n', 100)
	if err != nil {
		return err
	}
	_ = r.conn.Post(bytes.Clone(b))
	_ = r.conn.Post(append([]byte(nil), b...))
	_ = r.conn.Post([]byte(string(b)))
	_ = r.conn.Post(bytes.ToUpper(b))
	r.last = message{body: bytes.Clone(bytes.TrimSpace(b))}
	var fields [][]byte
	fields = append(fields, b[:1], b[1:])
	parse(fields[0])
	r.line = helper.Text(b)
	r.buf = helper.Clone(b)
	r.store.Copy(b)
	r.n = r.store.Len(b)
	r.err = err
	var s helper.Store
	s.Keep(b)
	m := &message{body: b}
	parse(m.body)
	for _, f := range bytes.Fields(b) {
		r.names = append(r.names, string(f))
	}
	r.group.Go(cx, &child{text: string(b)})
	n := len(b)
	go func() { println(n) }()
	r.buf = append(r.buf[:0], b...)
	c := make([]byte, len(b))
	copy(c, b)
	r.buf = c
	if len(b) > 10 {
		b = bytes.Clone(b)
	}
	x := struct{ name string }{string(b)}
	r.any = x
	return r.out.TrySend(cx, c)
}

func (r *reader) copies(cx *task.Cx) error {
	b, err := r.conn.Next(cx)
	if err != nil {
		return err
	}
	r.buf = append(r.buf, b...)
	r.buf = bytes.Clone(b)
	r.line = string(b)
	r.lines = append(r.lines, bytes.Clone(b))
	copy(r.fix[:], b)
	m := message{}
	m.body = b // a local variable
	parse(m.body)
	b = r.buf
	r.buf = b // not lent any more
	return r.conn.Write(cx, b)
}
