// run

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

type frame struct {
	kind byte
	body []byte
	crc  [2]byte
}

type conn struct {
	in  []byte
	pos int
	log bytes.Buffer
}

func (c *conn) next() (b byte, err error) {
	if c.pos >= len(c.in) {
		return 0, io.EOF
	}
	b = c.in[c.pos]
	c.pos++
	return
}

func (c *conn) take(n int) ([]byte, error) {
	out := make([]byte, 0, n)
	for len(out) < n {
		b, err := c.next()
		if err == io.EOF {
			return out, io.ErrUnexpectedEOF
		}
		out = append(out, b)
	}
	return out, nil
}

type badFrame struct {
	at   int
	kind byte
}

func (e *badFrame) Error() string { return fmt.Sprintf("bad frame %q at %d", e.kind, e.at) }

func parse(c *conn) (f frame, err error) {
	start := c.pos
	if f.kind, err = c.next(); err != nil {
		return
	}
	switch k := f.kind; {
	case k >= '0' && k <= '9':
		if f.body, err = c.take(int(k - '0')); err != nil {
			return f, fmt.Errorf("body: %w", err)
		}
		fallthrough
	case k == 'e':
		var rest []byte
		if rest, err = c.take(len(f.crc)); err != nil {
			return frame{}, err
		}
		f.crc = [2]byte(rest)
	case k == '#':
		for b, err := c.next(); b != '\n'; b, err = c.next() {
			if err != nil {
				return f, err
			}
			f.body = append(f.body, b)
		}
		f.kind, f.body = f.body[0], f.body[1:]
	default:
		return frame{}, &badFrame{start, k}
	}
	return f, nil
}

func serve(c *conn) (frames []frame, err error) {
	for {
		f, err := parse(c)
		var bad *badFrame
		switch {
		case errors.As(err, &bad):
			fmt.Fprintln(&c.log, "skipped", bad.kind, bad)
			continue
		case errors.Is(err, io.ErrUnexpectedEOF):
			return frames, fmt.Errorf("torn: %w", err)
		case err != nil:
			return frames, err
		}
		frames = append(frames, f)
		if f.kind == 'q' {
			break
		}
	}
	return frames, nil
}

func main() {
	for _, text := range []string{"3abcxy0..e!!", "#hello\n2hixx", "?1a..4ab", "", "e", "#q\n1z--", "#"} {
		c := &conn{in: []byte(text)}
		frames, err := serve(c)
		for _, f := range frames {
			fmt.Printf("%c %s %v|", f.kind, f.body, f.crc)
		}
		fmt.Printf(" %v %q\n", err, c.log.String())
	}
}
