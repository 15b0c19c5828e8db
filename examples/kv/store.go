package main

import (
	"errors"
	"strconv"
	"time"

	"github.com/puzpuzpuz/xsync/v4"
)

// store is the data: values that may expire. Any thread. Reads take no lock, writes one
// of a bucket, for the time of an assignment: a worker may do that.
type store struct{ m *xsync.Map[string, entry] }

// entry is a value. It is replaced, never changed.
type entry struct {
	value   []byte
	expires int64 // in Unix nanoseconds; 0: never
}

func newStore() *store { return &store{xsync.NewMap[string, entry]()} }

// gone reports whether the entry has expired.
func (e entry) gone(now time.Time) bool { return e.expires != 0 && e.expires <= now.UnixNano() }

func (s *store) get(now time.Time, key []byte) (entry, bool) {
	e, ok := s.m.Load(string(key))
	return e, ok && !e.gone(now)
}

// change replaces the entry of a key by what f makes of it; ok says whether there is
// one, and keep whether there is one then.
func (s *store) change(now time.Time, key []byte, f func(e entry, ok bool) (_ entry, keep bool)) {
	s.m.Compute(string(key), func(e entry, ok bool) (entry, xsync.ComputeOp) {
		if ok && e.gone(now) {
			e, ok = entry{}, false
		}
		if e, keep := f(e, ok); keep {
			return e, xsync.UpdateOp
		}
		return entry{}, xsync.DeleteOp
	})
}

var (
	errNotInteger = errors.New("ERR value is not an integer or out of range")
	errOverflow   = errors.New("ERR increment or decrement would overflow")
)

// add adds to a number.
func (s *store) add(now time.Time, key []byte, by int64) (sum int64, err error) {
	s.change(now, key, func(e entry, ok bool) (entry, bool) {
		var n int64
		if ok {
			if n, err = strconv.ParseInt(string(e.value), 10, 64); err != nil {
				err = errNotInteger
				return e, true
			}
		}
		if sum = n + by; by > 0 != (sum > n) && by != 0 {
			err = errOverflow
			return e, ok
		}
		e.value = strconv.AppendInt(nil, sum, 10)
		return e, true
	})
	return sum, err
}

// remove removes a key.
func (s *store) remove(now time.Time, key []byte) (was bool) {
	s.change(now, key, func(_ entry, ok bool) (entry, bool) {
		was = ok
		return entry{}, false
	})
	return was
}

// sweep removes up to most entries that have expired, and returns how many it has.
func (s *store) sweep(now time.Time, most int) (n int) {
	s.m.Range(func(key string, e entry) bool {
		if e.gone(now) {
			s.change(now, []byte(key), func(e entry, ok bool) (entry, bool) { return e, ok })
			n++
		}
		return n < most
	})
	return n
}
