//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tidwall/redcon"

	"github.com/heist-go/heist/pool"
)

// open starts a server, and returns its address.
func open(t testing.TB) (address string) {
	t.Helper()
	p, err := pool.New(pool.Config{})
	require.NoError(t, err)
	l, err := p.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	newServer(p).start(l)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return l.Addr().String()
}

// client is a connection that is read reply by reply.
type client struct {
	net.Conn
	in *bufio.Reader
}

func dial(t testing.TB, address string) *client {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	t.Cleanup(func() { _ = c.Close() })
	return &client{c, bufio.NewReader(c)}
}

// command is words as a command in the protocol.
func encoded(words ...string) []byte {
	b := redcon.AppendArray(nil, len(words))
	for _, w := range words {
		b = redcon.AppendBulkString(b, w)
	}
	return b
}

// reply reads a reply, as redis-cli would print it.
func (c *client) reply(t testing.TB) string {
	t.Helper()
	line, err := c.in.ReadString('\n')
	require.NoError(t, err)
	line = strings.TrimRight(line, "\r\n")
	n := 0
	_, _ = fmt.Sscan(line[1:], &n)
	switch line[0] {
	case '$':
		if n < 0 {
			return "nil"
		}
		b := make([]byte, n+2)
		_, err := io.ReadFull(c.in, b)
		require.NoError(t, err)
		return fmt.Sprintf("%q", b[:n])
	case '*':
		var all []string
		for range n {
			all = append(all, c.reply(t))
		}
		return "[" + strings.Join(all, " ") + "]"
	case '-':
		return line
	}
	return line[1:]
}

func TestCommands(t *testing.T) {
	c := dial(t, open(t))
	for _, step := range [][2]string{
		{"PING", "PONG"},
		{"ping hello", `"hello"`},
		{"PING a b", "-ERR wrong number of arguments for 'ping' command"},
		{"ECHO x", `"x"`},
		{"GET a", "nil"},
		{"GET", "-ERR wrong number of arguments for 'get' command"},
		{"SET a 1", "OK"},
		{"GET a", `"1"`},
		{"SET a 2 NX", "nil"},
		{"SET b 2 XX", "nil"},
		{"SET b 2 NX", "OK"},
		{"SET b 3 XX GET", `"2"`},
		{"SET b 3 NX XX", "-ERR syntax error"},
		{"SET b 3 EX", "-ERR syntax error"},
		{"SET b 3 EX 0", "-ERR invalid expire time in 'set' command"},
		{"SET b 3 EX x", "-ERR value is not an integer or out of range"},
		{"SET b 3 EX 9223372036854775807", "-ERR invalid expire time in 'set' command"},
		{"TTL a", "-1"},
		{"TTL nobody", "-2"},
		{"SET b 3 EX 100", "OK"},
		{"TTL b", "100"},
		{"SET b 4 KEEPTTL", "OK"},
		{"TTL b", "100"},
		{"PERSIST b", "1"},
		{"PERSIST b", "0"},
		{"TTL b", "-1"},
		{"EXPIRE b 50", "1"},
		{"TTL b", "50"},
		{"EXPIRE b -1", "1"},
		{"GET b", "nil"},
		{"EXPIRE nobody 1", "0"},
		{"INCR a", "2"},
		{"INCRBY a 40", "42"},
		{"DECR a", "41"},
		{"INCR new", "1"},
		{"SET s text", "OK"},
		{"INCR s", "-ERR value is not an integer or out of range"},
		{"SET max 9223372036854775807", "OK"},
		{"INCR max", "-ERR increment or decrement would overflow"},
		{"GET max", `"9223372036854775807"`},
		{"MSET k1 v1 k2 v2", "OK"},
		{"MSET k1", "-ERR wrong number of arguments for 'mset' command"},
		{"MSET k1 v1 k2", "-ERR wrong number of arguments for 'mset' command"},
		{"MGET k1 nobody k2", `["v1" nil "v2"]`},
		{"EXISTS k1 nobody k2 k1", "3"},
		{"DEL k1 nobody k2", "2"},
		{"DBSIZE", "4"},
		{"SELECT 0", "OK"},
		{"SELECT 1", "-ERR DB index is out of range"},
		{"CONFIG GET save", `["save" ""]`},
		{"CONFIG GET other", "[]"},
		{"COMMAND", "[]"},
		{"NONSENSE x", "-ERR unknown command 'NONSENSE'"},
		{"FLUSHALL", "OK"},
		{"DBSIZE", "0"},
		{"QUIT", "OK"},
	} {
		_, err := c.Write(encoded(strings.Fields(step[0])...))
		require.NoError(t, err)
		require.Equal(t, step[1], c.reply(t), step[0])
	}
	_, err := c.in.ReadByte()
	require.Equal(t, io.EOF, err, "it hangs up after QUIT")
}

// Values may hold anything, and expire by themselves, whether they are asked for or
// not.
func TestExpiry(t *testing.T) {
	c := dial(t, open(t))
	_, err := c.Write(encoded("SET", "binary\r\n\x00", "\r\n$3\r\n\x00", "PX", "1"))
	require.NoError(t, err)
	require.Equal(t, "OK", c.reply(t))
	for {
		_, err = c.Write(encoded("DBSIZE"))
		require.NoError(t, err)
		if c.reply(t) == "0" {
			return
		}
	}
}

// Commands come in any pieces, and any number at a time; the replies in order.
func TestPipelining(t *testing.T) {
	address := open(t)
	var all []byte
	const n = 1000
	for i := range n {
		all = append(all, encoded("SET", fmt.Sprint("key", i), strings.Repeat("v", i%100))...)
		all = append(all, fmt.Sprintf("get key%d\r\n", i)...) // inline
	}
	for name, size := range map[string]int{"at once": len(all), "bytes": 1, "pieces": 37} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, address)
			go func() {
				for b := all; len(b) > 0; {
					k := min(size, len(b))
					if _, err := c.Write(b[:k]); err != nil {
						return
					}
					b = b[k:]
				}
			}()
			for i := range n {
				require.Equal(t, "OK", c.reply(t))
				require.Equal(t, fmt.Sprintf("%q", strings.Repeat("v", i%100)), c.reply(t))
			}
		})
	}
}

// A client that asks for much and does not read costs no more than a few replies.
func TestSlowReader(t *testing.T) {
	c := dial(t, open(t))
	big := strings.Repeat("x", 500_000)
	_, err := c.Write(encoded("SET", "big", big))
	require.NoError(t, err)
	require.Equal(t, "OK", c.reply(t))
	const n = 200
	_, err = c.Write(bytes.Repeat(encoded("GET", "big"), n))
	require.NoError(t, err)
	for range n {
		require.Len(t, c.reply(t), len(big)+2)
	}
}

// What is no command gets a reply that says so and the end of the connection, and
// disturbs nobody else.
func TestMalformed(t *testing.T) {
	address := open(t)
	other := dial(t, address)
	for _, bad := range []string{
		"*x\r\n",
		"*1\r\n+3\r\nabc\r\n",
		"*1\r\n$x\r\nabc\r\n",
		"*1\r\n$-5\r\n",
		"get \"unbalanced\r\n",
		"*2\r\n$3\r\nGET\r\n$2000000\r\n" + strings.Repeat("x", maxCommand+1),
	} {
		c := dial(t, address)
		go func() { _, _ = c.Write([]byte(bad)) }()
		require.Regexp(t, "^-ERR Protocol error", c.reply(t), "%.40q", bad)
		_, err := c.in.ReadByte()
		require.Error(t, err)
		_, err = other.Write(encoded("PING"))
		require.NoError(t, err)
		require.Equal(t, "PONG", other.reply(t))
	}
}

// FuzzProtocol sends anything at all: no panic, and all that comes back is whole
// replies, of which an error that ends the connection is the last.
func FuzzProtocol(f *testing.F) {
	f.Add([]byte("PING\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"))
	f.Add([]byte("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$-1\r\n"))
	f.Add([]byte("set a \"b"))
	f.Add([]byte("*1\r\n$4\r\nINFO\r\n"))
	p, err := pool.New(pool.Config{Workers: 1})
	require.NoError(f, err)
	f.Cleanup(func() { _ = p.Close() })
	s := newServer(p)
	f.Fuzz(func(t *testing.T, b []byte) {
		r := request{server: s, now: time.Now()}
		rest, err := r.commands(b, nil)
		require.LessOrEqual(t, len(rest), len(b))
		if err != nil {
			r.fail("ERR " + err.Error())
		}
		for out := r.out; len(out) > 0; {
			n, reply := redcon.ReadNextRESP(out)
			require.Positive(t, n, "%q", out)
			require.NotZero(t, reply.Type)
			out = out[n:]
		}
	})
}

// tool returns a program of Redis.
func tool(t *testing.T, name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is missing: install Debian's redis-tools")
	}
	return path
}

// The real client understands us.
func TestRedisCLI(t *testing.T) {
	path := tool(t, "redis-cli")
	_, port, _ := net.SplitHostPort(open(t))
	for _, step := range [][2]string{
		{"set greeting hello", "OK"},
		{"get greeting", "hello"},
		{"incr n", "1"},
		{"mget greeting n", "hello\n1"},
		{"nonsense", "ERR unknown command 'nonsense'"},
	} {
		out, err := exec.Command(path, append([]string{"-p", port}, strings.Fields(step[0])...)...).CombinedOutput()
		require.NoError(t, err)
		require.Equal(t, step[1], strings.TrimSpace(string(out)), step[0])
	}
}

// And so does the real benchmark.
func TestRedisBenchmark(t *testing.T) {
	path := tool(t, "redis-benchmark")
	_, port, _ := net.SplitHostPort(open(t))
	for _, depth := range []string{"1", "16"} {
		out, err := exec.Command(path, "-p", port, "-n", "20000", "-c", "50", "-P", depth, "-t", "ping,set,get,incr,mset", "-q", "--csv").CombinedOutput()
		require.NoError(t, err, "%s", out)
		for _, name := range []string{"PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET"} {
			require.Contains(t, string(out), `"`+name)
		}
		require.NotContains(t, string(out), "rror")
		t.Logf("pipeline of %s\n%s", depth, out)
	}
}
