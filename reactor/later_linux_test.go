package reactor_test

import (
	"bytes"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// What a poll posts to a connection goes out by one call when the poll has ended, in whatever way;
// what a goroutine posts, at once.
func TestPostsOfAPoll(t *testing.T) {
	const conns, posts = 10, 50
	for how, end := range map[string]func(*task.Cx) error{
		"ended":     func(*task.Cx) error { return nil },
		"failed":    func(*task.Cx) error { return errBoom },
		"panicked":  func(*task.Cx) error { panic(errBoom) },
		"yielded":   (*task.Cx).Yield,
		"suspended": nil,
	} {
		t.Run(how, func(t *testing.T) {
			p := open(t, 2)
			var stop task.Promise[int]
			var all []*reactor.Conn
			var sends []*atomic.Int64
			var peers []io.Reader
			for range conns {
				c, peer := pair(t, p)
				require.NoError(t, peer.SetReadDeadline(time.Now().Add(20*time.Second)))
				all, sends, peers = append(all, c), append(sends, c.Sends()), append(peers, peer)
			}
			posted := false
			done := make(chan error, 1)
			go func() {
				done <- raised(func() error {
					return byTask(p, func(cx *task.Cx) error {
						if !posted {
							posted = true
							for i := range posts {
								for _, c := range all {
									require.NoError(t, c.Post([]byte{byte(i)}))
								}
							}
							for _, n := range sends {
								require.Zero(t, n.Load())
							}
							if end != nil {
								return end(cx)
							}
						}
						_, err := stop.Wait(cx)
						return err
					})
				})
			}()
			for i, peer := range peers {
				got := make([]byte, posts)
				_, err := io.ReadFull(peer, got)
				require.NoError(t, err)
				for i, v := range got {
					require.Equal(t, byte(i), v)
				}
				require.EqualValues(t, 1, sends[i].Load(), "calls")
			}
			stop.Resolve(1, nil)
			<-done
			for range 3 {
				require.NoError(t, all[0].Post([]byte("x")))
			}
			require.EqualValues(t, 4, sends[0].Load(), "a goroutine's go out at once")
		})
	}
}

// Whoever comes before the poll has ended does not wait for that, and what was posted is before it.
func TestPostsOfAPollAndOthers(t *testing.T) {
	for name, next := range map[string]func(*reactor.Conn, *task.Cx) error{
		"Write":  func(c *reactor.Conn, cx *task.Cx) error { return c.Write(cx, []byte("next")) },
		"Writev": func(c *reactor.Conn, cx *task.Cx) error { return c.Writev(cx, []byte("ne"), []byte("xt")) },
		"Std": func(c *reactor.Conn, _ *task.Cx) error {
			done := make(chan error, 1)
			go func() { _, err := c.Std().Write([]byte("next")); done <- err }()
			return <-done
		},
		"Flush":      func(c *reactor.Conn, cx *task.Cx) error { return c.Flush(cx) },
		"CloseWrite": func(c *reactor.Conn, _ *task.Cx) error { return c.CloseWrite() },
		"Close":      func(c *reactor.Conn, _ *task.Cx) error { return c.Close() },
		"the limit": func(c *reactor.Conn, _ *task.Cx) error {
			c.SetWriteLimit(1, 0)
			for range 100 {
				if err := c.Post([]byte("next")); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 2)
			c, peer := pair(t, p)
			sends := c.Sends()
			polls := 0
			require.NoError(t, byTask(p, func(cx *task.Cx) error {
				polls++
				require.NoError(t, c.Post([]byte("posted ")))
				require.NoError(t, c.Post([]byte("before ")))
				err := next(c, cx)
				require.NotZero(t, sends.Load())
				return err
			}))
			require.Equal(t, 1, polls, "it does not wait")
			_ = c.Close()
			require.NoError(t, peer.SetReadDeadline(time.Now().Add(20*time.Second)))
			got, err := io.ReadAll(peer)
			require.NoError(t, err)
			require.True(t, bytes.HasPrefix(got, []byte("posted before ")), "%q", got)
			if name == "the limit" { // Close may come before the end of the poll, which would send the rest
				require.Eventually(t, func() bool {
					posts, _ := c.Dropped()
					return strings.Count(string(got), "next")+posts == 100
				}, 20*time.Second, time.Millisecond, "each post is sent or counted")
				return
			}
			posts, _ := c.Dropped()
			require.Zero(t, posts)
		})
	}
}
