#!/usr/bin/env bash
# github.com/panjf2000/gnet/v2 v2.9.7 and github.com/lesismal/nbio v1.6.8, Write and then Close, Linux, Go 1.26.
#
# Expected: what Write has taken without an error arrives: Close sends what is left first, as it does for a
# net.Conn, or the peer at least sees a reset.
#
# Seen: an answer of 16 MB to a reader that pauses for a moment. Write says "16777216, nil" in both; what the socket did not
# take is in a buffer of the library, and Close (gnet: the action Close; nbio: Conn.Close) tries it once at most and
# drops the rest. The peer reads a part, and then a clean end of file: no error on either side. A response without a
# length, or a file transfer, is cut off in silence; on loopback with small answers nobody ever sees it.
#
# What to do: close only when everything is out (gnet: in the callback of AsyncWrite, with OutboundBuffered at 0; nbio:
# OnWrittenSize), or have the peer close.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require (
	github.com/lesismal/nbio v1.6.8
	github.com/panjf2000/gnet/v2 v2.9.7
)
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
	"github.com/panjf2000/gnet/v2"
)

const size = 16 << 20

// ask sends a request, pauses, and reads to the end.
func ask(what, address string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if _, err = io.WriteString(c, "all, please"); err != nil {
		log.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	n, err := io.Copy(io.Discard, c)
	fmt.Printf("%s: the reader has all: %t, and the error %v\n", what, n == size, err)
}

func free() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

type server struct {
	gnet.BuiltinEventEngine
	up chan struct{}
}

func (s *server) OnBoot(gnet.Engine) gnet.Action { close(s.up); return gnet.None }

func (s *server) OnTraffic(c gnet.Conn) gnet.Action {
	_, _ = c.Discard(-1)
	n, err := c.Write(make([]byte, size))
	fmt.Printf("gnet: Write: %t, %v\n", n == size, err)
	return gnet.Close
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		c, err := l.Accept()
		if err == nil {
			var request [16]byte
			_, _ = c.Read(request[:])
			_, _ = c.Write(make([]byte, size))
			_ = c.Close()
		}
	}()
	ask("net", l.Addr().String())

	s, address := &server{up: make(chan struct{})}, free()
	go func() { log.Fatal(gnet.Run(s, "tcp://"+address)) }()
	<-s.up
	ask("gnet", address)

	logging.SetLevel(logging.LevelNone)
	address = free()
	e := nbio.NewEngine(nbio.Config{Network: "tcp", Addrs: []string{address}, MaxWriteBufferSize: 4 * size})
	e.OnData(func(c *nbio.Conn, _ []byte) {
		n, err := c.Write(make([]byte, size))
		fmt.Printf("nbio: Write: %t, %v\n", n == size, err)
		_ = c.Close()
	})
	if err := e.Start(); err != nil {
		log.Fatal(err)
	}
	ask("nbio", address)
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run . 2>/dev/null | grep -v '^\[gnet\]')
want='net: the reader has all: true, and the error <nil>
gnet: Write: true, <nil>
gnet: the reader has all: false, and the error <nil>
nbio: Write: true, <nil>
nbio: the reader has all: false, and the error <nil>'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
