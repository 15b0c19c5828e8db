//go:build unix

package reactor

import "sync/atomic"

// InLine returns how many wait for their turn to write.
func (c *Conn) InLine() int {
	b := c.queue.backlog.Load()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiters.Len()
}

// counted is a sink that counts the calls that send.
type counted struct {
	sink
	n *atomic.Int64
}

func (c counted) send(bufs [][]byte) (int, error) {
	c.n.Add(1)
	return c.sink.send(bufs)
}

// Sends has the calls counted that send what is posted. It comes before the first use of c.
func (c *Conn) Sends() *atomic.Int64 {
	n := new(atomic.Int64)
	c.queue.open(counted{c.openSink(), n})
	return n
}
