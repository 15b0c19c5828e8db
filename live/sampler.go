package live

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/heist-go/heist/pool"
)

// sampler looks at a pool while somebody reads.
//
//	      the first reader                      the last one
//	none ------------------> a session --------------------------> none
//	                  one goroutine looks, another dumps now and then
//
// A session has the last frame and the last dump, as they are sent, and a channel that is closed when there
// are new ones. Readers share the bytes, and know which they have had: a reader costs what it writes and nothing
// else, and a slow one misses what came meanwhile.
type sampler struct {
	pool    *pool.Pool
	options Options

	mu       sync.Mutex // guards what follows
	readers  int
	now      *session // nil: nobody reads
	sessions int      // there have been; for tests

	dumps   sync.Mutex     // held for a dump: one at a time, also of sessions that follow each other
	running sync.WaitGroup // goroutines
}

// session is a time during which somebody reads.
type session struct {
	stop    context.CancelFunc
	mu      sync.Mutex // guards what follows
	frame   message
	tasks   message
	times   message
	changed chan struct{} // closed when one of them has changed
}

// messages are tasks, times, and the frame, in the order in which they are sent.
type messages [3]message

// message is something that is sent.
type message struct {
	number uint64 // from 1 on
	body   []byte // JSON
	event  []byte // the same as an event of a stream
}

const (
	// looksInFrame is how many looks a frame has.
	looksInFrame = 10
	// dumpEvery is how often tasks are looked at, at most, and dumpShare by how much longer than a dump it is until
	// the next one: dumps take no more than a twentieth of a processor, however many tasks there are.
	dumpEvery = time.Second
	dumpShare = 20
	// timesEvery is how often it is told how long things take, at most.
	timesEvery = time.Second
	// keptStalls is how many stalls a frame has.
	keptStalls = 16
	// shownShapes is how many shapes of tasks a dump tells apart.
	shownShapes = 200
	// maxLanes is how many workers are told one by one.
	maxLanes = 256
)

// join returns the session for a reader, which calls leave.
func (s *sampler) join() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readers++; s.readers == 1 {
		ctx, stop := context.WithCancel(context.Background())
		s.now = &session{stop: stop, changed: make(chan struct{})}
		n := s.now
		s.sessions++
		s.running.Add(2)
		go func() { defer s.running.Done(); s.look(ctx, n) }()
		go func() { defer s.running.Done(); s.dump(ctx, n) }()
	}
	return s.now
}

func (s *sampler) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readers--; s.readers == 0 {
		s.now.stop()
		s.now = nil
	}
}

// latest returns what there is, and what is closed when there is more.
func (n *session) latest() (all messages, changed <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return messages{n.tasks, n.times, n.frame}, n.changed
}

// publish has readers see a message.
func (n *session) publish(to *message, event string, number uint64, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("live: a %s cannot be written as JSON: %v", event, err)) // its types are ours
	}
	m := message{number: number, body: body, event: fmt.Appendf(nil, "event: %s\ndata: %s\n\n", event, body)}
	n.mu.Lock()
	defer n.mu.Unlock()
	*to = m
	close(n.changed)
	n.changed = make(chan struct{})
}

// look makes frames until ctx is done.
func (s *sampler) look(ctx context.Context, n *session) {
	defer s.pool.Watch()()
	apart := s.options.Every / looksInFrame
	ticks := time.NewTicker(apart)
	defer ticks.Stop()
	f := film{pool: s.pool, began: time.Now(), before: s.pool.Stats()}
	metrics, timed := s.pool.Metrics(), uint64(0)
	for number := uint64(1); ; number++ {
		f.begin()
		for range looksInFrame {
			select {
			case <-ctx.Done():
				return
			case now := <-ticks.C:
				f.look(now)
			}
		}
		n.publish(&n.frame, "frame", number, f.end(number))
		if f.at.Sub(metrics.At) >= timesEvery {
			m := s.pool.Metrics()
			t := times(metrics, m)
			metrics, timed = m, timed+1
			t.Number = timed
			n.publish(&n.times, "times", timed, t)
		}
	}
}

// dump looks at what tasks wait for, until ctx is done.
func (s *sampler) dump(ctx context.Context, n *session) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for number := uint64(1); ; number++ {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		t := Tasks{Schema: schema, Number: number}
		s.dumps.Lock()
		if ctx.Err() != nil {
			s.dumps.Unlock()
			return
		}
		began := time.Now()
		t.Dump = s.pool.Dump(pool.DumpOptions{Samples: 1, Shapes: shownShapes, Stacks: s.options.Stacks})
		took := time.Since(began)
		s.dumps.Unlock()
		every := max(dumpEvery, dumpShare*took)
		t.Took, t.Every = milliseconds(took), milliseconds(every)
		n.publish(&n.tasks, "tasks", number, t)
		timer.Reset(every)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

// film makes frames of looks.
type film struct {
	pool   *pool.Pool
	began  time.Time  // the frame
	before pool.Stats // at its beginning
	at     time.Time  // the last look
	looks  int
	seen   []pool.Activity
	lanes  []Lane
	index  map[int]int // of workers in lanes
	first  map[int]pool.Activity
	kinds  map[string]int
	names  []string
	stalls []*Stall // the latest last
}

// begin begins a frame.
func (f *film) begin() {
	f.lanes, f.looks, f.names = []Lane{}, 0, []string{}
	f.index, f.kinds = map[int]int{}, map[string]int{}
	if f.first == nil {
		f.first = map[int]pool.Activity{}
	}
}

// look looks at all workers.
func (f *film) look(now time.Time) {
	f.at = now
	f.seen = f.pool.Activity(f.seen[:0])
	for i := range f.seen[:min(len(f.seen), maxLanes)] {
		a := &f.seen[i]
		at, ok := f.index[a.Worker]
		if !ok {
			at = len(f.lanes)
			f.index[a.Worker] = at
			f.lanes = append(f.lanes, Lane{Worker: a.Worker, Spare: a.Spare})
			if _, ok := f.first[a.Worker]; !ok {
				f.first[a.Worker] = *a
			}
		}
		l := &f.lanes[at]
		for len(l.Cells) < f.looks {
			l.Cells = append(l.Cells, absent)
		}
		cell := int(a.State)
		if a.Kind != "" {
			k, ok := f.kinds[a.Kind]
			if !ok {
				f.names = append(f.names, a.Kind)
				k = len(f.names)
				f.kinds[a.Kind] = k
			}
			cell += cellStates * k
		}
		l.Cells = append(l.Cells, cell)
		l.State, l.Queued, l.Inbox = a.State.String(), a.Queued, a.Inbox
		f.stall(a, now)
	}
	f.looks++
}

// absent is the cell of a worker that was not there.
const absent = -1

// stall follows polls that take long.
func (f *film) stall(a *pool.Activity, now time.Time) {
	i := slices.IndexFunc(f.stalls, func(s *Stall) bool { return s.Worker == a.Worker && !s.Ended })
	switch {
	case a.State != pool.Stuck:
		if i >= 0 {
			f.stalls[i].Ended = true
		}
		return
	case i < 0:
		if len(f.stalls) == keptStalls {
			f.stalls = slices.Delete(f.stalls, 0, 1)
		}
		i = len(f.stalls)
		f.stalls = append(f.stalls, &Stall{Worker: a.Worker, Began: now.Add(-a.For)})
	}
	st := f.stalls[i]
	st.For = milliseconds(a.For)
	if a.Kind != "" {
		st.Kind = a.Kind
	}
}

// end ends a frame.
func (f *film) end(number uint64) *Frame {
	stats, queued := f.pool.Stats(), 0
	for i := range f.lanes {
		l := &f.lanes[i]
		for len(l.Cells) < f.looks {
			l.Cells = append(l.Cells, absent)
		}
		queued += l.Queued
	}
	for i := range f.seen[:min(len(f.seen), maxLanes)] {
		a := &f.seen[i]
		l, first := &f.lanes[f.index[a.Worker]], f.first[a.Worker]
		l.Polls, l.Parks, l.Thefts = a.Polls-first.Polls, a.Parks-first.Parks, a.Thefts-first.Thefts
		f.first[a.Worker] = *a
	}
	slices.SortFunc(f.lanes, func(a, b Lane) int { return a.Worker - b.Worker })
	frame := &Frame{
		Schema: schema, Number: number, At: f.at, Looks: f.looks, Apart: milliseconds(f.at.Sub(f.began)) / float64(f.looks),
		Now: figures(&stats, queued), Rates: rates(&f.before, &stats, f.at.Sub(f.began)), Kinds: f.names, Workers: f.lanes,
	}
	frame.Stalls = []Stall{}
	for _, s := range slices.Backward(f.stalls) {
		frame.Stalls = append(frame.Stalls, *s)
	}
	f.before, f.began = stats, f.at
	return frame
}
