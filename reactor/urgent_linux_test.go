package reactor_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/task"
)

// A short read is not the end of what is there if the peer has sent urgent data.
func TestUrgent(t *testing.T) {
	p := open(t, 1)
	c, peer := pair(t, p)
	raw, err := peer.SyscallConn()
	require.NoError(t, err)
	send := func(s string, flags int) {
		require.NoError(t, raw.Control(func(fd uintptr) {
			require.NoError(t, unix.Sendto(int(fd), []byte(s), flags, nil))
		}))
	}
	send("abc", 0)
	send("!", unix.MSG_OOB)
	send("def", 0)
	got := ""
	err = p.Run(patient(t), task.Func(func(cx *task.Cx) error {
		for len(got) < 6 {
			b, err := c.Next(cx)
			if err != nil {
				return err
			}
			got += string(b)
		}
		return nil
	}))
	require.NoError(t, err, "after %q", got)
	require.Equal(t, "abcdef", got)
}
