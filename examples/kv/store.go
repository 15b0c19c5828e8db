package main

import (
	"errors"
	"hash/maphash"
	"strconv"
	"time"

	"github.com/heist-go/heist/internal/pad"
	"github.com/heist-go/heist/internal/park"
	"github.com/heist-go/heist/timerwheel"
)

// store is the data: values that may expire. Any thread. Time is in nanoseconds since the
// store was made: setting the machine's clock does not move it.
//
// It is cut into shards so that workers seldom meet. Each has a lock that is held for
// a few instructions, about one key; so a command about several keys is not atomic. It
// is a [park.Mutex], because one who waits for a sync.Mutex on a worker's locked thread
// goes the long way through Go's scheduler.
type store struct {
	start  time.Time
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu      park.Mutex // guards what follows
	entries map[string]*entry
	expiry  timerwheel.Wheel[*entry]
	_       pad.Line
}

// entry is a key and its value. The bytes of a value are replaced, never changed: who
// has got them under the lock may read them after it.
type entry struct {
	key   string
	value []byte
	timer timerwheel.Entry[*entry] // armed if it expires
}

func newStore() *store {
	s := &store{start: time.Now(), seed: maphash.MakeSeed()}
	s.clear()
	return s
}

// at is a moment as the store counts.
func (s *store) at(t time.Time) int64 { return int64(t.Sub(s.start)) }

// lock locks the shard of a key.
func (s *store) lock(key []byte) *shard {
	h := &s.shards[maphash.Bytes(s.seed, key)%uint64(len(s.shards))]
	h.mu.Lock()
	return h
}

// find returns the entry of a key, or nil. One that has expired goes now, if the
// sweeper has not come to it.
func (h *shard) find(now int64, key []byte) *entry {
	e := h.entries[string(key)]
	if e != nil && e.timer.Armed() && e.timer.Deadline() <= now {
		h.drop(e)
		return nil
	}
	return e
}

func (h *shard) put(key, value []byte) *entry {
	e := &entry{key: string(key), value: value}
	e.timer.Value = e
	h.entries[e.key] = e
	return e
}

func (h *shard) drop(e *entry) {
	h.expiry.Remove(&e.timer)
	delete(h.entries, e.key)
}

// get returns the value of a key.
func (s *store) get(now int64, key []byte) (value []byte, ok bool) {
	h := s.lock(key)
	defer h.mu.Unlock()
	if e := h.find(now, key); e != nil {
		return e.value, true
	}
	return nil, false
}

// setting is what SET does beside setting a value.
type setting struct {
	nx, xx  bool  // only if the key is not there, or is there
	keep    bool  // leave the expiry as it is
	expires int64 // 0: never
}

// set sets the value, which belongs to the store from now on. It returns the old one.
func (s *store) set(now int64, key, value []byte, how setting) (old []byte, was, done bool) {
	h := s.lock(key)
	defer h.mu.Unlock()
	e := h.find(now, key)
	if was = e != nil; was {
		old = e.value
	}
	if how.nx && was || how.xx && !was {
		return old, was, false
	}
	if was {
		e.value = value
	} else {
		e = h.put(key, value)
	}
	if how.expires != 0 {
		h.expiry.Reset(&e.timer, how.expires)
	} else if !how.keep {
		h.expiry.Remove(&e.timer)
	}
	return old, was, true
}

// remove removes a key, and reports whether it was there.
func (s *store) remove(now int64, key []byte) bool {
	h := s.lock(key)
	defer h.mu.Unlock()
	e := h.find(now, key)
	if e != nil {
		h.drop(e)
	}
	return e != nil
}

var (
	errNotInteger = errors.New("ERR value is not an integer or out of range")
	errOverflow   = errors.New("ERR increment or decrement would overflow")
)

// integer reads a number as strictly as Redis: without a sign, zeros or spaces that
// could be left out.
func integer(b []byte) (int64, error) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	var digits [20]byte
	if err != nil || string(strconv.AppendInt(digits[:0], n, 10)) != string(b) {
		return 0, errNotInteger
	}
	return n, nil
}

// add adds to a number, which is 0 if there is none.
func (s *store) add(now int64, key []byte, by int64) (sum int64, err error) {
	h := s.lock(key)
	defer h.mu.Unlock()
	e := h.find(now, key)
	if e != nil {
		if sum, err = integer(e.value); err != nil {
			return 0, err
		}
	}
	old := sum
	if sum += by; (by > 0) != (sum > old) && by != 0 {
		return 0, errOverflow
	}
	value := strconv.AppendInt(nil, sum, 10)
	if e != nil {
		e.value = value
	} else {
		h.put(key, value)
	}
	return sum, nil
}

// expire has a key expire; at a time that has passed, at once.
func (s *store) expire(now int64, key []byte, at int64) bool {
	h := s.lock(key)
	defer h.mu.Unlock()
	e := h.find(now, key)
	switch {
	case e == nil:
		return false
	case at <= now:
		h.drop(e)
	default:
		h.expiry.Reset(&e.timer, at)
	}
	return true
}

// persist has a key not expire, and reports whether it would have.
func (s *store) persist(now int64, key []byte) bool {
	h := s.lock(key)
	defer h.mu.Unlock()
	e := h.find(now, key)
	return e != nil && h.expiry.Remove(&e.timer)
}

// deadline returns when a key expires, 0 if never.
func (s *store) deadline(now int64, key []byte) (at int64, ok bool) {
	h := s.lock(key)
	defer h.mu.Unlock()
	e := h.find(now, key)
	if e != nil && e.timer.Armed() {
		at = e.timer.Deadline()
	}
	return at, e != nil
}

// size returns the number of keys, with those that have expired and are still there.
func (s *store) size() (n int) {
	for i := range s.shards {
		h := &s.shards[i]
		h.mu.Lock()
		n += len(h.entries)
		h.mu.Unlock()
	}
	return n
}

// clear removes all keys.
func (s *store) clear() {
	for i := range s.shards {
		h := &s.shards[i]
		h.mu.Lock()
		if h.entries == nil || len(h.entries) > 0 {
			h.entries = map[string]*entry{}
		}
		if h.expiry.Len() > 0 {
			h.expiry = timerwheel.Wheel[*entry]{}
		}
		h.mu.Unlock()
	}
}

// sweep removes up to most keys that have expired, and returns how many it has. A lock
// is held for one of them.
func (s *store) sweep(now int64, most int) (n int) {
	for i := range s.shards {
		for h := &s.shards[i]; n < most && h.expire(now); n++ {
		}
	}
	return n
}

// expire removes one key that has expired, and reports whether there was one.
func (h *shard) expire(now int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.expiry.Expire(now)
	if e != nil {
		delete(h.entries, e.Value.key)
	}
	return e != nil
}
