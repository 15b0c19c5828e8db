//go:build unix

package load_test

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/load"
)

// serve answers by f, on a connection of its own for each client.
func serve(t *testing.T, network, address string, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	return l.Addr().String()
}

func echo(c net.Conn) { _, _ = io.Copy(c, struct{ io.Reader }{c}) }

func TestRuns(t *testing.T) {
	address := serve(t, "tcp", "127.0.0.1:0", echo)
	local := serve(t, "unix", filepath.Join(t.TempDir(), "s"), echo)
	big := make([]byte, 3<<20) // more than a socket takes at once
	for i := range big {
		big[i] = byte(i * i >> 8)
	}
	for name, p := range map[string]load.Plan{
		"one":       {Network: "tcp", Address: address, Conns: 1, Request: []byte("abc"), Answer: []byte("abc")},
		"pipelined": {Network: "tcp", Address: address, Conns: 3, Depth: 16, Threads: 2, Request: []byte("abc\n"), Answer: []byte("abc\n")},
		"threads":   {Network: "unix", Address: local, Conns: 5, Threads: 9, Request: []byte("abc"), Answer: []byte("abc")},
		"big":       {Network: "tcp", Address: address, Conns: 2, Depth: 2, Request: big, Answer: big},
		"open":      {Network: "tcp", Address: address, Conns: 3, Threads: 2, Rate: 1e5, Request: []byte("abc"), Answer: []byte("abc")},
		"open, big": {Network: "tcp", Address: address, Conns: 1, Rate: 1e9, Request: big, Answer: big},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := load.Open(p)
			require.NoError(t, err)
			defer func() { require.NoError(t, g.Close()) }()
			for _, n := range []int{1, 7, 100, 3} {
				if len(p.Request) > 1000 {
					n = min(n, 7)
				}
				r, err := g.Run(n)
				require.NoError(t, err)
				require.Equal(t, n, r.Requests)
				require.Positive(t, r.Took)
				require.LessOrEqual(t, r.Latency.Max(), int64(r.Took))
				if p.Rate > 0 {
					require.EqualValues(t, n, r.Latency.Count())
					require.EqualValues(t, n, r.Late.Count())
				} else {
					depth := max(p.Depth, 1)
					require.GreaterOrEqual(t, int(r.Latency.Count()), (n+depth-1)/depth)
					require.LessOrEqual(t, int(r.Latency.Count()), n)
				}
			}
		})
	}
}

// What a server that does not answer for a while holds back counts from when it was due: a
// closed loop counts one slow request, an open one all.
func TestNoCoordinatedOmission(t *testing.T) {
	const stops = 100 * time.Millisecond
	address := serve(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		in := bufio.NewReader(c)
		for n := 0; ; n++ {
			b, err := in.ReadByte()
			if err != nil {
				return
			}
			if n == 50 {
				<-time.After(stops) // the server that is measured
			}
			_, _ = c.Write([]byte{b})
		}
	})
	slow := func(rate float64) int {
		g, err := load.Open(load.Plan{Network: "tcp", Address: address, Conns: 1, Rate: rate, Request: []byte("x"), Answer: []byte("x")})
		require.NoError(t, err)
		defer g.Close()
		r, err := g.Run(300)
		require.NoError(t, err)
		for n := 1; n <= 300; n++ {
			if r.Latency.Quantile(1-float64(n)/300) < int64(stops/10) {
				return n
			}
		}
		return 300
	}
	require.GreaterOrEqual(t, slow(1000), 60, "a request a millisecond: 90 were due meanwhile and waited for 10 ms or more")
	require.LessOrEqual(t, slow(0), 20)
}

func TestBadServers(t *testing.T) {
	for name, bad := range map[string]struct {
		answer string
		err    error
		want   string
	}{
		"another answer": {"abd", load.ErrAnswer, `"abd"`},
		"too much":       {"abcabcabc", load.ErrAnswer, `"abc"`},
		"half":           {"ab", io.ErrUnexpectedEOF, "the server has closed a connection"},
		"nothing":        {"", io.ErrUnexpectedEOF, "the server has closed a connection"},
	} {
		t.Run(name, func(t *testing.T) {
			address := serve(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
				_, _ = io.ReadFull(c, make([]byte, 6))
				_, _ = c.Write([]byte(bad.answer))
			})
			g, err := load.Open(load.Plan{Network: "tcp", Address: address, Conns: 1, Depth: 2, Request: []byte("abc"), Answer: []byte("abc")})
			require.NoError(t, err)
			_, err = g.Run(2)
			require.ErrorIs(t, err, bad.err)
			require.ErrorContains(t, err, "load: run: ")
			require.ErrorContains(t, err, bad.want)
			require.NoError(t, g.Close())
		})
	}
}

func TestBadPlans(t *testing.T) {
	good := load.Plan{Network: "tcp", Address: "127.0.0.1:1", Conns: 1, Request: []byte("a"), Answer: []byte("a")}
	for name, spoil := range map[string]func(*load.Plan){
		"no connections": func(p *load.Plan) { p.Conns = 0 },
		"no request":     func(p *load.Plan) { p.Request = nil },
		"no answer":      func(p *load.Plan) { p.Answer = nil },
		"rate":           func(p *load.Plan) { p.Rate = -1 },
		"nobody listens": func(*load.Plan) {},
	} {
		p := good
		spoil(&p)
		_, err := load.Open(p)
		require.ErrorContains(t, err, "load: open: ", name)
	}
}

func TestHistogram(t *testing.T) {
	var a, b load.Histogram
	require.Zero(t, a.Quantile(0.5))
	rng := rand.New(rand.NewPCG(1, 2))
	var all []int64
	for i := range 20_000 {
		v := int64(rng.Uint64() >> rng.IntN(64) >> 1)
		all = append(all, v)
		if i%2 == 0 {
			a.Add(v)
		} else {
			b.Add(v)
		}
	}
	a.Merge(&b)
	slices.Sort(all)
	require.EqualValues(t, len(all), a.Count())
	require.Equal(t, all[len(all)-1], a.Max())
	for _, q := range []float64{0, 0.001, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9999, 1} {
		exact := all[min(max(int(q*float64(len(all))+0.5)-1, 0), len(all)-1)]
		got := a.Quantile(q)
		require.GreaterOrEqual(t, got, exact)
		require.LessOrEqual(t, got-exact, exact/64, "q %v: %d for %d", q, got, exact)
	}
	a.Add(-5)
	require.Zero(t, a.Quantile(0))
}
