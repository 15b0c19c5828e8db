package lentbytes

import (
	"bytes"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

var global []byte

type message struct{ body []byte }

type reader struct {
	task.Frame
	conn  *reactor.Conn
	buf   []byte
	line  string
	lines [][]byte
	out   *chans.Chan[[]byte]
	msgs  *chans.Chan[message]
	last  message
	fix   [16]byte
}

func (r *reader) Poll(cx *task.Cx) error {
	b, err := r.conn.Next(cx)
	if err != nil {
		return err
	}
	r.buf = b                    // want `b is lent until the poll returns, and is kept in r.buf: copy it`
	r.buf = b[1:]                // want `b\[1:\] is lent until the poll returns`
	global = b                   // want `b is lent until the poll returns, and is kept in global`
	r.lines = append(r.lines, b) // want `b is lent until the poll returns, and is kept in a slice`
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

// frame returns the next frame, which is lent.
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

// ---- what is right -----------------------------------------------------------

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
