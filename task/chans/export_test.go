package chans

import "github.com/heist-go/heist/task"

// What tests see of the channels' inside.

// Promised returns how many values and slots are promised.
func (c *Chan[T]) Promised() (values, slots int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.claimed, c.reserved
}

// Waiting reports whether somebody waits, to send or to receive.
func (c *Chan[T]) Waiting() (send, receive bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.senders.Empty(), !c.receivers.Empty()
}

// Several reports whether more than one waits, to send or to receive.
func (c *Chan[T]) Several() (send, receive bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.senders.Empty() && !c.senders.Alone(), !c.receivers.Empty() && !c.receivers.Alone()
}

// Promised returns how many slots are promised; values are not.
func (m *Mailbox[T]) Promised() (values, slots int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return 0, m.reserved
}

// Waiting reports whether somebody waits, to send or to receive.
func (m *Mailbox[T]) Waiting() (send, receive bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.senders.Empty(), !m.receiver.Empty()
}

// Several reports whether more than one waits, to send or to receive.
func (m *Mailbox[T]) Several() (send, receive bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.senders.Empty() && !m.senders.Alone(), !m.receiver.Empty() && !m.receiver.Alone()
}

// Left returns how many values are in the mailbox. It is for the receiver.
func (m *Mailbox[T]) Left() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.in) + len(m.out) - m.at
}

// Left returns how many values are in the channel.
func (c *Chan[T]) Left() int { return c.Len() }

// Waiting reports whether somebody waits.
func (o *Oneshot[T]) Waiting() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.queue.Empty()
}

// Several reports whether more than one waits.
func (o *Oneshot[T]) Several() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.queue.Empty() && !o.queue.Alone()
}

// Waiting reports whether somebody waits.
func (b *Broadcast[T]) Waiting() bool {
	for i := range b.shards {
		if !b.shards[i].set.Empty() {
			return true
		}
	}
	return false
}

// Heralds returns a task for each shard that wakes those who wait in it.
func (b *Broadcast[T]) Heralds() (all []task.Task) {
	for i := range b.shards {
		all = append(all, &herald{shard: &b.shards[i]})
	}
	return all
}

// SendQuietly is Send that wakes nobody.
func (b *Broadcast[T]) SendQuietly(v T) {
	at := b.sent.Load()
	b.ring[at%uint64(len(b.ring))].Store(&slot[T]{at, v})
	b.sent.Store(at + 1)
}

// Waiting reports whether somebody waits.
func (w *Watch[T]) Waiting() bool { return !w.set.Empty() }
