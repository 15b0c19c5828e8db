package task_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// Alarms ring in the order of their deadlines, those of one deadline in the order in which
// they were armed, however many fall into one tick.
func TestClockRingsInOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, span := range []time.Duration{1, 10, tick, 3 * tick} {
		w := newWatch()
		const n = 200
		type rung struct {
			due time.Duration
			i   int
		}
		var want, got []rung
		for i := range n {
			due := time.Duration(rng.Int64N(int64(span)))
			want = append(want, rung{due, i})
			var timer task.Timer
			w.begin(sleep(&timer, due+1), once(func(*task.Cx) { got = append(got, rung{due, i}) }))
		}
		slices.SortStableFunc(want, func(a, b rung) int { return int(a.due - b.due) })
		w.clock.Advance(time.Second)
		w.work()
		require.Equal(t, want, got)
		task.ReleaseClock(&w.Runtime)
	}
}

// A step to Next fires the only timer, less than a tick after its deadline.
func TestClockNext(t *testing.T) {
	for _, d := range []time.Duration{1, tick - 1, tick, ms, time.Second, time.Hour} {
		w := newWatch()
		begun := w.clock.Now()
		var timer task.Timer
		r := w.begin(sleep(&timer, d))
		next, ok := w.clock.Next()
		require.True(t, ok)
		w.clock.Advance(next)
		w.work()
		require.True(t, ended(t, r))
		require.Less(t, w.clock.Now().Sub(begun)-d, tick)
		task.ReleaseClock(&w.Runtime)
	}
}

// A lab fires what is due when it is armed, and nothing that is not.
func TestClockOfALab(t *testing.T) {
	l := rig.NewLab()
	defer task.ReleaseClock(&l.Runtime)
	var zero, late, later task.Timer
	r := &recorder{poll: does(
		once(func(cx *task.Cx) { zero.Reset(cx, 0) }), zero.Wait,
		once(func(cx *task.Cx) {
			now := cx.Now() // which stands still
			l.Clock.Advance(time.Hour)
			late.Reset(cx, time.Second)
			require.Equal(t, now, cx.Now())
		}),
		late.Wait,
		sleep(&later, time.Second),
	)}
	task.Detach(l, r)
	l.Work()
	require.Empty(t, r.finished)
	require.True(t, later.Armed())
	l.Clock.Advance(time.Second)
	l.Work()
	require.True(t, ended(t, r))
}
