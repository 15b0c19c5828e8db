package deque_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/deque"
)

// numbers returns a deque that holds 0 to n-1, and these.
func numbers(n int) (*deque.Deque[int], []int) {
	d, xs := tiny[int](), make([]int, n)
	for i := range xs {
		xs[i] = i
		d.Push(&xs[i])
	}
	return d, xs
}

// drain steals everything.
func drain(d *deque.Deque[int]) (all []int) {
	for {
		x, r := d.Steal()
		if r != deque.Stolen {
			return all
		}
		all = append(all, *x)
	}
}

// elsewhere runs f on another thread, and returns when it is over.
func elsewhere(f func()) {
	var thread sync.WaitGroup
	thread.Go(f)
	thread.Wait()
}

func TestOwnerSteals(t *testing.T) {
	d, _ := numbers(6)
	x, _ := d.Steal()
	require.Equal(t, 0, *x)
	require.Equal(t, 5, *d.Pop())
	require.Equal(t, []int{1, 2, 3, 4}, drain(d))
	require.Nil(t, d.Pop())
}

// An owner that uses its deque as a queue does not make the ring grow: Push
// looks where top is before it does.
func TestOwnerStealsForever(t *testing.T) {
	d, xs := numbers(2)
	for i := range 1000 {
		x, _ := d.Steal()
		require.Same(t, &xs[i%2], x)
		d.Push(x)
	}
	require.Equal(t, 2, d.Cap())
}

func TestStealIf(t *testing.T) {
	d, xs := numbers(2)
	yes, no := func(*int) bool { return true }, func(*int) bool { return false }

	x, r := d.StealIf(no)
	require.Nil(t, x)
	require.Equal(t, deque.Refused, r)
	require.Equal(t, 2, d.Len(), "what was refused is still there")

	x, r = d.StealIf(func(x *int) bool { return x == &xs[0] })
	require.Same(t, &xs[0], x, "oldest")
	require.Equal(t, deque.Stolen, r)

	require.Same(t, &xs[1], d.Pop())
	x, r = d.StealIf(func(*int) bool { panic("there is nothing to ask about") })
	require.Nil(t, x)
	require.Equal(t, deque.Empty, r)

	// Somebody takes the element between the question and the claim.
	for name, somebody := range map[string]func(){
		"thief": func() { d.Steal() },
		"owner": func() { d.Pop() },
	} {
		d.Push(&xs[0])
		x, r = d.StealIf(func(*int) bool { elsewhere(somebody); return true })
		require.Nil(t, x, name)
		require.Equal(t, deque.Lost, r, name)
	}

	// Somebody takes another one: that is no loss.
	d.Push(&xs[0])
	d.Push(&xs[1])
	x, _ = d.StealIf(func(*int) bool { elsewhere(func() { d.Pop() }); return yes(nil) })
	require.Same(t, &xs[0], x)
}

func TestStealBatch(t *testing.T) {
	for _, c := range []struct {
		length, limit, n int
	}{
		{0, 10, 0}, {5, 0, 0}, {5, -1, 0},
		{1, 10, 1}, {2, 10, 1}, {3, 10, 2}, {7, 10, 4}, {8, 10, 4},
		{100, 1, 1}, {100, 10, 10}, {100, 50, 50}, {100, 51, 50},
	} {
		t.Run(strconv.Itoa(c.limit)+" of "+strconv.Itoa(c.length), func(t *testing.T) {
			d, xs := numbers(c.length)
			to, before := tiny[int](), -1
			to.Push(&before)

			first, n, r := d.StealBatch(to, c.limit)
			require.Equal(t, c.n, n)
			if n == 0 {
				require.Nil(t, first)
				require.Equal(t, deque.Empty, r)
			} else {
				require.Same(t, &xs[0], first)
				require.Equal(t, deque.Stolen, r)
			}
			want := append([]int{-1}, xs[min(1, n):n]...)
			require.Equal(t, want, drain(to))
			require.Equal(t, c.length-n, d.Len())
			require.Equal(t, append([]int(nil), xs[n:]...), drain(d))
		})
	}
}

func TestLen(t *testing.T) {
	var zero deque.Deque[int]
	require.Zero(t, zero.Len())

	d, _ := numbers(5)
	require.Equal(t, 5, d.Len())
	d.Pop()
	d.Steal()
	require.Equal(t, 3, d.Len())
	drain(d)
	require.Zero(t, d.Len())
	d.Pop()
	require.Zero(t, d.Len())

	// A look at the inside of Pop, where bottom is below top.
	var looks atomic.Int64
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for looks.Add(1) < int64(scale(500_000)) {
			if n := d.Len(); n < 0 {
				t.Errorf("length %d", n)
			}
		}
	})
	x := 1
	for looks.Load() < int64(scale(500_000)) {
		d.Push(&x)
		d.Pop()
	}
	watcher.Wait()
}

func TestPushNilPanics(t *testing.T) {
	d, _ := numbers(1)
	require.PanicsWithValue(t, "deque: Push of nil: nil is how Pop and Steal say that there is nothing",
		func() { d.Push(nil) })
	require.Equal(t, []int{0}, drain(d))
}
