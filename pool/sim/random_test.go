package sim_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

// randomProgram makes a program of a few tasks whose steps the number decides: on a channel, a lock, a
// semaphore and a promise that they share, none of which waits for ever. Its outcome is what each step has been
// told, and the order in which the lock was had.
func randomProgram(number uint64) (task.Task, func() string) {
	rng := rand.New(rand.NewPCG(number, 7))
	c := chans.New[int](1)
	var mu lock.Mutex
	sem := lock.NewSemaphore(1)
	var p task.Promise[int]
	var notes sync.Mutex // guards what follows; not held over an operation
	var order []int
	results := make([]string, 2+rng.IntN(2))
	var members []task.Task
	for i := range results {
		told := func(format string, args ...any) {
			notes.Lock()
			defer notes.Unlock()
			results[i] += fmt.Sprintf(format, args...)
		}
		var steps []step
		for k := range 2 + rng.IntN(2) {
			switch rng.IntN(6) {
			case 0:
				steps = append(steps, mu.Lock, func(cx *task.Cx) error {
					notes.Lock()
					order = append(order, i)
					notes.Unlock()
					mu.Unlock(cx)
					return nil
				})
			case 1:
				steps = append(steps, func(cx *task.Cx) error { told("s%t", c.TrySend(cx, 10*i+k) == nil); return nil })
			case 2:
				steps = append(steps, func(cx *task.Cx) error {
					v, err := c.TryRecv(cx)
					told("r%d,%t", v, err == nil)
					return nil
				})
			case 3:
				steps = append(steps, yields())
			case 4:
				held := false
				steps = append(steps, func(cx *task.Cx) error {
					held = sem.TryAcquire(1)
					told("a%t", held)
					return nil
				}, yields(), func(cx *task.Cx) error {
					if held {
						sem.Release(cx, 1)
					}
					return nil
				})
			case 5:
				steps = append(steps, func(cx *task.Cx) error {
					p.Resolve(i, nil)
					v, err := p.Wait(cx)
					if err == nil {
						told("p%d", v)
					}
					return err
				})
			}
		}
		members = append(members, script(steps...))
	}
	return family(members...), func() string { return fmt.Sprint(strings.Join(results, " "), order) }
}

// unseen returns which outcomes no schedule of some has: it takes more of them as long as one is missing.
func unseen(t *testing.T, want map[string]bool, limit int, program func() (task.Task, func() string)) (missing []string) {
	t.Helper()
	const portion = 250
	left := map[string]bool{}
	for o := range want {
		left[o] = true
	}
	for first := 0; first < limit && len(left) > 0; first += portion {
		r := sim.Config{First: uint64(1 + first), Seeds: portion, Repeat: -1, MaxSteps: 20_000}.Run(func(s *sim.Sim) {
			root, outcome := program()
			require.NoError(s, s.Run(background, root))
			delete(left, outcome())
		})
		require.Nil(t, r.Failure)
	}
	for o := range left {
		missing = append(missing, o)
	}
	slices.Sort(missing)
	return missing
}

// What random programs do on a pool they do under some schedule of a simulation.
func TestRandomPrograms(t *testing.T) {
	programs, runs := 100, 60
	if testing.Short() || invariant.Enabled {
		programs, runs = 30, 20
	}
	p, err := pool.New(pool.Config{Workers: 3})
	require.NoError(t, err)
	defer p.Close()
	several := 0
	for number := range uint64(programs) {
		program := func() (task.Task, func() string) { return randomProgram(number) }
		seen := map[string]bool{}
		for range runs {
			root, outcome := program()
			require.NoError(t, p.Run(background, root))
			seen[outcome()] = true
		}
		require.Empty(t, unseen(t, seen, 50_000, program), "program %d", number)
		if len(seen) > 1 {
			several++
		}
	}
	t.Logf("%d of %d programs had several outcomes on the pool", several, programs)
	require.Equal(t, []string{"never"}, unseen(t, map[string]bool{"never": true}, 500, func() (task.Task, func() string) { return randomProgram(1) }), "the control")
}
