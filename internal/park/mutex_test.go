package park_test

import (
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/heist-go/heist/internal/park"
)

var _ sync.Locker = (*park.Mutex)(nil)

func TestMutexSmoke(t *testing.T) {
	var m park.Mutex
	m.Lock()
	if m.TryLock() {
		t.Error("TryLock took a lock that is held")
	}
	m.Unlock()
	if !m.TryLock() {
		t.Error("TryLock refused a free lock")
	}
	m.Unlock()
	mustPanic(t, "park: Unlock of an unlocked Mutex", m.Unlock)
}

// TestMutexStress counts in a plain variable, by Lock on some threads and by
// TryLock on one.
func TestMutexStress(t *testing.T) {
	rounds := 100_000
	if testing.Short() {
		rounds = 2_000
	}
	var m park.Mutex
	var joins []func()
	count, threads := 0, 4
	for range threads {
		joins = append(joins, thread(t, func() {
			for range rounds {
				m.Lock()
				count++
				m.Unlock()
			}
		}))
	}
	tried := 0
	joins = append(joins, thread(t, func() {
		for range rounds {
			if m.TryLock() {
				count++
				tried++
				m.Unlock()
			}
		}
	}))
	for _, join := range joins {
		join()
	}
	if count != threads*rounds+tried {
		t.Errorf("counted %d, want %d", count, threads*rounds+tried)
	}
}

// TestMutexStampede lets threads fall asleep on the lock before it is free: all
// of them come through.
func TestMutexStampede(t *testing.T) {
	rounds := 1_000
	if testing.Short() {
		rounds = 50
	}
	var m park.Mutex
	for range rounds {
		m.Lock()
		var joins []func()
		for range 3 {
			joins = append(joins, thread(t, func() {
				m.Lock()
				defer m.Unlock()
			}))
		}
		until(t, m.Contended)
		m.Unlock()
		for _, join := range joins {
			join()
		}
		if !m.TryLock() {
			t.Fatal("the lock is still held")
		}
		m.Unlock()
	}
}

// TestInlined: the fast paths are compiled into their callers, where atomics are
// instructions (a call would be too long).
func TestInlined(t *testing.T) {
	if testing.Short() || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("runs the compiler, on amd64 and arm64")
	}
	out, err := exec.Command("go", "build", "-gcflags=-m", ".").CombinedOutput()
	if err != nil {
		t.Skipf("no go command to ask: %v\n%s", err, out)
	}
	for _, method := range []string{"Lock", "TryLock", "Unlock"} {
		if line := "can inline (*Mutex)." + method + "\n"; !strings.Contains(string(out), line) {
			t.Errorf("the compiler does not say %q", line)
		}
	}
}

func BenchmarkMutex(b *testing.B) {
	b.Run("free/park", func(b *testing.B) {
		var m park.Mutex
		n := 0
		for b.Loop() {
			m.Lock()
			n++
			m.Unlock()
		}
	})
	b.Run("free/sync", func(b *testing.B) {
		var m sync.Mutex
		n := 0
		for b.Loop() {
			m.Lock()
			n++
			m.Unlock()
		}
	})
	b.Run("contended/park", func(b *testing.B) { contend(b, new(park.Mutex)) })
	b.Run("contended/sync", func(b *testing.B) { contend(b, new(sync.Mutex)) })
	b.Run("handover/park", func(b *testing.B) { handOver(b, new(park.Mutex), new(park.Mutex)) })
	b.Run("handover/sync", func(b *testing.B) { handOver(b, new(sync.Mutex), new(sync.Mutex)) })
}

// contend is two locked threads that take the lock again and again, for about
// 10 ns of work, with 100 ns between.
func contend(b *testing.B, l sync.Locker) {
	shared := 0
	worker := func() {
		own := 0
		for range b.N {
			l.Lock()
			for range 20 {
				shared++
			}
			l.Unlock()
			for range 200 {
				own++
			}
		}
		runtime.KeepAlive(own)
	}
	join := thread(b, worker)
	thread(b, worker)()
	join()
}

// handOver is a round trip between two locked threads that use two locks as
// signals: every Lock has to wait for the other thread.
func handOver(b *testing.B, ping, pong sync.Locker) {
	ping.Lock()
	pong.Lock()
	pingPong(b, ping.Unlock, ping.Lock, pong.Unlock, pong.Lock)
}
