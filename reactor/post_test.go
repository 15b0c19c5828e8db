//go:build unix

package reactor_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// member keeps a connection, and lets a test do with it what it wants.
type member struct {
	task.Frame
	conn *reactor.Conn
	do   func(cx *task.Cx, c *reactor.Conn) error
}

func (m *member) Poll(cx *task.Cx) error { return m.do(cx, m.conn) }
func (m *member) Finish(error)           { _ = m.conn.Close() }

// drained reads and drops what comes.
func drained(cx *task.Cx, c *reactor.Conn) error {
	for {
		if _, err := c.Next(cx); err != nil {
			return err
		}
	}
}

// lobby serves connections whose task is do, and sends each of them to the test.
func lobby(t *testing.T, workers int, do func(*task.Cx, *reactor.Conn) error) (*server, chan *reactor.Conn) {
	all := make(chan *reactor.Conn, 100)
	s := serve(t, open(t, workers), "tcp", "127.0.0.1:0", func(c *reactor.Conn) task.Task {
		all <- c
		return &member{conn: c, do: do}
	})
	return s, all
}

// What many threads post to one connection arrives whole, each thread's in its order,
// and so does what its task writes meanwhile.
func TestPost(t *testing.T) {
	const posters, messages = 4, 2000
	frame := func(who, i int) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(who)<<24|uint32(i))
		return append(b, bytes.Repeat([]byte{byte(who)}, i%300)...)
	}
	i := 0
	var out []byte
	s, conns := lobby(t, 2, func(cx *task.Cx, c *reactor.Conn) error {
		for ; i < messages; i++ {
			if out == nil {
				out = frame(posters, i)
			}
			if err := c.Write(cx, out); err != nil {
				return err
			}
			out = nil
		}
		return drained(cx, c)
	})
	client := dial(t, s)
	conn := <-conns
	var wg sync.WaitGroup
	for who := range posters {
		wg.Go(func() {
			for i := range messages {
				require.NoError(t, conn.Post(frame(who, i)))
			}
		})
	}
	var next [posters + 1]int
	for range (posters + 1) * messages {
		var head [4]byte
		_, err := io.ReadFull(client, head[:])
		require.NoError(t, err)
		h := binary.BigEndian.Uint32(head[:])
		who, i := int(h>>24), int(h&0xffffff)
		require.Equal(t, next[who], i, "thread %d", who)
		next[who]++
		rest := make([]byte, i%300)
		_, err = io.ReadFull(client, rest)
		require.NoError(t, err)
		require.Equal(t, frame(who, i)[4:], rest)
	}
	wg.Wait()
	require.Zero(t, conn.Queued())
}

// The same bytes go to many connections.
func TestPostToMany(t *testing.T) {
	s, conns := lobby(t, 2, drained)
	var clients []net.Conn
	var all []*reactor.Conn
	for range 20 {
		clients = append(clients, dial(t, s))
		all = append(all, <-conns)
	}
	shared := []byte("to whom it may concern\n")
	for range 10 {
		for _, c := range all {
			require.NoError(t, c.Post(shared))
		}
	}
	for _, c := range clients {
		got := make([]byte, 10*len(shared))
		_, err := io.ReadFull(c, got)
		require.NoError(t, err)
		require.Equal(t, bytes.Repeat(shared, 10), got)
	}
}

// fill posts until the limit is reached.
func fill(t *testing.T, c *reactor.Conn) (sent int) {
	msg := make([]byte, 64<<10)
	for range 10_000 {
		if err := c.Post(msg); err != nil {
			require.ErrorIs(t, err, task.ErrLimit)
			return sent
		}
		sent += len(msg)
	}
	require.Fail(t, "there is no limit")
	return 0
}

// For a peer that does not read no more is kept than the limit; when it reads, all
// arrives.
func TestPostToASlowReader(t *testing.T) {
	s, conns := lobby(t, 1, drained)
	client := dial(t, s)
	conn := <-conns
	conn.SetWriteLimit(1<<20, 0)
	sent := fill(t, conn)
	require.LessOrEqual(t, conn.Queued(), 1<<20)
	got, err := io.ReadFull(client, make([]byte, sent))
	require.NoError(t, err)
	require.Equal(t, sent, got)
	require.NoError(t, conn.Post([]byte("x")))
}

// A peer that takes nothing for the grace is hung up on, and the task is told why.
func TestGrace(t *testing.T) {
	why := make(chan error, 1)
	s, conns := lobby(t, 1, func(cx *task.Cx, c *reactor.Conn) error {
		err := drained(cx, c)
		if !task.IsPending(err) {
			why <- err
		}
		return err
	})
	dial(t, s)
	conn := <-conns
	conn.SetWriteLimit(1<<20, 20*time.Millisecond)
	fill(t, conn)
	require.ErrorIs(t, <-why, reactor.ErrSlow)
	require.ErrorIs(t, conn.Post([]byte("x")), reactor.ErrSlow)
	require.ErrorIs(t, reactor.ErrSlow, task.ErrLimit)
	require.Zero(t, conn.Queued(), "nothing is kept for it")
}

// Hangup sends everything first, and a reader in no hurry gets it all. A peer that has
// sent what nobody reads does not make the kernel throw it away.
func TestHangup(t *testing.T) {
	const size = 3 << 20
	msg := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	begun := false
	s, _ := lobby(t, 1, func(cx *task.Cx, c *reactor.Conn) error {
		if !begun {
			begun = true
			if err := c.Post(msg); err != nil {
				return err
			}
		}
		return c.Hangup(cx)
	})
	client := dial(t, s)
	_, err := client.Write([]byte("nobody reads this"))
	require.NoError(t, err)
	got, err := io.ReadAll(client)
	require.NoError(t, err)
	require.True(t, bytes.Equal(msg, got))
}

// What a Write has taken, and what was flushed, is the peer's, whenever the connection is closed.
func TestCloseBehindAWrite(t *testing.T) {
	const size = 8 << 20
	msg := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	for name, send := range map[string]func(cx *task.Cx, c *reactor.Conn, posted *bool) error{
		"Write": func(cx *task.Cx, c *reactor.Conn, _ *bool) error { return c.Write(cx, msg) },
		"Post and Flush": func(cx *task.Cx, c *reactor.Conn, posted *bool) error {
			if !*posted {
				*posted = true
				c.SetWriteLimit(2*size, 0)
				if err := c.Post(msg); err != nil {
					return err
				}
			}
			return c.Flush(cx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			posted := false
			s, _ := lobby(t, 1, func(cx *task.Cx, c *reactor.Conn) error {
				if err := send(cx, c, &posted); err != nil {
					return err
				}
				return c.Close()
			})
			got, err := io.ReadAll(dial(t, s))
			require.NoError(t, err)
			require.True(t, bytes.Equal(msg, got))
		})
	}
}

// Flush waits until all is sent.
func TestFlush(t *testing.T) {
	flushed := make(chan int, 1)
	stage := 0
	s, conns := lobby(t, 1, func(cx *task.Cx, c *reactor.Conn) error {
		if stage == 0 {
			if err := c.ReadFull(cx, make([]byte, 1)); err != nil {
				return err
			}
			stage = 1
		}
		if err := c.Flush(cx); err != nil {
			return err
		}
		flushed <- c.Queued()
		return nil
	})
	client := dial(t, s)
	conn := <-conns
	conn.SetWriteLimit(1<<20, 0)
	sent := fill(t, conn)
	require.NotZero(t, conn.Queued())
	_, err := client.Write([]byte("!"))
	require.NoError(t, err)
	_, err = io.ReadFull(client, make([]byte, sent))
	require.NoError(t, err)
	require.Zero(t, <-flushed)
}

// A connection that ends lets go of whoever waits for its turn.
func TestCloseWhileOthersWait(t *testing.T) {
	s, conns := lobby(t, 1, func(cx *task.Cx, c *reactor.Conn) error { return drained(cx, c) })
	dial(t, s)
	conn := <-conns
	conn.SetWriteLimit(1<<20, 0)
	fill(t, conn)
	failed := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := conn.Std().Write([]byte("behind what was posted"))
			failed <- err
		}()
	}
	require.NoError(t, conn.Close())
	for range 2 {
		require.ErrorIs(t, <-failed, net.ErrClosed)
	}
}
