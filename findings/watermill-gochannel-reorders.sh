#!/usr/bin/env bash
# github.com/ThreeDotsLabs/watermill v1.5.1, pubsub/gochannel, Go 1.26.
#
# Expected: one publisher, one subscriber that acknowledges each message before it takes the next: the order is kept, as
# the table of the documentation says ("GuaranteedOrder: yes"; a comment excepts GoChannels that are persistent).
#
# Seen: of 10,000 messages, published one after the other by one goroutine, nine of ten come behind a later one, in a GoChannel that
# is not persistent, with a buffer or without one. Publish starts a goroutine for each message, and these meet in
# a lock, in whatever order they get there. Nothing is lost, so a test that counts passes. A buffer does not
# help, because the goroutines come before it. With BlockPublishUntilSubscriberAck the order is kept.
#
# What to do: BlockPublishUntilSubscriberAck, and a publisher for each topic; or a number in each message.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require github.com/ThreeDotsLabs/watermill v1.5.1
MOD
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
)

const n = 10_000

// late says how many messages come behind one that was published after them.
func late(config gochannel.Config) (late, lost int) {
	channel := gochannel.NewGoChannel(config, watermill.NopLogger{})
	messages, err := channel.Subscribe(context.Background(), "orders")
	check(err)
	go func() {
		for i := range n {
			check(channel.Publish("orders", message.NewMessage(watermill.NewULID(), []byte(strconv.Itoa(i)))))
		}
	}()
	seen := make([]bool, n)
	latest := -1
	for range n {
		m := <-messages
		i, err := strconv.Atoi(string(m.Payload))
		check(err)
		seen[i] = true
		if i < latest {
			late++
		}
		latest = max(latest, i)
		m.Ack()
	}
	for _, s := range seen {
		if !s {
			lost++
		}
	}
	check(channel.Close())
	return late, lost
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	for _, c := range []struct {
		what   string
		config gochannel.Config
	}{
		{"plain", gochannel.Config{}},
		{"buffered", gochannel.Config{OutputChannelBuffer: n}},
		{"Publish waits", gochannel.Config{BlockPublishUntilSubscriberAck: true}},
	} {
		late, lost := late(c.config)
		fmt.Printf("%s: reordered: %t, lost %d\n", c.what, late > 0, lost)
	}
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='plain: reordered: true, lost 0
buffered: reordered: true, lost 0
Publish waits: reordered: false, lost 0'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
