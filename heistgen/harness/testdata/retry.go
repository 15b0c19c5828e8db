// run

package main

import (
	"errors"
	"fmt"
)

type temporary struct{ n int }

func (t temporary) Error() string { return fmt.Sprint("temporary ", t.n) }

var errLast = errors.New("last")

type client struct {
	fails, closed int
	log           []string
}

func (c *client) do(k int) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			n, err = -1, fmt.Errorf("recovered: %v", v)
			if k == 7 {
				panic(fmt.Sprint("again ", v))
			}
		}
	}()
	defer func(before int) { c.log = append(c.log, fmt.Sprint(before, n)) }(n)
	switch c.fails++; {
	case k == c.fails:
		return k * 10, nil
	case c.fails > 5:
		return c.fails, errLast
	case c.fails == 4:
		panic(k)
	}
	return n + 1, temporary{c.fails}
}

func (c *client) close() { c.closed++ }

func retry(c *client, k int) (n int, err error) {
	tries := 0
	defer func() { n += tries * 1000 }()
	defer c.close()
	for {
		var t temporary
		if n, err = c.do(k); err == nil || !errors.As(err, &t) {
			return n, err
		}
		if tries++; tries == 9 {
			return
		}
		defer func() { n++ }()
	}
}

func guarded(k int) (text string) {
	c := new(client)
	defer func() { text += fmt.Sprint(" ", c.closed, c.log) }()
	defer func() {
		switch v := recover().(type) {
		case nil:
		case error:
			text = "error " + v.Error()
		default:
			text = fmt.Sprint("panic ", v)
		}
	}()
	n, err := retry(c, k)
	return fmt.Sprint(n, err)
}

func main() {
	for k := range 10 {
		fmt.Println(guarded(k))
	}
}
