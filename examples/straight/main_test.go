//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChat(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- serve(ctx, "tcp", "127.0.0.1:0", time.Minute, func(a string) { ready <- a }) }()
	addr := <-ready
	join := func(name string) (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
		r := bufio.NewReader(c)
		_, err = r.Discard(len("name? "))
		require.NoError(t, err)
		_, err = fmt.Fprintf(c, "\n%s\n", name) // an empty one is asked again
		require.NoError(t, err)
		_, err = r.Discard(len("name? "))
		require.NoError(t, err)
		return c, r
	}
	ann, annReads := join("ann")
	bob, bobReads := join("bob")
	var line string
	for line == "" { // until ann has joined
		_, err := fmt.Fprintln(bob, "hello")
		require.NoError(t, err)
		require.NoError(t, ann.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		line, _ = annReads.ReadString('\n')
	}
	require.Equal(t, "bob: hello\n", line)
	require.NoError(t, ann.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err := fmt.Fprintln(ann, "you there?")
	require.NoError(t, err)
	line, err = bobReads.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ann: you there?\n", line)

	stop() // both wait in ReadUntil, and are told
	for line != "good-bye, bob\n" {
		line, err = bobReads.ReadString('\n')
		require.NoError(t, err)
	}
	require.NoError(t, <-ended)
	_ = ann.Close()
	_ = bob.Close()
}
