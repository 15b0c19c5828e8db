package combine_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

var errTooLong = errors.New("the other one has never been through")

// yields is an operation that yields so many times, and fails then.
func yields(n int, polls *int) combine.Op {
	return func(cx *task.Cx) error {
		for ; *polls < n; *polls++ {
			if err := cx.Yield(); err != nil {
				return err
			}
		}
		return errTooLong
	}
}

// What does nothing but yield keeps none of its neighbours waiting, in whatever order and however deep they stand.
func TestYieldBesideOneThatYields(t *testing.T) {
	once := func(cx *task.Cx) error { return cx.Yield() }
	for name, wait := range map[string]func(cx *task.Cx, loop combine.Op) error{
		"first": func() func(cx *task.Cx, loop combine.Op) error {
			var s combine.Select
			return func(cx *task.Cx, loop combine.Op) error { _, err := s.Wait(cx, loop, once); return err }
		}(),
		"last": func() func(cx *task.Cx, loop combine.Op) error {
			var s combine.Select
			return func(cx *task.Cx, loop combine.Op) error { _, err := s.Wait(cx, once, loop); return err }
		}(),
		"deeper": func() func(cx *task.Cx, loop combine.Op) error {
			var s, inner combine.Select
			return func(cx *task.Cx, loop combine.Op) error {
				_, err := s.Wait(cx, loop, func(cx *task.Cx) error { _, err := inner.Wait(cx, once); return err })
				return err
			}
		}(),
		"outside": func() func(cx *task.Cx, loop combine.Op) error {
			var s combine.Select
			return func(cx *task.Cx, loop combine.Op) error {
				if _, err := s.Wait(cx, loop); !task.IsPending(err) {
					return err
				}
				return cx.Yield()
			}
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			polls := 0
			loop := yields(1000, &polls)
			require.NoError(t, task.Run(t.Context(), task.Func(func(cx *task.Cx) error { return wait(cx, loop) })))
			require.LessOrEqual(t, polls, 3)
		})
	}
}

// Two that yield take turns.
func TestYieldInBothHalves(t *testing.T) {
	var j combine.Join2[int, int]
	var done [2]int
	half := func(i int) func(cx *task.Cx) (int, error) {
		return func(cx *task.Cx) (int, error) {
			for ; done[i] < 100; done[i]++ {
				if err := cx.Yield(); err != nil {
					return 0, err
				}
				require.InDelta(t, done[i], done[1-i], 1)
			}
			return 0, nil
		}
	}
	a, b := half(0), half(1)
	require.NoError(t, task.Run(t.Context(), task.Func(func(cx *task.Cx) error {
		_, _, err := j.Wait(cx, a, b)
		return err
	})))
}

// A poll that makes new parts without end, each of which yields, ends nevertheless.
func TestYieldInNewParts(t *testing.T) {
	const parts = 1000
	made, polls := 0, 0
	s := new(combine.Select)
	require.NoError(t, task.Run(t.Context(), task.Func(func(cx *task.Cx) error {
		for polls++; made < parts; made++ {
			if _, err := s.Wait(cx, func(cx *task.Cx) error { return cx.Yield() }); err != nil {
				return err
			}
			s = new(combine.Select)
		}
		return nil
	})))
	require.Greater(t, polls, 5)
}
