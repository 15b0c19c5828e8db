// Command chat is a chat server: whoever connects is in a room, and what one says all others
// there are told.
//
//	go run ./examples/chat -listen 127.0.0.1:7001
//	nc 127.0.0.1 7001
//
// "/name ann" and "/join attic" do what they say, "/quit" leaves. A message to a room is one
// slice, posted to each connection; nobody waits for a slow reader. It is told how many
// messages it has lost, and is cut off if it takes nothing at all for a while.
package main

//go:generate go run -C ../../heistgen . ../examples/chat

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

const (
	maxLine = 1 << 10 // bytes that may be said at once
	lobby   = "lobby" // where one arrives
)

// server knows who is where.
type server struct {
	limit int           // bytes that wait for a slow reader
	grace time.Duration // and how long it may take nothing of them
	told  atomic.Int64  // messages that were posted, to each one
	lost  atomic.Int64  // and that were not
	names atomic.Int64

	mu    sync.Mutex // for a few instructions for each listener: nobody waits under it
	rooms map[string]map[*client]struct{}
}

// client is one connection.
type client struct {
	task.Frame
	server  *server
	conn    *reactor.Conn
	leaving bool

	name, room string // guarded by the server's lock, as is what follows; no room: it has left
	lost       int    // messages, since it was told
}

func (c *client) Poll(cx *task.Cx) error {
	for !c.leaving {
		if cx.Draining() {
			_ = c.conn.Post([]byte("* the server closes\n"))
			c.leaving = true
			break
		}
		line, err := c.conn.ReadUntil(cx, '\n', maxLine) // lent: what is kept is copied
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err // Pending, too; or that it took nothing, or that its line had no end
		}
		c.said(strings.TrimRight(string(line), "\r\n"))
	}
	c.server.leave(c, nil) // now: nobody need wait for what follows
	if cx.Draining() {
		return c.part(cx)
	}
	return c.conn.Hangup(cx) // which takes until the peer has got all, and has hung up, too
}

// part is Hangup for the end of the server, which waits for nobody to hang up: all was sent,
// and what has come is read, because to close before that could cost the peer our last words.
func (c *client) part(cx *task.Cx) error {
	if err := c.conn.Flush(cx); err != nil {
		return err
	}
	for {
		_, err := c.conn.Next(cx)
		if task.IsPending(err) || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Finish is called at the end, whatever that was.
func (c *client) Finish(err error) {
	c.server.leave(c, err)
	_ = c.conn.Close()
}

// form makes the task of a client.
var form = byHand

func byHand(c *client) task.Task       { return c }
func straightLine(c *client) task.Task { return newTalk(c) }

func (c *client) said(line string) {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	command, arg, _ := strings.Cut(line, " ")
	switch {
	case line == "/quit":
		c.leaving = true
	case command == "/name" && arg != "":
		s.tell(c.room, nil, "* %s is now %s\n", c.name, arg)
		c.name = arg
	case command == "/join" && arg != "":
		s.exit(c, "has gone to "+arg)
		s.enter(c, arg)
	case strings.HasPrefix(line, "/"):
		c.post([]byte("* /name, /join or /quit\n"))
	case line != "":
		s.tell(c.room, c, "%s: %s\n", c.name, line)
	}
}

// post sends a message, or counts it as lost. The lock is held.
func (c *client) post(message []byte) {
	if c.lost > 0 { // there may be room again
		if c.conn.Post(fmt.Appendf(nil, "* you have lost %d messages\n", c.lost)) == nil {
			c.lost = 0
		}
	}
	if c.lost > 0 || c.conn.Post(message) != nil {
		c.lost++
		c.server.lost.Add(1)
		return
	}
	c.server.told.Add(1)
}

// tell tells all in a room but one. The lock is held.
func (s *server) tell(room string, but *client, format string, args ...any) {
	message := fmt.Appendf(nil, format, args...) // once for all: Post copies nothing
	for c := range s.rooms[room] {
		if c != but {
			c.post(message)
		}
	}
}

// enter puts a client into a room. The lock is held.
func (s *server) enter(c *client, room string) {
	if s.rooms[room] == nil {
		s.rooms[room] = map[*client]struct{}{}
	}
	s.rooms[room][c] = struct{}{}
	c.room = room
	s.tell(room, nil, "* %s has come to %s: %d are here\n", c.name, room, len(s.rooms[room]))
}

// exit takes it out of its room. The lock is held.
func (s *server) exit(c *client, why string) {
	delete(s.rooms[c.room], c)
	s.tell(c.room, nil, "* %s %s\n", c.name, why)
	if len(s.rooms[c.room]) == 0 {
		delete(s.rooms, c.room)
	}
	c.room = ""
}

// arrive makes the task for a connection.
func (s *server) arrive(conn *reactor.Conn) task.Task {
	conn.SetWriteLimit(s.limit, s.grace)
	c := &client{server: s, conn: conn, name: fmt.Sprint("guest", s.names.Add(1))}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enter(c, lobby)
	return form(c)
}

func (s *server) leave(c *client, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.room == "": // it has left before
	case errors.Is(err, reactor.ErrSlow):
		s.exit(c, "was cut off")
	default:
		s.exit(c, "has left")
	}
}

// serve serves until ctx is done. Then all are told so, and slow ones have some time to take it.
func (s *server) serve(ctx context.Context, address string, parting time.Duration, ready func(addr string)) error {
	s.rooms = map[string]map[*client]struct{}{}
	p, err := pool.New(pool.Config{})
	if err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	defer p.Close()
	l, err := p.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	ready(l.Addr().String())
	serving := task.Go(p, func(cx *task.Cx) (none struct{}, err error) {
		return none, reactor.Serve(cx, l, s.arrive)
	})
	if _, err := serving.WaitContext(ctx); ctx.Err() == nil {
		return fmt.Errorf("chat: %w", err) // it has ended by itself
	}
	_ = l.Close()
	end, cancel := context.WithTimeout(context.Background(), parting)
	defer cancel()
	if err := p.Shutdown(end); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	if _, err := serving.Result(); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	return nil
}

func main() {
	listen := flag.String("listen", "127.0.0.1:7001", "address to listen on")
	straight := flag.Bool("straight", false, "take the straight-line form (straight.go) instead of the hand-written one")
	flag.Parse()
	if *straight {
		form = straightLine
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := server{limit: 64 << 10, grace: 10 * time.Second}
	err := s.serve(ctx, *listen, 5*time.Second, func(addr string) { fmt.Println("chat: listening on", addr) })
	fmt.Printf("chat: %d guests, %d messages delivered, %d lost\n", s.names.Load(), s.told.Load(), s.lost.Load())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
