// Package refused5 has straight-line functions with lent bytes that literals, fields and helpers keep.
package refused5

import (
	"bytes"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

type message struct {
	id   int
	path []byte
	body []byte
	text string
}

func (m *message) set(b []byte)  { m.body = b }
func (m *message) copy(b []byte) { m.body = bytes.Clone(b) }
func (m message) with(b []byte) message {
	m.body = b
	return m
}

type named []byte

type store struct {
	buf   []byte
	lines [][]byte
	byKey map[string][]byte
	last  *message
	show  func()
}

func (s *store) keep(b []byte)   { s.lines = append(s.lines, b) }
func (s *store) keeps(b []byte)  { s.keep(b[1:]) }
func (s *store) copies(b []byte) { s.buf = append(s.buf[:0], b...) }

var global []byte

func use(...any) {}

func size(b []byte) int { return len(b) }

func word(b []byte) []byte { return bytes.TrimSpace(b)[:1] }

func parse(b []byte) (m message, err error) {
	m.path, m.body, _ = bytes.Cut(b, []byte(" "))
	m.id = len(b)
	return m, nil
}

func first[T any](list []T) T { return list[0] }

func part[B ~[]byte](b B) B { return b[:1] }

type pair[T any] struct{ a, b T }

func (p *pair[T]) put(v T) { p.a = v }

func each(b []byte, do func(word []byte)) {
	for _, w := range bytes.Fields(b) {
		do(w)
	}
}

// frame is an operation that is written by hand.
func frame(cx *task.Cx, c *reactor.Conn) ([]byte, error) {
	b, err := c.Next(cx)
	return b, err
}

// page is the worker's, which its mark says.
//
//heist:lent
func page(*task.Cx) []byte { return nil }
