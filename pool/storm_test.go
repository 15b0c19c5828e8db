package pool_test

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// node is a task in a tree: it starts its children, in a group that it owns, and
// all of them wait until they are canceled.
type node struct {
	task.Frame
	storm    *storm
	below    int // levels
	group    task.Group
	children []node
	ends     uint8 // calls of Finish
}

// storm is a tree of nodes.
type storm struct {
	width  int
	parked atomic.Int64
	ended  atomic.Int64
	wrong  atomic.Int64 // ended with something else than errStorm
}

var errStorm = errors.New("storm")

func (n *node) Poll(cx *task.Cx) error {
	if n.below > 0 {
		if n.children == nil {
			n.children = make([]node, n.storm.width)
			for i := range n.children {
				c := &n.children[i]
				c.storm, c.below = n.storm, n.below-1
				n.group.Go(cx, c)
			}
			n.storm.parked.Add(1)
		}
		return n.group.Wait(cx)
	}
	if err := cx.Err(); err != nil {
		return err
	}
	n.storm.parked.Add(1)
	cx.Waker()
	return task.Pending
}

func (n *node) Finish(err error) {
	n.ends++
	n.storm.ended.Add(1)
	if !errors.Is(err, errStorm) || !errors.Is(err, task.ErrCanceled) {
		n.storm.wrong.Add(1)
	}
}

// once reports whether n and all below it have ended once.
func (n *node) once() bool {
	for i := range n.children {
		if !n.children[i].once() {
			return false
		}
	}
	return n.ends == 1
}

// heapInUse returns the bytes that live objects take.
func heapInUse() uint64 {
	runtime.GC()
	runtime.GC() // what the first has finalized, and the sync.Pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A million tasks are canceled as one, and nothing of them stays.
func TestCancelStorm(t *testing.T) {
	width := 100
	if slow() {
		width = 46
	}
	total := int64(1 + width + width*width + width*width*width)

	p := open(t, 4)
	meet(t, p, 4, nil)
	idle(t, p)
	before, memory := p.Stats(), heapInUse()
	func() {
		s := &storm{width: width}
		root := &node{storm: s, below: 3}
		var g task.Group
		g.Go(p, root)
		until(t, "all parked", func() bool { return s.parked.Load() == total })
		idleBut(t, p, total)

		g.Cancel(errStorm)
		require.ErrorIs(t, g.WaitContext(background), errStorm)
		require.Equal(t, total, s.ended.Load())
		require.Zero(t, s.wrong.Load())
		require.True(t, root.once(), "every Finish once")
	}()

	idle(t, p)
	after := p.Stats()
	require.EqualValues(t, total, after.Spawned-before.Spawned)
	require.EqualValues(t, total, after.Finished-before.Finished)
	left := int64(heapInUse()) - int64(memory)
	t.Logf("%d tasks, %d bytes left", total, left)
	if !traced {
		require.Less(t, left, total*32, "the queues' memory, but no task is as small")
	}
}

// ball is a task that is watched by a weak pointer.
type ball struct {
	task.Frame
	poll  flight
	polls int
}

// flight is the poll of a ball.
type flight func(b *ball, cx *task.Cx) error

func (b *ball) Poll(cx *task.Cx) error {
	b.polls++
	return b.poll(b, cx)
}

// An idle pool keeps no finished task alive, however that came to its end.
func TestRetention(t *testing.T) {
	flights := map[string]func() flight{
		"returned": func() flight { return func(*ball, *task.Cx) error { return nil } },
		"failed":   func() flight { return func(*ball, *task.Cx) error { return errBoom } },
		"panicked": func() flight { return func(*ball, *task.Cx) error { return explode(errBoom) } },
		"exited":   func() flight { return func(*ball, *task.Cx) error { runtime.Goexit(); return nil } },
		"yielded":  func() flight { return func(_ *ball, cx *task.Cx) error { return cx.Yield() } },
		"woken": func() flight {
			return func(b *ball, cx *task.Cx) error {
				switch b.polls {
				case 1: // by itself
					cx.Wake(cx.Waker())
				case 2:
					go cx.Waker().Wake()
				default:
					return nil
				}
				return task.Pending
			}
		},
		"canceled": func() flight {
			return func(b *ball, cx *task.Cx) error {
				if b.polls == 1 {
					go b.Cancel(errBoom)
				}
				return untilCanceled(cx)
			}
		},
		"waited": func() flight {
			var p task.Promise[int]
			return func(_ *ball, cx *task.Cx) error {
				go p.Resolve(0, nil)
				_, err := p.Wait(cx)
				return err
			}
		},
		"with children": func() flight {
			var g task.Group
			return func(_ *ball, cx *task.Cx) error {
				for range 10 {
					g.Go(cx, &ball{poll: func(_ *ball, cx *task.Cx) error { return cx.Yield() }})
				}
				return nil // which cancels them
			}
		},
	}
	for name, poll := range flights {
		t.Run(name, func(t *testing.T) {
			for _, workers := range []int{1, 4} {
				p := open(t, workers)
				watched := throw(p, poll)
				idle(t, p)
				until(t, "all collected", func() bool {
					runtime.GC()
					return !slices.ContainsFunc(watched, func(w weak.Pointer[ball]) bool { return w.Value() != nil })
				})
			}
		})
	}
}

// throw runs balls on p to their end.
//
//go:noinline
func throw(p *pool.Pool, poll func() flight) (watched []weak.Pointer[ball]) {
	for range 20 {
		g := task.Group{Failed: func(task.Task, error) error { return nil }}
		for range 10 {
			b := &ball{poll: poll()}
			watched = append(watched, weak.Make(b))
			g.Go(p, b)
		}
		_ = caught(func() { _ = g.WaitContext(background) })
	}
	return watched
}

// The garbage collector is not held up: neither by workers that sleep, nor by
// workers that run one short poll after the other.
func TestGarbageCollectionIsPrompt(t *testing.T) {
	const bound = 5 * time.Second // against milliseconds; a mistake hangs
	collect := func(t *testing.T, when string) {
		longest := time.Duration(0)
		for range 3 {
			start := time.Now()
			runtime.GC()
			longest = max(longest, time.Since(start))
		}
		t.Logf("%s: %v at most", when, longest)
		require.Less(t, longest, bound, when)
	}
	p := openWith(t, pool.Config{Workers: 4})
	meet(t, p, 4, nil)
	idle(t, p)
	collect(t, "all workers parked")

	var over atomic.Bool
	var g task.Group
	var here sync.WaitGroup
	here.Add(4)
	g.GoAll(p, several(4, func(int) task.Task {
		begin := sync.OnceFunc(func() { here.Done(); here.Wait() })
		return task.Func(func(cx *task.Cx) error {
			if begin(); over.Load() {
				return nil
			}
			return again(cx)
		})
	})...)
	here.Wait()
	collect(t, "all workers busy")
	over.Store(true)
	require.NoError(t, g.WaitContext(background))
}
