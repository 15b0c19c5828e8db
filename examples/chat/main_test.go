//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// start serves until stop is called, which returns what serve has.
func start(t *testing.T, s *server) (address string, stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- s.serve(ctx, "127.0.0.1:0", time.Minute, func(a string) { ready <- a }) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	select {
	case address = <-ready:
	case err := <-ended:
		require.NoError(t, err)
	}
	return address, stop
}

// guest is the other side of a connection.
type guest struct {
	net.Conn
	in *bufio.Reader
}

// dial connects, with little room for what is not read.
func dial(t *testing.T, address, name, room string) *guest {
	small := func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	}
	c, err := (&net.Dialer{Control: small}).Dial("tcp", address)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	t.Cleanup(func() { _ = c.Close() })
	g := &guest{c, bufio.NewReader(c)}
	g.say(t, "/name "+name)
	g.say(t, "/join "+room)
	g.until(t, "* "+name+" has come to "+room)
	return g
}

func (g *guest) say(t *testing.T, line string) {
	_, err := fmt.Fprintln(g, line)
	require.NoError(t, err)
}

// until reads up to the line that begins so, and returns it and how many came before.
func (g *guest) until(t *testing.T, beginning string) (line string, before int) {
	for ; ; before++ {
		line, err := g.in.ReadString('\n')
		require.NoError(t, err, "waiting for %q", beginning)
		if strings.HasPrefix(line, beginning) {
			return line, before
		}
	}
}

// Fifty talk in two rooms, and each hears each of its own room, in order, and nobody else.
func TestRooms(t *testing.T) {
	const guests, messages = 50, 10
	address, stop := start(t, &server{limit: 1 << 20, grace: time.Minute})
	all := make([]*guest, guests)
	for i := range all {
		all[i] = dial(t, address, fmt.Sprint("g", i), fmt.Sprint("room", i%2))
	}
	var talking sync.WaitGroup
	for _, g := range all {
		talking.Go(func() {
			for m := range messages {
				fmt.Fprintln(g, m)
			}
		})
	}
	talk := regexp.MustCompile(`^g(\d+): (\d+)\n$`)
	for i, g := range all {
		next := map[string]int{}
		for heard := 0; heard < (guests/2-1)*messages; {
			line, err := g.in.ReadString('\n')
			require.NoError(t, err, "guest %d after %d", i, heard)
			said := talk.FindStringSubmatch(line)
			if said == nil {
				require.True(t, strings.HasPrefix(line, "* "), line)
				continue
			}
			require.Equal(t, fmt.Sprint(next[said[1]]), said[2], "of %s", said[1])
			next[said[1]]++
			heard++
		}
		require.Len(t, next, guests/2-1)
		for from := range next {
			require.Equal(t, i%2, int(from[len(from)-1]-'0')%2, "heard from the other room")
		}
	}
	talking.Wait()
	all[0].say(t, "/quit")
	all[2].until(t, "* g0 has left")
	_, err := all[0].in.ReadString(0)
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, all[0].Close())

	// A soft end: all are told, and the server waits until they have gone.
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for _, g := range all[1:] {
		g.until(t, "* the server closes")
		require.NoError(t, g.Close())
	}
	require.NoError(t, <-ended)
}

// One who does not read harms nobody, and is cut off.
func TestCutOff(t *testing.T) {
	s := &server{limit: 16 << 10, grace: 100 * time.Millisecond}
	address, stop := start(t, s)
	lazy := dial(t, address, "lazy", "attic")
	talker := dial(t, address, "talker", "attic")
	listener := dial(t, address, "listener", "attic")
	line := strings.Repeat("blah ", 200)
	for heard := ""; !strings.HasPrefix(heard, "* lazy was cut off"); { // each is heard before the next is said
		talker.say(t, line)
		for heard = ""; !strings.HasPrefix(heard, "* lazy was cut off") && !strings.HasPrefix(heard, "talker: blah"); {
			var err error
			heard, err = listener.in.ReadString('\n')
			require.NoError(t, err)
		}
	}
	for _, g := range []*guest{talker, listener, lazy} {
		require.NoError(t, g.Close())
	}
	require.NoError(t, stop())
}

// talk says long things until it is told to be quiet.
func (g *guest) talk(quiet <-chan struct{}) {
	line := strings.Repeat("blah ", 200)
	for {
		select {
		case <-quiet:
			return
		default:
			fmt.Fprintln(g, line)
		}
	}
}

// One who reads late is told what it has lost, and hears what comes then.
func TestLost(t *testing.T) {
	s := &server{limit: 16 << 10}
	address, stop := start(t, s)
	late := dial(t, address, "late", "attic")
	talker := dial(t, address, "talker", "attic")
	for s.lost.Load() == 0 {
		talker.say(t, strings.Repeat("blah ", 200))
	}
	quiet := make(chan struct{})
	var talking sync.WaitGroup
	talking.Go(func() { talker.talk(quiet) })
	line, _ := late.until(t, "* you have lost ")
	require.Regexp(t, `^\* you have lost [1-9]\d* messages\n$`, line)
	late.until(t, "talker: blah")
	close(quiet)
	talking.Wait()
	require.NoError(t, late.Close())
	require.NoError(t, talker.Close())
	require.NoError(t, stop())
}

// An end waits for nobody who has heard of it: not for those who stay on the line, nor for one
// who has left and does not hang up.
func TestEnd(t *testing.T) {
	address, stop := start(t, &server{limit: 1 << 20, grace: time.Hour})
	idle := dial(t, address, "idle", "attic")
	gone := dial(t, address, "gone", "attic")
	gone.say(t, "/quit")
	idle.until(t, "* gone has left")
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	idle.until(t, "* the server closes")
	_, err := idle.in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(20 * time.Second):
		require.Fail(t, "it waits for those who are idle")
	}
}

func TestUnserved(t *testing.T) {
	require.Error(t, new(server).serve(context.Background(), "nowhere:never", 0, nil))
}
