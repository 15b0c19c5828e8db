package pool_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

func TestCloseOfAPoolThatDidNothing(t *testing.T) {
	p := open(t, 4)
	require.NoError(t, p.Close())
	require.NoError(t, p.Close(), "idempotent")
	require.NoError(t, p.Shutdown(background))
	require.Zero(t, p.Stats().Threads)
}

func TestCloseCancelsWhatWaits(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 4})
	var a tally
	var g task.Group
	for i := range 100 {
		switch s := (&probe{tally: &a}); i % 2 {
		case 0:
			p.Go(s)
		default:
			g.Go(p, s)
		}
	}
	until(t, "all parked", func() bool { return a.polled.Load() == 100 })
	var closers sync.WaitGroup
	for range 4 {
		closers.Go(func() {
			_ = p.Close() // all return when it is over
			if n := a.ended.Load(); n != 100 {
				t.Errorf("closed when %d tasks had ended", n)
			}
		})
	}
	closers.Wait()
	a.check(t, 100)
	require.EqualValues(t, 100, a.closed.Load())
	s := p.Stats()
	require.Zero(t, s.Live)
	require.Zero(t, s.Threads)
	require.ErrorIs(t, g.WaitContext(background), pool.ErrClosed)
}

// load spawns probes from outside, in all ways that there are, until the pool
// refuses one.
func load(p *pool.Pool, a *tally) {
	g := task.Group{Failed: func(task.Task, error) error { return nil }}
	narrow := task.Group{Failed: g.Failed}
	narrow.SetLimit(1)
	short := func() *probe { return a.probe((*task.Cx).Yield) }
	parent := func() *probe {
		var own task.Group
		var stages task.Seq
		return a.probe(func(cx *task.Cx) error {
			return stages.Run(cx, func(cx *task.Cx) error {
				cx.Go(short())
				own.Go(cx, short())
				own.GoAll(cx, short(), short())
				return nil
			}, own.Wait)
		})
	}
	for refused := false; !refused; {
		last := parent()
		p.Go(last)
		p.GoAll(short(), parent())
		g.Go(p, parent())
		g.GoAll(p, short(), short())
		narrow.Go(p, short())
		narrow.Go(p, parent())
		refused = last.WaitContext(background) != nil
	}
	_ = g.WaitContext(background)
	_ = narrow.WaitContext(background)
}

// A pool that is closed under load loses no task: each has run, or its result says
// that the pool was closed; and each is finished once.
func TestCloseUnderLoad(t *testing.T) {
	rounds := 50
	if slow() {
		rounds = 15
	}
	var a tally
	for i := range rounds {
		p := openWith(t, pool.Config{Workers: 1 + i%4})
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { load(p, &a) })
		}
		until(t, "some work", func() bool { return p.Stats().Finished > 50 })
		for range 2 {
			all.Go(func() { _ = p.Close() })
		}
		all.Wait()
		a.check(t, a.made.Load())
		require.Zero(t, p.Stats().Live)
		require.Zero(t, p.Stats().Threads)
	}
	require.Equal(t, a.ended.Load(), a.well.Load()+a.closed.Load(), "it has run, or it says why not")
	require.NotZero(t, a.well.Load())
	require.Greater(t, a.closed.Load(), int64(rounds))
	t.Logf("%d tasks: %d polled, %d of them to their end", a.made.Load(), a.polled.Load(), a.well.Load())
}

func TestSpawningOnAClosedPool(t *testing.T) {
	p := open(t, 2)
	require.NoError(t, p.Close())
	var a tally
	one := a.probe(nil)
	p.Go(one)
	require.Equal(t, pool.ErrClosed, one.Err(), "at once")
	p.GoAll(a.probe(nil), a.probe(nil))
	require.Equal(t, pool.ErrClosed, p.Run(background, a.probe(nil)))

	g := task.Group{Failed: func(task.Task, error) error { return nil }}
	g.Go(p, a.probe(nil))
	g.GoAll(p, a.probe(nil), a.probe(nil))
	require.ErrorIs(t, g.TryGo(p, new(tally).probe(nil)), pool.ErrClosed, "the pool has canceled the group")
	require.NoError(t, g.WaitContext(background))

	h := task.Go(p, func(*task.Cx) (int, error) { return 1, nil })
	_, err := h.WaitContext(background)
	require.Equal(t, pool.ErrClosed, err)

	a.check(t, a.made.Load())
	require.Equal(t, a.made.Load(), a.closed.Load())
	require.Zero(t, a.polled.Load())
	require.Zero(t, p.Stats().Threads)
}

// A task that is refused makes room for the next under the limit, which is refused
// in its turn.
func TestClosedPoolAndABacklog(t *testing.T) {
	p := open(t, 1)
	require.NoError(t, p.Close())
	var a tally
	var g task.Group
	g.SetLimit(1)
	left := 10
	g.Failed = func(task.Task, error) error {
		if left--; left > 0 {
			g.Go(p, a.probe(nil)) // waits for the one that is about to end
		}
		return nil
	}
	g.Go(p, a.probe(nil))
	require.NoError(t, g.WaitContext(background))
	a.check(t, 10)
}

// A refused task may be the last that a task on the pool waits for.
func TestRefusedTaskWakesWhoWaits(t *testing.T) {
	p := open(t, 1)
	polls := make(chan int, 100)
	var g task.Group
	member := new(tally).probe(nil)
	g.Failed = func(f task.Task, err error) error {
		if err == pool.ErrClosed { // the refused one: let the other go first
			member.Cancel(nil)
			_ = member.WaitContext(background)
		}
		return nil
	}
	g.Go(p, member)
	n := 0
	waits := new(tally).probe(func(cx *task.Cx) error {
		n++
		polls <- n
		return g.Wait(cx)
	})
	p.Go(waits)
	<-polls
	ended := make(chan error)
	go func() { ended <- p.Shutdown(background) }()
	<-polls // it was told to come to an end: the pool takes nothing from outside now
	g.Go(p, new(tally).probe(nil))
	require.NoError(t, <-ended)
	require.NoError(t, waits.Err())
}

// Groups are reached that another pool's task owns.
func TestCloseCancelsTheTasksOfForeignOwners(t *testing.T) {
	home, away := open(t, 1), open(t, 1)
	var a tally
	begun := make(chan struct{})
	tell := sync.OnceFunc(func() { close(begun) })
	abroad := a.probe(func(cx *task.Cx) error {
		tell()
		return untilCanceled(cx)
	})
	ended := make(chan error)
	go func() {
		g := task.Group{Failed: func(task.Task, error) error { return nil }}
		var stages task.Seq
		ended <- home.Run(background, task.Func(func(cx *task.Cx) error {
			return stages.Run(cx, func(cx *task.Cx) error {
				g.Go(cx, a.probe((*task.Cx).Yield)) // the owner is this task now
				g.Go(away, abroad)
				return nil
			}, g.Wait)
		}))
	}()
	<-begun
	require.NoError(t, away.Close())
	require.NoError(t, <-ended)
	a.check(t, 2)
	require.ErrorIs(t, abroad.err, pool.ErrClosed)
}

// A group that is used again while its last end is still being dealt with is not
// forgotten.
func TestCloseReachesGroupsThatAreUsedAgain(t *testing.T) {
	p := open(t, 2)
	var a tally
	groups := make([]task.Group, 20_000)
	if slow() {
		groups = groups[:2000]
	}
	for i := range groups {
		g := &groups[i]
		first := a.probe(func(*task.Cx) error { return nil })
		g.Go(p, first)
		for !first.over.Load() { // no wait: to be as early as possible
		}
		_ = g.WaitContext(background)
		g.Go(p, a.probe(nil))
	}
	require.NoError(t, p.Close())
	a.check(t, 2*int64(len(groups)))
}

// witness is a task that waits for the end to be announced. It counts its polls.
func witness(a *tally, polls *atomic.Int64) *probe {
	return a.probe(func(cx *task.Cx) error {
		polls.Add(1)
		return untilDraining(cx)
	})
}

// tree returns a task that owns two subtrees and a handle, with a witness beside
// it, and waits for what it owns. Depth 0 is a witness.
func tree(a *tally, polls *atomic.Int64, depth int) *probe {
	if depth == 0 {
		return witness(a, polls)
	}
	var g task.Group
	var h *task.Handle[int]
	var stages task.Seq
	return a.probe(func(cx *task.Cx) error {
		return stages.Run(cx, func(cx *task.Cx) error {
			g.GoAll(cx, tree(a, polls, depth-1), tree(a, polls, depth-1))
			h = task.Go(cx, func(cx *task.Cx) (int, error) { return 1, untilDraining(cx) })
			cx.Go(witness(a, polls))
			return nil
		}, g.Wait, func(cx *task.Cx) error {
			_, err := h.Wait(cx)
			return err
		})
	})
}

// Shutdown tells everybody, however deep in the tree and whoever has started it,
// and once; and waits.
func TestShutdown(t *testing.T) {
	p := openWith(t, pool.Config{Workers: 4})
	var a tally
	var polls atomic.Int64 // of witnesses
	var outer, narrow task.Group
	p.Go(tree(&a, &polls, 3)) // of 7 trees, each with a handle and a witness, and 8 leaves
	outer.Go(p, tree(&a, &polls, 3))
	narrow.SetLimit(1)
	narrow.Go(p, witness(&a, &polls))
	idleBut(t, p, 2*(3*7+8)+1)
	narrow.Go(p, witness(&a, &polls)) // waits in the group
	require.EqualValues(t, 2*(7+8)+1, polls.Load())

	require.NoError(t, p.Shutdown(background))
	require.NoError(t, outer.WaitContext(background))
	require.NoError(t, narrow.WaitContext(background))
	a.check(t, a.made.Load())
	require.Equal(t, a.made.Load(), a.well.Load(), "nobody was canceled")
	require.EqualValues(t, 2*(2*(7+8)+1)+1, polls.Load(), "each was woken once; the last one knew from the start")
	require.Zero(t, p.Stats().Threads)
	require.Zero(t, p.Stats().Live)
}

// While a pool is shut down its tasks may start others, and nobody else may.
func TestSpawningDuringShutdown(t *testing.T) {
	p := open(t, 2)
	var a tally
	draining := make(chan struct{})
	var refused, welcome task.Promise[int]
	var stages task.Seq
	p.Go(a.probe(func(cx *task.Cx) error {
		return stages.Run(cx, untilDraining, func(cx *task.Cx) error {
			close(draining)
			return nil
		}, func(cx *task.Cx) error {
			_, err := refused.Wait(cx)
			return err
		}, func(cx *task.Cx) error {
			cx.Go(a.probe(func(cx *task.Cx) error {
				if !cx.Draining() {
					return errBoom
				}
				welcome.Resolve(0, nil)
				return nil
			}))
			return nil
		})
	}))
	ended := make(chan error)
	go func() { ended <- p.Shutdown(background) }()
	<-draining
	require.Equal(t, pool.ErrClosed, p.Run(background, a.probe(nil)))
	refused.Resolve(0, nil)
	_, err := welcome.WaitContext(background)
	require.NoError(t, err)
	require.NoError(t, <-ended)
	a.check(t, 3)
	require.EqualValues(t, 2, a.well.Load())
}

// When time is up, whoever has not listened is canceled, with the reason.
func TestShutdownThatRunsOutOfTime(t *testing.T) {
	p := open(t, 2)
	var a tally
	deaf := make([]*probe, 100)
	for i := range deaf {
		deaf[i] = a.probe(nil)
		p.Go(deaf[i])
	}
	ctx, cancel := context.WithCancelCause(background)
	ended := make(chan error)
	go func() { ended <- p.Shutdown(ctx) }()
	until(t, "the refusal", func() bool { return p.Run(background, act(func(*task.Cx) {})) != nil })
	select {
	case <-ended:
		require.Fail(t, "Shutdown has not waited")
	default:
	}
	cancel(errBoom)
	err := <-ended
	require.ErrorIs(t, err, errBoom)
	require.ErrorContains(t, err, "pool: shutdown: boom")
	a.check(t, 100)
	for _, d := range deaf {
		require.ErrorIs(t, d.err, task.ErrCanceled)
		require.ErrorIs(t, d.err, errBoom)
	}
	require.Zero(t, p.Stats().Threads)
}

func TestShutdownWithoutTime(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	cancel()
	p := open(t, 2)
	require.NoError(t, p.Shutdown(ctx), "nothing to wait for")

	p = open(t, 2)
	var a tally
	p.Go(a.probe(nil))
	require.ErrorIs(t, p.Shutdown(ctx), context.Canceled)
	a.check(t, 1)
}

// Both turn the lists of tasks while they tell them what they have to.
func TestShutdownAndCloseTogether(t *testing.T) {
	const tasks = 2000
	rounds := 30
	if slow() {
		rounds = 5
	}
	for range rounds {
		p := open(t, 2)
		var a tally
		var g task.Group
		g.GoAll(p, several(tasks, func(int) task.Task { return a.probe(nil) })...)
		p.GoAll(several(tasks, func(int) task.Task { return a.probe(nil) })...)
		idleBut(t, p, 2*tasks)
		await(
			func() { _ = p.Shutdown(background) },
			func() { _ = p.Close() },
		)
		a.check(t, 2*tasks)
		require.EqualValues(t, 2*tasks, a.closed.Load())
	}
}

// A pool that is shut down knows the tasks that wait for their turn in a group.
func TestShutdownWaitsForTheBacklog(t *testing.T) {
	const rounds, tasks = 100, 20
	for range rounds {
		p := open(t, 3)
		var a tally
		var g task.Group
		g.SetLimit(1)
		turns := make([]task.Promise[int], tasks)
		for i := range turns {
			g.Go(p, a.probe(func(cx *task.Cx) error {
				_, err := turns[i].Wait(cx)
				return err
			}))
		}
		ended := make(chan error)
		go func() { ended <- p.Shutdown(background) }()
		for i := range turns {
			select {
			case <-ended:
				require.Fail(t, "Shutdown has not waited", "%d of %d", i, tasks)
			default:
			}
			turns[i].Resolve(0, nil)
		}
		require.NoError(t, <-ended)
		require.NoError(t, g.WaitContext(background))
		a.check(t, tasks)
	}
}

// Goroutines of a group are no tasks of the pool, but hear that it ends.
func TestCloseCancelsTheContextOfGoroutines(t *testing.T) {
	p := open(t, 1)
	var g task.Group
	g.Goroutine(p, func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
	require.NoError(t, p.Close())
	err := g.WaitContext(background)
	require.ErrorIs(t, err, task.ErrCanceled)
	require.True(t, errors.Is(err, pool.ErrClosed))
}

// Who works for a task of the pool cannot wait for the pool's end: it is told so. Another pool it may close.
func TestCloseByAHelper(t *testing.T) {
	for what, end := range map[string]func(*pool.Pool) error{
		"Close":    (*pool.Pool).Close,
		"Shutdown": func(p *pool.Pool) error { return p.Shutdown(background) },
	} {
		t.Run(what, func(t *testing.T) {
			p, other := open(t, 2), open(t, 1)
			var b task.Blocking[int]
			var g task.Group
			says := func(f func()) {
				defer func() {
					panicked, ok := recover().(*task.PanicError)
					require.True(t, ok)
					require.Contains(t, panicked.Value, "would wait for itself")
				}()
				f()
			}
			says(func() {
				_, _ = task.Go(p, func(cx *task.Cx) (int, error) {
					return b.Do(cx, func(context.Context) (int, error) {
						require.NoError(t, end(other))
						return 0, end(p)
					})
				}).WaitContext(background)
			})
			g.Goroutine(p, func(context.Context) error { return end(p) })
			says(func() { _ = g.WaitContext(background) })
		})
	}
}
