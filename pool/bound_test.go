//go:build unix

package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/combine"
	"github.com/heist-go/heist/task/lock"
)

// keeper is what has a group in hand whose member waits for ever: a task's way to wait for it, with a bound on the time
// or without.
type keeper func(t *testing.T, p *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error

// keepers are all ways in which the time of a task that owns a group, or waits for one, may be bounded.
var keepers = map[string]keeper{
	"Timeout": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		var limit combine.Timeout
		return func(cx *task.Cx, g *task.Group) error {
			if bound {
				return limit.Wait(cx, time.Hour, g.Wait)
			}
			return g.Wait(cx)
		}
	},
	"Deadline": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		var limit task.Deadline
		return func(cx *task.Cx, g *task.Group) error {
			if bound {
				if err := limit.Check(cx, time.Hour); err != nil {
					return err
				}
			}
			return g.Wait(cx)
		}
	},
	"SetTimeout": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		set := false
		return func(cx *task.Cx, g *task.Group) error {
			if bound && !set {
				set = true
				g.SetTimeout(cx, time.Hour)
			}
			return g.Wait(cx)
		}
	},
	"Select": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		var first combine.Select
		other := orNever(bound)
		return func(cx *task.Cx, g *task.Group) error {
			_, err := first.Wait(cx, g.Wait, other)
			return err
		}
	},
	"Race": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		var first combine.Race[int]
		other := orNever(bound)
		return func(cx *task.Cx, g *task.Group) error {
			_, _, err := first.Wait(cx,
				func(cx *task.Cx) (int, error) { return 1, g.Wait(cx) },
				func(cx *task.Cx) (int, error) { return 2, other(cx) })
			return err
		}
	},
	"another group that ends by itself": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		var first combine.Select
		var other task.Group
		started := false
		return func(cx *task.Cx, g *task.Group) error {
			if !started {
				started = true
				other.Go(cx, &waiter{name: "other", op: orNever(bound)})
			}
			_, err := first.Wait(cx, g.Wait, other.Wait)
			return err
		}
	},
	"another group that time will cancel": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		var first combine.Select
		var other task.Group
		started := false
		return func(cx *task.Cx, g *task.Group) error {
			if !started {
				started = true
				if bound {
					other.SetTimeout(cx, time.Hour)
				}
				pending(cx, &other)
			}
			_, err := first.Wait(cx, g.Wait, other.Wait)
			return err
		}
	},
	"a place in another group": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		var first combine.Select
		var other task.Group
		next := &waiter{name: "next", op: func(*task.Cx) error { return nil }}
		started := false
		return func(cx *task.Cx, g *task.Group) error {
			if !started {
				started = true
				other.SetLimit(1)
				other.Go(cx, &waiter{name: "other", op: orNever(bound)})
			}
			_, err := first.Wait(cx, g.Wait, func(cx *task.Cx) error { return other.GoWait(cx, next) })
			return err
		}
	},
	"the pause of a Retry": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		again := combine.Retry{Backoff: task.Backoff{Min: time.Hour, Max: time.Hour}}
		return func(cx *task.Cx, g *task.Group) error {
			return again.Do(cx, func(cx *task.Cx) error {
				if bound {
					return errBoom
				}
				return g.Wait(cx)
			})
		}
	},
	"DelayQueue": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		var q task.DelayQueue[int]
		return func(cx *task.Cx, g *task.Group) error {
			if bound && q.Len() == 0 {
				q.Add(cx, 1, time.Hour)
			}
			_, due := q.Next(cx)
			_, err := task.First(g.Wait(cx), due)
			return err
		}
	},
	"Ticker": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		ticker := task.Ticker{Every: time.Hour}
		return func(cx *task.Cx, g *task.Group) error {
			if !bound {
				return g.Wait(cx)
			}
			_, tick := ticker.Tick(cx)
			_, err := task.First(g.Wait(cx), tick)
			return err
		}
	},
	"RateLimiter": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		rate := lock.NewRateLimiter(1, time.Hour, 1)
		return func(cx *task.Cx, g *task.Group) error {
			if !bound {
				return g.Wait(cx)
			}
			rate.Allow()
			_, err := task.First(g.Wait(cx), rate.Wait(cx))
			return err
		}
	},
	"a Watch beside a timer": func(_ *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		w := chans.NewWatch(1).Watch()
		var limit combine.Timeout
		return func(cx *task.Cx, _ *task.Group) error {
			next := func(cx *task.Cx) error { _, err := w.Next(cx); return err }
			if bound {
				return limit.Wait(cx, time.Hour, next)
			}
			return next(cx)
		}
	},
	"the deadline of a descriptor": func(t *testing.T, p *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		r := pipe(t, p)
		if bound {
			require.NoError(t, r.SetDeadline(time.Now().Add(time.Hour)))
		}
		return func(cx *task.Cx, _ *task.Group) error { return r.Wait(cx, 1) }
	},
	"a blocking function": func(t *testing.T, _ *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		var b task.Blocking[int]
		return func(cx *task.Cx, g *task.Group) error {
			if !bound {
				return g.Wait(cx)
			}
			_, err := b.Do(cx, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, nil })
			return err
		}
	},
	"the end of a task that sleeps": func(_ *testing.T, p *pool.Pool, bound bool) func(cx *task.Cx, g *task.Group) error {
		var h *task.Handle[int]
		other := orNever(bound)
		return func(cx *task.Cx, g *task.Group) error {
			if h == nil {
				h = task.Go(cx, func(cx *task.Cx) (int, error) { return 0, other(cx) })
			}
			_, ended := h.Wait(cx)
			_, err := task.First(g.Wait(cx), ended)
			return err
		}
	},
}

// orNever waits for ever; or, with bound, for an hour.
func orNever(bound bool) func(*task.Cx) error {
	if bound {
		return new(sleepy).Sleep
	}
	return new(lock.Event).Wait
}

// pending starts a member of g that waits for ever.
func pending(on task.Spawner, g *task.Group) {
	g.Go(on, &waiter{name: "member", op: new(lock.Event).Wait})
}

// owner returns a task that owns g, which has a member, and keeps it.
func owner(g *task.Group, keep func(cx *task.Cx, g *task.Group) error) *waiter {
	started := false
	return &waiter{name: "owner", op: func(cx *task.Cx) error {
		if !started {
			started = true
			pending(cx, g)
		}
		return keep(cx, g)
	}}
}

// A group that time will cancel, because that is bounded for it, or for who owns it, or a group that it is below, or
// waits for its end, is not quiet; and the same without a bound is.
func TestQuietOnlyWithoutABound(t *testing.T) {
	for what, keep := range keepers {
		bounds(t, what+" of the owner", func(t *testing.T, p *pool.Pool, bound bool) *task.Group {
			var top, g task.Group
			t.Cleanup(func() { over(&top) })
			top.Go(p, owner(&g, keep(t, p, bound)))
			return &g
		})
		bounds(t, what+" of the owner's owner", func(t *testing.T, p *pool.Pool, bound bool) *task.Group {
			var top, outer, g task.Group
			t.Cleanup(func() { over(&top) })
			started, wait := false, keep(t, p, bound)
			top.Go(p, &waiter{name: "outer", op: func(cx *task.Cx) error {
				if !started {
					started = true
					outer.Go(cx, owner(&g, func(cx *task.Cx, g *task.Group) error { return g.Wait(cx) }))
				}
				return wait(cx, &outer)
			}})
			return &g
		})
		if what == "SetTimeout" {
			continue // it is for the group alone
		}
		bounds(t, what+" of who has the handle of the owner", func(t *testing.T, p *pool.Pool, bound bool) *task.Group {
			var top, none, g task.Group
			t.Cleanup(func() { over(&top) })
			var h *task.Handle[int]
			wait := keep(t, p, bound)
			below := owner(&g, func(cx *task.Cx, g *task.Group) error { return g.Wait(cx) })
			top.Go(p, &waiter{name: "outer", op: func(cx *task.Cx) error {
				if h == nil {
					h = task.Go(cx, func(cx *task.Cx) (int, error) { return 0, below.op(cx) })
					pending(cx, &none)
				}
				return wait(cx, &none)
			}})
			return &g
		})
		bounds(t, what+" of another that waits", func(t *testing.T, p *pool.Pool, bound bool) *task.Group {
			var top, g task.Group
			t.Cleanup(func() { over(&top); over(&g) })
			pending(p, &g)
			wait := keep(t, p, bound)
			var both combine.Select
			top.Go(p, &waiter{name: "waits", op: func(cx *task.Cx) error {
				_, err := both.Wait(cx, g.Wait, func(cx *task.Cx) error { return wait(cx, &g) })
				return err
			}})
			return &g
		})
	}
	bounds(t, "the context of the group", func(t *testing.T, p *pool.Pool, bound bool) *task.Group {
		g := task.WithContext(contextFor(t, bound))
		t.Cleanup(func() { over(g) })
		pending(p, g)
		return g
	})
	bounds(t, "a context of the context of the group", func(t *testing.T, p *pool.Pool, bound bool) *task.Group {
		ctx, cancel := context.WithCancelCause(contextFor(t, bound))
		t.Cleanup(func() { cancel(nil) })
		g := task.WithContext(ctx)
		t.Cleanup(func() { over(g) })
		pending(p, g)
		return g
	})
	bounds(t, "the context of a goroutine that waits", func(t *testing.T, p *pool.Pool, bound bool) *task.Group {
		var g task.Group
		pending(p, &g)
		awaits(t, &g, contextFor(t, bound))
		return &g
	})
	bounds(t, "the context of a goroutine that waits for a group above", func(t *testing.T, p *pool.Pool, bound bool) *task.Group {
		var top, g task.Group
		top.Go(p, owner(&g, func(cx *task.Cx, g *task.Group) error { return g.Wait(cx) }))
		awaits(t, &top, contextFor(t, bound))
		return &g
	})
	bounds(t, "the context of Run", func(t *testing.T, p *pool.Pool, bound bool) *task.Group {
		var g task.Group
		ctx, cancel := context.WithCancelCause(contextFor(t, bound))
		ended := make(chan struct{})
		t.Cleanup(func() { cancel(errBoom); <-ended })
		go func() {
			defer close(ended)
			_ = p.Run(ctx, owner(&g, func(cx *task.Cx, g *task.Group) error { return g.Wait(cx) }))
		}()
		return &g
	})
	bounds(t, "a bound above a group of goroutines", func(t *testing.T, p *pool.Pool, bound bool) *task.Group {
		var top, g task.Group
		t.Cleanup(func() { over(&top) })
		var event lock.Event
		started := false
		top.Go(p, &waiter{name: "owner", op: func(cx *task.Cx) error {
			if !started {
				started = true
				if bound {
					g.SetTimeout(cx, time.Hour)
				}
				ch := chans.New[int](1)
				g.Goroutine(cx, func(ctx context.Context) error { _, err := ch.RecvContext(ctx); return err })
			}
			_, err := task.First(g.Wait(cx), event.Wait(cx))
			return err
		}})
		return &g
	})
	bounds(t, "a bound on a member in a shielded stage", func(t *testing.T, p *pool.Pool, bound bool) *task.Group {
		var top, g task.Group
		var end lock.Event
		t.Cleanup(func() { end.Set(nil); over(&top) })
		started := false
		top.Go(p, &waiter{name: "owner", op: func(cx *task.Cx) error {
			if !started {
				started = true
				if bound {
					g.SetTimeout(cx, time.Hour)
				}
				g.Go(cx, &waiter{name: "shielded", op: func(cx *task.Cx) error { cx.Shield(); return end.Wait(cx) }})
			}
			return g.Wait(cx)
		}})
		return &g
	})
	bounds(t, "the context of a Shutdown", func(t *testing.T, p *pool.Pool, bound bool) *task.Group {
		var g task.Group
		ctx, cancel := context.WithCancelCause(contextFor(t, bound))
		ended := make(chan struct{})
		t.Cleanup(func() { cancel(errBoom); <-ended })
		pending(p, &g)
		inDumpOf(t, p, 1)
		go func() {
			defer close(ended)
			_ = p.Shutdown(ctx)
		}()
		until(t, "the end of the pool", func() bool { return p.Dump(pool.DumpOptions{}).Closing })
		return &g
	})
}

// bounds asks whether a group is quiet, with a bound on its time and without.
func bounds(t *testing.T, what string, start func(t *testing.T, p *pool.Pool, bound bool) *task.Group) {
	t.Run(what, func(t *testing.T) {
		p := open(t, 2)
		g := start(t, p, false)
		q := isQuiet(t, p, g)
		named := func(d *pool.Dump) bool {
			for i := range d.Quiet {
				if d.Quiet[i].Group == q.Group || d.Quiet[i].Tasks > q.Tasks { // one that it is below
					return true
				}
			}
			return false
		}
		inDump(t, p, named)
	})
	t.Run(what+", bounded", func(t *testing.T) {
		p := open(t, 2)
		g := start(t, p, true)
		until(t, "a group that waits", func() bool {
			d := p.Dump(pool.DumpOptions{})
			_, quiet := p.Quiet(g)
			return d.Suspended+d.Members > 0 && int64(d.Suspended) == d.Live && !quiet
		})
		for range 20 {
			_, quiet := p.Quiet(g)
			require.False(t, quiet)
			d := p.Dump(pool.DumpOptions{})
			require.Empty(t, d.Quiet)
			require.False(t, d.Quiescent)
		}
	})
}

// contextFor returns a context with a deadline in an hour, or without.
func contextFor(t *testing.T, bound bool) context.Context {
	ctx, cancel := context.WithCancel(background)
	t.Cleanup(cancel)
	if bound {
		ctx, cancel = context.WithTimeout(ctx, time.Hour)
		t.Cleanup(cancel)
	}
	return ctx
}

// awaits has a goroutine wait for g until ctx is done, or the test ends.
func awaits(t *testing.T, g *task.Group, ctx context.Context) {
	ended := make(chan error)
	go func() { ended <- g.WaitContext(ctx) }()
	t.Cleanup(func() {
		g.Cancel(errBoom)
		require.ErrorIs(t, <-ended, errBoom)
	})
}
