package fork_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/task"
)

// single is a pool of one goroutine, which a seed decides about. Its workers have no threads: when a job is
// promoted, one of them may steal and compute it at once, on top of whoever has promoted it. So a
// joiner never waits, and the same seed gives the same run.
type single struct {
	team    *fork.Team
	workers []*fork.Participant
	parked  []int // workers that compute nothing
	draws   *rand.Rand
	now     int64
	away    int
	trail   []int // who has stolen

	scheduler task.Runtime
	runner    task.Runner
	inbox     task.Inbox
	queue     []*task.Frame
	admitted  int
}

func newSingle(seed uint64, workers int) *single {
	h := &single{draws: rand.New(rand.NewPCG(seed, 0))}
	h.team = fork.NewTeam(h, workers, workers)
	for i := range workers {
		h.workers = append(h.workers, h.team.Join())
		h.parked = append(h.parked, i)
	}
	h.runner.Init(h)
	task.Open(context.Background(), &h.scheduler, h, &h.runner)
	return h
}

// Now implements fork.Host: time passes when somebody looks.
func (h *single) Now() int64 {
	h.now += 1e4
	return h.now
}

func (h *single) Parked() int           { return len(h.parked) }
func (h *single) Searching() bool       { return len(h.parked) > 0 }
func (h *single) Depart(int)            { h.away++ }
func (h *single) Return(int)            { h.away-- }
func (h *single) Runs(int) bool         { return true }
func (h *single) Spawner() task.Spawner { return &h.scheduler }

// Notify has a worker steal and compute, or not, and the next join ask again.
func (h *single) Notify() {
	defer h.team.RequestWork(nil)
	if len(h.parked) == 0 || h.draws.IntN(3) == 0 || !h.team.TryEnter() {
		return
	}
	k := h.draws.IntN(len(h.parked))
	i := h.parked[k]
	h.parked = slices.Delete(h.parked, k, k+1)
	x := h.workers[i]
	if j := h.team.Steal(x, h.draws.Uint64()); j != nil {
		h.trail = append(h.trail, i)
		x.Depart()
		x.Compute(j)
		x.Return()
	} else {
		h.team.Exit(true)
	}
	h.parked = append(h.parked, i)
}

// Participant implements fork.Driver: worker 0 polls.
func (h *single) Participant(int) *fork.Participant { return h.workers[0] }

func (h *single) Admit(n int) bool {
	h.admitted += n
	return true
}
func (h *single) Submit(b task.Batch) { h.inbox.Put(b) }
func (h *single) Sooner(int)          {}
func (h *single) Push(f *task.Frame)  { h.queue = append(h.queue, f) }
func (h *single) Next(f *task.Frame)  { h.queue = append(h.queue, f) }
func (h *single) Later(f *task.Frame) { h.queue = append(h.queue, f) }

// run polls t, and what it has started, until nothing is left.
func (h *single) run(t task.Task) {
	task.Detach(&h.scheduler, t)
	h.parked = slices.DeleteFunc(h.parked, func(i int) bool { return i == 0 })
	defer func() { h.parked = append(h.parked, 0) }()
	for h.inbox.Take(h.Later); len(h.queue) > 0; h.inbox.Take(h.Later) {
		f := h.queue[0]
		h.queue = h.queue[1:]
		h.runner.Step(f, false)
	}
}

// quiet asserts that nothing is left of what has run.
func (h *single) quiet(t *testing.T) {
	t.Helper()
	computing, externals, scopes := h.team.Census()
	require.Zero(t, computing)
	require.Zero(t, externals)
	require.Zero(t, scopes)
	require.Zero(t, h.away)
	require.Len(t, h.parked, len(h.workers))
}

func plain(n int) int {
	if n < 2 {
		return n
	}
	return plain(n-1) + plain(n-2)
}

func put(f fork.Fork[int, int], n int) int {
	if n < 2 {
		return n
	}
	x := put(f.Put(n-2), n-1)
	if f.Kept() {
		return x + put(f, n-2)
	}
	return x + f.Take(n-2)
}

func join(f fork.Fork[int, int], n int) int {
	if n < 2 {
		return n
	}
	x, y := f.Join(n-1, n-2)
	return x + y
}

func both(s fork.Scope, n int) int {
	if n < 2 {
		return n
	}
	x, y := pool.Both(s, func(s fork.Scope) int { return both(s, n-1) }, func(s fork.Scope) int { return both(s, n-2) })
	return x + y
}

func do(s fork.Scope, n int) int {
	if n < 2 {
		return n
	}
	var x, y int
	pool.Do(s, func(s fork.Scope) { x = do(s, n-1) }, func(s fork.Scope) { y = do(s, n-2) })
	return x + y
}

// A host of one goroutine runs every grade as a pool does, and the same seed gives the same steals.
func TestAnotherHost(t *testing.T) {
	const n = 15
	for name, compute := range map[string]func(on *fork.Team) int{
		"put":  func(on *fork.Team) int { return pool.Call(on, put, n) },
		"join": func(on *fork.Team) int { return pool.Call(on, join, n) },
		"both": func(on *fork.Team) int {
			return fork.Run(fork.Origin{Team: on}, func(s fork.Scope) int { return both(s, n) })
		},
		"do": func(on *fork.Team) int {
			return fork.Run(fork.Origin{Team: on}, func(s fork.Scope) int { return do(s, n) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			trails := map[string]bool{}
			for seed := range uint64(20) {
				h := newSingle(seed, 4)
				require.Equal(t, plain(n), compute(h.team))
				h.quiet(t)
				require.NotEmpty(t, h.trail, "nobody has stolen anything")
				again := newSingle(seed, 4)
				compute(again.team)
				require.Equal(t, h.trail, again.trail, "seed %d", seed)
				trails[string(trailBytes(h.trail))] = true
			}
			require.Greater(t, len(trails), 1, "all seeds are the same run")
		})
	}
}

func trailBytes(trail []int) (b []byte) {
	for _, i := range trail {
		b = append(b, byte(i))
	}
	return b
}

var errBoom = errors.New("boom")

func fails(f fork.Fork[int, int], n int) int {
	if n == 3 {
		panic(errBoom)
	}
	if n < 2 {
		return n
	}
	x, y := f.Join(n-1, n-2)
	return x + y
}

// A panic in a part arrives where the computation was called, and nothing is left of it.
func TestAnotherHostPanics(t *testing.T) {
	for seed := range uint64(20) {
		h := newSingle(seed, 3)
		var p *task.PanicError
		func() {
			defer func() { p, _ = recover().(*task.PanicError) }()
			pool.Call(h.team, fails, 12)
		}()
		require.ErrorIs(t, p, errBoom)
		h.quiet(t)
	}
}

// grind takes a microsecond or two.
func grind(i int) int {
	x := uint64(i)
	for range 2_000 {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return int(x >> 63)
}

// The algorithms of package par run on a team, and give the sequential result.
func TestAnotherHostRunsPar(t *testing.T) {
	const n = 5_000
	want := 0
	for i := range n {
		want += grind(i)
	}
	list := make([]int, 50_000)
	stolen := 0
	for seed := range uint64(5) {
		h := newSingle(seed, 4)
		seen := make([]int, n)
		par.For(h.team, n, func(i int) { seen[i] += 1 + grind(i) })
		got := 0
		for _, v := range seen {
			got += v - 1
		}
		require.Equal(t, want, got)
		require.Equal(t, want, par.Fold(h.team, seen, func() int { return 0 }, func(acc, v int) int { return acc + v - 1 }, func(x, y int) int { return x + y }))
		r := rand.New(rand.NewPCG(seed, 1))
		for i := range list {
			list[i] = r.Int()
		}
		sorted := slices.Sorted(slices.Values(list))
		par.Sort(h.team, list)
		require.Equal(t, sorted, list)
		h.quiet(t)
		stolen += len(h.trail)
	}
	require.NotZero(t, stolen)
}

// report is a task with a job.
type report struct {
	task.Frame
	job    pool.Job[int]
	result int
	err    error
}

func (r *report) Poll(cx *task.Cx) error {
	n, err := r.job.Do(cx, func(s pool.Scope) int { return do(s, 15) })
	if err != nil {
		return err
	}
	r.result = n + pool.Call(cx, put, 15)
	return nil
}

func (r *report) Finish(err error) { r.err = err }

// Jobs, and computations in a poll, use the team of the scheduler's driver.
func TestAnotherHostRunsJobs(t *testing.T) {
	stolen := 0
	for seed := range uint64(5) {
		h := newSingle(seed, 4)
		var r report
		h.run(&r)
		require.NoError(t, r.err)
		require.Equal(t, 2*plain(15), r.result)
		h.quiet(t)
		stolen += len(h.trail)
	}
	require.NotZero(t, stolen)
}

// still is a pool on which a computation takes no time.
type still struct {
	*single
	notified int
}

func (h *still) Now() int64 { return 1 }
func (h *still) Notify()    { h.notified++ }

// A computation unparks nobody before it is some microseconds old, however many forks it has.
func TestYoungComputationIsAlone(t *testing.T) {
	h := &still{single: newSingle(1, 4)}
	h.team = fork.NewTeam(h, 4, 4)
	for range 4 {
		h.team.Join()
	}
	require.Equal(t, plain(15), pool.Call(h.team, put, 15))
	require.Zero(t, h.notified)
}
