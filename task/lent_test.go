package task_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

type (
	wrapped struct {
		//lint:ignore U1000 a field that holds no bytes
		string
		in [2]struct{ b []byte }
	}
	itself []itself
)

// Where mistakes are looked for, a value that directly holds lent bytes cannot be given to
// what keeps it longer than the poll; copies, and what points to them, can.
func TestMustOwn(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("with -race or -tags heistdebug")
	}
	owned := make([]byte, 10)
	again := false
	var before []byte
	require.NoError(t, runs(task.Func(func(cx *task.Cx) error {
		if again {
			require.NotPanics(t, func() { task.MustOwn(before, "lent") }, "it is not lent any more")
			return nil
		}
		again = true
		scratch := cx.Scratch(10)
		lent := cx.Lend(make([]byte, 10))
		before = lent
		for _, b := range [][]byte{scratch, scratch[9:], lent, lent[3:4], lent[:1:1]} {
			w := wrapped{}
			w.in[1].b = b
			require.PanicsWithValue(t, "lent", func() { task.MustOwn(b, "lent") })
			require.PanicsWithValue(t, "lent", func() { task.MustOwn([][]byte{owned, b}, "lent") })
			require.PanicsWithValue(t, "lent", func() { task.MustOwn(w, "lent") })
			require.PanicsWithValue(t, "lent", func() { task.MustOwn(any(w), "lent") })
			require.Panics(t, func() { _ = chans.New[wrapped](1).Send(cx, w) })
			require.Panics(t, func() { _ = chans.New[[]byte](1).TrySend(cx, b) })
			require.Panics(t, func() { _ = chans.NewMailbox[[]byte](1).Send(cx, b) })
			require.Panics(t, func() { _ = chans.NewBroadcast[[]byte](1).Send(cx, b) })
			require.Panics(t, func() { _ = chans.NewWatch[[]byte](nil).Set(cx, b) })
			require.Panics(t, func() { _ = new(chans.Oneshot[[]byte]).Send(cx, b) })
			require.Panics(t, func() { new(task.Promise[[]byte]).Resolve(b, nil) })
			require.NotPanics(t, func() { task.MustOwn(&w, "lent") })
			require.NotPanics(t, func() { task.MustOwn(b[:0], "lent") })
			require.NotPanics(t, func() { task.MustOwn(string(b), "lent") })
		}
		task.MustOwn(wrapped{}, "lent")
		task.MustOwn(itself{nil, {nil}}, "lent")
		task.MustOwn(owned, "lent")
		return cx.Yield()
	})))
	require.NotPanics(t, func() { task.MustOwn(before, "lent") })
	var h *task.Handle[[]byte]
	var panicked any
	require.NoError(t, runs(task.Func(func(cx *task.Cx) (err error) {
		if h == nil {
			h = task.Go(cx, func(cx *task.Cx) ([]byte, error) { return cx.Lend(make([]byte, 1)), nil })
		}
		defer func() { panicked = recover() }()
		_, err = h.Wait(cx)
		return err
	})))
	require.ErrorContains(t, panicked.(error), "bytes.Clone")
}
