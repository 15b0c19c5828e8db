//go:build unix

package dump_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/dump"
)

// got passes on what is written to it.
type got chan string

func (g got) Write(b []byte) (int, error) {
	g <- string(b)
	return len(b), nil
}

func TestOnSignal(t *testing.T) {
	written := make(got, 1)
	stop := dump.OnSignal(written, hung(t), pool.DumpOptions{})
	defer stop()
	for range 2 {
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGQUIT))
		require.Contains(t, <-written, "DEADLOCK 1")
	}
	stop()
	stop()
}
