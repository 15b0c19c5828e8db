//go:build unix

package reactor_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

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
