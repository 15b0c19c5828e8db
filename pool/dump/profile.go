package dump

import (
	"compress/gzip"
	"encoding/binary"
	"io"
	"strconv"
	"strings"

	"github.com/heist-go/heist/pool"
)

// WriteProfile writes d as a gzipped profile for go tool pprof: tasks by what they wait for. A sample is a
// shape; its stack is what it waits for, its kind and stage, and the kinds of its owners, and its value how many
// tasks are so. It returns w's error.
//
// The format is profile.proto of github.com/google/pprof. Its five messages are written here by hand, because what
// the module requires ends up with every user.
func WriteProfile(w io.Writer, d *pool.Dump) error {
	p := profile{index: map[string]int{"": 0}, strings: []string{""}, locations: map[string]uint64{}}
	p.body.message(1, func(m *message) { // sample_type
		m.number(1, p.text("tasks"))
		m.number(2, p.text("count"))
	})
	for i := range d.Shapes {
		p.sample(&d.Shapes[i])
	}
	if d.Omitted > 0 {
		p.sample(&pool.Shape{Kind: "(other shapes)", Count: d.Omitted, State: "unknown"})
	}
	p.body.number(9, uint64(d.At.UnixNano()))
	for _, s := range p.strings {
		p.body.bytes(6, []byte(s))
	}
	z := gzip.NewWriter(w)
	if _, err := z.Write(p.body.buf); err != nil {
		return err
	}
	return z.Close()
}

// profile is a profile that is being written.
type profile struct {
	body      message
	strings   []string
	index     map[string]int
	locations map[string]uint64
}

// text returns the number of a string.
func (p *profile) text(s string) uint64 {
	i, ok := p.index[s]
	if !ok {
		i = len(p.strings)
		p.index[s], p.strings = i, append(p.strings, s)
	}
	return uint64(i)
}

// location returns the number of a function, which has one location.
func (p *profile) location(name, source string) uint64 {
	key := name + "\x00" + source
	if n, ok := p.locations[key]; ok {
		return n
	}
	n := uint64(len(p.locations) + 1)
	p.locations[key] = n
	file, at := source, 0
	if i := strings.LastIndexByte(source, ':'); i >= 0 {
		if line, err := strconv.Atoi(source[i+1:]); err == nil {
			file, at = source[:i], line
		}
	}
	p.body.message(5, func(m *message) { // function
		m.number(1, n)
		m.number(2, p.text(name))
		m.number(3, p.text(name))
		m.number(4, p.text(file))
		m.number(5, uint64(at))
	})
	p.body.message(4, func(m *message) { // location
		m.number(1, n)
		m.message(4, func(m *message) { // line
			m.number(1, n)
			m.number(2, uint64(at))
		})
	})
	return n
}

// sample writes a shape.
func (p *profile) sample(s *pool.Shape) {
	var stack []uint64
	waits := s.Waits
	if len(waits) == 0 {
		waits = []string{s.State}
	}
	for _, w := range waits {
		stack = append(stack, p.location(w, ""))
	}
	if s.Stage != "" {
		stack = append(stack, p.location(s.Kind+" at "+s.Stage, ""))
	}
	stack = append(stack, p.location(s.Kind, s.Source))
	for i := range s.Path {
		stack = append(stack, p.location(s.Path[len(s.Path)-1-i], ""))
	}
	p.body.message(2, func(m *message) { // sample
		for _, l := range stack {
			m.number(1, l)
		}
		m.number(2, uint64(s.Count))
		m.message(3, func(m *message) { // label
			m.number(1, p.text("state"))
			m.number(2, p.text(s.State))
		})
	})
}

// message is a message of protocol buffers.
type message struct{ buf []byte }

func (m *message) varint(n uint64) { m.buf = binary.AppendUvarint(m.buf, n) }

// number writes a field of an integer type.
func (m *message) number(field int, n uint64) {
	m.varint(uint64(field) << 3)
	m.varint(n)
}

// bytes writes a string, or a message.
func (m *message) bytes(field int, b []byte) {
	m.varint(uint64(field)<<3 | 2)
	m.varint(uint64(len(b)))
	m.buf = append(m.buf, b...)
}

// message writes what write does as a message.
func (m *message) message(field int, write func(*message)) {
	var inner message
	write(&inner)
	m.bytes(field, inner.buf)
}
