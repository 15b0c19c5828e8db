//go:build unix

package reactor_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

func init() {
	roles["crowd"] = crowd
	roles["starved"] = starved
}

// crowd is a process that opens connections, and sends a byte over each and waits for
// it, whenever it is told to.
func crowd() {
	network, address := os.Args[1], os.Args[2]
	n, _ := strconv.Atoi(os.Args[3])
	conns := make([]net.Conn, n)
	for i := range conns {
		// Several of our own addresses: each has 28,000 ports.
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i%8))}}
		c, err := d.Dial(network, address)
		if err != nil {
			fmt.Println("failed:", err)
			return
		}
		conns[i] = c
	}
	fmt.Println("open")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		for i, c := range conns {
			_, _ = c.Write([]byte{byte(i)})
		}
		for i, c := range conns {
			var b [1]byte
			if _, err := io.ReadFull(c, b[:]); err != nil || b[0] != byte(i) {
				fmt.Println("failed:", err)
				return
			}
		}
		fmt.Println("echoed")
	}
}

// expect reads the next line.
func expect(t testing.TB, want string, hear *bufio.Scanner) {
	t.Helper()
	require.True(t, hear.Scan(), "it has ended")
	require.Equal(t, want, hear.Text())
}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Ten thousand connections are open at a time, and idle they cost nothing.
func TestTenThousand(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	p := open(t, 2)
	s := serveEcho(t, p)
	r, err := p.Reactor()
	require.NoError(t, err)
	tell, hear := cast(t, "crowd", "tcp", s.Addr().String(), strconv.Itoa(n))
	expect(t, "open", hear)
	for range 3 {
		_, _ = fmt.Fprintln(tell, "go")
		expect(t, "echoed", hear)
	}
	require.Equal(t, n+1, r.Used())
	// A second of the clock is what is measured here: nothing wakes up in it. The first
	// ones may have the collector's work in them, for what was made before.
	var used time.Duration
	for range 10 {
		before := cpu()
		<-time.After(time.Second)
		if used = cpu() - before; used < 100*time.Millisecond {
			break
		}
	}
	t.Logf("%d connections: %v of CPU in an idle second", n, used)
	require.Less(t, used, 100*time.Millisecond)
}

// starved is a server with very few descriptors. It prints its address, and its log.
func starved() {
	var lim syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim)
	p, err := pool.New(pool.Config{Workers: 1, Logger: slog.New(slog.NewTextHandler(os.Stdout, nil))})
	if err != nil {
		panic(err)
	}
	l, err := p.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	free, err := syscall.Dup(0) // the lowest free number
	if err != nil {
		panic(err)
	}
	_ = syscall.Close(free)
	set(&lim.Cur, free+4)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		panic(err)
	}
	p.Go(task.Func(func(cx *task.Cx) error {
		return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task { return &echo{conn: c} })
	}))
	fmt.Println(l.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = p.Close()
}

// set sets a number whose type depends on the system.
func set[T int64 | uint64](to *T, v int) { *to = T(v) }

// A server without descriptors serves those that it has, says so once, and the others
// when there are some again.
func TestNoDescriptors(t *testing.T) {
	_, hear := cast(t, "starved")
	require.True(t, hear.Scan())
	address := hear.Text()
	var conns []net.Conn
	for range 10 {
		c, err := net.Dial("tcp", address) // the kernel accepts what the server cannot
		require.NoError(t, err)
		defer c.Close()
		conns = append(conns, c)
	}
	for i, c := range conns {
		if i == 4 {
			said := ""
			for !strings.Contains(said, "no connection can be accepted") { // it may say more, if the machine is slow
				require.True(t, hear.Scan(), "it says so")
				said = hear.Text()
			}
			require.Contains(t, said, "too many open files")
		}
		exchange(t, c, []byte("served in turn"))
		require.NoError(t, c.Close())
	}
}

// faulty is a proxy that splits what passes into bytes, holds it back, and resets some
// connections in the middle.
type faulty struct {
	net.Listener
	to    string
	conns sync.WaitGroup
}

func (f *faulty) serve(resets bool) {
	for i := uint64(0); ; i++ {
		c, err := f.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", f.to)
		if err != nil {
			_ = c.Close()
			continue
		}
		rng := rand.New(rand.NewPCG(3, i))
		left := 1 << 30
		if resets && rng.IntN(2) == 0 {
			left = rng.IntN(3000)
		}
		for _, way := range [][2]net.Conn{{c, out}, {out, c}} {
			r := rand.New(rand.NewPCG(rng.Uint64(), i))
			f.conns.Go(func() { pass(way[0], way[1], r, left) })
		}
	}
}

// pass passes left bytes from one to the other, and then resets both.
func pass(from, to net.Conn, r *rand.Rand, left int) {
	buf := make([]byte, 100)
	for {
		n, err := from.Read(buf[:1+r.IntN(len(buf))])
		for i := range n {
			if left--; left < 0 {
				for _, c := range []net.Conn{from, to} {
					_ = c.(*net.TCPConn).SetLinger(0)
					_ = c.Close()
				}
				return
			}
			if r.IntN(100) == 0 {
				<-time.After(time.Duration(r.IntN(200)) * time.Microsecond)
			}
			if _, err := to.Write(buf[i : i+1]); err != nil {
				return
			}
		}
		if err != nil {
			_ = to.(*net.TCPConn).CloseWrite()
			return
		}
	}
}

// lines answers each line with its length.
type lines struct {
	task.Frame
	conn *reactor.Conn
	out  []byte
}

func (l *lines) Poll(cx *task.Cx) error {
	for {
		if l.out == nil {
			line, err := l.conn.ReadUntil(cx, '\n', 1000)
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			l.out = fmt.Appendf(nil, "%d\n", len(line)-1)
		}
		if err := l.conn.Write(cx, l.out); err != nil {
			return err
		}
		l.out = nil
	}
}

func (l *lines) Finish(error) { _ = l.conn.Close() }

// Through a bad network all is answered, or the connection ends with an error; and
// nothing is left of those that were reset.
func TestFaultyNetwork(t *testing.T) {
	for name, resets := range map[string]bool{"slow": false, "with resets": true} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 2)
			s := serve(t, p, "tcp", "127.0.0.1:0", func(c *reactor.Conn) task.Task { return &lines{conn: c} })
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			f := &faulty{Listener: l, to: s.Addr().String()}
			f.conns.Go(func() { f.serve(resets) })
			var clients sync.WaitGroup
			var mu sync.Mutex
			whole := 0
			for k := range 30 {
				clients.Go(func() {
					c, err := net.Dial("tcp", l.Addr().String())
					if err != nil {
						t.Error(err)
						return
					}
					defer c.Close()
					go func() {
						for i := range 40 {
							_, _ = fmt.Fprintf(c, "%s\n", bytes.Repeat([]byte{'x'}, (i*k)%100))
						}
						_ = c.(*net.TCPConn).CloseWrite()
					}()
					i := 0
					for in := bufio.NewScanner(c); in.Scan(); i++ {
						if in.Text() != strconv.Itoa((i*k)%100) && !resets {
							t.Errorf("line %d: %s", i, in.Text())
						}
					}
					mu.Lock()
					if i == 40 {
						whole++
					}
					mu.Unlock()
				})
			}
			clients.Wait()
			_ = l.Close()
			f.conns.Wait()
			if !resets {
				require.Equal(t, 30, whole)
			} else {
				require.Less(t, whole, 30)
			}
			require.NoError(t, s.Close())
			require.NoError(t, s.group.WaitContext(background))
			r, err := p.Reactor()
			require.NoError(t, err)
			require.Zero(t, r.Used())
		})
	}
}

// A peer that has said its last word still gets ours.
func TestHalfOpen(t *testing.T) {
	var out []byte
	s, _ := lobby(t, 1, func(cx *task.Cx, c *reactor.Conn) error {
		if out == nil {
			if err := drained(cx, c); err != io.EOF {
				return err
			}
			out = bytes.Repeat([]byte("late "), 1000)
		}
		return c.Write(cx, out)
	})
	c := dial(t, s)
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Len(t, got, 5000)
}

// The end that comes together with the last bytes is seen, however little they are: the
// read that takes them must not wait for another edge.
func TestEndWithTheLastBytes(t *testing.T) {
	for range 200 {
		got := make(chan string, 1)
		var all []byte
		gate := make(chan struct{})
		s, _ := lobby(t, 1, func(cx *task.Cx, c *reactor.Conn) error {
			<-gate // a bad task: both are there when it reads
			var buf [100]byte
			for {
				n, err := c.Read(cx, buf[:])
				all = append(all, buf[:n]...)
				if err == io.EOF {
					got <- string(all)
				}
				if err != nil {
					return err
				}
			}
		})
		c := dial(t, s)
		_, err := c.Write([]byte("short"))
		require.NoError(t, err)
		require.NoError(t, c.(*net.TCPConn).CloseWrite())
		close(gate)
		require.Equal(t, "short", <-got)
	}
}

// A reset in the middle of a write is an error of that write.
func TestResetWhileWriting(t *testing.T) {
	why := make(chan error, 1)
	big := make([]byte, 64<<20)
	s, _ := lobby(t, 1, func(cx *task.Cx, c *reactor.Conn) error {
		err := c.Write(cx, big)
		if !task.IsPending(err) {
			why <- err
		}
		return err
	})
	c := dial(t, s)
	_, err := io.ReadFull(c, make([]byte, 1000))
	require.NoError(t, err)
	require.NoError(t, c.(*net.TCPConn).SetLinger(0))
	require.NoError(t, c.Close())
	var op *net.OpError
	err = <-why
	require.ErrorAs(t, err, &op)
	require.True(t, op.Err == syscall.ECONNRESET || op.Err == syscall.EPIPE, "%v", err)
}
