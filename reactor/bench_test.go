//go:build unix

package reactor_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
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
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

func init() { roles["load"] = load }

// percentiles are those of the time of a batch that load says; go test -bench prints the
// 50th and the 99th, and all of them if the environment variable HEIST_PERCENTILES is set.
var percentiles = []float64{1, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99}

// load is a process that sends requests of 64 bytes over some connections, with some
// of them on their way in each, and waits for the answers. Told a number, it does so
// many, and says the percentiles of the time of one batch, in nanoseconds.
func load() {
	address := os.Args[1]
	n, _ := strconv.Atoi(os.Args[2])
	depth, _ := strconv.Atoi(os.Args[3])
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err != nil {
			fmt.Println("failed:", err)
			return
		}
		conns[i] = c
	}
	fmt.Println("open")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		total, _ := strconv.Atoi(in.Text())
		each := max(total/n/depth, 1)
		times := make([][]time.Duration, n)
		var all sync.WaitGroup
		for i, c := range conns {
			all.Go(func() {
				buf := make([]byte, 64*depth)
				for range each {
					start := time.Now()
					_, _ = c.Write(buf)
					_, _ = io.ReadFull(c, buf)
					times[i] = append(times[i], time.Since(start))
				}
			})
		}
		all.Wait()
		flat := slices.Concat(times...)
		slices.Sort(flat)
		for _, p := range percentiles {
			fmt.Print(flat[int(float64(len(flat))*p/100)].Nanoseconds(), " ")
		}
		fmt.Println()
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
		name         string
		conns, depth int
		busy         bool
	}{
		{"echo-1", 1, 1, false},
		{"echo-50", 50, 1, false},
		{"echo-500", 500, 1, false},
		{"pipelined", 50, 16, false},
		{"busy", 50, 1, true},
	} {
		for _, who := range []string{"heist", "heist without spares", "net"} {
			if who == "heist without spares" && !l.busy {
				continue
			}
			b.Run(l.name+"/"+who, func(b *testing.B) {
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
				tell, hear := cast(b, "load", address, strconv.Itoa(l.conns), strconv.Itoa(l.depth))
				expect(b, "open", hear)
				if l.busy {
					hog()
				}
				do := func(n int) string {
					_, _ = fmt.Fprintln(tell, n)
					require.True(b, hear.Scan())
					return hear.Text()
				}
				do(min(b.N, 1000)) // warm
				before := cpu()
				b.ResetTimer()
				times := strings.Fields(do(b.N))
				b.StopTimer()
				b.ReportMetric(float64(cpu()-before)/1000/float64(b.N), "cpu-µs/op")
				for i, p := range percentiles {
					if p == 50 || p == 99 || os.Getenv("HEIST_PERCENTILES") != "" {
						ns, _ := strconv.Atoi(times[i])
						b.ReportMetric(float64(ns)/1000, fmt.Sprintf("p%v-µs", p))
					}
				}
			})
		}
	}
}

// echoByGoroutines is what the server is compared to.
func echoByGoroutines(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { _ = l.Close() })
	go func() {
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
	}()
	return l.Addr().String()
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
