//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

func TestPrimes(t *testing.T) {
	for n, want := range map[int]int{
		0: 0, 1: 0, 2: 1, 3: 2, 10: 4, 100: 25, 1000: 168, 1<<15 - 1: 3512, 1 << 15: 3512, 1<<15 + 3: 3513,
		100_000: 9592, 1_000_000: 78498, 3_000_000: 216816,
	} {
		require.Equal(t, want, primes(pool.Default(), n), "up to %d", n)
	}
}

// Whatever a session is asked, the answers come in order, in every mode.
func TestServe(t *testing.T) {
	for _, m := range modes {
		p, err := pool.New(pool.Config{Workers: 2})
		require.NoError(t, err)
		address, err := serve(p, m)
		require.NoError(t, err)
		c, err := net.Dial("tcp", address)
		require.NoError(t, err)
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
		fmt.Fprint(c, "10\n1000000\n1000\n", "100000\n")
		in := bufio.NewReader(c)
		for _, want := range []string{"4", "78498", "168", "9592"} {
			got, err := in.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, want, strings.TrimSpace(got), m.name)
		}
		fmt.Fprintln(c, "many")
		_, err = in.ReadString('\n')
		require.Error(t, err)
		require.NoError(t, p.Close())
	}
}

// A shutdown waits for nobody who asks nothing.
func TestEnd(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	address, err := serve(p, modes[0])
	require.NoError(t, err)
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer c.Close()
	fmt.Fprintln(c, "10")
	_, err = bufio.NewReader(c).ReadString('\n')
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(t, p.Shutdown(ctx))
}

// A job holds up nobody: small requests are answered while it keeps the only worker.
func TestJobHoldsUpNobody(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1})
	require.NoError(t, err)
	defer p.Close()
	var computing, answered atomic.Bool
	address, err := serve(p, mode{do: func(s *session, cx *task.Cx) (int, error) {
		return s.job.Do(cx, func(at pool.Scope) int {
			for computing.Store(true); !answered.Load() && at.Err() == nil; {
				runtime.Gosched() //heistvet:ignore blocking: the job is to keep its worker until others are answered
			}
			return 0
		})
	}})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		_, err := client(address, small+1, 1, 0, nil)
		ended <- err
	}()
	for !computing.Load() {
		runtime.Gosched()
	}
	_, err = client(address, 10, 5, 0, nil)
	require.NoError(t, err)
	answered.Store(true)
	require.NoError(t, <-ended)
}

func TestMeasure(t *testing.T) {
	for _, m := range modes {
		var r result
		for d := 50 * time.Millisecond; len(r.small) == 0 || len(r.large) == 0; d *= 2 {
			require.Less(t, d, time.Minute, "nothing is answered")
			var err error
			r, err = measure(m, 2, 200_000, d)
			require.NoError(t, err)
		}
		require.True(t, slices.IsSorted(r.small))
		require.Positive(t, at(0.5, r.small))
		require.LessOrEqual(t, at(0.5, r.small), at(1, r.small))
	}
}
