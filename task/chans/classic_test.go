package chans_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

// Classic programs of channels, on two workers.

// Five hundred and three tasks pass a token that counts down. Known from The Computer
// Language Benchmarks Game, as is its answer.
func TestThreadRing(t *testing.T) {
	const size = 503
	passes := 1000
	if !testing.Short() {
		passes = 50_000
	}
	p := openPool(t)
	var ring [size]*chans.Chan[int]
	for i := range ring {
		ring[i] = chans.New[int](1)
	}
	var last atomic.Int64
	var g task.Group
	for i := range ring {
		in, out := ring[i], ring[(i+1)%size]
		token, has := 0, false
		g.Go(p, task.Func(func(cx *task.Cx) (err error) {
			for {
				if !has {
					if token, err = in.Recv(cx); err != nil {
						return ignoreClosed(err)
					}
					if token == 0 {
						last.Store(int64(i + 1))
						for _, c := range ring {
							c.Close(cx)
						}
						return nil
					}
					has = true
				}
				if err := out.Send(cx, token-1); err != nil {
					return err
				}
				has = false
			}
		}))
	}
	require.NoError(t, ring[0].SendContext(background, passes))
	require.NoError(t, g.WaitContext(background))
	require.EqualValues(t, passes%size+1, last.Load())
}

// color is a chameneos' color, one of three: 0, 1, 2. They change it when they meet.
type color int

// meets is the color of one who meets another one: the same if both are, else the third.
func (c color) meets(other color) color {
	if c == other {
		return c
	}
	return 3 - c - other
}

// arrival is a chameneos that waits for somebody to meet.
type arrival struct {
	color color
	met   *chans.Oneshot[color]
}

// chameneos goes to the mall again and again, until that is closed.
type chameneos struct {
	task.Frame
	mall  *chans.Mailbox[arrival]
	color color
	other chans.Oneshot[color]
	there bool
	met   int
}

func (c *chameneos) Poll(cx *task.Cx) error {
	for {
		if !c.there {
			if err := c.mall.Send(cx, arrival{c.color, &c.other}); err != nil {
				return ignoreClosed(err)
			}
			c.there = true
		}
		other, err := c.other.Recv(cx)
		if err != nil {
			return ignoreClosed(err)
		}
		c.other.Reset()
		c.there = false
		c.color = c.color.meets(other)
		c.met++
	}
}

// Chameneos of three colors meet in pairs at a place that has room for two (Kaiser and
// Pradat-Peyre, 2003). Nobody meets itself, and the number of meetings is exact.
func TestChameneos(t *testing.T) {
	meetings := 200
	if !testing.Short() {
		meetings = 20_000
	}
	p := openPool(t)
	mall := chans.NewMailbox[arrival](2)
	var g task.Group
	all := make([]*chameneos, 10)
	for i := range all {
		all[i] = &chameneos{mall: mall, color: color(i % 3)}
		g.Go(p, all[i])
	}
	var first *arrival
	left := meetings
	g.Go(p, task.Func(func(cx *task.Cx) error {
		for {
			a, err := mall.Recv(cx)
			switch {
			case err != nil:
				return ignoreClosed(err)
			case left == 0:
				a.met.Close(cx)
				continue
			case first == nil:
				first = &a
				continue
			}
			if a.met == first.met {
				t.Error("a chameneos meets itself")
			}
			if a.met.Send(cx, first.color) != nil || first.met.Send(cx, a.color) != nil {
				t.Error("one who waits to meet somebody is not there")
			}
			first = nil
			if left--; left == 0 {
				mall.Close(cx)
			}
		}
	}))
	require.NoError(t, g.WaitContext(background))
	sum := 0
	for _, c := range all {
		sum += c.met
	}
	require.Equal(t, 2*meetings, sum)
}

// sieve is a stage of the pipeline: it keeps the first number that it gets, a prime, and
// passes on what that does not divide.
type sieve struct {
	task.Frame
	g      *task.Group
	in     *chans.Chan[int]
	primes *chans.Chan[int]
	prime  int
	out    *chans.Chan[int]
	n      int
}

func (s *sieve) Poll(cx *task.Cx) (err error) {
	for {
		if s.n == 0 {
			if s.n, err = s.in.Recv(cx); err != nil {
				if !task.IsPending(err) {
					if s.out != nil {
						s.out.Close(cx)
					} else {
						s.primes.Close(cx)
					}
					return nil
				}
				return err
			}
		}
		switch {
		case s.prime == 0:
			if err := s.primes.Send(cx, s.n); err != nil {
				return err
			}
			s.prime, s.n = s.n, 0
			continue
		case s.n%s.prime != 0:
			if s.out == nil {
				s.out = chans.New[int](1)
				s.g.Go(cx, &sieve{g: s.g, in: s.out, primes: s.primes})
			}
			if err := s.out.Send(cx, s.n); err != nil {
				return err
			}
		}
		s.n = 0
	}
}

// The sieve of McIlroy's "Squinting at power series", and of Hoare's paper before it: a
// pipeline that grows with each prime. A goroutine feeds it, and another one looks on.
func TestSieve(t *testing.T) {
	p := openPool(t)
	numbers, primes := chans.New[int](4), chans.New[int](1)
	var g task.Group
	g.Go(p, &sieve{g: &g, in: numbers, primes: primes})
	g.Goroutine(p, func(ctx context.Context) error {
		defer numbers.Close(nil)
		for n := 2; n < 300; n++ {
			if err := numbers.SendContext(ctx, n); err != nil {
				return err
			}
		}
		return nil
	})
	var got []int
	for prime := range primes.Values(background) {
		got = append(got, prime)
	}
	require.NoError(t, g.WaitContext(background))
	require.Len(t, got, 62, "there are so many primes below 300")
	require.Equal(t, []int{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37}, got[:12])
	require.Equal(t, 293, got[61])
}

// Several producers and consumers of both kinds at one bounded buffer, which is never more
// than full.
func TestBoundedBuffer(t *testing.T) {
	const producers, consumers, room = 4, 3, 5
	values := scale(5000)
	each(t, func(t *testing.T, open func(int) queue) {
		p := openPool(t)
		q := open(room)
		consumers, most := consumers, room
		if _, ok := q.(*chans.Mailbox[int]); ok {
			consumers, most = 1, 2*room
		}
		var making, using task.Group
		for i := range producers {
			if i%2 == 0 {
				making.Go(p, sends(q, numbered(i, values)...))
				continue
			}
			making.Goroutine(p, func(ctx context.Context) error {
				for _, v := range numbered(i, values) {
					if err := q.SendContext(ctx, v); err != nil {
						return err
					}
				}
				return nil
			})
		}
		got := make([][]int, consumers)
		for i := range got {
			if i%2 == 1 {
				using.Goroutine(p, func(ctx context.Context) error {
					for v := range q.Values(ctx) {
						got[i] = append(got[i], v)
					}
					return nil
				})
				continue
			}
			using.Go(p, task.Func(func(cx *task.Cx) error {
				for {
					v, err := q.Recv(cx)
					if err != nil {
						return ignoreClosed(err)
					}
					got[i] = append(got[i], v)
					if c, ok := q.(*chans.Chan[int]); ok && c.Len() > most {
						t.Errorf("%d values are in it, and %d fit", c.Len(), most)
					}
				}
			}))
		}
		require.NoError(t, making.WaitContext(background))
		q.Close(nil)
		require.NoError(t, using.WaitContext(background))
		var counts [producers]int
		for _, vs := range got {
			last := [producers]int{-1, -1, -1, -1}
			for _, v := range vs {
				from := v / 1_000_000
				require.Greater(t, v%1_000_000, last[from], "of producer %d", from)
				last[from] = v % 1_000_000
				counts[from]++
			}
		}
		require.Equal(t, [producers]int{values, values, values, values}, counts)
		idle(t, q)
	})
}
