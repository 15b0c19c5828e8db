//go:build heistgen

package refused3

import (
	"bytes"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

//heist:task
func lent(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	word := bytes.TrimSpace(line[1:])
	use(word)                // fine
	return c.Write(cx, word) // want `word holds bytes that are lent until the function waits`
}

//heist:task
func copied(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	line = bytes.Clone(line)
	return c.Write(cx, line)
}

//heist:task
func handed(cx *task.Cx, c *reactor.Conn) error {
	line, err := c.ReadUntil(cx, '\n', 80)
	if err != nil {
		return err
	}
	return takes(cx, line) // want `bytes that are lent until the function waits are handed to takes`
}

//heist:task
func next(cx *task.Cx, c *reactor.Conn) ([]byte, error) {
	line, err := c.ReadUntil(cx, '\n', 80)
	return line[:1], err
}

//heist:task
func later(cx *task.Cx, c *reactor.Conn) error {
	line, err := next(cx, c)
	if err != nil {
		return err
	}
	return c.Write(cx, line) // want `line holds bytes that are lent until the function waits`
}

//heist:task
func raced(cx *task.Cx, c *reactor.Conn) error {
	var race combine.Race[[]byte]
	_, line, err := race.Wait(cx, func(cx *task.Cx) ([]byte, error) { return c.ReadUntil(cx, '\n', 80) }, c.Next)
	if err != nil {
		return err
	}
	return c.Write(cx, line) // want `line holds bytes that are lent until the function waits`
}

//heist:task
func kept(cx *task.Cx, c *reactor.Conn) (b []byte, err error) {
	if b, err = c.ReadUntil(cx, '\n', 80); err != nil {
		return nil, err
	}
	b = bytes.Clone(b)
	return b, nil
}

//heist:task
func keeper(cx *task.Cx, c *reactor.Conn) error {
	h := task.Go(cx, func(cx *task.Cx) ([]byte, error) { return kept(cx, c) })
	line, err := kept(cx, c)
	if err != nil {
		return err
	}
	if err := c.Write(cx, line); err != nil {
		return err
	}
	_, err = h.Wait(cx)
	return err
}

//heist:task
func takes(cx *task.Cx, b []byte) error {
	if err := cx.Yield(); err != nil {
		return err
	}
	use(b)
	return nil
}

//heist:task
func locked(cx *task.Cx, b *box) error {
	b.mu.Lock() // want `b.mu is still locked when line 103 waits`
	if err := b.Wait(cx); err != nil {
		return err
	}
	b.mu.Unlock()
	return nil
}

//heist:task
func unlocked(cx *task.Cx, b *box) error {
	b.mu.Lock()
	use(b)
	b.mu.Unlock()
	return b.Wait(cx)
}

//heist:task
func iterators(cx *task.Cx, b *box) error {
	for v := range ints() { // want `a wait cannot stand in the body of a range over a function`
		use(v)
		if err := b.Wait(cx); err != nil {
			return err
		}
	}
	for v := range ints() { // fine: nothing waits
		use(v)
	}
	return nil
}
