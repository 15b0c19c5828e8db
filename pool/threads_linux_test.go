package pool_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// threads returns the ids of the threads of this process.
func threads(t testing.TB) (ids []int) {
	entries, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		require.NoError(t, err)
		ids = append(ids, id)
	}
	return ids
}

// canceled waits until the kernel has ended the threads; but a worker that was given
// the main thread leaves that to the runtime, which cannot end it.
func canceled(t testing.TB, ids []int) {
	t.Helper()
	ids = slices.DeleteFunc(ids, func(id int) bool { return id == os.Getpid() })
	until(t, fmt.Sprint("the end of the threads ", ids), func() bool {
		left := threads(t)
		return !slices.ContainsFunc(ids, func(id int) bool { return slices.Contains(left, id) })
	})
}

// Nothing is left of a pool, whatever its tasks have done: no thread, no
// goroutine.
func TestNothingIsLeft(t *testing.T) {
	old := goleak.IgnoreCurrent()
	for name, work := range map[string]func(p *pool.Pool){
		"nothing":  func(*pool.Pool) {},
		"parked":   func(p *pool.Pool) { p.Go(new(tally).probe(nil)) },
		"panicked": func(p *pool.Pool) { _ = caught(func() { _ = p.Run(background, lit()) }) },
		"exited":   func(p *pool.Pool) { _ = p.Run(background, act(func(*task.Cx) { runtime.Goexit() })) },
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, 4)
			meet(t, p, 4, nil)
			work(p)
			meet(t, p, 4, nil)
			ids := p.ThreadIDs()
			require.Len(t, ids, 4)
			require.Subset(t, threads(t), ids)
			require.NoError(t, p.Close())
			canceled(t, ids)
			goleak.VerifyNone(t, old)
		})
	}
}

func TestManyPools(t *testing.T) {
	old, before := goleak.IgnoreCurrent(), runtime.GOMAXPROCS(0)
	var ids []int
	for i := range 200 {
		p := openWith(t, pool.Config{Workers: 1 + i%4})
		if i%3 > 0 {
			meet(t, p, p.Workers(), nil)
		}
		ids = append(ids, p.ThreadIDs()...)
		require.NoError(t, p.Close())
	}
	canceled(t, ids)
	goleak.VerifyNone(t, old)
	procs(t, before, "given back")
}

// usage is what a thread has used.
type usage struct {
	cpu      int // in clock ticks
	switches int
}

// used reads the usage of a thread of this process.
func used(t testing.TB, id int) (u usage) {
	path := fmt.Sprintf("/proc/self/task/%d/", id)
	stat, err := os.ReadFile(path + "stat")
	require.NoError(t, err)
	_, after, _ := strings.Cut(string(stat), ") ") // the name may hold anything
	fields := strings.Fields(after)
	const utime, stime = 11, 12 // counted from the field behind the name
	for _, i := range []int{utime, stime} {
		n, err := strconv.Atoi(fields[i])
		require.NoError(t, err)
		u.cpu += n
	}
	u.switches, err = switches(id)
	require.NoError(t, err)
	return u
}

// switches returns how often a thread of this process was switched.
func switches(id int) (n int, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/status", id))
	for line := range strings.Lines(string(status)) {
		if name, text, _ := strings.Cut(line, ":"); strings.HasSuffix(name, "voluntary_ctxt_switches") {
			k, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				return 0, err
			}
			n += k
		}
	}
	return n, err
}

// An idle pool costs nothing: its threads sleep and are not woken.
func TestIdlePoolSleeps(t *testing.T) {
	watch := 5 * time.Second
	if testing.Short() {
		watch = 200 * time.Millisecond
	}
	p := open(t, 4)
	var a tally
	for range 1000 {
		p.Go(a.probe(nil)) // parked tasks make no difference
	}
	meet(t, p, 4, nil)
	idleBut(t, p, 1000)
	ids := p.ThreadIDs()
	require.Len(t, ids, 4)
	asleep := func() (all []usage) {
		for _, id := range ids {
			all = append(all, used(t, id))
		}
		return all
	}
	until(t, "a monitor asleep", func() bool { return p.MonitorSleeps() && p.MonitorThread() != 0 })
	ids = append(ids, p.MonitorThread())
	// A thread may still be on its way into the kernel when it counts as idle, and one tick
	// of the system's clock may be somebody else's: on a busy machine a later look counts.
	var cpu, switches int
	same := false
	for range 5 {
		last, stats := asleep(), p.Stats()
		<-time.After(watch)
		cpu, switches = 0, 0
		for i, now := range asleep() {
			cpu += now.cpu - last[i].cpu
			switches += now.switches - last[i].switches
		}
		if same = stats == p.Stats(); same && cpu <= 1 && switches <= 5 {
			break
		}
	}
	require.LessOrEqual(t, cpu, 1, "CPU time of the workers")
	require.LessOrEqual(t, switches, 5, "their context switches")
	require.True(t, same, "the pool has counted something")
}

// A worker that parks often, or a monitor that sleeps by a timer, does not keep the runtime's monitor from
// its sleep: it looks every 20 µs for some time after it has taken a processor away.
func TestMonitorSleeps(t *testing.T) {
	if slow() {
		t.Skip("it watches for a second")
	}
	p := open(t, 2)
	const watch = time.Second
	var most int
	for range 5 {
		var ticks int
		ticker := task.Ticker{Every: time.Millisecond}
		var before map[int]int
		require.NoError(t, p.Run(background, task.Func(func(cx *task.Cx) error {
			if before == nil {
				before = othersSwitches(t, p)
			}
			for ; ticks < int(watch/ticker.Every); ticks++ {
				if _, err := ticker.Tick(cx); err != nil {
					return err
				}
			}
			return nil
		})))
		most = 0
		for id, n := range othersSwitches(t, p) {
			most = max(most, n-before[id])
		}
		if most < 1500 {
			break
		}
	}
	t.Logf("%d context switches a second of the busiest thread beside the workers", most)
	require.Less(t, most, 1500)
}

// othersSwitches returns how often each thread of the process that is no worker's was
// switched.
func othersSwitches(t testing.TB, p *pool.Pool) map[int]int {
	all := map[int]int{}
	for _, id := range threads(t) {
		if !slices.Contains(p.ThreadIDs(), id) {
			all[id], _ = switches(id) // or it has just ended
		}
	}
	return all
}
