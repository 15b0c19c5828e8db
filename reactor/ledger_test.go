//go:build unix

package reactor_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// ledger is what some who write have been told of their messages.
type ledger struct {
	mu     sync.Mutex
	sent   map[uint32]bool // Write has returned nil
	posted map[uint32]bool // Post has
	begun  map[uint32]int  // all that was ever tried; its size
}

func (l *ledger) note(m map[uint32]bool, id uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m[id] = true
}

// message is who's i-th: its id, its size, and bytes that are the id's.
func (l *ledger) message(who, i, size int) (id uint32, b []byte) {
	id = uint32(who)<<24 | uint32(i)
	b = make([]byte, 8+size)
	binary.BigEndian.PutUint32(b, id)
	binary.BigEndian.PutUint32(b[4:], uint32(size))
	pattern(id, b[8:])
	l.mu.Lock()
	l.begun[id] = size
	l.mu.Unlock()
	return id, b
}

// pattern fills b with bytes that are the id's.
func pattern(id uint32, b []byte) {
	for k := range b {
		b[k] = byte(id) ^ byte(k>>3)
	}
}

// check compares a stream with what was told: whole messages, each once, those of one writer in
// its order, and at most a part of one at its end.
func (l *ledger) check(t *testing.T, got []byte, c *reactor.Conn, torn bool) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[uint32]bool{}
	last := map[uint32]uint32{}
	part := false
	for len(got) > 0 {
		if part = len(got) < 8; part {
			break
		}
		id, size := binary.BigEndian.Uint32(got), int(binary.BigEndian.Uint32(got[4:]))
		want, known := l.begun[id]
		require.True(t, known && want == size, "%x of %d bytes is no message", id, size)
		require.False(t, seen[id], "%x came twice", id)
		if part = len(got) < 8+size; part {
			break
		}
		whole := make([]byte, size)
		pattern(id, whole)
		require.True(t, bytes.Equal(whole, got[8:8+size]), "%x is not what was written", id)
		before, any := last[id>>24]
		require.True(t, !any || before < id, "%x came after %x", id, before)
		last[id>>24], seen[id] = id, true
		got = got[8+size:]
	}
	require.True(t, torn || !part, "a part, and nobody was told")
	for id := range l.sent {
		require.True(t, seen[id], "%x was said to be sent", id)
	}
	arrived := 0
	for id := range l.posted {
		if seen[id] {
			arrived++
		}
	}
	posts, _ := c.Dropped()
	require.Equal(t, len(l.posted), arrived+posts, "posts are sent, or counted")
	require.Zero(t, c.Queued())
}

// Writers of all kinds beside each other, some of which give up, and a peer that is slow at
// times: what they were told is what the peer has got.
func TestLedger(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 3
	}
	for _, workers := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			p := open(t, workers)
			for seed := range rounds {
				ledgerRound(t, p, uint64(seed), seed%3)
			}
		})
	}
}

// ledgerRound is one connection. patience says what gives up: 0: nothing; 1: writes, which are
// called again; 2: writes, which often are not.
func ledgerRound(t *testing.T, p *pool.Pool, seed uint64, patience int) {
	const writers, messages = 4, 60
	c, peer := pair(t, p)
	l := &ledger{sent: map[uint32]bool{}, posted: map[uint32]bool{}, begun: map[uint32]int{}}
	var torn atomic.Bool
	got := make(chan []byte, 1)
	go func() {
		rng := rand.New(rand.NewPCG(seed, 99))
		var all []byte
		for {
			b := make([]byte, 1+rng.IntN(300_000))
			n, err := peer.Read(b)
			all = append(all, b[:n]...)
			if err != nil {
				break
			}
			if rng.IntN(8) == 0 {
				<-time.After(time.Duration(rng.IntN(3)) * time.Millisecond)
			}
		}
		got <- all
	}()
	size := func(rng *rand.Rand) int {
		if rng.IntN(5) == 0 {
			return rng.IntN(1 << 20)
		}
		return rng.IntN(2000)
	}
	var g task.Group
	g.Failed = func(_ task.Task, err error) error {
		if errors.Is(err, reactor.ErrTorn) {
			torn.Store(true)
			return nil
		}
		return err
	}
	for who := range writers {
		rng := rand.New(rand.NewPCG(seed, uint64(who)))
		var limit combine.Timeout
		var b []byte
		var id uint32
		kind, i := 0, 0
		g.Go(p, task.Func(func(cx *task.Cx) error {
			for i < messages {
				if b == nil {
					kind = rng.IntN(4)
					n := size(rng)
					if kind == 3 {
						n = min(n, 50_000)
					}
					id, b = l.message(who, i, n)
				}
				write := func(cx *task.Cx) error { return c.Write(cx, b) }
				var err error
				switch kind {
				case 1:
					write = func(cx *task.Cx) error { return c.Writev(cx, b[:3], nil, b[3:]) }
					fallthrough
				case 0:
					if patience == 0 {
						err = write(cx)
					} else {
						err = limit.Wait(cx, time.Duration(rng.IntN(3000))*time.Microsecond, write)
					}
					if err == nil {
						l.note(l.sent, id)
					}
				case 2:
					if err = c.Flush(cx); err == nil {
						l.mu.Lock()
						delete(l.begun, id)
						l.mu.Unlock()
					}
				case 3:
					if err = c.Post(b); err == nil {
						l.note(l.posted, id)
					}
					if errors.Is(err, task.ErrLimit) {
						err = nil
					}
				}
				if errors.Is(err, task.ErrTimeout) {
					if patience == 1 || rng.IntN(4) > 0 {
						continue
					}
					err = nil
				}
				if err != nil {
					return err
				}
				b = nil
				i++
			}
			return nil
		}))
	}
	done := make(chan error, 1)
	go func() {
		std := c.Std()
		rng := rand.New(rand.NewPCG(seed, 50))
		for i := range messages {
			id, b := l.message(writers, i, size(rng))
			if _, err := std.Write(b); err != nil {
				done <- err
				return
			}
			l.note(l.sent, id)
		}
		done <- nil
	}()
	require.NoError(t, g.WaitContext(patient(t)))
	if err := ends(t, "Std", func() error { return <-done }); err != nil {
		require.ErrorIs(t, err, reactor.ErrTorn)
		torn.Store(true)
	}
	err := ends(t, "Hangup", func() error { return byTask(p, c.Flush) })
	if err != nil {
		require.ErrorIs(t, err, reactor.ErrTorn)
		torn.Store(true)
	}
	require.True(t, patience > 0 || !torn.Load())
	require.NoError(t, c.Close())
	l.check(t, <-got, c, torn.Load())
	_ = peer.Close()
}
