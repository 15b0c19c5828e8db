package pool_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// burner computes until it was polled often enough, or for long enough.
type burner struct {
	task.Frame
	until time.Time
	sum   int
}

func (b *burner) Poll(cx *task.Cx) error {
	for cx.Now().Before(b.until) {
		for i := range 1_000_000 {
			b.sum += i * i
		}
		if err := cx.Yield(); err != nil {
			return err
		}
	}
	return nil
}

func (b *burner) TaskName() string { return "a burner of cycles" }

// TestLabels: a profile tells workers and kinds of tasks apart.
func TestLabels(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a profile")
	}
	t.Setenv("HEIST_LABELS", "a run by name")
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		t.Skip(err) // the tests are profiled themselves
	}
	p := open(t, 1)
	var g task.Group
	g.Go(p, &burner{until: time.Now().Add(300 * time.Millisecond)})
	err := g.WaitContext(background)
	pprof.StopCPUProfile()
	require.NoError(t, err)

	in, err := gzip.NewReader(&profile)
	require.NoError(t, err)
	text, err := io.ReadAll(in) // protocol buffers; strings are what they are
	require.NoError(t, err)
	for _, want := range []string{"worker", "task", "a burner of cycles", "run", "a run by name"} {
		require.Contains(t, string(text), want)
	}
}

// TestNoLabels: without being asked for, there are none.
func TestNoLabels(t *testing.T) {
	p, err := pool.New(fixed(pool.Config{Workers: 1}))
	require.NoError(t, err)
	defer p.Close()
	require.False(t, p.Labeled())
}

// labelsOf returns the labels of the calling goroutine.
func labelsOf(t *testing.T) string {
	var b bytes.Buffer
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&b, 1))
	text := b.String()
	// The goroutine that looks is in labelsOf.
	for part := range strings.SplitSeq(text, "\n\n") {
		if strings.Contains(part, "labelsOf") {
			for line := range strings.Lines(part) {
				if rest, ok := strings.CutPrefix(line, "# labels: "); ok {
					return strings.TrimSpace(rest)
				}
			}
			return ""
		}
	}
	require.FailNow(t, "the goroutine is not in its profile")
	return ""
}

// TestLabelsOfGroups: the labels of the context that a group was made with are those of what runs for its
// members, and what is below them; and nobody else's.
func TestLabelsOfGroups(t *testing.T) {
	p, err := pool.New(fixed(pool.Config{Workers: 1, Labels: true}))
	require.NoError(t, err)
	defer p.Close()
	seen := map[string]string{}
	var mu sync.Mutex
	note := func(what string) {
		mu.Lock() // one at a time is in labelsOf
		defer mu.Unlock()
		seen[what] = labelsOf(t)
	}
	tenant := func(name string) *task.Group {
		return task.WithContext(pprof.WithLabels(background, pprof.Labels("tenant", name)))
	}
	outer := tenant("acme")
	var below task.Group
	var h *task.Handle[int]
	var job pool.Job[int]
	var call task.Blocking[int]
	steps := []func(cx *task.Cx) error{
		func(cx *task.Cx) error { note("a member"); return nil },
		func(cx *task.Cx) error {
			below.Go(cx, task.Func(func(*task.Cx) error { note("below"); return nil }))
			below.Goroutine(cx, func(context.Context) error { note("a goroutine"); return nil })
			return nil
		},
		below.Wait,
		func(cx *task.Cx) error {
			h = task.Go(cx, func(*task.Cx) (int, error) { note("a handle"); return 1, nil })
			return nil
		},
		func(cx *task.Cx) error { _, err := h.Wait(cx); return err },
		func(cx *task.Cx) error {
			_, err := job.Do(cx, func(pool.Scope) int { note("a job"); return 1 })
			return err
		},
		func(cx *task.Cx) error {
			_, err := call.Do(cx, func(context.Context) (int, error) { note("a call"); return 1, nil })
			return err
		},
	}
	var seq task.Seq
	outer.Go(p, task.Func(func(cx *task.Cx) error { return seq.Run(cx, steps...) }))
	require.NoError(t, outer.WaitContext(background))
	other := tenant("umbrella")
	other.Go(p, task.Func(func(*task.Cx) error { note("another"); return nil }))
	require.NoError(t, other.WaitContext(background))
	var none task.Group
	none.Go(p, task.Func(func(*task.Cx) error { note("none"); return nil }))
	require.NoError(t, none.WaitContext(background))

	for _, what := range []string{"a member", "below", "a goroutine", "a handle", "a job", "a call"} {
		require.Contains(t, seen[what], `"tenant":"acme"`, what)
	}
	for _, what := range []string{"a member", "below", "a handle", "a job", "another", "none"} {
		require.Contains(t, seen[what], `"worker":"0"`, what)
		require.Contains(t, seen[what], `"task":`, what)
	}
	require.Contains(t, seen["another"], `"tenant":"umbrella"`)
	require.NotContains(t, seen["none"], "tenant")
	for _, what := range []string{"a goroutine", "a call"} {
		require.NotContains(t, seen[what], "worker", what)
	}
}

// TestLabelsOfStolenParts: a part of a computation that another worker computes has the labels of whoever has begun it: of a
// task's group, in a poll and in a job, or of a goroutine's context.
func TestLabelsOfStolenParts(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2, Labels: true})
	require.NoError(t, err)
	defer p.Close()
	tenant := pprof.WithLabels(background, pprof.Labels("tenant", "acme"))
	// split computes until another thread has computed a part, and returns the labels of that.
	split := func(s pool.Scope) (labels string) {
		home := s.Participant().Index()
		var mu sync.Mutex
		var visit func(s pool.Scope, depth int)
		visit = func(s pool.Scope, depth int) {
			if depth > 0 {
				pool.Do(s, func(s pool.Scope) { visit(s, depth-1) }, func(s pool.Scope) { visit(s, depth-1) })
				return
			}
			spin(20 * time.Microsecond)
			if s.Participant().Index() != home {
				mu.Lock()
				defer mu.Unlock()
				if labels == "" {
					labels = labelsOf(t)
				}
			}
		}
		for end := time.Now().Add(patience / 2); labels == "" && time.Now().Before(end); {
			visit(s, 8)
		}
		return labels
	}
	seen := map[string]string{}
	in := func(what string, g *task.Group, op func(cx *task.Cx) error) {
		g.Go(p, task.Func(op))
		require.NoError(t, g.WaitContext(background), what)
	}
	in("a poll", task.WithContext(tenant), func(cx *task.Cx) error {
		pool.Do(cx, func(s pool.Scope) { seen["a poll"] = split(s) })
		return nil
	})
	in("a shielded poll", task.WithContext(tenant), func(cx *task.Cx) error {
		cx.Shield()
		pool.Do(cx, func(s pool.Scope) { seen["a shielded poll"] = split(s) })
		return nil
	})
	var job pool.Job[string]
	in("a job", task.WithContext(tenant), func(cx *task.Cx) (err error) {
		seen["a job"], err = job.Do(cx, split)
		return err
	})
	in("nobody's", new(task.Group), func(cx *task.Cx) error {
		pool.Do(cx, func(s pool.Scope) { seen["nobody's"] = split(s) })
		return nil
	})
	require.NoError(t, pool.DoContext(tenant, p, func(s pool.Scope) { seen["a goroutine"] = split(s) }))
	for _, what := range []string{"a poll", "a shielded poll", "a job", "a goroutine"} {
		require.Contains(t, seen[what], `"tenant":"acme"`, what)
		require.Contains(t, seen[what], `"task":"parts of computations"`, what)
		require.Contains(t, seen[what], `"worker":`, what)
	}
	require.Contains(t, seen["nobody's"], `"task":"parts of computations"`)
	require.NotContains(t, seen["nobody's"], "tenant")
}
