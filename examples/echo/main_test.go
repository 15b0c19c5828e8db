//go:build unix

package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEcho(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "echo")} {
		t.Run(network, func(t *testing.T) {
			ctx, stop := context.WithCancel(context.Background())
			ready, ended := make(chan string, 1), make(chan error, 1)
			go func() { ended <- serve(ctx, network, address, time.Minute, func(a string) { ready <- a }) }()
			c, err := net.Dial(network, <-ready)
			require.NoError(t, err)
			want := bytes.Repeat([]byte("what goes out comes back. "), 10_000)
			go func() { _, _ = c.Write(want) }()
			got := make([]byte, len(want))
			_, err = io.ReadFull(c, got)
			require.NoError(t, err)
			require.Equal(t, want, got)
			stop()
			require.NoError(t, c.Close(), "it waits for us")
			require.NoError(t, <-ended)
		})
	}
	require.Error(t, serve(context.Background(), "tcp", "nowhere:never", 0, nil))
}
