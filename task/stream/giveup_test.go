package stream_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
	"github.com/heist-go/heist/task/stream"
)

// stage puts one more operator, which loses nothing and changes nothing, around s; and says whether it
// keeps the order.
func stage(r *rand.Rand, s *stream.Stream[int]) (of *stream.Stream[int], name string, ordered bool) {
	var mu lock.Mutex
	locked := func(cx *task.Cx, v int) (int, error) {
		if err := mu.Lock(cx); err != nil {
			return 0, err
		}
		mu.Unlock(cx)
		return v, nil
	}
	wakes := map[int]bool{}
	slow := func(cx *task.Cx, v int) (int, error) {
		if !wakes[v] {
			wakes[v] = true
			cx.Wake(cx.Waker())
			return 0, cx.Suspend()
		}
		return v, nil
	}
	n := 1 + r.IntN(3)
	switch r.IntN(13) {
	case 0:
		return stream.Map(s, func(v int) int { return v }), "Map", true
	case 1:
		return s.Filter(func(int) bool { return true }), "Filter", true
	case 2:
		return s.Buffer(n), "Buffer", true
	case 3:
		return stream.MapConcurrent(s, n, locked), "MapConcurrent", true
	case 4:
		return stream.MapUnordered(s, n, slow), "MapUnordered", n == 1
	case 5:
		return stream.Then(s, slow), "Then", true
	case 6:
		return stream.FlatMap(stream.Batch(s, n, ms), stream.FromSlice[int]), "Batch", true
	case 7:
		return stream.FlatMap(stream.Window(s, 1, 1), stream.FromSlice[int]), "Window", true
	case 8:
		return stream.Map(stream.Zip(s, stream.Repeat(1)), func(p stream.Pair[int, int]) int { return p.A }), "Zip", true
	case 9:
		return stream.Map(stream.Zip(stream.Repeat(1).Buffer(n), s), func(p stream.Pair[int, int]) int { return p.B }), "Zip, second", true
	case 10:
		return stream.Merge(stream.Empty[int](), s), "Merge", true
	case 11:
		return stream.Chain(s, stream.Empty[int]()).Throttle(ms), "Throttle", true
	default:
		return stream.FlatMap(s, stream.Once[int]), "FlatMap", true
	}
}

// TestEndsHalfway: a task pulls through any operators, and ends, or closes the stream, at some moment. Each
// value has been taken, or dropped by the function or the hook that had it, or is still in the channel: once.
func TestEndsHalfway(t *testing.T) {
	const values = 30
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		l := rig.NewLab()
		task.SetPanicked(&l.Runtime, func(*task.PanicError) {})
		seen := map[int]int{}
		see := func(v int) { seen[v]++ }
		c := chans.New[int](values)
		s := stream.FromChan(c).OnDrop(see)
		name := "FromChan"
		fails := r.IntN(200)
		wakes := map[int]int{}
		slow := func(cx *task.Cx, v int) (int, error) {
			if err := cx.Err(); err != nil {
				see(v)
				return 0, err
			}
			if fails--; fails == 0 {
				see(v)
				return 0, errBoom
			}
			if wakes[v]++; wakes[v] == 1 {
				cx.Wake(cx.Waker())
				return 0, cx.Suspend()
			}
			return v, nil
		}
		for range r.IntN(5) {
			n := 1 + r.IntN(3)
			what := r.IntN(9)
			name += fmt.Sprint(", ", what, " ", n)
			wakes = map[int]int{}
			switch what {
			case 0:
				s = s.Filter(func(int) bool { return true })
			case 1:
				s = s.Buffer(n)
			case 2:
				s = stream.MapConcurrent(s, n, slow).OnDrop(see)
			case 3:
				s = stream.MapUnordered(s, n, slow).OnDrop(see)
			case 4:
				s = stream.Then(s, slow).OnDrop(see)
			case 5:
				s = stream.Map(stream.Zip(s, stream.FromSlice(count(r.IntN(values+5)))), func(p stream.Pair[int, int]) int { return p.A }).OnDrop(see)
			case 6:
				s = stream.Merge(stream.Repeat(1).Take(0), s).OnDrop(see)
			case 7:
				s = s.Throttle(ms)
			default:
				s = stream.Map(stream.Zip(stream.Ticks(ms), s), func(p stream.Pair[time.Time, int]) int { return p.B }).OnDrop(see)
			}
		}
		way, polls := r.IntN(5), r.IntN(40)
		name = fmt.Sprintf("seed %d: way %d after %d: %s", seed, way, polls, name)
		var g task.Group
		g.Panicked = func(task.Task, *task.PanicError) error { return errBoom }
		main := task.Func(func(cx *task.Cx) error {
			for {
				if polls--; polls < 0 {
					switch way {
					case 0:
						return nil
					case 1:
						return errBoom
					case 2:
						panic(errBoom)
					case 3:
						return s.Close(cx)
					}
					g.Cancel(errBoom)
				}
				if r.IntN(3) == 0 {
					if _, err := s.Peek(cx); err != nil {
						return err
					}
					continue
				}
				v, err := s.Next(cx)
				if err != nil {
					return err
				}
				see(v)
			}
		})
		for v := range values {
			require.NoError(t, c.TrySend(nil, v))
		}
		c.Close(nil)
		g.Go(&l.Runtime, main)
		l.Run()
		_ = g.WaitContext(background)
		for v, err := c.TryRecv(nil); err == nil; v, err = c.TryRecv(nil) {
			see(v)
		}
		for v := range values {
			require.Equal(t, 1, seen[v], "%s: %d", name, v)
		}
		task.ReleaseClock(&l.Runtime)
	}
}

// TestGivenUpAndOn: a task pulls through any operators, and gives its operation up over and over: it loses
// selects and timeouts, and leaves it alone. Each value comes once, in order.
func TestGivenUpAndOn(t *testing.T) {
	const values = 30
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		l := rig.NewLab()
		c := chans.New[int](1 + r.IntN(3))
		var s *stream.Stream[int]
		name := "FromChan"
		if r.IntN(3) == 0 {
			s, name = jerky(count(values)), "jerky"
			c.Close(nil)
		} else {
			s = stream.FromChan(c)
		}
		sorted := false
		for range r.IntN(5) {
			of, what, ordered := stage(r, s)
			s, sorted = of, sorted || !ordered
			name += ", " + what
		}
		var got []int
		var sel combine.Select
		var limit combine.Timeout
		var timer task.Timer
		way, ended := -1, false
		pulled := func(cx *task.Cx) error {
			v, err := s.Next(cx)
			if err == nil {
				got = append(got, v)
			}
			return err
		}
		quits := 0
		soon := func(cx *task.Cx) error {
			if quits--; quits < 0 {
				return nil
			}
			cx.Wake(cx.Waker())
			return cx.Suspend()
		}
		var g task.Group
		g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
			for {
				if way < 0 {
					way, quits = r.IntN(5), r.IntN(4)
				}
				var err error
				switch way {
				case 0, 1:
					err = pulled(cx)
				case 2:
					_, err = sel.Wait(cx, pulled, soon)
				case 3:
					if err = limit.Wait(cx, ms, pulled); task.IsPending(err) {
						return err
					} else if err != io.EOF {
						err = nil
					}
				case 4:
					err = timer.Sleep(cx, ms)
				}
				if task.IsPending(err) {
					if way == 1 && r.IntN(2) == 0 { // and is left alone
						way, quits = 4, 0
						cx.Wake(cx.Waker())
					}
					return err
				}
				way = -1
				if ended = err == io.EOF; ended {
					return nil
				}
				if err != nil {
					return err
				}
			}
		}))
		if !c.Closed() {
			next := 0
			g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
				for ; next < values; next++ {
					if r.IntN(4) == 0 {
						if err := cx.Yield(); err != nil {
							return err
						}
					}
					if err := c.Send(cx, next); err != nil {
						return err
					}
				}
				c.Close(cx)
				return nil
			}))
		}
		l.Run()
		if sorted {
			slices.Sort(got)
		}
		at := fmt.Sprintf("seed %d: %s", seed, name)
		require.True(t, ended, "%s: it hangs, with %v", at, got)
		require.NoError(t, g.WaitContext(background), at)
		require.Equal(t, count(values), got, at)
		_, armed := l.Clock.Next()
		require.False(t, armed, "%s: a timer is left", at)
		task.ReleaseClock(&l.Runtime)
	}
}
