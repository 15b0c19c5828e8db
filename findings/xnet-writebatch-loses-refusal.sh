#!/usr/bin/env bash
# golang.org/x/net v0.50.0, ipv4.PacketConn.WriteBatch, Linux (seen on 6.18), Go 1.26.
#
# Expected: on a UDP socket that is connected to a port where nobody listens, a batch reports the
# refusal that the kernel was told of, as Write does: the second of two Writes is ECONNREFUSED.
#
# Seen: the batch stops behind its first message and says "1 of 4 sent, no error". sendmmsg has met the
# pending error at the second message, returns the number of those before it, and drops the
# error: the kernel keeps none for the next call. A sender of batches that tries the rest again
# goes on like that, one message a call, and never learns that nobody is there.
#
# What to do: on connected sockets send one message a call, or look at SO_ERROR after a short batch.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require golang.org/x/net v0.50.0
MOD
cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
)

// refused returns a socket that is connected to a port of loopback where nobody listens, and that
// was told so by the answer to a first message.
func refused() *net.UDPConn {
	gone, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(err)
	c, err := net.Dial("udp4", gone.LocalAddr().String())
	check(err)
	check(gone.Close())
	return c.(*net.UDPConn)
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	c := refused()
	_, first := c.Write([]byte("a"))
	time.Sleep(20 * time.Millisecond) // for the answer of loopback
	_, second := c.Write([]byte("b"))
	fmt.Println("Write: first refused:", errors.Is(first, syscall.ECONNREFUSED), "second refused:", errors.Is(second, syscall.ECONNREFUSED))

	p := ipv4.NewPacketConn(refused())
	batch := make([]ipv4.Message, 4)
	for i := range batch {
		batch[i].Buffers = [][]byte{{byte(i)}}
	}
	told := 0
	for range 20 {
		n, err := p.WriteBatch(batch, 0)
		if errors.Is(err, syscall.ECONNREFUSED) {
			told++
		} else if n == len(batch) {
			told = 1000
		}
	}
	fmt.Println("WriteBatch: 20 batches of 4, refusals told:", told)
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='Write: first refused: false second refused: true
WriteBatch: 20 batches of 4, refusals told: 0'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
