package sim_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

// busy is a program of many kinds of steps.
func busy(s *sim.Sim) {
	c := chans.New[int](1)
	var mu lock.Mutex
	var p task.Promise[int]
	var call task.Blocking[int]
	var sleep, nap task.Timer
	d := time.Duration(1+s.Choose(3)) * time.Second
	var many []step
	for i := range 6 {
		many = append(many, mu.Lock, func(cx *task.Cx) error { mu.Unlock(cx); return nil }, func(cx *task.Cx) error { return c.Send(cx, i) })
	}
	s.Go(script(append(slices.Clone(many), func(cx *task.Cx) error { return sleep.Sleep(cx, d) }, func(cx *task.Cx) error { p.Resolve(1, nil); return nil })...))
	s.Go(script(append(many, func(cx *task.Cx) error { return nap.Sleep(cx, 2*time.Second) }, func(cx *task.Cx) error { _, err := p.Wait(cx); return err })...))
	var got []int
	var all []step
	for range 12 {
		all = append(all, receive(c, &got))
	}
	s.Go(script(append(all, func(cx *task.Cx) error {
		_, err := call.Do(cx, func(context.Context) (int, error) { return s.Rand().IntN(9), nil })
		return err
	})...))
}

// computing is a program whose polls, jobs and goroutines compute, each on parts that others take.
func computing(s *sim.Sim) {
	for range 2 {
		var job pool.Job[int]
		s.Go(task.Func(func(cx *task.Cx) error {
			_, err := job.Do(cx, func(at pool.Scope) int { return pool.Call(at, joined, 5) })
			return err
		}))
	}
	s.Go(task.Func(func(cx *task.Cx) error {
		par.For(cx, 20, func(int) { s.Point() })
		return nil
	}))
	s.Goroutine(func() { pool.Call(s.Team(), forked, 5) })
}

// ending is a program of which much is cut short: by a timeout, a cancellation, a panic.
func ending(s *sim.Sim) {
	var inner, outer task.Group
	var nap task.Timer
	boom := errors.New("boom")
	s.Goroutine(func() {
		for range s.Choose(20) {
			s.Point()
		}
		outer.Cancel(boom)
	})
	outer.Goroutine(s, func(ctx context.Context) error { return ctx.Err() })
	outer.Go(s, script(
		func(cx *task.Cx) error {
			inner.SetTimeout(cx, time.Second)
			for i := range 5 {
				inner.Go(cx, &sleeper{d: time.Duration(i) * 300 * time.Millisecond})
			}
			return nil
		},
		func(cx *task.Cx) error { return nap.Sleep(cx, time.Duration(1+s.Choose(2))*time.Second) },
		func(cx *task.Cx) error { return inner.Wait(cx) },
	))
	h := task.Go(s, func(*task.Cx) (int, error) { panic(boom) })
	s.Wait()
	_, err := h.Result()
	require.ErrorIs(s, err, boom)
}

var rewrite = flag.Bool("rewrite", false, "write testdata/logs.txt anew: operations, or strategies, have changed")

// The same seed gives the same log, to the letter, whatever runs beside it, and in each build: those
// with -race and with tags, and of other architectures, compare with the same file. So no order of a map,
// no address, and no width of an int is in it. The file changes when operations, or strategies, do.
func TestDeterminism(t *testing.T) {
	const golden = "testdata/logs.txt"
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	logs := func(parallel int) string {
		var b strings.Builder
		for _, p := range []struct {
			name    string
			program func(*sim.Sim)
		}{{"busy", busy}, {"computing", computing}, {"ending", ending}, {"a failure", lossyProgram}} {
			for seed := range uint64(16) {
				hash, log := sim.Fingerprint(sim.Config{}, seed, p.program)
				fmt.Fprintf(&b, "%s %d: events %016x, log %x\n", p.name, seed, hash, sha256.Sum256([]byte(log)))
			}
			_, log := sim.Fingerprint(sim.Config{}, 3, p.program)
			fmt.Fprintf(&b, "\n%s\n\n", log)
		}
		r := sim.Config{Parallel: parallel}.Run(lossyProgram)
		require.NotNil(t, r.Failure)
		fmt.Fprintf(&b, "%v\n", r.Failure)
		return b.String()
	}
	for _, procs := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(procs)
		text := logs(procs)
		if *rewrite {
			require.NoError(t, os.WriteFile(golden, []byte(text), 0o644))
			*rewrite = false
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		have, should := strings.Split(text, "\n"), strings.Split(string(want), "\n")
		for i := range min(len(have), len(should)) {
			require.Equal(t, should[i], have[i], "line %d of %s, GOMAXPROCS %d; if that is meant: go test ./pool/sim -run TestDeterminism -rewrite", i+1, golden, procs)
		}
		require.Equal(t, len(should), len(have))
	}
}
