package timerwheel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/timerwheel"
)

const (
	tick = timerwheel.Tick
	day  = 24 * int64(time.Hour)
	year = 365 * day
)

// span returns how much time the slots of the levels below this one cover.
func span(level int) int64 { return tick << (level * timerwheel.SlotBits) }

// timers are entries whose values are their indices.
type timers []timerwheel.Entry[int]

func newTimers(n int) timers {
	ts := make(timers, n)
	for i := range ts {
		ts[i].Value = i
	}
	return ts
}

// expire returns the values of all that is due.
func expire(w *timerwheel.Wheel[int], now int64) (values []int) {
	for e := w.Expire(now); e != nil; e = w.Expire(now) {
		values = append(values, e.Value)
	}
	return values
}

// scale returns n, or a tenth of it with -short.
func scale(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

func TestSmoke(t *testing.T) {
	var w timerwheel.Wheel[int]
	ts := newTimers(4)
	empty := func() {
		t.Helper()
		_, ok := w.Next()
		require.False(t, ok)
		require.Zero(t, w.Len())
		require.Nil(t, w.Expire(0))
		require.False(t, w.Remove(&ts[0]))
		require.NoError(t, w.Check(unmoved))
	}
	empty()
	for range 3 { // the present is ahead of the deadlines, the second time
		w.Add(&ts[0], 3*tick)
		w.Add(&ts[1], 1)
		w.Add(&ts[2], 2*tick)
		require.False(t, w.Reset(&ts[3], 2*tick), "it was not armed")
		require.Equal(t, 4, w.Len())
		require.True(t, ts[1].Armed())
		require.Equal(t, int64(1), ts[1].Deadline())

		require.True(t, w.Remove(&ts[2]))
		require.False(t, w.Remove(&ts[2]))
		require.True(t, w.Reset(&ts[3], tick), "it was armed")
		require.ElementsMatch(t, []int{0, 1, 3}, expire(&w, 10*tick))
		require.False(t, ts[1].Armed())
		require.Equal(t, int64(1), ts[1].Deadline(), "it stays")
		empty()
	}
}

// TestRounding: not a unit of time early, and less than a tick late.
func TestRounding(t *testing.T) {
	for _, deadline := range []int64{-2*tick - 1, -2 * tick, -tick - 1, -tick, -1, 0, 1, tick - 1, tick, tick + 1, year, year + 1} {
		due := deadline
		for due%tick != 0 {
			due++
		}
		var w timerwheel.Wheel[int]
		ts := newTimers(1)
		w.Add(&ts[0], deadline)
		next, ok := w.Next()
		require.True(t, ok)
		require.Equal(t, due, next)
		require.Nil(t, w.Expire(due-1), "early")
		require.Same(t, &ts[0], w.Expire(due), "late")
	}
}

// TestNeverEarly arms timers at all distances, while time passes in steps of all
// sizes: each comes when its deadline has come, with the first Expire that may
// hand it out.
func TestNeverEarly(t *testing.T) {
	const crowd = 1000
	var w timerwheel.Wheel[int]
	ts, r := newTimers(crowd), rand.New(rand.NewPCG(3, 4))
	now, last, bits := int64(0), int64(0), 41
	arm := func(e *timerwheel.Entry[int]) { w.Add(e, now+r.Int64N(1<<r.IntN(bits))) }
	for i := range ts {
		arm(&ts[i])
	}
	for fired := 0; fired < scale(1_000_000); {
		last, now = now, now+r.Int64N(1<<r.IntN(bits))
		for e := w.Expire(now); e != nil; e = w.Expire(now) {
			due := timerwheel.Coalesce(e.Deadline(), tick)
			if now < e.Deadline() || due <= last && last/tick*tick > e.Deadline() {
				t.Fatalf("%d was handed out at %d; the Expire before was at %d", e.Deadline(), now, last)
			}
			fired++
			arm(e)
		}
	}
	require.Equal(t, crowd, w.Len())
	require.NoError(t, w.Check(unmoved))
}

// TestOrder: by tick, and in the order of Add within a tick, also when the entries
// have moved down several levels and later ones have not.
func TestOrder(t *testing.T) {
	var w timerwheel.Wheel[int]
	ts, r := newTimers(2000), rand.New(rand.NewPCG(5, 6))
	deadlines := make([]int64, 40)
	for i := range deadlines {
		deadlines[i] = (1 + r.Int64N(1<<r.IntN(32))) * tick
	}
	now := int64(0)
	var got []*timerwheel.Entry[int]
	for i := range ts {
		if d := deadlines[r.IntN(len(deadlines))] - r.Int64N(tick); d > now {
			w.Add(&ts[i], d)
		}
		if i%100 == 99 { // the present comes closer
			now += r.Int64N(1 << (16 + i/100))
			for e := w.Expire(now); e != nil; e = w.Expire(now) {
				got = append(got, e)
			}
		}
	}
	for e := w.Expire(math.MaxInt64); e != nil; e = w.Expire(math.MaxInt64) {
		got = append(got, e)
	}
	require.Greater(t, len(got), len(ts)/2)
	for i := range got[1:] {
		a, b := timerwheel.Coalesce(got[i].Deadline(), tick), timerwheel.Coalesce(got[i+1].Deadline(), tick)
		require.True(t, a < b || a == b && got[i].Value < got[i+1].Value,
			"%d of tick %d before %d of tick %d", got[i].Value, a/tick, got[i+1].Value, b/tick)
	}
}

// TestWrap goes over the boundaries of every level, tick by tick and at one go,
// with a timer for every tick around, and some far behind.
func TestWrap(t *testing.T) {
	const near = 70 // more than the slots of a level
	for level := range timerwheel.Levels {
		for _, boundary := range []int64{0, span(level), -span(level), span(level) * 63, -span(level) * 63, span(level) * 3} {
			for _, stride := range []int{1, 7, 2 * near} {
				t.Run(fmt.Sprintf("level=%d/boundary=%d/stride=%d", level, boundary/tick, stride), func(t *testing.T) {
					var w timerwheel.Wheel[int]
					require.Nil(t, w.Expire(boundary-near*tick))
					ts, far := newTimers(2*near), newTimers(timerwheel.Levels)
					for i := range far[1:] {
						w.Add(&far[i+1], boundary+3*near*tick+span(i))
					}
					for i := range ts {
						w.Add(&ts[i], boundary+int64(i-near+1)*tick)
					}
					for i := 0; i < len(ts); i += stride {
						now := boundary + int64(i+stride-near)*tick
						got := expire(&w, now)
						require.Len(t, got, stride)
						for k := range got {
							require.Equal(t, i+k, got[k])
						}
						require.NoError(t, w.Check(unmoved))
					}
					require.Len(t, expire(&w, math.MaxInt64), len(far)-1)
				})
			}
		}
	}
}

// TestTenYears runs periodic timers for ten simulated years, from moments at which
// something might wrap.
func TestTenYears(t *testing.T) {
	periods := []int64{int64(time.Hour), 25001 * int64(time.Second), day, 12 * day, 12*day + 1, 49*day + 17, 97 * day, year}
	for _, start := range []int64{0, span(timerwheel.Levels-1) - year, math.MaxInt64 - 11*year, -5 * year, math.MinInt64} {
		t.Run(strconv.FormatInt(start, 10), func(t *testing.T) {
			var w timerwheel.Wheel[int]
			require.Nil(t, w.Expire(start))
			ts, fired := newTimers(len(periods)), make([]int64, len(periods))
			for i := range ts {
				w.Add(&ts[i], start+periods[i])
			}
			waits := 0
			for {
				now, ok := w.Next()
				if !ok || now >= start+10*year+tick {
					break
				}
				waits++
				for e := w.Expire(now); e != nil; e = w.Expire(now) {
					if late := now - e.Deadline(); late < 0 || late >= tick {
						t.Fatalf("%d is handed out %d late", e.Deadline(), late)
					}
					fired[e.Value]++
					w.Reset(e, e.Deadline()+periods[e.Value])
				}
			}
			sum := int64(0)
			for i, n := range fired {
				require.Equal(t, 10*year/periods[i], n, "period %d", periods[i])
				sum += n
			}
			require.Less(t, int64(waits), sum*3/2, "wake-ups")
		})
	}
}

// TestJump: the work of a jump depends on what is due, not on its length. That is
// what a machine needs that was suspended, and a simulation.
func TestJump(t *testing.T) {
	var w timerwheel.Wheel[int]
	for _, to := range []int64{0, year, 2 * year, 100 * year, 290 * year} {
		visits, moves := w.Work(to)
		require.Equal(t, 1, visits, "nothing is armed")
		require.Zero(t, moves)
	}

	for _, jump := range []int64{int64(time.Millisecond), int64(time.Second), day, year, 12 * year} {
		t.Run(time.Duration(jump).String(), func(t *testing.T) {
			const due, later = 500, 5000
			var w timerwheel.Wheel[int]
			w.Work(-jump / 3) // across 0, where every digit changes
			ts, r := newTimers(due+later), rand.New(rand.NewPCG(7, 8))
			for i := range ts {
				d := -jump/3 + r.Int64N(jump)
				if i >= due {
					d += jump * 2
				}
				w.Add(&ts[i], d)
			}
			visits, moves := w.Work(jump)
			require.Equal(t, later, w.Len())
			require.LessOrEqual(t, moves, (due+later)*timerwheel.Levels)
			require.LessOrEqual(t, visits, due*timerwheel.Levels+timerwheel.Levels+1, "those due, and whose that came nearer")
		})
	}
}

// TestNextConverges: who waits for Next and calls Expire comes to the true moment
// after at most one round a level, and needs no detour if a timer is alone.
func TestNextConverges(t *testing.T) {
	for _, crowd := range []int{1, 2, 50} {
		for seed := range uint64(100) {
			var w timerwheel.Wheel[int]
			ts, r := newTimers(crowd), rand.New(rand.NewPCG(seed, 9))
			first, now := int64(math.MaxInt64), r.Int64N(year)
			w.Expire(now)
			for i := range ts {
				d := now + r.Int64N(1<<r.IntN(56))
				first = min(first, timerwheel.Coalesce(d, tick))
				w.Add(&ts[i], d)
			}
			rounds := 0
			for len(expire(&w, now)) == 0 {
				next, ok := w.Next()
				require.True(t, ok)
				require.LessOrEqual(t, next, first)
				require.Greater(t, next, now/tick*tick)
				now = next
				rounds++
			}
			require.Equal(t, first, now)
			require.LessOrEqual(t, rounds, timerwheel.Levels)
			if crowd == 1 {
				require.LessOrEqual(t, rounds, 1)
			}
		}
	}
}

// TestExpiry: what may be done between two entries that are handed out.
func TestExpiry(t *testing.T) {
	const now = 1000 * tick
	begin := func(deadlines ...int64) (*timerwheel.Wheel[int], timers) {
		w, ts := new(timerwheel.Wheel[int]), newTimers(len(deadlines))
		w.Expire(0)
		for i, d := range deadlines {
			w.Add(&ts[i], d)
		}
		return w, ts
	}
	t.Run("remove others that are due", func(t *testing.T) {
		w, ts := begin(now, now, now, now-tick, now-tick, now)
		require.Same(t, &ts[3], w.Expire(now))
		require.True(t, w.Remove(&ts[4]), "same tick")
		require.True(t, w.Remove(&ts[0]), "next tick, first")
		require.True(t, w.Remove(&ts[2]), "next tick, middle")
		require.True(t, w.Remove(&ts[5]), "next tick, last")
		require.Same(t, &ts[1], w.Expire(now))
		require.Nil(t, w.Expire(now))
		require.Zero(t, w.Len())
	})
	t.Run("postpone others that are due", func(t *testing.T) {
		w, ts := begin(now, now, now)
		require.Same(t, &ts[0], w.Expire(now))
		require.True(t, w.Reset(&ts[1], now+1))
		require.Equal(t, []int{2}, expire(w, now))
		require.Equal(t, []int{1}, expire(w, now+tick))
	})
	t.Run("advance others", func(t *testing.T) {
		w, ts := begin(tick, year, year)
		require.Same(t, &ts[0], w.Expire(now))
		require.True(t, w.Reset(&ts[1], now), "due in this round")
		require.True(t, w.Reset(&ts[2], tick), "overdue: due in the next")
		require.Equal(t, []int{1}, expire(w, now))
		require.Equal(t, []int{2}, expire(w, now))
	})
	t.Run("catch up", func(t *testing.T) {
		w, _ := begin(tick, tick)
		var moments []int64
		for e := w.Expire(now); e != nil; e = w.Expire(now) {
			moments = append(moments, e.Deadline())
			w.Add(e, e.Deadline()+now/4)
		}
		require.Equal(t, []int64{tick, tick, tick + now/4, tick + now/4, tick + now/2, tick + now/2,
			tick + now/4*3, tick + now/4*3}, moments)
	})
	t.Run("it ends whatever is re-armed", func(t *testing.T) {
		for again, want := range map[int64]int{now: 3, now - tick: 2, 0: 2, -1: 2, math.MinInt64: 2} {
			for _, from := range []int64{math.MinInt64, -year, 0} {
				var w timerwheel.Wheel[int]
				w.Expire(from)
				ts, fired := newTimers(2), 0
				w.Add(&ts[0], now)
				w.Add(&ts[1], now-tick)
				for e := w.Expire(now); e != nil; e = w.Expire(now) {
					fired++
					w.Add(e, again)
					next, ok := w.Next()
					require.True(t, ok)
					require.LessOrEqual(t, next, int64(now))
				}
				require.Equal(t, want, fired, "re-armed for %d", again)
				require.Equal(t, 2, w.Len())
				next, ok := w.Next()
				require.True(t, ok)
				require.LessOrEqual(t, next, int64(now), "the next round may follow at once")
				require.Len(t, expire(&w, now), 2)
			}
		}
	})
	t.Run("a later now begins a round", func(t *testing.T) {
		w, ts := begin(now, now)
		require.Same(t, &ts[0], w.Expire(now))
		w.Add(&ts[0], 0)
		require.Same(t, &ts[1], w.Expire(now+tick-1), "the same tick")
		require.Same(t, &ts[0], w.Expire(now+tick))
		w.Add(&ts[0], 0)
		w.Add(&ts[1], 0)
		require.True(t, w.Remove(&ts[0]), "set aside, and removed")
		require.True(t, w.Reset(&ts[1], year), "set aside, and postponed")
		require.Nil(t, w.Expire(now+9*tick))
		require.NoError(t, w.Check(unmoved))
	})
	t.Run("stop early", func(t *testing.T) {
		w, ts := begin(now, now, now+tick)
		require.Same(t, &ts[0], w.Expire(now))
		next, ok := w.Next()
		require.True(t, ok)
		require.Equal(t, int64(now), next, "there is something to do")
		require.Same(t, &ts[1], w.Expire(now+5*tick))
		require.Same(t, &ts[2], w.Expire(now+6*tick))
		require.Nil(t, w.Expire(now+6*tick))
	})
	t.Run("the present in between", func(t *testing.T) {
		w, ts := begin(tick, 9*tick)
		x := newTimers(1)
		require.Same(t, &ts[0], w.Expire(now))
		w.Add(&x[0], 5*tick) // the wheel has got to 1, and the caller to 1000
		require.Same(t, &x[0], w.Expire(now))
		require.Same(t, &ts[1], w.Expire(now))
	})
}

// TestOverdue: a deadline that has passed is due at once.
func TestOverdue(t *testing.T) {
	const now = 1000*tick + 1
	var w timerwheel.Wheel[int]
	ts := newTimers(4)
	require.Nil(t, w.Expire(now))
	for i, d := range []int64{now - 1, 0, -year, math.MinInt64} {
		w.Add(&ts[i], d)
	}
	next, ok := w.Next()
	require.True(t, ok)
	require.LessOrEqual(t, next, int64(now))
	require.Equal(t, []int{0, 1, 2, 3}, expire(&w, now))

	w.Add(&ts[0], now) // its tick has begun, but not at now
	require.Nil(t, w.Expire(now))
	require.Same(t, &ts[0], w.Expire(now+tick))
}

// TestTimeGoesBack: the present stays where it was.
func TestTimeGoesBack(t *testing.T) {
	var w timerwheel.Wheel[int]
	ts := newTimers(3)
	require.Nil(t, w.Expire(100*tick))
	w.Add(&ts[0], 100*tick)
	w.Add(&ts[1], 101*tick)
	require.Equal(t, []int{0}, expire(&w, -year))
	require.Nil(t, w.Expire(math.MinInt64))
	w.Add(&ts[2], 50*tick)
	require.Equal(t, []int{2}, expire(&w, 60*tick))
	require.Equal(t, []int{1}, expire(&w, 101*tick))
	require.NoError(t, w.Check(unmoved))
}

// Take empties a wheel, of what is due, overdue, ahead, and without end.
func TestTake(t *testing.T) {
	var w timerwheel.Wheel[int]
	ts := newTimers(6)
	require.Nil(t, w.Take())
	require.Nil(t, w.Expire(100*tick))
	for i, d := range []int64{100 * tick, 100 * tick, 101 * tick, year, math.MaxInt64} {
		w.Add(&ts[i], d)
	}
	require.NotNil(t, w.Expire(100*tick))
	w.Add(&ts[5], 0) // set aside
	got := map[int]bool{}
	for e := w.Take(); e != nil; e = w.Take() {
		require.False(t, e.Armed() || got[e.Value])
		got[e.Value] = true
		require.NoError(t, w.Check(unmoved))
	}
	require.Len(t, got, 5)
	require.Zero(t, w.Len())
	_, ok := w.Next()
	require.False(t, ok)
}

// TestEndsOfTime: both ends of int64 are deadlines and moments like others, but
// that the last two ticks never come.
func TestEndsOfTime(t *testing.T) {
	const last int64 = timerwheel.End
	t.Run("the end", func(t *testing.T) {
		for _, start := range []int64{math.MinInt64, 0, last - tick} {
			var w timerwheel.Wheel[int]
			ts := newTimers(4)
			require.Nil(t, w.Expire(start))
			for i, d := range []int64{last, last + 1, math.MaxInt64 - 1, math.MaxInt64} {
				w.Add(&ts[i], d)
			}
			require.Nil(t, w.Expire(last-1), "early")
			next, ok := w.Next()
			require.True(t, ok)
			require.Equal(t, last, next)
			require.Equal(t, []int{0}, expire(&w, math.MaxInt64))
			_, ok = w.Next()
			require.False(t, ok, "nothing will be due")
			require.Equal(t, 3, w.Len())

			w.Add(&ts[0], 0) // overdue, at the end of time
			require.Equal(t, []int{0}, expire(&w, math.MaxInt64))
			for i := range ts[1:] {
				require.True(t, w.Remove(&ts[1+i]))
			}
			require.NoError(t, w.Check(unmoved))
		}
	})
	t.Run("without end", func(t *testing.T) {
		for _, start := range []int64{math.MinInt64, 0, last} {
			var w timerwheel.Wheel[int]
			ts := newTimers(3)
			require.Nil(t, w.Expire(start))
			for i := range ts { // several: a slot of its own for each level would have to move down
				w.Add(&ts[i], math.MaxInt64-int64(i))
			}
			_, ok := w.Next()
			require.False(t, ok, "nothing is ever due")
			require.True(t, w.Reset(&ts[1], last))
			next, ok := w.Next()
			require.True(t, ok && next == last)
			require.NoError(t, w.Check(unmoved))
			require.Equal(t, []int{1}, expire(&w, math.MaxInt64))
			require.True(t, w.Remove(&ts[0]) && w.Remove(&ts[2]))
			require.NoError(t, w.Check(unmoved))
		}
	})
	t.Run("a loop at the end", func(t *testing.T) {
		var w timerwheel.Wheel[int]
		ts := newTimers(1)
		w.Add(&ts[0], 0)
		fired := 0
		for e := w.Expire(math.MaxInt64); e != nil; e = w.Expire(math.MaxInt64) {
			fired++
			w.Add(e, math.MaxInt64-int64(1)<<(61-fired%50))
			if fired == 1000 {
				t.Fatal("it does not end")
			}
		}
		require.Greater(t, fired, 40)
	})
	t.Run("the beginning", func(t *testing.T) {
		var w timerwheel.Wheel[int]
		ts := newTimers(3)
		w.Add(&ts[0], math.MinInt64)
		w.Add(&ts[1], math.MinInt64+1)
		w.Add(&ts[2], 0)
		next, ok := w.Next()
		require.True(t, ok)
		require.Equal(t, int64(math.MinInt64), next)
		require.Equal(t, []int{0}, expire(&w, math.MinInt64))
		require.Equal(t, []int{1}, expire(&w, math.MinInt64+tick))
		require.Equal(t, []int{2}, expire(&w, math.MaxInt64))
	})
}

func TestMisuse(t *testing.T) {
	for _, last := range []uint32{0, math.MaxUint32 - 1} { // then the ids wrap
		timerwheel.SetIDs(last)
		var mine, other timerwheel.Wheel[int]
		ts := newTimers(2)
		mine.Add(&ts[0], 5)
		other.Add(&ts[1], 5)
		require.PanicsWithValue(t, "timerwheel: Add of an entry that is armed: Reset moves it, Remove disarms it",
			func() { mine.Add(&ts[0], 6) })
		require.Panics(t, func() { other.Add(&ts[0], 6) })
		require.PanicsWithValue(t, "timerwheel: Remove of an entry that is armed in another wheel",
			func() { other.Remove(&ts[0]) })
		require.PanicsWithValue(t, "timerwheel: Reset of an entry that is armed in another wheel: Remove it there first",
			func() { other.Reset(&ts[0], 6) })
		require.Equal(t, int64(5), ts[0].Deadline(), "nothing has changed")
		require.NoError(t, mine.Check(unmoved))
		require.NoError(t, other.Check(unmoved))

		require.Equal(t, []int{0}, expire(&mine, tick))
		require.False(t, other.Remove(&ts[0]), "it is not armed")
		other.Add(&ts[0], 7) // another wheel may have it now
		require.True(t, other.Reset(&ts[1], 8))
		require.Equal(t, []int{1, 0}, expire(&other, tick))
	}
}

// TestCopied: builds that check find an entry that was copied while it was armed.
// Others report the copy in go vet, which this test has to get round.
func TestCopied(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("this build does not check")
	}
	var w timerwheel.Wheel[int]
	ts := newTimers(2)
	w.Add(&ts[0], 5)
	reflect.ValueOf(&ts[1]).Elem().Set(reflect.ValueOf(&ts[0]).Elem())
	require.PanicsWithValue(t, "timerwheel: the entry is not where it says: it was copied while it was armed",
		func() { w.Remove(&ts[1]) })
	require.True(t, w.Remove(&ts[0]))
	require.NoError(t, w.Check(unmoved))
}

// TestCoalesce compares with the definition.
func TestCoalesce(t *testing.T) {
	for _, d := range []int64{math.MinInt64, math.MinInt64 + 1, -1000, -64, -1, 0, 1, 63, 64, 65, 1000, 123456789} {
		for _, slack := range []int64{math.MinInt64, -1, 0, 1, 2, 3, 4, 7, 8, 100, 1000} {
			want := d
			for p := int64(2); p <= slack; p *= 2 {
				for want = d; want%p != 0; {
					want++
				}
			}
			require.Equal(t, want, timerwheel.Coalesce(d, slack), "%d with slack %d", d, slack)
		}
	}
	require.Equal(t, int64(math.MaxInt64), timerwheel.Coalesce(math.MaxInt64, 0))
	require.Equal(t, int64(math.MaxInt64), timerwheel.Coalesce(math.MaxInt64-2, 4), "the multiple does not exist")
	require.Equal(t, int64(math.MaxInt64-3), timerwheel.Coalesce(math.MaxInt64-4, 4))
	require.Equal(t, int64(1)<<62, timerwheel.Coalesce(1, math.MaxInt64))
	require.Equal(t, -int64(1)<<62, timerwheel.Coalesce(math.MinInt64/2-5, math.MaxInt64))

	// Timers with slack fall together.
	var w timerwheel.Wheel[int]
	ts, wakeups := newTimers(1000), 0
	w.Expire(0)
	for i := range ts {
		w.Add(&ts[i], timerwheel.Coalesce(int64(i)*1_000_000, 100_000_000))
	}
	for next, ok := w.Next(); ok; next, ok = w.Next() {
		if len(expire(&w, next)) > 0 {
			wakeups++
		}
	}
	require.Less(t, wakeups, 20)
}

// TestSize: a timer with some fields of its own fits into one line of the cache.
func TestSize(t *testing.T) {
	entry := reflect.TypeFor[timerwheel.Entry[*int]]()
	require.LessOrEqual(t, entry.Size(), uintptr(40), "%v", entry)
}

// TestAllocs: nothing allocates.
func TestAllocs(t *testing.T) {
	var w timerwheel.Wheel[int]
	ts, now := newTimers(100), int64(0)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for i := range ts {
			w.Add(&ts[i], now+int64(i)*tick*100)
			w.Reset(&ts[i], now+int64(i)*tick*50)
			if i%3 == 0 {
				w.Remove(&ts[i])
			}
			w.Next()
		}
		for now += year; w.Expire(now) != nil; {
		}
	}))
	require.Zero(t, w.Len())
}

// unmoved says that no entry was moved.
func unmoved(*timerwheel.Entry[int]) bool { return false }

// Look comes by the entries in the order of their slots, and stops where it is told to.
func TestLook(t *testing.T) {
	var w timerwheel.Wheel[int]
	w.Expire(1_000_000_000)
	entries := make([]timerwheel.Entry[int], 40)
	for i := range entries {
		entries[i].Value = i
		w.Add(&entries[i], 1_000_000_000+int64(len(entries)-i)<<(20+i%8)) // on several levels
	}
	seen, last := 0, int64(0)
	w.Look(func(e *timerwheel.Entry[int]) bool {
		seen++
		require.GreaterOrEqual(t, e.Deadline()>>60, last>>60)
		last = max(last, e.Deadline())
		return true
	})
	require.Equal(t, len(entries), seen)
	seen = 0
	w.Look(func(*timerwheel.Entry[int]) bool { seen++; return seen < 3 })
	require.Equal(t, 3, seen)
	first := int64(1 << 62)
	w.Look(func(e *timerwheel.Entry[int]) bool { first = min(first, e.Deadline()); return false })
	soonest := int64(1 << 62)
	for i := range entries {
		soonest = min(soonest, entries[i].Deadline())
	}
	require.Equal(t, soonest, first, "its slot is the first, and it is alone there")
}
