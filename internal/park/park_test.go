package park_test

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/heist-go/heist/internal/clock"
	"github.com/heist-go/heist/internal/park"
)

// patience is how long a test waits for what must happen. Nothing is measured
// with it.
const patience = 30 * time.Second

// thread runs f on a thread of its own, as a worker runs. The function it
// returns waits for the end of f.
func thread(t testing.TB, f func()) (join func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // and never unlocked: the thread ends with f
		park.Prepare()
		f()
	}()
	return func() {
		t.Helper()
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatal("the thread did not end")
		}
	}
}

// until waits for cond.
func until(t testing.TB, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); runtime.Gosched() {
		if time.Since(start) > patience {
			t.Fatal("it did not happen")
		}
	}
}

func TestSmoke(t *testing.T) {
	var p park.Parker
	p.Unpark()
	p.Park() // the token is there

	join := thread(t, p.Park)
	until(t, p.Parked)
	p.Unpark()
	join()

	if p.ParkUntil(clock.Now()) {
		t.Error("a token is left over")
	}
}

// TestStaleToken: a token waits, however late its Park comes, and there is never
// more than one.
func TestStaleToken(t *testing.T) {
	var p park.Parker
	for range 3 {
		p.Unpark()
	}
	if !p.ParkUntil(clock.Now() + int64(time.Hour)) {
		t.Error("the token is lost")
	}
	if p.ParkUntil(clock.Now()) {
		t.Error("three Unparks left two tokens")
	}
	p.Unpark()
	if !p.ParkUntil(0) {
		t.Error("a deadline in the past left the token")
	}
}

// TestStampede: many Unparks at once are one token.
func TestStampede(t *testing.T) {
	var p park.Parker
	for range 100 {
		var all sync.WaitGroup
		for range 8 {
			all.Go(p.Unpark)
		}
		p.Park()
		all.Wait()
		p.ParkUntil(0) // one of those that came after the Park
		if p.ParkUntil(0) {
			t.Fatal("two tokens")
		}
	}
}

// TestSPSC hands a plain variable back and forth between two threads: the race
// detector sees whether the tokens order its accesses.
func TestSPSC(t *testing.T) {
	rounds := 20_000
	if testing.Short() {
		rounds = 1_000
	}
	var ping, pong park.Parker
	balls := 0
	join := thread(t, func() {
		for range rounds {
			ping.Park()
			balls++
			pong.Unpark()
		}
	})
	thread(t, func() {
		for range rounds {
			balls++
			ping.Unpark()
			pong.Park()
		}
	})()
	join()
	if balls != 2*rounds {
		t.Errorf("%d of %d hand-overs", balls, 2*rounds)
	}
}

func TestDeadline(t *testing.T) {
	var p park.Parker
	thread(t, func() {
		for _, d := range []time.Duration{0, 1, time.Microsecond, 50 * time.Microsecond, time.Millisecond, 20 * time.Millisecond} {
			deadline := clock.Now() + int64(d)
			if p.ParkUntil(deadline) {
				t.Errorf("%v: a token from nowhere", d)
			}
			if early := deadline - clock.Now(); early > 0 {
				t.Errorf("%v: %d ns early", d, early)
			}
		}
		for _, deadline := range []int64{0, -1, math.MinInt64} {
			if p.ParkUntil(deadline) {
				t.Errorf("deadline %d: a token from nowhere", deadline)
			}
		}
	})()

	// A deadline that never comes.
	var got bool
	join := thread(t, func() { got = p.ParkUntil(math.MaxInt64) })
	until(t, p.Parked)
	p.Unpark()
	join()
	if !got {
		t.Error("the token is lost")
	}
}

// TestStress sends tokens, each after the last was taken, to a thread that times
// out all the time: each token is taken once.
func TestStress(t *testing.T) {
	rounds := int64(20_000)
	if testing.Short() || runtime.GOMAXPROCS(0) == 1 {
		rounds = 500 // with one P a hand-over takes milliseconds
	}
	var p, reply park.Parker
	var taken, timeouts int64
	join := thread(t, func() {
		for i := int64(0); taken < rounds; i++ {
			if p.ParkUntil(clock.Now() + i%8*1_000) {
				taken++
				reply.Unpark()
			} else {
				timeouts++
			}
		}
	})
	thread(t, func() {
		for range rounds {
			p.Unpark()
			reply.Park()
		}
	})()
	join()
	if p.ParkUntil(0) || reply.ParkUntil(0) {
		t.Error("a token is left over")
	}
	if timeouts == 0 && !testing.Short() {
		t.Error("no timeout: the race was not reached")
	}
	t.Logf("%d tokens, %d timeouts", taken, timeouts)
}

// TestGarbageCollection: a collection does not wait for a parked thread. (If it
// did, it would wait for ever: the failure is a test that hangs.)
func TestGarbageCollection(t *testing.T) {
	var p, q park.Parker
	var m park.Mutex
	m.Lock()
	joins := []func(){
		thread(t, p.Park),
		thread(t, func() { q.ParkUntil(math.MaxInt64) }),
		thread(t, func() {
			m.Lock()
			defer m.Unlock()
		}),
	}
	until(t, func() bool { return p.Parked() && q.Parked() && m.Contended() })
	start := time.Now()
	for range 10 {
		runtime.GC()
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("10 collections took %v", took)
	}
	p.Unpark()
	q.Unpark()
	m.Unlock()
	for _, join := range joins {
		join()
	}
}

func TestTwoSleepers(t *testing.T) {
	var p park.Parker
	join := thread(t, p.Park)
	until(t, p.Parked)
	mustPanic(t, "park: two threads in one Parker", p.Park)
	p.Unpark()
	p.Signal() // the word is spoilt: it no longer says that a thread sleeps
	join()
}

func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := recover(); got != want {
			t.Errorf("panic %v, want %q", got, want)
		}
	}()
	f()
}

func ExampleParker() {
	var p park.Parker
	var answer int
	go func() {
		answer = 42
		p.Unpark() // synchronizes before Park returns
	}()
	p.Park()
	fmt.Println(answer)
	// Output: 42
}

// BenchmarkToken is a park that finds its token: no system call.
func BenchmarkToken(b *testing.B) {
	var p park.Parker
	for b.Loop() {
		p.Unpark()
		p.Park()
	}
}

// BenchmarkPingPong is a round trip between two locked threads.
func BenchmarkPingPong(b *testing.B) {
	b.Run("park", func(b *testing.B) {
		var ping, pong park.Parker
		pingPong(b, ping.Unpark, ping.Park, pong.Unpark, pong.Park)
	})
	b.Run("chan", func(b *testing.B) {
		ping, pong := make(chan struct{}, 1), make(chan struct{}, 1)
		pingPong(b,
			func() { ping <- struct{}{} }, func() { <-ping },
			func() { pong <- struct{}{} }, func() { <-pong })
	})
}

func pingPong(b *testing.B, sendPing, awaitPing, sendPong, awaitPong func()) {
	join := thread(b, func() {
		for range b.N {
			awaitPing()
			sendPong()
		}
	})
	b.ResetTimer()
	thread(b, func() {
		for range b.N {
			sendPing()
			awaitPong()
		}
	})()
	b.StopTimer()
	join()
}

// BenchmarkOvershoot reports how late a timed park of 100 µs returns.
func BenchmarkOvershoot(b *testing.B) {
	const nap = 100_000
	for _, bench := range []struct {
		name  string
		sleep func(deadline int64)
	}{
		{"park", func(deadline int64) { new(park.Parker).ParkUntil(deadline) }},
		{"sleep", func(deadline int64) { time.Sleep(time.Duration(deadline - clock.Now())) }}, // sleep: it is what park is compared with
	} {
		b.Run(bench.name, func(b *testing.B) {
			thread(b, func() {
				var late int64
				for range b.N {
					deadline := clock.Now() + nap
					bench.sleep(deadline)
					late += clock.Now() - deadline
				}
				b.ReportMetric(float64(late)/float64(b.N)/1000, "µs-late/op")
			})()
		})
	}
}
