package timerwheel_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/heist-go/heist/timerwheel"
)

const second = int64(time.Second)

// timer is what a program embeds an entry in.
type timer struct {
	timerwheel.Entry[*timer]
	_ [3]uint64 // fields of its own
}

// wheelOf returns a wheel at moment 0 with n timers in it, due at random within d.
func wheelOf(n int, d int64) (*timerwheel.Wheel[*timer], []timer) {
	w, ts, r := new(timerwheel.Wheel[*timer]), make([]timer, n), rand.New(rand.NewPCG(1, 1))
	w.Expire(0)
	for i := range ts {
		ts[i].Value = &ts[i]
		w.Add(&ts[i].Entry, 1+r.Int64N(d))
	}
	return w, ts
}

// sizes are the numbers of armed timers that show how costs grow.
var sizes = []int{1_000, 100_000, 1_000_000}

// BenchmarkArmCancel is a timeout that does not happen: armed for half a minute,
// and cancelled.
func BenchmarkArmCancel(b *testing.B) {
	b.Run("wheel", func(b *testing.B) {
		w, ts := wheelOf(1, second)
		e, now := &ts[0].Entry, int64(0)
		w.Remove(e)
		b.ReportAllocs()
		for b.Loop() {
			now += 1000
			w.Add(e, now+30*second)
			w.Remove(e)
		}
	})
	b.Run("AfterFunc", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			time.AfterFunc(30*time.Second, func() {}).Stop()
		}
	})
}

// BenchmarkReset moves timers, in an order of its own, while n are armed: to
// anywhere within a minute (random), or half a minute ahead of the present, as a
// connection does that was not idle (timeout).
func BenchmarkReset(b *testing.B) {
	kinds := []struct {
		name string
		// ahead returns how far ahead of the present the next deadline is.
		ahead func(r *rand.Rand) int64
	}{
		{"random", func(r *rand.Rand) int64 { return 1 + r.Int64N(60*second) }},
		{"timeout", func(*rand.Rand) int64 { return 30 * second }},
	}
	for _, kind := range kinds {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/wheel/n=%d", kind.name, n), func(b *testing.B) {
				w, ts := wheelOf(n, 60*second)
				r, start := rand.New(rand.NewPCG(2, 2)), time.Now()
				now := int64(0)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if i%100 == 0 { // as a loop would that has other things to do
						now = int64(time.Since(start))
						for e := w.Expire(now); e != nil; e = w.Expire(now) {
							w.Add(e, now+60*second)
						}
					}
					w.Reset(&ts[r.IntN(n)].Entry, now+kind.ahead(r))
				}
			})
			b.Run(fmt.Sprintf("%s/time/n=%d", kind.name, n), func(b *testing.B) {
				r, ts := rand.New(rand.NewPCG(2, 2)), make([]*time.Timer, n)
				for i := range ts {
					ts[i] = time.AfterFunc(time.Duration(second+r.Int64N(60*second)), func() {})
				}
				b.ReportAllocs()
				for b.Loop() {
					ts[r.IntN(n)].Reset(time.Duration(kind.ahead(r)))
				}
				for _, t := range ts {
					t.Stop()
				}
			})
		}
	}
}

// BenchmarkFire arms n timers at random within a second and advances tick by tick
// until all have fired.
func BenchmarkFire(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			w, ts := wheelOf(n, second)
			r, now := rand.New(rand.NewPCG(3, 3)), int64(0)
			b.ReportAllocs()
			for b.Loop() {
				for i := range ts {
					w.Reset(&ts[i].Entry, now+r.Int64N(second))
				}
				for w.Len() > 0 {
					now += tick
					for w.Expire(now) != nil {
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/timer")
		})
	}
}

// BenchmarkArmFire is one timer that is armed and fires at the next tick, while
// others wait.
func BenchmarkArmFire(b *testing.B) {
	for _, others := range []int{0, 1_000_000} {
		b.Run(fmt.Sprintf("others=%d", others), func(b *testing.B) {
			w, ts := wheelOf(1+others, 100*year)
			w.Remove(&ts[0].Entry)
			now := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				w.Add(&ts[0].Entry, now+1)
				now += tick
				for w.Expire(now) != nil {
				}
			}
		})
	}
}

// BenchmarkGrow cancels and arms the timers one after the other, while all others
// are armed.
func BenchmarkGrow(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			w, ts := wheelOf(n, second)
			for i := range ts {
				w.Reset(&ts[i].Entry, 30*second+int64(i)*1000)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i == n {
					i = 0
				}
				w.Remove(&ts[i].Entry)
				w.Add(&ts[i].Entry, 30*second+int64(i)*1000)
			}
		})
	}
}

// BenchmarkNext asks for the next moment, with one timer armed, and with many.
func BenchmarkNext(b *testing.B) {
	for _, n := range []int{1, 1_000_000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			w, _ := wheelOf(n, 60*second)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := w.Next(); !ok {
					b.Fatal("nothing is armed")
				}
			}
		})
	}
}

// BenchmarkJump arms n timers that are due within a second or a year, and advances
// beyond all of them at one go. The year is what a suspended machine may need.
func BenchmarkJump(b *testing.B) {
	for _, n := range []int{0, 1, 1000} {
		for _, d := range []int64{second, year} {
			b.Run(fmt.Sprintf("n=%d/by=%v", n, time.Duration(d)), func(b *testing.B) {
				w, ts := wheelOf(n, 1)
				now := int64(0)
				for w.Expire(tick) != nil {
				}
				b.ReportAllocs()
				for b.Loop() {
					if now > 200*year {
						now, *w = 0, timerwheel.Wheel[*timer]{}
					}
					for i := range ts {
						w.Add(&ts[i].Entry, now+int64(i+1)*(d/1001))
					}
					for now += d; w.Expire(now) != nil; {
					}
				}
			})
		}
	}
}
