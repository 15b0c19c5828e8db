//go:build unix

package reactor_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// shouter answers each line in capital letters. It has no buffer: lines are lent.
type shouter struct {
	task.Frame
	conn  *reactor.Conn
	reply []byte
}

func (s *shouter) Poll(cx *task.Cx) error {
	for {
		if s.reply == nil {
			line, err := s.conn.ReadUntil(cx, '\n', 1000)
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			s.reply = []byte(strings.ToUpper(string(line)))
		}
		if err := s.conn.Write(cx, s.reply); err != nil {
			return err
		}
		s.reply = nil
	}
}

func (s *shouter) Finish(error) { _ = s.conn.Close() }

// caller sends a line and prints the answer.
type caller struct {
	task.Frame
	address string
	dialer  reactor.Dialer
	conn    *reactor.Conn
	sent    bool
}

func (c *caller) Poll(cx *task.Cx) (err error) {
	if c.conn == nil {
		if c.conn, err = c.dialer.Dial(cx, "tcp", c.address); err != nil {
			return err
		}
	}
	if !c.sent {
		if err := c.conn.Write(cx, []byte("hello\n")); err != nil {
			return err
		}
		c.sent = true
	}
	line, err := c.conn.ReadUntil(cx, '\n', 1000)
	if err != nil {
		return err
	}
	fmt.Printf("%s", line)
	return nil
}

func (c *caller) Finish(error) {
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// A server and a client, both tasks.
func Example() {
	p, _ := pool.New(pool.Config{Workers: 2})
	defer p.Close()
	l, err := p.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Go(task.Func(func(cx *task.Cx) error {
		return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task { return &shouter{conn: c} })
	}))
	fmt.Println(p.Run(context.Background(), &caller{address: l.Addr().String()}))
	// Output:
	// HELLO
	// <nil>
}

// room is who is connected: whoever posts does so from any thread.
type room struct {
	mu      sync.Mutex
	members map[*reactor.Conn]bool
}

func (r *room) say(b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.members {
		if c.Post(b) != nil { // it reads too slowly, or has gone
			_ = c.Close()
		}
	}
}

// guest is one of them. It only waits for the end.
type guest struct {
	task.Frame
	room *room
	conn *reactor.Conn
}

func (g *guest) Poll(cx *task.Cx) error {
	for {
		if _, err := g.conn.Next(cx); err != nil {
			return err
		}
	}
}

func (g *guest) Finish(error) {
	g.room.mu.Lock()
	delete(g.room.members, g.conn)
	g.room.mu.Unlock()
	_ = g.conn.Close()
}

// The same bytes go to everybody, without a copy, and without waiting for anybody.
func ExampleConn_Post() {
	p, _ := pool.New(pool.Config{Workers: 2})
	defer p.Close()
	l, _ := p.Listen("tcp", "127.0.0.1:0")
	r := &room{members: map[*reactor.Conn]bool{}}
	here := make(chan bool, 3)
	p.Go(task.Func(func(cx *task.Cx) error {
		return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task {
			c.SetWriteLimit(1<<20, 10*time.Second)
			r.mu.Lock()
			r.members[c] = true
			r.mu.Unlock()
			here <- true
			return &guest{room: r, conn: c}
		})
	}))
	var guests []net.Conn
	for range 3 {
		c, _ := net.Dial("tcp", l.Addr().String())
		defer c.Close()
		guests = append(guests, c)
		<-here
	}
	r.say([]byte("dinner is served\n"))
	for _, c := range guests {
		line, _ := bufio.NewReader(c).ReadString('\n')
		fmt.Print(line)
	}
	// Output:
	// dinner is served
	// dinner is served
	// dinner is served
}

// A datagram is sent and received by a task; batches take one system call.
func ExamplePacketConn() {
	p, _ := pool.New(pool.Config{Workers: 1})
	defer p.Close()
	r, _ := p.Reactor()
	c, err := r.ListenPacket(context.Background(), nil, "udp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	self, _ := reactor.PeerOf(c.LocalAddr())
	sent := false
	var buf [100]byte
	fmt.Println(p.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !sent {
			if err := c.WriteTo(cx, []byte("to myself"), self); err != nil {
				return err
			}
			sent = true
		}
		n, from, err := c.ReadFrom(cx, buf[:])
		if err != nil {
			return err
		}
		fmt.Printf("%s, %v\n", buf[:n], from == self)
		return nil
	})))
	// Output:
	// to myself, true
	// <nil>
}

// plumber is a task that reads what comes through a pipe.
type plumber struct {
	task.Frame
	pipe *reactor.Source
	buf  [64]byte
}

func (l *plumber) Poll(cx *task.Cx) error {
	for {
		n, err := l.pipe.Do(cx, reactor.Read, func(fd int) (int, error) { return unix.Read(fd, l.buf[:]) })
		if err != nil {
			return err // Pending, too
		}
		if n == 0 {
			return nil // whoever has written has closed
		}
		fmt.Printf("%s", l.buf[:n])
	}
}

func (l *plumber) Finish(error) { _ = l.pipe.Close() }

// Whatever the kernel can tell to be ready a task can wait for: here a pipe.
func ExampleSource() {
	p, _ := pool.New(pool.Config{Workers: 1})
	defer p.Close()
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		fmt.Println(err)
		return
	}
	_ = unix.SetNonblock(ends[0], true)
	r, _ := p.Reactor()
	pipe, err := r.NewSource(ends[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		_, _ = unix.Write(ends[1], []byte("through a pipe\n"))
		_ = unix.Close(ends[1])
	}()
	fmt.Println(p.Run(context.Background(), &plumber{pipe: pipe}))
	// Output:
	// through a pipe
	// <nil>
}

// What wants a net.Conn gets one.
func ExampleConn_Std() {
	p, _ := pool.New(pool.Config{Workers: 1})
	defer p.Close()
	l, _ := p.Listen("tcp", "127.0.0.1:0")
	r, _ := p.Reactor()
	go func() {
		c, err := l.Std().Accept()
		if err == nil {
			_, _ = io.WriteString(c, "hello, goroutine\n")
			_ = c.Close()
		}
	}()
	c, err := r.Dial(context.Background(), nil, "tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	b, _ := io.ReadAll(c.Std())
	fmt.Printf("%s", b)
	// Output: hello, goroutine
}

// printer writes more than its peer reads, and does not wait until it reads on.
type printer struct {
	task.Frame
	conn *reactor.Conn
	page []byte
}

func (r *printer) Poll(cx *task.Cx) error {
	err := r.conn.Write(cx, r.page)
	if task.IsPending(err) {
		_ = r.conn.SetWriteDeadline(time.Unix(1, 0)) // that is long enough
	}
	return err
}

// A write that has sent a part and is given up tears the stream: nothing is sent behind it, and
// whoever writes next is told. So close the connection.
func ExampleWriteError() {
	p, _ := pool.New(pool.Config{Workers: 1})
	defer p.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0") // whose connections nobody reads
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	r, _ := p.Reactor()
	conn, err := r.Dial(context.Background(), nil, "tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	err = p.Run(context.Background(), &printer{conn: conn, page: make([]byte, 64<<20)})

	var part *reactor.WriteError
	if errors.As(err, &part) {
		fmt.Println("a part was sent:", 0 < part.Sent && part.Sent < part.Size)
	}
	fmt.Println("it may go on:", errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, reactor.ErrTorn))

	err = conn.Post([]byte("and another thing")) // its task has ended, and will not go on
	fmt.Println("torn:", errors.Is(err, reactor.ErrTorn))
	fmt.Println("closed:", conn.Close() == nil)
	// Output:
	// a part was sent: true
	// it may go on: true
	// torn: true
	// closed: true
}
