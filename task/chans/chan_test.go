package chans_test

import (
	"context"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

func TestLenAndCap(t *testing.T) {
	c := chans.New[string](3)
	require.Equal(t, 3, c.Cap())
	require.Zero(t, c.Len())
	require.NoError(t, c.TrySend(nil, "a"))
	require.NoError(t, c.TrySend(nil, "b"))
	require.Equal(t, 2, c.Len())
	require.False(t, c.Closed())
	c.Close(nil)
	require.True(t, c.Closed())
	require.Equal(t, 2, c.Len())
	_, _ = c.TryRecv(nil)
	require.Equal(t, 1, c.Len())
	require.Equal(t, 3, c.Cap())
}

// A value that is promised is not for one who comes by, nor is room.
func TestTryWhenOthersWait(t *testing.T) {
	c := chans.New[int](2)
	var got []int
	r := receives(c, &got, 1)
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, r), rounds(1),
		once(func(cx *task.Cx) {
			require.NoError(t, c.TrySend(cx, 1))
			_, err := c.TryRecv(cx)
			require.Equal(t, chans.ErrEmpty, err)
			require.NoError(t, c.TrySend(cx, 2))
			v, err := c.TryRecv(cx)
			require.NoError(t, err)
			require.Equal(t, 1, v, "the promise is of a value, not of this one")
			_, err = c.TryRecv(cx)
			require.Equal(t, chans.ErrEmpty, err)
		}),
		g.Wait,
	))
	require.Equal(t, []int{2}, got)
	idle(t, c)
}

func TestReserve(t *testing.T) {
	c := chans.New[int](2)
	var p chans.Permit[int]
	reserve := func(cx *task.Cx) (err error) {
		p, err = c.Reserve(cx)
		return err
	}
	require.NoError(t, runSteps(reserve))
	require.NoError(t, c.TrySend(nil, 1))
	require.Equal(t, chans.ErrFull, c.TrySend(nil, 2), "the room is kept")
	_, err := c.TryReserve()
	require.Equal(t, chans.ErrFull, err)
	require.Equal(t, 1, c.Len(), "but nothing is in it")
	p.Send(nil, 2)
	require.Equal(t, []int{1, 2}, rest(c), "in the order of Send")
	require.PanicsWithValue(t, "chans: a Permit was used twice, or was not obtained", func() { p.Send(nil, 3) })
	require.PanicsWithValue(t, "chans: a Permit was used twice, or was not obtained", func() { p.Release(nil) })
	require.Panics(t, func() { new(chans.Permit[int]).Send(nil, 1) })

	require.NoError(t, runSteps(reserve))
	p.Release(nil)
	require.Panics(t, func() { p.Send(nil, 3) })
	require.Empty(t, rest(c))
	idle(t, c)
}

// Room that is given back lets in who waits for it, be it a Send or a Reserve, a task or a
// goroutine.
func TestReleaseLetsTheNextIn(t *testing.T) {
	c := chans.New[int](1)
	p, err := c.TryReserve()
	require.NoError(t, err)
	var second chans.Permit[int]
	r := steps(func(cx *task.Cx) (err error) {
		second, err = c.Reserve(cx)
		return err
	})
	s := sends(c, 3)
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, r, s), rounds(1),
		once(func(cx *task.Cx) {
			require.Empty(t, r.ends)
			p.Release(cx)
		}),
		rounds(1),
		once(func(cx *task.Cx) {
			require.Equal(t, []error{nil}, r.ends)
			require.Empty(t, s.ends)
			second.Release(cx)
		}),
		g.Wait,
	))
	require.Equal(t, []int{3}, rest(c))

	p, err = c.ReserveContext(background)
	require.NoError(t, err)
	other := async(func() error {
		p, err := c.ReserveContext(background)
		if err == nil {
			p.Send(nil, 4)
		}
		return err
	})
	until(func() bool { waits, _ := c.Waiting(); return waits })
	p.Release(nil)
	require.NoError(t, other())
	require.Equal(t, []int{4}, rest(c))
	idle(t, c)
}

func TestReserveOfAClosedChan(t *testing.T) {
	c := chans.New[int](2)
	p, err := c.TryReserve()
	require.NoError(t, err)
	gone, err := c.TryReserve()
	require.NoError(t, err)
	waits := async(func() error { _, err := c.ReserveContext(background); return err })
	until(func() bool { waits, _ := c.Waiting(); return waits })
	c.Close(nil)
	require.ErrorIs(t, waits(), task.ErrClosed)
	_, err = c.TryReserve()
	require.ErrorIs(t, err, task.ErrClosed)
	_, err = c.ReserveContext(background)
	require.ErrorIs(t, err, task.ErrClosed)
	require.ErrorIs(t, runSteps(func(cx *task.Cx) error { _, err := c.Reserve(cx); return err }), task.ErrClosed)

	// What is out is still good, and receivers wait for it.
	_, err = c.TryRecv(nil)
	require.Equal(t, chans.ErrEmpty, err)
	last := async(func() []int {
		var got []int
		for v := range c.Values(background) {
			got = append(got, v)
		}
		return got
	})
	until(func() bool { _, waits := c.Waiting(); return waits })
	p.Send(nil, 1)
	until(func() bool { return c.Len() == 0 })
	until(func() bool { _, waits := c.Waiting(); return waits })
	gone.Release(nil)
	require.Equal(t, []int{1}, last())
	idle(t, c)
}

func TestReserveContextIsDone(t *testing.T) {
	c := chans.New[int](1)
	require.NoError(t, c.TrySend(nil, 1))
	ctx, cancel := context.WithCancelCause(background)
	waits := async(func() error { _, err := c.ReserveContext(ctx); return err })
	until(func() bool { waits, _ := c.Waiting(); return waits })
	cancel(errBoom)
	require.ErrorIs(t, waits(), errBoom)
	idle(t, c)
}

func TestRecvMany(t *testing.T) {
	c := chans.New[int](4)
	recv := func(dst []int) (n int, err error) {
		err = runSteps(func(cx *task.Cx) (err error) {
			n, err = c.RecvMany(cx, dst)
			return err
		})
		return n, err
	}
	var dst [8]int
	n, err := recv(nil)
	require.NoError(t, err)
	require.Zero(t, n, "nothing is asked for, so nothing to wait for")
	for v := range 4 {
		require.NoError(t, c.TrySend(nil, v+1))
	}
	n, err = recv(dst[:3])
	require.NoError(t, err)
	require.Equal(t, []int{1, 2, 3}, dst[:n])
	n, err = recv(dst[:])
	require.NoError(t, err)
	require.Equal(t, []int{4}, dst[:n], "what is there, and no more")
	c.Close(nil)
	n, err = recv(dst[:])
	require.ErrorIs(t, err, task.ErrClosed)
	require.Zero(t, n)
}

// Room for several lets in several; a closed channel that gets empty tells all who wait.
func TestRecvManyTellsOthers(t *testing.T) {
	c := chans.New[int](3)
	for v := range 3 {
		require.NoError(t, c.TrySend(nil, v))
	}
	var dst [3]int
	all := []*recorder{sends(c, 3), sends(c, 4), sends(c, 5)}
	var g task.Group
	many := func(cx *task.Cx) error {
		_, err := c.RecvMany(cx, dst[:])
		return err
	}
	require.NoError(t, runSteps(start(&g, all...), rounds(1), many, g.Wait, many))
	require.Equal(t, [3]int{3, 4, 5}, dst)
	for _, s := range all {
		require.Equal(t, []error{nil}, s.ends)
	}
	idle(t, c)
}

// It takes no value that is promised to another one.
func TestRecvManyTakesNothingOfOthers(t *testing.T) {
	c := chans.New[int](4)
	var got []int
	r := receives(c, &got, 1)
	var dst [4]int
	n := 0
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, r), rounds(1),
		once(func(cx *task.Cx) {
			for v := range 3 {
				require.NoError(t, c.TrySend(cx, v))
			}
		}),
		func(cx *task.Cx) (err error) {
			n, err = c.RecvMany(cx, dst[:])
			return err
		},
		g.Wait,
	))
	require.Equal(t, []int{0, 1}, dst[:n])
	require.Equal(t, []int{2}, got)
	idle(t, c)
}

// Nothing observable happens with Pending.
func TestRecvManyThatWaits(t *testing.T) {
	c := chans.New[int](1)
	dst := []int{7}
	require.Error(t, runSteps(func(cx *task.Cx) error {
		if _, err := c.RecvMany(cx, dst); !task.IsPending(err) {
			return err
		}
		require.Equal(t, []int{7}, dst)
		return errBoom
	}))
	c.Close(nil)
	require.ErrorIs(t, runSteps(func(cx *task.Cx) error {
		_, err := c.RecvMany(cx, dst)
		return err
	}), task.ErrClosed)
	require.Equal(t, []int{7}, dst)
}

// collected reports whether what p points to is garbage.
func collected[T any](p weak.Pointer[T]) bool {
	for range 10 {
		if p.Value() == nil {
			return true
		}
		runtime.GC()
	}
	return false
}

// What was received is not kept.
func TestValuesAreNotRetained(t *testing.T) {
	type big = [1 << 10]byte
	// pass returns a weak pointer to a value that has gone through.
	pass := func(send func(*big), recv func() *big) weak.Pointer[big] {
		v := new(big)
		send(v)
		require.Same(t, v, recv())
		return weak.Make(v)
	}
	must := func(v *big, err error) *big {
		require.NoError(t, err)
		return v
	}
	c, m := chans.New[*big](4), chans.NewMailbox[*big](4)
	var o chans.Oneshot[*big]
	for name, p := range map[string]weak.Pointer[big]{
		"Chan": pass(func(v *big) { require.NoError(t, c.TrySend(nil, v)) }, func() *big { return must(c.TryRecv(nil)) }),
		"Chan of goroutines": pass(
			func(v *big) { require.NoError(t, c.SendContext(background, v)) },
			func() *big { return must(c.RecvContext(background)) },
		),
		"Mailbox": pass(func(v *big) { require.NoError(t, m.TrySend(nil, v)) }, func() *big { return must(m.TryRecv(nil)) }),
		"Oneshot": pass(func(v *big) { require.NoError(t, o.Send(nil, v)) }, func() *big { return must(o.TryRecv()) }),
	} {
		require.True(t, collected(p), name)
	}
	kept := new(big)
	require.NoError(t, c.TrySend(nil, kept))
	p := weak.Make(kept)
	kept = nil
	require.False(t, collected(p), "what is still in it is no garbage")
	runtime.KeepAlive(c)
	runtime.KeepAlive(m)
	runtime.KeepAlive(&o)
	_ = kept
}
