//go:build unix

package reactor_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

func init() { roles["chat"] = chatters }

// seats is how many there are in each room of a chat, and rooms how many rooms.
const seats, rooms = 10, 5

// chatters is a process that chats: each of its connections says something, waits until it has heard
// all who are in the same room, and goes on. Told a number, each of them says so much.
func chatters() {
	var conns []net.Conn
	for range rooms * seats {
		c, err := net.Dial("tcp", os.Args[1])
		if err != nil {
			fmt.Println("failed:", err)
			return
		}
		conns = append(conns, c)
	}
	fmt.Println("open")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		times, _ := strconv.Atoi(in.Text())
		failed := make(chan error, len(conns))
		for _, c := range conns {
			go func() {
				line := []byte(strings.Repeat("heist..", 9) + "\n")
				heard := make([]byte, seats*len(line))
				for range times {
					if _, err := c.Write(line); err != nil {
						failed <- err
						return
					}
					if _, err := io.ReadFull(c, heard); err != nil {
						failed <- err
						return
					}
				}
				failed <- nil
			}()
		}
		for range conns {
			if err := <-failed; err != nil {
				fmt.Println("failed:", err)
				return
			}
		}
		fmt.Println("done")
	}
}

// BenchmarkChat is a chat of tasks: what each says is posted to all in the room. An
// operation is a line of each. It
// tells what the pool's part of GOMAXPROCS costs a program that has no goroutines at work.
func BenchmarkChat(b *testing.B) {
	for _, who := range []struct {
		name  string
		procs int
	}{{"heist", 0}, {"without procs", -1}} {
		b.Run(who.name, func(b *testing.B) {
			p := openWith(b, pool.Config{Procs: who.procs})
			var h hall
			l := serve(b, p, "tcp", "127.0.0.1:0", func(c *reactor.Conn) task.Task {
				return &talker{conn: c, room: h.enter(c)}
			})
			tell, hear := cast(b, "chat", l.Addr().String())
			expect(b, "open", hear)
			lines := func(n int) {
				_, _ = fmt.Fprintln(tell, n)
				expect(b, "done", hear)
			}
			lines(10)
			before := cpu()
			b.ResetTimer()
			lines(b.N)
			b.StopTimer()
			b.ReportMetric(float64(cpu()-before)/1000/float64(b.N*rooms*seats), "cpu-µs/line")
		})
	}
}

// hall fills one room after the other.
type hall struct {
	mu   sync.Mutex
	last *parlor
}

// parlor is who hears what is said in it.
type parlor struct {
	mu    sync.Mutex
	conns []*reactor.Conn
}

func (h *hall) enter(c *reactor.Conn) *parlor {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == nil || len(h.last.conns) == seats {
		h.last = &parlor{}
	}
	h.last.mu.Lock()
	defer h.last.mu.Unlock()
	h.last.conns = append(h.last.conns, c)
	return h.last
}

// talker posts each line that comes to all in its room.
type talker struct {
	task.Frame
	conn *reactor.Conn
	room *parlor
}

func (t *talker) Poll(cx *task.Cx) error {
	for {
		line, err := t.conn.ReadUntil(cx, '\n', 1<<10)
		if err != nil {
			return err
		}
		message := append([]byte(nil), line...) // the line is lent
		t.room.mu.Lock()
		for _, c := range t.room.conns {
			_ = c.Post(message)
		}
		t.room.mu.Unlock()
	}
}

func (t *talker) Finish(error) { _ = t.conn.Close() }
