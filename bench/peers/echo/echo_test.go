//go:build linux

// Package echo measures echo servers beside those of other libraries, and of other languages where
// native/run.sh has built them.
package echo

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/netpoll"
	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
	"github.com/panjf2000/gnet/v2"

	"github.com/heist-go/heist/internal/load"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// TestMain also is the process that loads the servers.
func TestMain(m *testing.M) {
	if os.Getenv("HEIST_LOAD") != "" {
		loads(os.Args[1], os.Args[2])
		return
	}
	os.Exit(m.Run())
}

// loads sends 64 bytes over each of n connections and looks at what comes back, as often as
// it is told.
func loads(address, n string) {
	count, _ := strconv.Atoi(n)
	request := bytes.Repeat([]byte("heist..\n"), 8)
	g, err := load.Open(load.Plan{Network: "tcp", Address: address, Conns: count, Request: request, Answer: request})
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		total, _ := strconv.Atoi(in.Text())
		r, err := g.Run(total)
		if err != nil {
			fmt.Println("failed:", err)
			return
		}
		fmt.Println("done", r.Latency.Quantile(0.5), r.Latency.Quantile(0.99))
	}
}

// echo sends back what comes.
type echo struct {
	task.Frame
	conn *reactor.Conn
	out  []byte
	buf  [512]byte
}

func (e *echo) Poll(cx *task.Cx) error {
	for {
		if e.out == nil {
			n, err := e.conn.Read(cx, e.buf[:])
			if err != nil {
				return err
			}
			e.out = e.buf[:n]
		}
		if err := e.conn.Write(cx, e.out); err != nil {
			return err
		}
		e.out = nil
	}
}

func (e *echo) Finish(error) { _ = e.conn.Close() }

// servers start an echo server and return its address. They are in this process, or have
// one of their own.
var servers = []struct {
	name  string
	serve func(b *testing.B) (address string, process int)
}{
	{"heist", func(b *testing.B) (string, int) {
		p, err := pool.New(pool.Config{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = p.Close() })
		l, err := p.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		p.Go(task.Func(func(cx *task.Cx) error {
			return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task { return &echo{conn: c} })
		}))
		return l.Addr().String(), os.Getpid()
	}},
	{"cloudwego-netpoll", func(b *testing.B) (string, int) {
		l, err := netpoll.CreateListener("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		loop, err := netpoll.NewEventLoop(func(_ context.Context, c netpoll.Connection) error {
			b, err := c.Reader().Next(c.Reader().Len())
			if err != nil {
				return err
			}
			if _, err := c.Writer().WriteBinary(append([]byte(nil), b...)); err != nil {
				return err
			}
			_ = c.Reader().Release()
			return c.Writer().Flush()
		})
		if err != nil {
			b.Fatal(err)
		}
		go func() { _ = loop.Serve(l) }()
		b.Cleanup(func() {
			end, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = loop.Shutdown(end)
		})
		return l.Addr().String(), os.Getpid()
	}},
	{"net", func(b *testing.B) (string, int) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
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
		return l.Addr().String(), os.Getpid()
	}},
	{"gnet", func(b *testing.B) (string, int) {
		address, h := free(b), &gnetEcho{booted: make(chan gnet.Engine, 1)}
		over := make(chan error, 1)
		go func() {
			over <- gnet.Run(h, "tcp://"+address, gnet.WithMulticore(true), gnet.WithLogger(quiet{}))
		}()
		select {
		case e := <-h.booted:
			b.Cleanup(func() {
				end, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				_ = e.Stop(end)
				<-over
			})
		case err := <-over:
			b.Fatal(err)
		}
		return address, os.Getpid()
	}},
	{"nbio", func(b *testing.B) (string, int) {
		logging.SetLevel(logging.LevelError)
		address := free(b)
		e := nbio.NewEngine(nbio.Config{Network: "tcp", Addrs: []string{address}, NPoller: runtime.NumCPU()})
		e.OnData(func(c *nbio.Conn, data []byte) { _, _ = c.Write(append([]byte(nil), data...)) })
		if err := e.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(e.Stop)
		return address, os.Getpid()
	}},
	{"C epoll", native("epoll", "echo", strconv.Itoa(runtime.NumCPU()))},
	{"tokio", native("peers", "echo", strconv.Itoa(runtime.NumCPU()))},
	{"libuv", native("uv", "echo")},
}

// gnetEcho is an echo in gnet's form.
type gnetEcho struct {
	gnet.BuiltinEventEngine
	booted chan gnet.Engine
}

func (h *gnetEcho) OnBoot(e gnet.Engine) gnet.Action {
	h.booted <- e
	return gnet.None
}

func (*gnetEcho) OnTraffic(c gnet.Conn) gnet.Action {
	b, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Write(b); err != nil {
		return gnet.Close
	}
	return gnet.None
}

// quiet is a logger for gnet that says nothing.
type quiet struct{}

func (quiet) Debugf(string, ...any) {}
func (quiet) Infof(string, ...any)  {}
func (quiet) Warnf(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}

// free returns an address on which nobody listens: for servers that do not say theirs.
func free(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// native is a server among the programs that native/run.sh builds, in the folder that
// HEIST_NATIVE names.
func native(name string, args ...string) func(b *testing.B) (string, int) {
	return func(b *testing.B) (string, int) {
		dir := os.Getenv("HEIST_NATIVE")
		if dir == "" {
			b.Skip("it needs what native/run.sh builds")
		}
		c := start(b, filepath.Join(dir, name), args...)
		if !c.out.Scan() {
			b.Fatal(name, " says no address")
		}
		return c.out.Text(), c.process
	}
}

// BenchmarkEcho is echo servers that a process of its own loads.
func BenchmarkEcho(b *testing.B) {
	for _, n := range []int{1, 50, 500} {
		for _, s := range servers {
			b.Run(fmt.Sprintf("%d/%s", n, s.name), func(b *testing.B) {
				address, process := s.serve(b)
				c := start(b, os.Args[0], address, strconv.Itoa(n))
				do := func(n int) (p50, p99 float64) {
					_, _ = fmt.Fprintln(c.in, n)
					if !c.out.Scan() {
						b.Fatal("the load has ended")
					}
					if _, err := fmt.Sscanf(c.out.Text(), "done %g %g", &p50, &p99); err != nil {
						b.Fatal(c.out.Text())
					}
					return p50, p99
				}
				do(1)
				before := cpu(b, process)
				b.ResetTimer()
				p50, p99 := do(b.N)
				b.StopTimer()
				b.ReportMetric(float64(cpu(b, process)-before)/1000/float64(b.N), "cpu-µs/op")
				b.ReportMetric(p50/1000, "p50-µs")
				b.ReportMetric(p99/1000, "p99-µs")
			})
		}
	}
}

// child is a program that ends with its input.
type child struct {
	process int
	in      io.Writer
	out     *bufio.Scanner
}

func start(b *testing.B, program string, args ...string) child {
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "HEIST_LOAD=1")
	cmd.Stderr = os.Stderr
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return child{cmd.Process.Pid, in, bufio.NewScanner(out)}
}

// cpu is the processor time that a process has used, in steps of 10 ms.
func cpu(b *testing.B, process int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // from the third on
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
