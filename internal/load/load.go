//go:build unix

// Package load is a load generator for servers that answer each request, in order, with a
// known number of bytes: echoes, PING and PONG. A locked thread serves many connections by
// readiness, without a goroutine for each, so that it costs what one in C costs and the
// server is what is measured.
//
// A closed loop keeps so many requests in flight on each connection, and sends the next
// ones when all have been answered: it tells throughput. An open loop sends at given times,
// whether the server answers or not, and counts each latency from the time at which the
// request was due: what a slow server holds back is not missing from the quantiles
// (coordinated omission; Tene, "How NOT to Measure Latency").
package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/poll"
)

// Plan says what is sent where. The zero value of what is optional means one, or none.
type Plan struct {
	Network, Address string // as of net.Dial: tcp, tcp4, tcp6 or unix

	Request []byte // each request
	Answer  []byte // what each is answered with

	Conns   int     // connections, at least 1
	Depth   int     // closed loop: requests in flight on each connection
	Rate    float64 // open loop: requests a second, on all connections together; 0: closed loop
	Threads int     // threads that share the connections
}

// Result is what a run has measured.
type Result struct {
	Requests int
	Took     time.Duration // from the first request to the last answer
	CPU      time.Duration // of the whole process that sends

	// Latency is of each request in an open loop, from the time at which it was due; in a
	// closed loop of the requests in flight on a connection together.
	Latency Histogram
	// Late is how late an open loop has sent each request: the generator's own share.
	Late Histogram
}

// ErrAnswer says that a server has answered something else than was planned.
var ErrAnswer = errors.New("not the answer that was planned")

// Generator is a load generator with open connections. One goroutine at a time may use it.
type Generator struct {
	plan    Plan
	threads []*thread
}

// Open connects. It blocks until all connections are there.
func Open(p Plan) (*Generator, error) {
	p.Depth, p.Threads = max(p.Depth, 1), min(max(p.Threads, 1), p.Conns)
	if p.Conns < 1 || len(p.Request) == 0 || len(p.Answer) == 0 || p.Rate < 0 {
		return nil, errors.New("load: open: a plan has connections, a request, an answer, and no negative rate")
	}
	g := &Generator{plan: p}
	chunk := bytes.Repeat(p.Request, max(p.Depth, 1+(16<<10)/len(p.Request)))
	for range p.Threads {
		poller, err := poll.New()
		if err != nil {
			_ = g.Close()
			return nil, fmt.Errorf("load: open: %w", err)
		}
		g.threads = append(g.threads, &thread{
			plan: &g.plan, poller: poller, chunk: chunk, buf: make([]byte, 64<<10),
		})
	}
	for i := range p.Conns {
		if err := g.threads[i%p.Threads].connect(); err != nil {
			_ = g.Close()
			return nil, fmt.Errorf("load: open: connection %d: %w", i, err)
		}
	}
	return g, nil
}

// Close closes the connections.
func (g *Generator) Close() (err error) {
	for _, t := range g.threads {
		for _, c := range t.conns {
			err = errors.Join(err, unix.Close(c.fd))
		}
		err = errors.Join(err, t.poller.Close())
	}
	g.threads = nil
	return err
}

// Run sends n requests and blocks until all are answered. After an error the generator can
// only be closed.
func (g *Generator) Run(n int) (Result, error) {
	var all sync.WaitGroup
	errs := make([]error, len(g.threads))
	before, begin := processTime(), clock.Now()
	for i, t := range g.threads {
		share := n / len(g.threads)
		if i < n%len(g.threads) {
			share++
		}
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			errs[i] = t.run(share, begin, i)
		})
	}
	all.Wait()
	r := Result{Requests: n, Took: time.Duration(clock.Now() - begin), CPU: processTime() - before}
	for _, t := range g.threads {
		r.Latency.Merge(&t.latency)
		r.Late.Merge(&t.late)
	}
	if err := errors.Join(errs...); err != nil {
		return r, fmt.Errorf("load: run: %w", err)
	}
	return r, nil
}

// processTime returns the processor time that this process has used.
func processTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// thread is what one thread serves.
type thread struct {
	plan   *Plan
	poller *poll.Poller
	conns  []*conn
	chunk  []byte // requests, one behind the other
	buf    []byte
	events [256]poll.Event

	left     int // requests that are not sent yet
	answers  int // that are awaited
	latency  Histogram
	late     Histogram
	turn     int // the connection whose turn it is, in an open loop
	sentLast []*conn
}

// conn is a connection, whose requests and answers are one stream of bytes each.
type conn struct {
	fd      int
	unsent  int     // bytes that are due
	offset  int     // of the next of them in its request
	matched int     // bytes of the next answer that have come
	waiting int     // requests in flight that are not answered
	begun   int64   // closed loop: when they were sent
	due     []int64 // open loop: when each of them was due
	queued  bool    // in sentLast
}

// connect opens a connection of the thread.
func (t *thread) connect() error {
	nc, err := net.Dial(t.plan.Network, t.plan.Address)
	if err != nil {
		return err
	}
	defer nc.Close()
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return fmt.Errorf("network %s: %w", t.plan.Network, errors.ErrUnsupported)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	fd, dup := -1, error(nil)
	if err := raw.Control(func(old uintptr) { fd, dup = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return err
	}
	if dup != nil {
		return fmt.Errorf("dup: %w", dup)
	}
	if err := t.poller.Add(fd, uint64(len(t.conns))); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	t.conns = append(t.conns, &conn{fd: fd})
	return nil
}

// run sends n requests from begin on and waits for the answers. Thread i of an open loop
// sends every so manyth of all.
func (t *thread) run(n int, begin int64, i int) error {
	t.left, t.answers = n, n
	t.latency, t.late = Histogram{}, Histogram{}
	gap := 0.0
	if t.plan.Rate > 0 {
		gap = 1e9 * float64(t.plan.Threads) / t.plan.Rate
	} else {
		now := clock.Now()
		for _, c := range t.conns {
			if err := t.next(c, now); err != nil {
				return err
			}
		}
	}
	for sent := 0; t.answers > 0; {
		wait := int64(poll.Forever)
		if gap > 0 && t.left > 0 {
			due := func() int64 { return begin + int64(gap*(float64(sent)+float64(i)/float64(t.plan.Threads))) }
			now := clock.Now()
			for ; t.left > 0 && due() <= now; sent++ {
				t.add(due(), now)
			}
			for _, c := range t.sentLast {
				c.queued = false
				if err := t.send(c); err != nil {
					return err
				}
			}
			t.sentLast = t.sentLast[:0]
			if t.left > 0 {
				wait = max(due()-clock.Now(), 0)
			}
		}
		k, err := t.poller.Wait(t.events[:], wait)
		if err != nil {
			return err
		}
		now := clock.Now()
		for _, e := range t.events[:k] {
			if err := t.ready(t.conns[e.Key], e.Mode, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// next sends a connection's next requests in a closed loop.
func (t *thread) next(c *conn, now int64) error {
	k := min(t.plan.Depth, t.left)
	t.left -= k
	c.waiting, c.begun = k, now
	c.unsent = k * len(t.plan.Request)
	return t.send(c)
}

// add makes a request due in an open loop, on the next connection.
func (t *thread) add(due, now int64) {
	c := t.conns[t.turn]
	t.turn = (t.turn + 1) % len(t.conns)
	t.left--
	t.late.Add(now - due)
	c.waiting++
	c.unsent += len(t.plan.Request)
	c.due = append(c.due, due)
	if !c.queued {
		c.queued = true
		t.sentLast = append(t.sentLast, c)
	}
}

// send sends as much of what is due as the socket takes. The rest follows when it takes more.
func (t *thread) send(c *conn) error {
	for c.unsent > 0 {
		part := t.chunk[c.offset:]
		k, err := unix.Write(c.fd, part[:min(c.unsent, len(part))])
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return nil
		case err != nil:
			return fmt.Errorf("write: %w", err)
		}
		if k > 0 {
			c.unsent -= k
			c.offset = (c.offset + k) % len(t.plan.Request)
		}
	}
	return nil
}

// ready does what a connection is ready for.
func (t *thread) ready(c *conn, mode poll.Mode, now int64) error {
	if mode&poll.Write != 0 && c.unsent > 0 {
		if err := t.send(c); err != nil {
			return err
		}
	}
	if mode&(poll.Read|poll.Closed) == 0 {
		return nil
	}
	for {
		k, err := unix.Read(c.fd, t.buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return nil
		case err != nil:
			return fmt.Errorf("read: %w", err)
		case k == 0:
			return fmt.Errorf("the server has closed a connection: %w", io.ErrUnexpectedEOF)
		}
		if err := t.answered(c, t.buf[:k], now); err != nil {
			return err
		}
		if k < len(t.buf) && mode&poll.Closed == 0 {
			return nil // the socket is empty, or there is another edge; that of an end has been
		}
	}
}

// answered takes bytes that have come.
func (t *thread) answered(c *conn, b []byte, now int64) error {
	want := t.plan.Answer
	for len(b) > 0 {
		k := min(len(b), len(want)-c.matched)
		if c.waiting == 0 || !bytes.Equal(b[:k], want[c.matched:c.matched+k]) {
			return fmt.Errorf("%w: %.60q", ErrAnswer, b[:k])
		}
		b = b[k:]
		if c.matched += k; c.matched < len(want) {
			return nil
		}
		c.matched = 0
		c.waiting--
		t.answers--
		if t.plan.Rate > 0 {
			t.latency.Add(now - c.due[0])
			c.due = c.due[1:]
		}
	}
	if t.plan.Rate == 0 && c.waiting == 0 {
		t.latency.Add(now - c.begun)
		if t.left > 0 {
			return t.next(c, clock.Now())
		}
	}
	return nil
}
