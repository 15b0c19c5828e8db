//go:build heistgen

package refused3

import (
	"bytes"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
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
func takes(cx *task.Cx, b []byte) error {
	if err := cx.Yield(); err != nil {
		return err
	}
	use(b)
	return nil
}

//heist:task
func locked(cx *task.Cx, b *box) error {
	b.mu.Lock() // want `b.mu is still locked when line 54 waits`
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
