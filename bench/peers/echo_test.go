//go:build linux

package peers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cloudwego/netpoll"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// TestMain also is the process that loads the servers.
func TestMain(m *testing.M) {
	if os.Getenv("HEIST_LOAD") != "" {
		load(os.Args[1], os.Args[2])
		return
	}
	os.Exit(m.Run())
}

// load sends 64 bytes over each of n connections and waits for them, as often as it is
// told.
func load(address, n string) {
	count, _ := strconv.Atoi(n)
	conns := make([]net.Conn, count)
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err != nil {
			fmt.Println("failed:", err)
			return
		}
		conns[i] = c
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		total, _ := strconv.Atoi(in.Text())
		var all sync.WaitGroup
		for _, c := range conns {
			all.Go(func() {
				buf := make([]byte, 64)
				for range max(total/count, 1) {
					_, _ = c.Write(buf)
					_, _ = io.ReadFull(c, buf)
				}
			})
		}
		all.Wait()
		fmt.Println("done")
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

// servers start an echo server and return its address.
var servers = []struct {
	name  string
	serve func(b *testing.B) string
}{
	{"heist", func(b *testing.B) string {
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
		return l.Addr().String()
	}},
	{"cloudwego-netpoll", func(b *testing.B) string {
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
		return l.Addr().String()
	}},
	{"net", func(b *testing.B) string {
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
		return l.Addr().String()
	}},
}

// BenchmarkEcho is echo servers that a process of its own loads.
func BenchmarkEcho(b *testing.B) {
	for _, n := range []int{1, 50, 500} {
		for _, s := range servers {
			b.Run(fmt.Sprintf("%d/%s", n, s.name), func(b *testing.B) {
				cmd := exec.Command(os.Args[0], s.serve(b), strconv.Itoa(n))
				cmd.Env = append(os.Environ(), "HEIST_LOAD=1")
				in, _ := cmd.StdinPipe()
				out, _ := cmd.StdoutPipe()
				if err := cmd.Start(); err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() {
					_ = in.Close()
					_ = cmd.Wait()
				})
				hear := bufio.NewScanner(out)
				do := func(n int) {
					_, _ = fmt.Fprintln(in, n)
					if !hear.Scan() || hear.Text() != "done" {
						b.Fatal("the load has ended: ", hear.Text())
					}
				}
				do(1)
				before := cpu()
				b.ResetTimer()
				do(b.N)
				b.StopTimer()
				b.ReportMetric(float64(cpu()-before)/1000/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
