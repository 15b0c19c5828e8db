//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
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
	return openAt(t, pool.Config{}, "tcp", "127.0.0.1:0").listener.Addr().String()
}

func openAt(t testing.TB, config pool.Config, network, address string) *server {
	t.Helper()
	p, err := pool.New(config)
	require.NoError(t, err)
	r, err := p.Reactor()
	require.NoError(t, err)
	l, err := r.Listen(context.Background(), nil, network, address)
	require.NoError(t, err)
	s := newServer(p, l)
	s.start()
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return s
}

// client is a connection that is read reply by reply.
type client struct {
	net.Conn
	in *bufio.Reader
}

func dial(t testing.TB, address string) *client {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	c, err := net.Dial(network, address)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	t.Cleanup(func() { _ = c.Close() })
	return &client{c, bufio.NewReader(c)}
}

// encoded is words as a command in the protocol.
func encoded(words ...string) []byte {
	b := redcon.AppendArray(nil, len(words))
	for _, w := range words {
		b = redcon.AppendBulkString(b, w)
	}
	return b
}

// ask sends a command and returns the reply.
func (c *client) ask(t testing.TB, words ...string) string {
	t.Helper()
	_, err := c.Write(encoded(words...))
	require.NoError(t, err)
	return c.reply(t)
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
		{"SET b 3 PX -1", "-ERR invalid expire time in 'set' command"},
		{"SET b 3 EX 10 PX 10", "-ERR syntax error"},
		{"SET b 3 EX 10 KEEPTTL", "-ERR syntax error"},
		{"SET b 3 SOON", "-ERR syntax error"},
		{"SET b", "-ERR wrong number of arguments for 'set' command"},
		{"SET c 1 PX 100000 NX", "OK"},
		{"TTL c", "100"},
		{"SET c 2", "OK"},
		{"TTL c", "-1"},
		{"DEL c", "1"},
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
		{"EXPIRE a soon", "-ERR value is not an integer or out of range"},
		{"EXPIRE a 9223372036854775807", "-ERR invalid expire time in 'expire' command"},
		{"INCR a", "2"},
		{"INCRBY a 40", "42"},
		{"DECR a", "41"},
		{"INCRBY a -1", "40"},
		{"INCRBY a 007", "-ERR value is not an integer or out of range"},
		{"INCRBY a 1 2", "-ERR wrong number of arguments for 'incrby' command"},
		{"SET min -9223372036854775808", "OK"},
		{"DECR min", "-ERR increment or decrement would overflow"},
		{"DEL min", "1"},
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
		{"CONFIG GET", "-ERR wrong number of arguments for 'config|get' command"},
		{"CONFIG", "-ERR wrong number of arguments for 'config' command"},
		{"CONFIG SET save x", "-ERR unknown subcommand 'SET'. Try CONFIG HELP."},
		{"SELECT one", "-ERR value is not an integer or out of range"},
		{"FLUSHALL now", "-ERR syntax error"},
		{"COMMAND", "[]"},
		{"NONSENSE x", "-ERR unknown command 'NONSENSE', with args beginning with: 'x' "},
		{"FLUSHALL SYNC", "OK"},
		{"DBSIZE", "0"},
		{"QUIT", "OK"},
	} {
		require.Equal(t, step[1], c.ask(t, strings.Fields(step[0])...), step[0])
	}
	_, err := c.in.ReadByte()
	require.Equal(t, io.EOF, err, "it hangs up after QUIT")
}

// Values may hold anything, and expire by themselves, whether they are asked for or
// not.
func TestExpiry(t *testing.T) {
	c := dial(t, open(t))
	require.Equal(t, "OK", c.ask(t, "SET", "binary\r\n\x00", "\r\n$3\r\n\x00", "PX", "1"))
	require.Eventually(t, func() bool { return c.ask(t, "DBSIZE") == "0" }, 10*time.Second, time.Millisecond)
}

// Time is an argument: nothing goes early, and a key that is found goes at once.
func TestStoreExpiry(t *testing.T) {
	s := newStore()
	const ttl = int64(time.Second)
	const n = 1000
	key := func(i int) []byte { return []byte(fmt.Sprint("key", i)) }
	for i := range n {
		s.set(0, key(i), []byte("v"), setting{expires: ttl})
	}
	s.set(0, []byte("stays"), nil, setting{})
	require.True(t, s.persist(0, key(0)))
	require.True(t, s.expire(0, key(1), 2*ttl))
	require.Zero(t, s.sweep(ttl-1, n))
	_, ok := s.get(ttl-1, key(2))
	require.True(t, ok)
	_, ok = s.get(ttl, key(2))
	require.False(t, ok)
	require.Equal(t, n, s.size())
	const tick = int64(time.Millisecond) // more than the wheel's
	require.Equal(t, 10, s.sweep(ttl+tick, 10))
	require.Equal(t, n-3-10, s.sweep(ttl+tick, n))
	require.Equal(t, 3, s.size(), "the one that stays, the one that was persisted, and the one that has longer")
	require.Equal(t, 1, s.sweep(2*ttl+tick, n))
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
	require.Equal(t, "OK", c.ask(t, "SET", "big", big))
	const n = 50
	_, err := c.Write(bytes.Repeat(encoded("GET", "big"), n))
	require.NoError(t, err)
	for range n {
		require.Len(t, c.reply(t), len(big)+2)
	}
	many := append([]string{"MGET"}, slices.Repeat([]string{"big"}, 100)...)
	require.Equal(t, fmt.Sprintf("-ERR the reply has more than %d bytes", maxReply), c.ask(t, many...))
	require.Equal(t, "PONG", c.ask(t, "PING"))
}

// Connections that never stop sending do not keep another one waiting, even if there is
// one worker, which gets no help.
func TestFlood(t *testing.T) {
	s := openAt(t, pool.Config{Workers: 1, StallLimit: -1}, "tcp", "127.0.0.1:0")
	address := s.listener.Addr().String()
	for range 4 {
		c := dial(t, address)
		go func() {
			for b := bytes.Repeat([]byte("\r\n"), 1<<15); ; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}()
	}
	c := dial(t, address)
	require.NoError(t, c.SetDeadline(time.Now().Add(5*time.Second)))
	for begin := time.Now(); time.Since(begin) < 500*time.Millisecond; {
		require.Equal(t, "PONG", c.ask(t, "PING"))
	}
}

// A connection that is idle holds no buffers, whatever it has done before.
func TestIdle(t *testing.T) {
	address := open(t)
	heap := func() int64 {
		var m runtime.MemStats
		for range 3 {
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	const n, replies = 200, 1000
	all := bytes.Repeat(encoded("PING"), replies)
	got := make([]byte, replies*len("+PONG\r\n"))
	before := heap()
	for range n {
		c, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write(all)
		require.NoError(t, err)
		_, err = io.ReadFull(c, got)
		require.NoError(t, err)
	}
	each := (heap() - before) / n
	t.Logf("%d bytes a connection, with the client's end of it", each)
	require.Less(t, each, int64(4096))
}

// A shutdown takes leave of those that are idle, and answers what has come.
func TestShutdown(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- run(ctx, "127.0.0.1:0", func(addr string) { address <- addr }) }()
	c := dial(t, <-address)
	require.Equal(t, "OK", c.ask(t, "SET", "a", "1"))
	_, err := c.Write([]byte("GET")) // only the beginning
	require.NoError(t, err)
	begin := time.Now()
	stop()
	_, err = c.in.ReadByte()
	require.Error(t, err)
	require.NoError(t, <-ended)
	require.Less(t, time.Since(begin), grace, "nobody had to be cut off")
}

func TestListenFails(t *testing.T) {
	err := run(context.Background(), "127.0.0.1:nonsense", nil)
	require.ErrorContains(t, err, "kv: listen: ")
}

// malformed is what no command begins with.
var malformed = []string{
	"*x\r\n",
	"*-1\r\n",
	"*1\n",
	"*1\r\n+3\r\nabc\r\n",
	"*1\r\n$x\r\nabc\r\n",
	"*1\r\n$-5\r\n",
	"*1\r\n$-2\r\n", // this one, and the next two, are too much for redcon's parser
	"*1\r\n$-100\r\n",
	"*1\r\n$9223372036854775807\r\n",
	"*1\r\n$18446744073709551616\r\n",
	"*1\r\n$4\r\nPINGPONG\r\n",
	"*9223372036854775807\r\n",
	fmt.Sprintf("*%d\r\n", maxArgs+1),
	fmt.Sprintf("*2\r\n$3\r\nGET\r\n$%d\r\n", maxCommand),
	"*" + strings.Repeat("0", maxHeader),
	"$4 PING\r\n",
	"get \"unbalanced\r\n",
	strings.Repeat("x", maxInline+1),
	"*2\r\n$3\r\nGET\r\n$2000000\r\n" + strings.Repeat("x", maxCommand+1),
}

// What is no command gets a reply that says so and the end of the connection, and
// disturbs nobody else.
func TestMalformed(t *testing.T) {
	address := open(t)
	other := dial(t, address)
	for _, bad := range malformed {
		c := dial(t, address)
		go func() { _, _ = c.Write([]byte("ECHO before\r\n" + bad)) }()
		require.Equal(t, `"before"`, c.reply(t), "%.40q", bad)
		require.Regexp(t, "^-ERR Protocol error: .", c.reply(t), "%.40q", bad)
		_, err := c.in.ReadByte()
		require.Equal(t, io.EOF, err, "%.40q", bad)
		require.Equal(t, "PONG", other.ask(t, "PING"))
	}
}

// The largest commands that are allowed.
func TestLimits(t *testing.T) {
	c := dial(t, open(t))
	head := len(encoded("SET", "a", "")) + len("1048500") - len("0")
	big := strings.Repeat("x", maxCommand-head)
	require.Len(t, encoded("SET", "a", big), maxCommand)
	require.Equal(t, "OK", c.ask(t, "SET", "a", big))
	require.Len(t, c.ask(t, "GET", "a"), len(big)+2)
	many := append([]string{"EXISTS"}, slices.Repeat([]string{"a"}, maxArgs-1)...)
	require.Equal(t, fmt.Sprint(maxArgs-1), c.ask(t, many...))
	_, err := c.Write([]byte("ECHO " + strings.Repeat("y", maxInline-len("ECHO \n")) + "\n"))
	require.NoError(t, err)
	require.Len(t, c.reply(t), maxInline-len("ECHO \n")+2)
}

func seeds(f *testing.F) {
	f.Add([]byte("PING\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"))
	f.Add([]byte("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$-1\r\n"))
	f.Add([]byte("set a \"b"))
	f.Add([]byte("*1\r\n$4\r\nINFO\r\nQUIT\r\nPING\r\n"))
	f.Add([]byte("mset a 1 b 2\r\nmget a b c\r\nset a 2 ex 10 nx get\r\n*0\r\n\r\nttl a\r\n"))
	for _, bad := range malformed {
		f.Add([]byte(bad[:min(len(bad), 2000)]))
	}
}

// FuzzProtocol sends anything at all: what comes back is whole replies, of which an
// error that ends the connection is the last, and another connection notices nothing.
// (Over Unix sockets, which do not run out of ports.)
func FuzzProtocol(f *testing.F) {
	seeds(f)
	dir, err := os.MkdirTemp("", "kv")
	require.NoError(f, err)
	f.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := filepath.Join(dir, "socket")
	openAt(f, pool.Config{}, "unix", address)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, other := dial(t, address), dial(t, address)
		defer c.Close()
		defer other.Close()
		go func() {
			_, _ = c.Write(b)
			_ = c.Conn.(*net.UnixConn).CloseWrite()
		}()
		out, err := io.ReadAll(c.in)
		require.NoError(t, err)
		for len(out) > 0 {
			n, reply := redcon.ReadNextRESP(out)
			require.Positive(t, n, "%q", out)
			out = out[n:]
			if reply.Type == redcon.Error && bytes.HasPrefix(reply.Data, []byte("ERR Protocol error")) {
				require.Empty(t, out)
			}
		}
		require.Equal(t, "PONG", other.ask(t, "PING"))
	})
}

// FuzzPieces executes the same bytes at once and in pieces: the replies are the same.
func FuzzPieces(f *testing.F) {
	seeds(f)
	p, err := pool.New(pool.Config{Workers: 1}) // which nothing runs on
	require.NoError(f, err)
	f.Cleanup(func() { _ = p.Close() })
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, pieces := replies(newServer(p, nil), b, len(b)), replies(newServer(p, nil), b, 1)
		if !bytes.Contains(bytes.ToLower(b), []byte("info")) { // which counts batches
			require.Equal(t, string(whole), string(pieces))
		}
	})
}

// replies executes what comes in pieces of a size.
func replies(s *server, b []byte, size int) (out []byte) {
	r := request{server: s}
	for kept := []byte(nil); len(b) > 0; {
		size = min(size, len(b))
		kept, b = append(kept, b[:size]...), b[size:]
		for again := true; again; again = r.full() {
			rest, err := r.batch(0, kept)
			if err != nil {
				r.fail("ERR " + err.Error())
			}
			if out = append(out, r.out...); err != nil || r.quit {
				return out
			}
			kept = bytes.Clone(rest)
		}
	}
	return out
}

// tool runs a program of Redis, which is skipped if it is not there.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is missing: install Debian's redis-tools")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// The real client understands us.
func TestRedisCLI(t *testing.T) {
	_, port, _ := net.SplitHostPort(open(t))
	for _, step := range [][2]string{
		{"set greeting hello", "OK"},
		{"get greeting", "hello"},
		{"get nobody", ""},
		{"incr n", "1"},
		{"mget greeting n", "hello\n1"},
		{"expire greeting 100", "1"},
		{"ttl greeting", "100"},
		{"nonsense", "ERR unknown command 'nonsense', with args beginning with:"},
	} {
		out := tool(t, "redis-cli", append([]string{"-p", port}, strings.Fields(step[0])...)...)
		require.Equal(t, step[1], out, step[0])
	}
	require.Contains(t, tool(t, "redis-cli", "-p", port, "info"), "db0:keys=2")
}

// And so does the real benchmark.
func TestRedisBenchmark(t *testing.T) {
	_, port, _ := net.SplitHostPort(open(t))
	for _, load := range []struct{ n, depth string }{{"20000", "16"}, {"4000", "1"}} {
		out := tool(t, "redis-benchmark", "-p", port, "-n", load.n, "-c", "50", "-P", load.depth,
			"-r", "1000", "-t", "ping,set,get,incr,mset", "-q", "--csv")
		for _, name := range []string{"PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET"} {
			require.Contains(t, out, `"`+name)
		}
		require.NotContains(t, strings.ToLower(out), "error")
		t.Logf("pipeline of %s\n%s", load.depth, out)
	}
}
