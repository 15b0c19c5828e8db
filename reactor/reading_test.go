//go:build unix

package reactor_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// until reads from c up to delim, which has to be soon.
func until(t *testing.T, p *pool.Pool, c *reactor.Conn, delim byte, max int) (got string, err error) {
	err = p.Run(patient(t), task.Func(func(cx *task.Cx) error {
		b, err := c.ReadUntil(cx, delim, max)
		got = string(b)
		return err
	}))
	return got, err
}

// What is longer than max is refused, and kept, also if all of it has come already.
func TestReadUntilMax(t *testing.T) {
	p := open(t, 1)
	c, peer := pair(t, p)
	line := strings.Repeat("x", 1000) + "\n"
	_, err := peer.Write([]byte(line + line))
	require.NoError(t, err)
	for range 2 {
		for _, max := range []int{10, 1000} {
			got, err := until(t, p, c, '\n', max)
			require.ErrorIs(t, err, task.ErrLimit, "%d bytes of %d", len(got), max)
		}
		got, err := until(t, p, c, '\n', 1001)
		require.NoError(t, err)
		require.Equal(t, line, got)
	}
}

// What one delimiter was looked for in vain in may have another.
func TestReadUntilAnother(t *testing.T) {
	p := open(t, 1)
	c, peer := pair(t, p)
	_, err := peer.Write([]byte("key value"))
	require.NoError(t, err)
	_, err = until(t, p, c, '\n', 5)
	require.ErrorIs(t, err, task.ErrLimit)
	got, err := until(t, p, c, ' ', 100)
	require.NoError(t, err)
	require.Equal(t, "key ", got)
	_, err = peer.Write([]byte("\n"))
	require.NoError(t, err)
	got, err = until(t, p, c, '\n', 100)
	require.NoError(t, err)
	require.Equal(t, "value\n", got)
}
