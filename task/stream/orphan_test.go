package stream_test

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
	"github.com/heist-go/heist/task/stream"
)

// stock is a source of files that counts what becomes of each.
type stock struct {
	left    int // how many there still are; then comes nothing
	end     error
	made    []*file
	taken   map[*file]int
	dropped map[*file]int
	hook    bool
	never   lock.Event
}

// stream returns the source, whose files are dropped by a hook, or closed.
func (k *stock) stream() *stream.Stream[*file] {
	s := stream.Func(func(cx *task.Cx) (*file, error) {
		if k.left == 0 {
			if k.end != nil {
				return nil, k.end
			}
			return nil, k.never.Wait(cx)
		}
		k.left--
		f := &file{}
		k.made = append(k.made, f)
		return f, nil
	})
	return hooked(k, s)
}

func hooked(k *stock, s *stream.Stream[*file]) *stream.Stream[*file] {
	if k.hook {
		s = s.OnDrop(func(f *file) { k.dropped[f]++ })
	}
	return s
}

func (k *stock) take(fs ...*file) {
	for _, f := range fs {
		k.taken[f]++
	}
}

// check makes sure that each file was taken or dropped, once, and that so many were dropped.
func (k *stock) check(t *testing.T, dropped int) {
	t.Helper()
	n := 0
	for i, f := range k.made {
		gone := f.closed + k.dropped[f]
		if k.hook {
			require.Zero(t, f.closed, "the hook is there")
		}
		require.Equal(t, 1, k.taken[f]+gone, "file %d of %d: taken %d times, dropped %d times", i, len(k.made), k.taken[f], gone)
		n += gone
	}
	require.Equal(t, dropped, n, "dropped, of %d", len(k.made))
}

// keepsSome are the ways to have values in a stream that nobody has taken, of a source of five files:
// the operation that is called over and over, and how many are dropped if it is given up then.
var keepsSome = map[string]struct {
	dropped int
	of      func(k *stock, s *stream.Stream[*file]) (pull, closes op)
}{
	"Peek": {1, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		n := 0
		return func(cx *task.Cx) error {
			for ; n < 4; n++ {
				f, err := s.Next(cx)
				if err != nil {
					return err
				}
				k.take(f)
			}
			if _, err := s.Peek(cx); err != nil {
				return err
			}
			return k.never.Wait(cx)
		}, s.Close
	}},
	"Zip": {5, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		z := stream.Zip(stream.Batch(s, 5, 0).OnDrop(k.all), stream.Ticks(time.Hour))
		return pulls(z), z.Close
	}},
	"Zip, second": {1, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		k.left = 1
		z := stream.Zip(stream.Ticks(time.Hour), s)
		return pulls(z), z.Close
	}},
	"Then": {1, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		k.left = 1
		z := stream.Then(s, func(cx *task.Cx, f *file) (int, error) { return 0, k.never.Wait(cx) })
		return pulls(z), z.Close
	}},
	"ForEach": {1, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		n := 0
		return func(cx *task.Cx) error {
			return s.ForEach(cx, func(cx *task.Cx, f *file) error {
				if n++; n >= 5 {
					return k.never.Wait(cx)
				}
				k.take(f)
				return nil
			})
		}, s.Close
	}},
	"Send": {1, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		c := chans.New[*file](1)
		_ = c.TrySend(nil, &file{})
		k.left = 1
		return func(cx *task.Cx) error { return s.Send(cx, c) }, s.Close
	}},
	"Batch": {5, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		b := stream.Batch(s, 6, time.Hour)
		return pulls(b), b.Close
	}},
	"Window": {3, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		w := stream.Window(s, 2, 4) // 0 1, 4 ...
		return func(cx *task.Cx) error {
			for {
				fs, err := w.Next(cx)
				if err != nil {
					return err
				}
				k.take(fs...)
			}
		}, w.Close
	}},
	"Window, overlapping": {1, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		w := stream.Window(s, 4, 2)
		return func(cx *task.Cx) error {
			for {
				fs, err := w.Next(cx)
				if err != nil {
					return err
				}
				k.take(fs...)
			}
		}, w.Close
	}},
	"Debounce": {5, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		d := s.Debounce(time.Hour)
		return pulls(d), d.Close
	}},
	"Skip": {4, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		d := s.Skip(4)
		return func(cx *task.Cx) error {
			for {
				f, err := d.Next(cx)
				if err != nil {
					return err
				}
				k.take(f)
			}
		}, d.Close
	}},
	"Buffer": {5, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		b := s.Buffer(8)
		return stepAside(k, b), b.Close
	}},
	"Buffer of Buffer": {3, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		b := s.Buffer(1).Buffer(2)
		return stepAside(k, b), b.Close
	}},
	"Buffer of what was seen": {5, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		b := s.Buffer(8)
		aside := stepAside(k, b)
		return func(cx *task.Cx) error {
			if len(k.made) == 0 {
				if _, err := s.Peek(cx); err != nil {
					return err
				}
			}
			return aside(cx)
		}, b.Close
	}},
	"MapConcurrent": {5, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		b := hooked(k, stream.MapConcurrent(s, 8, opened))
		return stepAside(k, b), b.Close
	}},
	"MapUnordered": {5, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		b := hooked(k, stream.MapUnordered(s, 8, opened))
		return stepAside(k, b), b.Close
	}},
	"MapConcurrent, peeked": {5, func(k *stock, s *stream.Stream[*file]) (pull, op) {
		b := hooked(k, stream.MapConcurrent(s, 2, opened))
		return func(cx *task.Cx) error {
			if _, err := b.Peek(cx); err != nil {
				return err
			}
			k.left, k.end = 0, io.EOF
			return k.never.Wait(cx)
		}, b.Close
	}},
}

// stepAside starts what works ahead, and takes nothing.
func stepAside(k *stock, s *stream.Stream[*file]) pull {
	began := false
	return func(cx *task.Cx) error {
		if !began {
			began = true
			if _, err := s.Next(cx); !task.IsPending(err) {
				return fmt.Errorf("a value, or %w", err)
			}
		}
		return k.never.Wait(cx)
	}
}

// all drops a batch.
func (k *stock) all(fs []*file) {
	for _, f := range fs {
		if k.hook {
			k.dropped[f]++
		} else {
			_ = f.Close()
		}
	}
}

// TestWhatIsLeftIsDropped: the task of a stream ends, in whatever way, or closes it. What has come and was not
// taken is dropped, once.
func TestWhatIsLeftIsDropped(t *testing.T) {
	ends := map[string]op{
		"finishes":    func(*task.Cx) error { return nil },
		"fails":       func(*task.Cx) error { return errBoom },
		"panics":      func(*task.Cx) error { panic(errBoom) },
		"is canceled": nil,
		"closes":      nil,
	}
	for name, way := range keepsSome {
		for how, end := range ends {
			for _, hook := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/%v", name, how, hook), func(t *testing.T) {
					l := rig.NewLab()
					defer task.ReleaseClock(&l.Runtime)
					k := &stock{left: 5, hook: hook, taken: map[*file]int{}, dropped: map[*file]int{}}
					pull, closes := way.of(k, k.stream())
					over := false
					var of task.Waker
					var g task.Group
					g.Panicked = func(task.Task, *task.PanicError) error { return errBoom }
					task.SetPanicked(&l.Runtime, func(*task.PanicError) {})
					first := true
					g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
						switch {
						case !over:
							if first {
								of, first = cx.Waker(), false
							}
							return pull(cx)
						case how == "closes":
							return closes(cx)
						case how == "is canceled":
							return cx.Err()
						}
						return end(cx)
					}))
					l.Work()
					over = true
					if how == "is canceled" {
						g.Cancel(errBoom)
					}
					of.Wake()
					l.Work()
					_ = g.WaitContext(background)
					if name == "MapConcurrent, peeked" {
						way.dropped = len(k.made)
					}
					k.check(t, way.dropped)
				})
			}
		}
	}
}

// TestWhatWasNotBegunIsDropped: values that MapConcurrent has taken, and whose function was never called,
// or has panicked.
func TestWhatWasNotBegunIsDropped(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		for _, way := range []string{"closes", "ends", "panics"} {
			k := &stock{left: 3, taken: map[*file]int{}, dropped: map[*file]int{}}
			of := stream.MapUnordered[*file, int]
			if ordered {
				of = stream.MapConcurrent[*file, int]
			}
			s := of(k.stream(), 8, func(*task.Cx, *file) (int, error) {
				if way == "panics" {
					panic(errBoom)
				}
				t.Error("it is canceled before its turn")
				return 0, nil
			})
			run := func() error {
				return task.Run(background, seq(
					func(cx *task.Cx) error {
						_, err := s.Next(cx)
						if way != "panics" {
							require.True(t, task.IsPending(err))
							return nil
						}
						return err
					},
					func(cx *task.Cx) error {
						if way == "closes" {
							return s.Close(cx)
						}
						return nil
					},
				))
			}
			if way == "panics" {
				require.Panics(t, func() { _ = run() })
			} else {
				require.NoError(t, run())
			}
			k.check(t, 3)
		}
	}
}

// TestHookThatPanics: the others are dropped all the same.
func TestHookThatPanics(t *testing.T) {
	for name, of := range map[string]func(s *stream.Stream[int]) *stream.Stream[int]{
		"Buffer":        func(s *stream.Stream[int]) *stream.Stream[int] { return s.Buffer(8) },
		"MapConcurrent": func(s *stream.Stream[int]) *stream.Stream[int] { return stream.MapConcurrent(s, 8, same) },
		"MapUnordered":  func(s *stream.Stream[int]) *stream.Stream[int] { return stream.MapUnordered(s, 8, same) },
	} {
		t.Run(name, func(t *testing.T) {
			dropped := map[int]int{}
			var never lock.Event
			s := of(stream.Chain(stream.FromSlice(count(5)), stream.Func(func(cx *task.Cx) (int, error) {
				return 0, never.Wait(cx)
			}))).OnDrop(func(v int) {
				dropped[v]++
				panic(v)
			})
			require.Panics(t, func() {
				_ = task.Run(background, seq(
					once(func(cx *task.Cx) {
						_, err := s.Next(cx)
						require.True(t, task.IsPending(err))
					}),
					rounds(8),
				))
			})
			require.Equal(t, map[int]int{0: 1, 1: 1, 2: 1, 3: 1, 4: 1}, dropped)
		})
	}
}

// TestNextTaskGoesOn: what has no hook and needs none stays; a stream that has lost values has ended.
func TestNextTaskGoesOn(t *testing.T) {
	peek := func(s *stream.Stream[int], want int) {
		steps(t, func(cx *task.Cx) error {
			v, err := s.Peek(cx)
			require.Equal(t, want, v)
			return err
		})
	}
	s := stream.FromSlice(count(3))
	peek(s, 0)
	peek(s, 0)
	steps(t, next(t, s, 0), next(t, s, 1), next(t, s, 2), ends(t, s, io.EOF))

	dropped := 0
	r := &resource{}
	s = stream.Chain(stream.FromSlice(count(3)), stream.Of[int](r)).OnDrop(func(int) { dropped++ })
	peek(s, 0)
	require.Equal(t, 1, dropped)
	steps(t, ends(t, s, task.ErrClosed))
	require.Equal(t, 1, dropped)
	require.Equal(t, 1, r.closed)

	c := chans.New[int](1)
	a := stream.FromSlice(count(3)).OnDrop(func(int) { dropped++ })
	z := stream.Zip(a, stream.FromChan(c)) // not (1, 7)
	steps(t, once(func(cx *task.Cx) {
		_, err := z.Next(cx)
		require.True(t, task.IsPending(err))
	}))
	require.NoError(t, c.TrySend(nil, 7))
	steps(t, ends(t, z, task.ErrClosed))
	require.Equal(t, 2, dropped)
}

// TestHooksArePassedOn: operators that pass on values have the hook of their source.
func TestHooksArePassedOn(t *testing.T) {
	yes := func(int) bool { return true }
	for name, of := range map[string]func(s *stream.Stream[int]) *stream.Stream[int]{
		"Buffer":    func(s *stream.Stream[int]) *stream.Stream[int] { return s.Buffer(1) },
		"Debounce":  func(s *stream.Stream[int]) *stream.Stream[int] { return s.Take(1).Debounce(ms) },
		"Filter":    func(s *stream.Stream[int]) *stream.Stream[int] { return s.Filter(yes) },
		"Skip":      func(s *stream.Stream[int]) *stream.Stream[int] { return s.Skip(0) },
		"Take":      func(s *stream.Stream[int]) *stream.Stream[int] { return s.Take(1) },
		"TakeWhile": func(s *stream.Stream[int]) *stream.Stream[int] { return s.TakeWhile(yes) },
		"Throttle":  func(s *stream.Stream[int]) *stream.Stream[int] { return s.Throttle(ms) },
	} {
		var dropped []int
		s := of(stream.Once(7).OnDrop(func(v int) { dropped = append(dropped, v) }))
		steps(t, func(cx *task.Cx) error { _, err := s.Peek(cx); return err }, s.Close)
		require.Equal(t, []int{7}, dropped, name)
	}
	var dropped []int
	s := stream.FromSlice(count(5)).OnDrop(func(v int) { dropped = append(dropped, v) })
	w := s.Skip(1).TakeWhile(func(v int) bool { return v < 3 })
	steps(t, next(t, w, 1), next(t, w, 2), ends(t, w, io.EOF))
	require.Equal(t, []int{0, 3}, dropped)
}
