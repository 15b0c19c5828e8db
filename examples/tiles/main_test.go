package main

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// Both servers answer the same, to small tiles, large ones, and nonsense.
func TestServers(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			address, stop, err := start()
			require.NoError(t, err)
			defer stop()
			c, err := net.Dial("tcp", address)
			require.NoError(t, err)
			defer c.Close()
			in := bufio.NewReader(c)
			ask := func(line string) (a answer) {
				_, err := c.Write([]byte(line + "\n"))
				require.NoError(t, err)
				text, err := in.ReadBytes('\n')
				require.NoError(t, err)
				require.NoError(t, json.Unmarshal(text, &a))
				return a
			}
			for _, r := range []request{{ID: 1, X: -2, Y: -1, Width: 2, Side: 5, Depth: 50}, {ID: 2, X: -2, Y: -1, Width: 2, Side: 70, Depth: 300}} {
				line, _ := json.Marshal(r)
				want := r.rows(0, r.Side)
				want.ID = r.ID
				require.Equal(t, want, ask(string(line)))
			}
			require.NotEmpty(t, ask("nonsense").Error)
			require.NotEmpty(t, ask(`{"side": 0}`).Error)
		})
	}
}

// The comparison runs through.
func TestCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	var out strings.Builder
	p := standard
	p.time, p.rounds = 300*time.Millisecond, 1
	require.NoError(t, p.compare(&out))
	require.Contains(t, out.String(), "throughput")
}
