//go:build unix

package reactor_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// BenchmarkPost is one message to each of many connections, again and again: by one task that
// posts, and by goroutines, one a connection, that write at once all that has come for theirs. The time is until
// the kernel has it all.
func BenchmarkPost(b *testing.B) {
	const conns, messages = 1000, 100
	message := make([]byte, 64)
	// crowd returns the connections' ends of the server, and reads what came to the others.
	crowd := func(b *testing.B) (ends []net.Conn, read func()) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		defer l.Close()
		var peers []net.Conn
		for range conns {
			c, err := net.Dial("tcp", l.Addr().String())
			require.NoError(b, err)
			peer, err := l.Accept()
			require.NoError(b, err)
			b.Cleanup(func() { _, _ = c.Close(), peer.Close() })
			ends, peers = append(ends, c), append(peers, peer)
		}
		buf := make([]byte, messages*len(message))
		return ends, func() {
			b.StopTimer()
			defer b.StartTimer()
			for _, c := range peers {
				_, err := io.ReadFull(c, buf)
				require.NoError(b, err)
			}
		}
	}
	// measure reports what a message costs.
	measure := func(b *testing.B, read, send func()) {
		b.ResetTimer()
		used := int64(0)
		for range b.N {
			before := cpu()
			send()
			used += int64(cpu() - before)
			read()
		}
		b.ReportMetric(float64(used)/1000/float64(b.N), "cpu-µs/op")
	}
	b.Run("heist", func(b *testing.B) {
		ends, read := crowd(b)
		p := open(b, 0)
		r, err := p.Reactor()
		require.NoError(b, err)
		var all []*reactor.Conn
		for _, e := range ends {
			c, err := r.Adopt(e.(*net.TCPConn))
			require.NoError(b, err)
			b.Cleanup(func() { _ = c.Close() })
			all = append(all, c)
		}
		measure(b, read, func() {
			require.NoError(b, byTask(p, func(*task.Cx) error {
				for range messages {
					for _, c := range all {
						if err := c.Post(message); err != nil {
							return err
						}
					}
				}
				return nil
			}))
		})
	})
	b.Run("net", func(b *testing.B) {
		ends, read := crowd(b)
		var wg sync.WaitGroup // messages on their way
		var all []chan []byte
		for _, c := range ends {
			in := make(chan []byte, messages)
			all = append(all, in)
			go func() {
				var batch net.Buffers
				for m := range in {
					batch = append(batch[:0], m)
					for more := true; more; {
						select {
						case m, more = <-in:
							if more {
								batch = append(batch, m)
							}
						default:
							more = false
						}
					}
					n := len(batch)
					out := batch
					_, _ = out.WriteTo(c)
					wg.Add(-n)
				}
			}()
		}
		defer func() {
			for _, in := range all {
				close(in)
			}
		}()
		measure(b, read, func() {
			wg.Add(conns * messages)
			for range messages {
				for _, in := range all {
					in <- message
				}
			}
			wg.Wait()
		})
	})
}
