//go:build unix

package reactor_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/load"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

func init() {
	roles["load"] = loads
	roles["echo"] = echoes
}

// percentiles are those that a load says.
var percentiles = []float64{1, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99}

// loads is a process that loads a server with requests over some connections: with some of them in
// flight on each, or at a rate. It is told the request and the answer, if they are not those of an
// echo. Told a number, it sends so many, and says the percentiles of their latency in nanoseconds.
func loads() {
	debug.SetGCPercent(-1) // it allocates next to nothing
	number := func(i int) int { n, _ := strconv.Atoi(os.Args[i]); return n }
	request := bytes.Repeat([]byte("heist..\n"), 8)
	answer := request
	if len(os.Args) > 5 {
		request, answer = []byte(os.Args[5]), []byte(os.Args[6])
	}
	g, err := load.Open(load.Plan{
		Network: "tcp", Address: os.Args[1], Conns: number(2), Depth: number(3), Rate: float64(number(4)),
		Request: request, Answer: answer,
	})
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	fmt.Println("open")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		total, _ := strconv.Atoi(in.Text())
		r, err := g.Run(total)
		if err != nil {
			fmt.Println("failed:", err)
			return
		}
		for _, p := range percentiles {
			fmt.Print(r.Latency.Quantile(p/100), " ")
		}
		fmt.Println()
	}
}

// loaded is a server that a process loads, over so many connections.
type loaded struct {
	conns, depth, rate int
	says               []string // a request and its answer, if it is not an echo
}

// by starts the process; it returns what lets it send n requests, and gives their
// percentiles.
func (l loaded) by(b *testing.B, address string) (do func(n int) (times []float64)) {
	args := []string{address, strconv.Itoa(l.conns), strconv.Itoa(l.depth), strconv.Itoa(l.rate)}
	tell, hear := cast(b, "load", append(args, l.says...)...)
	expect(b, "open", hear)
	return func(n int) (times []float64) {
		_, _ = fmt.Fprintln(tell, n)
		require.True(b, hear.Scan())
		for f := range strings.FieldsSeq(hear.Text()) {
			ns, err := strconv.ParseFloat(f, 64)
			require.NoError(b, err, hear.Text())
			times = append(times, ns)
		}
		return times
	}
}

// report says the 50th and the 99th percentile; and all of them if the environment variable
// HEIST_PERCENTILES is set.
func report(b *testing.B, times []float64) {
	for i, p := range percentiles {
		if p == 50 || p == 99 || os.Getenv("HEIST_PERCENTILES") != "" {
			b.ReportMetric(times[i]/1000, fmt.Sprintf("p%v-µs", p))
		}
	}
}

// spin keeps a processor busy for d: a bad task.
func spin(d time.Duration) {
	for end := clock.Now() + int64(d); clock.Now() < end; {
	}
}

// BenchmarkNet is an echo server, of tasks and of goroutines, that another process on
// the same machine loads: connections, and requests on their way in each.
func BenchmarkNet(b *testing.B) {
	for _, l := range []struct {
		name string
		loaded
		pinned, busy bool
	}{
		// Unpinned, one connection jumps between two regimes, whichever processor is asleep.
		{"echo-1", loaded{conns: 1}, true, false},
		{"echo-50", loaded{conns: 50}, false, false},
		{"echo-500", loaded{conns: 500}, false, false},
		{"open-50", loaded{conns: 50, rate: 20_000}, false, false},
		{"pipelined", loaded{conns: 50, depth: 16}, false, false},
		{"busy", loaded{conns: 50}, false, true},
	} {
		for _, who := range []string{"heist", "heist without spares", "net"} {
			if who == "heist without spares" && !l.busy {
				continue
			}
			b.Run(l.name+"/"+who, func(b *testing.B) {
				if l.pinned {
					pin(b)
				}
				var address string
				var hog func()
				if who != "net" {
					p := open(b, 0)
					if who != "heist" {
						p = openWith(b, pool.Config{StallLimit: -1})
					}
					address = serveEcho(b, p).Addr().String()
					hog = func() { bad(b, p) }
				} else {
					address = echoByGoroutines(b)
					hog = func() { badGoroutines(b) }
				}
				do := l.by(b, address)
				if l.busy {
					hog()
				}
				l.measure(b, do)
			})
		}
	}
}

// measure sends b.N requests, and reports what they cost.
func (l loaded) measure(b *testing.B, do func(n int) []float64) {
	do(min(b.N, 1000)) // warm
	before := cpu()
	b.ResetTimer()
	times := do(b.N)
	b.StopTimer()
	b.ReportMetric(float64(cpu()-before)/1000/float64(b.N), "cpu-µs/op")
	report(b, times)
}

// silence is for how long a server of BenchmarkFirst has had nothing to do: a second, or what the
// environment variable HEIST_SILENCE says.
func silence(b *testing.B) time.Duration {
	text := os.Getenv("HEIST_SILENCE")
	if text == "" {
		return time.Second
	}
	d, err := time.ParseDuration(text)
	require.NoError(b, err, "HEIST_SILENCE")
	return d
}

// BenchmarkFirst is an echo that finds its server asleep, of tasks and of goroutines: the median. Each
// server is a process of its own, and there are several of each kind, which are silent at the same
// time and asked in turns.
func BenchmarkFirst(b *testing.B) {
	const each, rounds = 5, 3
	kinds := []string{"heist", "net"}
	var all []*load.Generator
	for range each {
		for _, kind := range kinds {
			_, hear := cast(b, "echo", kind)
			require.True(b, hear.Scan())
			request := []byte("heist..\n")
			g, err := load.Open(load.Plan{Network: "tcp", Address: hear.Text(), Conns: 1, Request: request, Answer: request})
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, g.Close()) })
			all = append(all, g)
		}
	}
	ask := func(g *load.Generator) float64 {
		r, err := g.Run(1)
		require.NoError(b, err)
		return float64(r.Latency.Quantile(0.5)) / 1000
	}
	pause := silence(b) / time.Duration(len(all))
	times := make([][]float64, len(kinds))
	for b.Loop() {
		for round := range 1 + rounds {
			for i, g := range all {
				<-time.After(pause)
				if t := ask(g); round > 0 {
					times[i%len(kinds)] = append(times[i%len(kinds)], t)
				}
			}
		}
	}
	for i, kind := range kinds {
		slices.Sort(times[i])
		b.ReportMetric(times[i][len(times[i])/2], kind+"-p50-µs")
	}
}

// echoes is a process that is a server of echoes, of the kind that it is told, until its input ends.
func echoes() {
	if err := echoesBy(os.Args[1]); err != nil {
		fmt.Println("failed:", err)
	}
}

func echoesBy(kind string) error {
	if kind == "net" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		go acceptEchoes(l)
		fmt.Println(l.Addr())
	} else {
		p, err := pool.New(pool.Config{})
		if err != nil {
			return err
		}
		l, err := p.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		p.Go(task.Func(func(cx *task.Cx) error {
			return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task { return &echo{conn: c} })
		}))
		fmt.Println(l.Addr())
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// BenchmarkStdHTTP is net/http on a listener of ours, and on one of package net's, with 50
// connections that are kept; and on package net's beside a pool that has nothing to do, which tells
// what the listener costs from what the pool's part of GOMAXPROCS does.
func BenchmarkStdHTTP(b *testing.B) {
	const request = "GET / HTTP/1.1\r\nHost: heist\r\n\r\n"
	for _, who := range []string{"heist", "net", "net beside a pool"} {
		b.Run(who, func(b *testing.B) {
			listen := net.Listen
			if who != "net" {
				p := open(b, 0)
				if who == "heist" {
					listen = func(network, address string) (net.Listener, error) {
						l, err := p.Listen(network, address)
						if err != nil {
							return nil, err
						}
						return l.Std(), nil
					}
				}
			}
			l, err := listen("tcp", "127.0.0.1:0")
			require.NoError(b, err)
			s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Date"] = nil // each answer is the same
				_, _ = io.WriteString(w, "hello\n")
			})}
			served := make(chan error, 1)
			go func() { served <- s.Serve(l) }()
			b.Cleanup(func() {
				require.NoError(b, s.Close())
				require.ErrorIs(b, <-served, http.ErrServerClosed)
			})
			at := loaded{conns: 50, says: []string{request, answer(b, l.Addr().String(), request)}}
			at.measure(b, at.by(b, l.Addr().String()))
		})
	}
}

// answer returns what a server of HTTP answers.
func answer(b *testing.B, address, request string) string {
	c, err := net.Dial("tcp", address)
	require.NoError(b, err)
	defer c.Close()
	_, err = io.WriteString(c, request)
	require.NoError(b, err)
	var text bytes.Buffer
	resp, err := http.ReadResponse(bufio.NewReader(io.TeeReader(c, &text)), nil)
	require.NoError(b, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, resp.StatusCode)
	return text.String()
}

// echoByGoroutines is what the server is compared to.
func echoByGoroutines(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { _ = l.Close() })
	go acceptEchoes(l)
	return l.Addr().String()
}

// acceptEchoes serves each connection by a goroutine.
func acceptEchoes(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var buf [512]byte
			for {
				n, err := c.Read(buf[:])
				if err != nil {
					return
				}
				if _, err := c.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// hog is a task that computes for 50 ms in each poll, though it should not.
type hog struct{ task.Frame }

func (*hog) Poll(cx *task.Cx) error {
	for {
		spin(50 * time.Millisecond)
		if err := cx.Yield(); err != nil {
			return err
		}
	}
}

// bad keeps all workers busy until the end.
func bad(b *testing.B, p *pool.Pool) {
	g := &task.Group{}
	for range runtime.NumCPU() {
		g.Go(p, &hog{})
	}
	b.Cleanup(func() {
		g.Cancel(nil)
		_ = g.WaitContext(background)
	})
}

// badGoroutines is bad for goroutines.
func badGoroutines(b *testing.B) {
	var over atomic.Bool
	var all sync.WaitGroup
	for range runtime.NumCPU() {
		all.Go(func() {
			for !over.Load() {
				spin(50 * time.Millisecond)
				runtime.Gosched()
			}
		})
	}
	b.Cleanup(func() {
		over.Store(true)
		all.Wait()
	})
}

// resident returns the resident bytes of this process, without what is garbage.
func resident(b *testing.B) int {
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("this system does not say what is resident: ", err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize()
}

// BenchmarkIdle is what a connection costs that has echoed something, and is idle: the
// clients are another process.
func BenchmarkIdle(b *testing.B) {
	const conns = 10_000
	for _, who := range []string{"heist", "net"} {
		b.Run(who, func(b *testing.B) {
			address := ""
			if who == "heist" {
				address = serve(b, open(b, 0), "tcp", "127.0.0.1:0", func(c *reactor.Conn) task.Task { return &frugal{conn: c} }).Addr().String()
			} else {
				address = echoByGoroutines(b)
			}
			before := resident(b)
			tell, hear := cast(b, "crowd", "tcp", address, strconv.Itoa(conns))
			expect(b, "open", hear)
			_, _ = fmt.Fprintln(tell, "go")
			expect(b, "echoed", hear)
			b.ReportMetric(float64(resident(b)-before)/conns, "B/conn")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// frugal is an echo without a buffer of its own.
type frugal struct {
	task.Frame
	conn *reactor.Conn
	out  []byte
}

func (f *frugal) Poll(cx *task.Cx) error {
	for {
		if f.out == nil {
			b, err := f.conn.Next(cx)
			if err != nil {
				return err
			}
			f.out = bytes.Clone(b)
		}
		if err := f.conn.Write(cx, f.out); err != nil {
			return err
		}
		f.out = nil
	}
}

func (f *frugal) Finish(error) { _ = f.conn.Close() }
