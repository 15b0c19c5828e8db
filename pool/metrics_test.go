package pool_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/histogram"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// measured opens a pool that times each poll.
func measured(t testing.TB, c pool.Config) *pool.Pool {
	c.Samples = 1
	return openWith(t, c)
}

// kindOf returns what is known of the kinds whose names contain part, of which there must be one.
func kindOf(t testing.TB, m *pool.Metrics, part string) *pool.KindMetrics {
	t.Helper()
	var found *pool.KindMetrics
	for i := range m.Kinds {
		if strings.Contains(m.Kinds[i].Kind, part) {
			require.Nil(t, found, "two kinds of %s", part)
			found = &m.Kinds[i]
		}
	}
	require.NotNil(t, found, "no kind %s", part)
	return found
}

// slowly takes 2 ms for each of its polls but the last.
type slowly struct {
	task.Frame
	polls int
}

func (s *slowly) Poll(cx *task.Cx) error {
	for s.polls > 1 {
		if err := cx.Yield(); err != nil {
			return err
		}
		s.polls--
		spin(2 * time.Millisecond)
	}
	return nil
}

// Each poll is in the histogram of its kind, and in the pool's.
func TestPollTimes(t *testing.T) {
	p := measured(t, fixed(pool.Config{Workers: 1}))
	require.NoError(t, p.Run(background, &slowly{polls: 5}))
	require.NoError(t, p.Run(background, new(empty)))
	idle(t, p)
	m := p.Metrics()
	k := kindOf(t, m, "pool_test.slowly")
	require.EqualValues(t, 5, k.Polls)
	require.EqualValues(t, 5, k.Poll.Count())
	require.EqualValues(t, 4, k.Requeued)
	require.Zero(t, k.Futile)
	require.GreaterOrEqual(t, k.Poll.Quantile(0.5), 1900*time.Microsecond)
	require.GreaterOrEqual(t, k.Poll.Sum, 8*time.Millisecond)
	require.Zero(t, k.Poll.Counts[len(k.Poll.Counts)-1])
	require.EqualValues(t, 1, kindOf(t, m, "pool_test.empty").Polls)
	require.Equal(t, m.Stats.Polls, m.Poll.Count())
}

// A timed poll stands for all since the last one: the estimates add up to what was polled.
func TestSampledPolls(t *testing.T) {
	p := open(t, 1)
	const n = 200_000
	require.NoError(t, p.Run(background, &yielder{left: n}))
	idle(t, p)
	m := p.Metrics()
	k := kindOf(t, m, "yielder")
	require.InDelta(t, n, k.Polls, n/2)
	require.LessOrEqual(t, k.Polls, m.Stats.Polls)
	require.Equal(t, k.Polls, k.Poll.Count())
	require.InDelta(t, k.Polls, k.Requeued, n/10)
	require.Positive(t, k.Poll.Sum)

	none := openWith(t, fixed(pool.Config{Workers: 1, Samples: -1}))
	require.NoError(t, none.Run(background, &yielder{left: n}))
	idle(t, none)
	m = none.Metrics()
	require.Empty(t, m.Kinds)
	require.Zero(t, m.Poll.Count()+m.Runnable.Count()+m.Inbox.Count())
	require.GreaterOrEqual(t, m.Workers[0].Polls, uint64(n), "counters are exact all the same")
}

// inVain waits for ready, and counts its polls.
type inVain struct {
	task.Frame
	mu    task.WaitLock
	set   task.WaitSet
	ready atomic.Bool
	polls atomic.Int64
}

func (v *inVain) Poll(cx *task.Cx) error {
	v.polls.Add(1)
	return v.set.WaitFor(cx, &v.mu, v, v.ready.Load)
}

// A task that is woken in vain polls futilely; the poll in which it begins to wait, and the last one, are none of those.
func TestFutilePolls(t *testing.T) {
	const n = 10
	p := measured(t, pool.Config{Workers: 2})
	var v inVain
	p.Go(&v)
	for i := range int64(n + 1) {
		until(t, "a waiting task", func() bool { return v.polls.Load() == i+1 && !v.set.Empty() })
		require.NoError(t, p.WaitIdle(background)) // woken within its poll, it would be polled again without having waited
		v.ready.Store(i == n)
		v.set.WakeAll(&v.mu, nil)
	}
	require.NoError(t, v.WaitContext(background))
	idle(t, p)
	k := kindOf(t, p.Metrics(), "inVain")
	require.EqualValues(t, n+2, k.Polls)
	require.EqualValues(t, n, k.Futile)
}

// blocker keeps a worker in a poll until it may go on.
func blocker() (task.Task, chan struct{}, chan struct{}) {
	began, goOn := make(chan struct{}), make(chan struct{})
	return act(func(*task.Cx) {
		close(began)
		<-goOn
	}), began, goOn
}

// What comes from outside while the only worker is in a long poll waits for so long in its inbox, and is runnable for as
// long.
func TestInboxTime(t *testing.T) {
	const held = 3 * time.Millisecond
	p := openWith(t, fixed(pool.Config{Workers: 1}))
	for range 3 { // a submission that has brought the worker about may be the one with the stamp
		b, began, goOn := blocker()
		p.Go(b)
		<-began
		var e empty
		p.Go(&e)
		<-time.After(held)
		close(goOn)
		require.NoError(t, e.WaitContext(background))
	}
	idle(t, p)
	m := p.Metrics()
	require.GreaterOrEqual(t, m.Inbox.Count(), uint64(1))
	require.GreaterOrEqual(t, m.Inbox.Max(), held)
	require.GreaterOrEqual(t, m.Runnable.Max(), held)
	require.LessOrEqual(t, m.Inbox.Count(), m.Runnable.Count(), "what has come through the inbox was polled")
}

// A task that its worker wakes during a long poll is runnable until that ends.
func TestRunnableTime(t *testing.T) {
	const held = 3 * time.Millisecond
	p := measured(t, fixed(pool.Config{Workers: 1}))
	var v inVain
	p.Go(&v)
	until(t, "a waiting task", func() bool { return v.polls.Load() == 1 && !v.set.Empty() })
	idleBut(t, p, 1)
	require.NoError(t, p.Run(background, act(func(cx *task.Cx) {
		v.ready.Store(true)
		v.set.WakeAll(&v.mu, cx)
		spin(held)
	})))
	require.NoError(t, v.WaitContext(background))
	idle(t, p)
	require.GreaterOrEqual(t, kindOf(t, p.Metrics(), "inVain").Runnable.Max(), held)
}

// Timers are as late as the clock says.
func TestTimerLateness(t *testing.T) {
	clock := task.NewClock(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	p := openWith(t, pool.Config{Workers: 1, Clock: clock})
	for range 3 {
		var timer task.Timer
		begun := make(chan struct{})
		first := true
		s := task.Func(func(cx *task.Cx) error {
			if first {
				first = false
				close(begun)
			}
			return timer.Sleep(cx, 10*time.Millisecond)
		})
		var g task.Group
		g.Go(p, s)
		<-begun
		until(t, "a timer", func() bool { return p.Stats().Timers == 1 })
		clock.Advance(10*time.Millisecond + 5*time.Second)
		require.NoError(t, g.WaitContext(background))
	}
	late := p.Metrics().Late
	require.EqualValues(t, 3, late.Count())
	require.Equal(t, 15*time.Second, late.Sum)
}

// Blocking functions and jobs, by limiter: how long they wait, and run.
func TestCallTimes(t *testing.T) {
	const held = 3 * time.Millisecond
	p := openWith(t, pool.Config{Workers: 2})
	one := &task.Limiter{Name: "disk", Limit: 1}
	jobs := &pool.Limiter{Name: "images", Limit: 1}
	other := make(chan struct{}) // closed when the second of each kind waits
	var g task.Group
	for range 2 {
		var b task.Blocking[int]
		b.Limiter = one
		g.Go(p, task.Func(func(cx *task.Cx) error {
			_, err := b.Do(cx, func(context.Context) (int, error) {
				<-other
				<-time.After(held)
				return 0, nil
			})
			return err
		}))
		var j pool.Job[int]
		j.Limiter = jobs
		g.Go(p, task.Func(func(cx *task.Cx) error {
			_, err := j.Do(cx, func(pool.Scope) int {
				<-other
				spin(held)
				return 0
			})
			return err
		}))
	}
	until(t, "two that wait", func() bool { return one.Stats().Waiting == 1 && p.JobStats(jobs).Waiting == 1 })
	close(other)
	require.NoError(t, g.WaitContext(background))
	idle(t, p)
	m := p.Metrics()
	for name, all := range map[string][]pool.CallMetrics{"disk": m.Blocking, "images": m.Jobs} {
		require.Len(t, all, 1)
		require.Equal(t, name, all[0].Limiter)
		require.EqualValues(t, 2, all[0].Run.Count(), name)
		require.EqualValues(t, 2, all[0].Wait.Count(), name)
		require.GreaterOrEqual(t, all[0].Run.Quantile(0), held*3/4, name)
		require.GreaterOrEqual(t, all[0].Wait.Max(), held, "the second has waited for the first of %s", name)
	}
}

// Limiters that are shown under one name are one, jobs and blocking functions apart.
func TestMergeLimiters(t *testing.T) {
	times := func(limiter string, waits, runs int) (c pool.CallMetrics) {
		c.Limiter = limiter
		c.Wait.Counts[1], c.Wait.Sum = uint64(waits), time.Duration(waits)
		c.Run.Counts[2], c.Run.Sum = uint64(runs), time.Duration(runs)
		return c
	}
	lists := func() *pool.Metrics {
		return &pool.Metrics{
			Jobs:     []pool.CallMetrics{times("net b", 1, 2), times("disk", 10, 20), times("net a", 100, 200), times("disk", 1000, 2000)},
			Blocking: []pool.CallMetrics{times("disk", 3, 4)},
		}
	}
	m := lists()
	m.MergeLimiters(nil)
	require.Equal(t, []pool.CallMetrics{times("disk", 1010, 2020), times("net a", 100, 200), times("net b", 1, 2)}, m.Jobs)
	require.Equal(t, []pool.CallMetrics{times("disk", 3, 4)}, m.Blocking)
	m.MergeLimiters(nil)
	require.Equal(t, times("disk", 1010, 2020), m.Jobs[0], "it may be called again")
	m = lists()
	m.MergeLimiters(func(limiter string) string { return strings.Fields(limiter)[0] })
	require.Equal(t, []pool.CallMetrics{times("disk", 1010, 2020), times("net", 101, 202)}, m.Jobs)
	require.Equal(t, []pool.CallMetrics{times("disk", 3, 4)}, m.Blocking)
	none := new(pool.Metrics)
	none.MergeLimiters(nil)
	require.Empty(t, none.Jobs)
}

func TestKindFilter(t *testing.T) {
	kind := func(name string, cpu int) (k pool.KindMetrics) {
		k.Kind, k.CPU, k.Polls, k.Futile, k.Requeued = name, time.Duration(cpu), uint64(cpu), uint64(2*cpu), uint64(3*cpu)
		k.Poll.Counts[1], k.Runnable.Counts[2] = uint64(cpu), uint64(cpu)
		return k
	}
	few := pool.KindFilter{Most: 2, Others: "rest"}
	m := &pool.Metrics{Kinds: []pool.KindMetrics{kind("a", 100), kind("b", 10), kind("c", 1), kind("d", 2)}}
	few.Merge(m, nil)
	require.Equal(t, []pool.KindMetrics{kind("a", 100), kind("b", 10), kind("rest", 3)}, m.Kinds)
	few.Merge(m, nil)
	require.Equal(t, kind("rest", 3), m.Kinds[2], "it may be called again")
	// One that has become the largest does not come out of the rest, which would shrink.
	m = &pool.Metrics{Kinds: []pool.KindMetrics{kind("d", 1000), kind("a", 100), kind("b", 10), kind("c", 1)}}
	few.Merge(m, nil)
	require.Equal(t, []pool.KindMetrics{kind("rest", 1001), kind("a", 100), kind("b", 10)}, m.Kinds)
	m = &pool.Metrics{Kinds: []pool.KindMetrics{kind("net 1", 100), kind("net 2", 10), kind("disk 1", 1)}}
	names := pool.KindFilter{Most: 2}
	names.Merge(m, func(name string) string { name, _, _ = strings.Cut(name, " "); return name })
	require.Equal(t, []pool.KindMetrics{kind("net", 110), kind("disk", 1)}, m.Kinds)
	none := new(pool.Metrics)
	few.Merge(none, nil)
	require.Empty(t, none.Kinds)
	for i := range 60 {
		none.Kinds = append(none.Kinds, kind(fmt.Sprint("kind ", i), 1))
	}
	var usual pool.KindFilter
	usual.Merge(none, nil)
	require.Len(t, none.Kinds, 51)
	require.Equal(t, kind("other", 10), none.Kinds[0])
}

// The processor time of workers counts for the kinds of tasks, and for the groups that these are in.
func TestCPUByKind(t *testing.T) {
	p := open(t, 1)
	var tenant task.Group
	below := time.Duration(0)
	for tenant.CPU() < 20*time.Millisecond {
		var request task.Group
		started := false
		tenant.Go(p, task.Func(func(cx *task.Cx) error {
			if !started {
				started = true
				request.Go(cx, &slowly{polls: 10})
			}
			return request.Wait(cx)
		}))
		require.NoError(t, tenant.WaitContext(background))
		below += request.CPU()
	}
	idle(t, p)
	m := p.Metrics()
	k := kindOf(t, m, "slowly")
	require.GreaterOrEqual(t, k.CPU, 10*time.Millisecond)
	require.True(t, slices.IsSortedFunc(m.Kinds, func(a, b pool.KindMetrics) int { return cmp.Compare(b.CPU, a.CPU) }), "the first has used the most")
	require.GreaterOrEqual(t, tenant.CPU(), below, "a group has what those below it have")
	require.GreaterOrEqual(t, below, 10*time.Millisecond)
	var sum time.Duration
	for _, k := range m.Kinds {
		sum += k.CPU
	}
	require.Equal(t, sum, m.Workers[0].CPU)
}

// The counters of the workers add up to those of the pool.
func TestWorkerCounters(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 4})
	var g task.Group
	for range 1000 {
		g.Go(p, act(func(cx *task.Cx) { g.Go(cx, new(empty)) }))
	}
	require.NoError(t, g.WaitContext(background))
	idle(t, p)
	m := p.Metrics()
	var sum pool.WorkerMetrics
	for i, w := range m.Workers {
		require.Equal(t, i, w.Worker)
		sum.Polls += w.Polls
		sum.Finished += w.Finished
		sum.Spawned += w.Spawned
		sum.Injected += w.Injected
		sum.Stolen += w.Stolen
		sum.Parks += w.Parks
	}
	s := m.Stats
	require.Equal(t, []uint64{s.Polls, s.Finished, s.Injected, s.Stolen, s.Parks}, []uint64{sum.Polls, sum.Finished, sum.Injected, sum.Stolen, sum.Parks})
	require.EqualValues(t, 1000, sum.Spawned)
	require.EqualValues(t, 2000, sum.Finished)
}

// Metrics are read while everything runs, also tasks that panic and exit; none shrinks.
func TestMetricsUnderLoad(t *testing.T) {
	n := 20_000
	if slow() {
		n = 2000
	}
	for _, every := range []time.Duration{0, 1} {
		p := openWith(t, pool.Config{Workers: 4, Samples: every, Panicked: func(*task.PanicError) {}})
		g := task.Group{Panicked: func(task.Task, *task.PanicError) error { return nil }}
		for i := range n {
			switch i % 100 {
			case 0:
				g.Go(p, act(func(*task.Cx) { panic(errBoom) }))
			default:
				g.Go(p, &yielder{left: i % 5})
			}
		}
		var last histogram.Histogram
		for p.Stats().Live > 0 {
			m := p.Metrics()
			for i, c := range m.Poll.Counts {
				require.GreaterOrEqual(t, c, last.Counts[i])
			}
			last = m.Poll
		}
		require.NoError(t, g.WaitContext(background))
	}
}

func ExamplePool_Metrics() {
	p, err := pool.New(pool.Config{})
	if err != nil {
		panic(err)
	}
	before := p.Metrics()
	var g task.Group
	for range 1000 {
		g.Go(p, task.Func(func(cx *task.Cx) error { return nil }))
	}
	if err := g.WaitContext(context.Background()); err != nil {
		panic(err)
	}
	if err := p.Close(); err != nil { // workers that go on publish what they have counted now and then
		panic(err)
	}
	m := p.Metrics()
	m.Poll.Sub(&before.Poll) // what has come since
	_ = m.Poll.Quantile(0.99)
	for _, k := range m.Kinds {
		_, _, _ = k.Kind, k.CPU, k.Runnable.Quantile(0.99)
	}
	fmt.Println(m.Stats.Finished - before.Stats.Finished)
	// Output: 1000
}

// It is slow: one kind of task computes in its polls, and all others wait for it. The page Seeing, step by step.
func TestSlowProgram(t *testing.T) {
	p := measured(t, fixed(pool.Config{Workers: 1}))
	var g task.Group
	g.Go(p, &slowly{polls: 20})
	for range 8 {
		y := &yielder{left: 1}
		g.Go(p, y)
		require.NoError(t, y.WaitContext(background))
	}
	require.NoError(t, g.WaitContext(background))
	idle(t, p)
	m := p.Metrics()
	require.Greater(t, m.Poll.Max(), time.Millisecond, "1: some polls are long")
	require.Greater(t, kindOf(t, m, "slowly").Poll.Quantile(0.5), time.Millisecond, "of this kind")
	require.Less(t, kindOf(t, m, "yielder").Poll.Quantile(0.5), time.Millisecond, "and not of that")
	require.Greater(t, m.Runnable.Max(), time.Millisecond, "2: the others wait for it")
}

// It eats CPU: a task polls and polls, and yields, instead of waiting.
func TestSpinningProgram(t *testing.T) {
	p := open(t, 1)
	var g task.Group
	var over atomic.Bool
	g.Go(p, task.Func(func(cx *task.Cx) error {
		for !over.Load() {
			if err := cx.Yield(); err != nil {
				return err
			}
		}
		return nil
	}))
	until(t, "processor time", func() bool { return g.CPU() >= 10*time.Millisecond })
	m := p.Metrics()
	k := m.Kinds[0]
	require.Contains(t, k.Kind, "TestSpinningProgram", "1: who eats it")
	require.Greater(t, k.Requeued, k.Polls/2, "3: it is runnable again at once")
	over.Store(true)
	require.NoError(t, g.WaitContext(background))
}

// It grows: tasks wait for what does not come.
func TestGrowingProgram(t *testing.T) {
	const n = 500
	p := open(t, 2)
	before := p.Stats().Live
	var never task.Promise[int]
	var g task.Group
	for range n {
		g.Go(p, task.Func(func(cx *task.Cx) error {
			_, err := never.Wait(cx)
			return err
		}))
	}
	idleBut(t, p, n)
	require.EqualValues(t, n, p.Stats().Live-before, "1: there are more tasks than before")
	d := p.Dump(pool.DumpOptions{})
	require.Equal(t, n, d.Shapes[0].Count)
	require.Contains(t, d.Shapes[0].Kind, "TestGrowingProgram")
	require.Contains(t, strings.Join(d.Shapes[0].Waits, " "), "task.Promise", "what does not come")
	g.Cancel(nil)
	require.ErrorIs(t, g.WaitContext(background), task.ErrCanceled)
}
