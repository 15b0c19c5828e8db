package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// Whole programs, as users would write them: the API is tried here. Each runs on
// the calling goroutine and on pools of several sizes.

// runner runs a task to its end.
type runner func(context.Context, task.Task) error

func everywhere(t *testing.T, program func(t *testing.T, run runner)) {
	t.Run("goroutine", func(t *testing.T) { program(t, task.Run) })
	for _, workers := range []int{1, 2, 4} {
		t.Run(fmt.Sprint("workers=", workers), func(t *testing.T) {
			bounded(t)
			p, err := pool.New(pool.Config{Workers: workers})
			require.NoError(t, err)
			defer func() {
				require.NoError(t, p.Close())
				require.Zero(t, p.Stats().Live)
			}()
			program(t, p.Run)
		})
	}
}

var errGone = errors.New("the client is gone")

// ---- the size of a directory, a task for each --------------------------------

type dirSize struct {
	task.Frame
	path   string
	total  int64
	subs   []*dirSize
	below  task.Group
	stages task.Seq
}

func (d *dirSize) Poll(cx *task.Cx) error {
	return d.stages.Run(cx, d.list, d.below.Wait, d.sum)
}

// list reads the directory: a call that is short enough for a worker.
func (d *dirSize) list(cx *task.Cx) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			d.subs = append(d.subs, &dirSize{path: filepath.Join(d.path, e.Name())})
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		d.total += info.Size()
	}
	for _, sub := range d.subs {
		d.below.Go(cx, sub)
	}
	return nil
}

func (d *dirSize) sum(*task.Cx) error {
	for _, sub := range d.subs {
		d.total += sub.total
	}
	return nil
}

// plant makes a tree of directories and returns its size.
func plant(t *testing.T, dir string, depth int) (size int64) {
	t.Helper()
	for i := range 4 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprint("file", i)), make([]byte, 10*i+depth), 0o600))
		size += int64(10*i + depth)
	}
	for i := range depth {
		sub := filepath.Join(dir, fmt.Sprint("dir", i))
		require.NoError(t, os.Mkdir(sub, 0o700))
		size += plant(t, sub, depth-1)
	}
	return size
}

func TestProgramDirectorySize(t *testing.T) {
	root := t.TempDir()
	size := plant(t, root, 4)
	everywhere(t, func(t *testing.T, run runner) {
		d := &dirSize{path: root}
		require.NoError(t, run(t.Context(), d))
		require.Equal(t, size, d.total)

		require.ErrorIs(t, run(t.Context(), &dirSize{path: filepath.Join(root, "nowhere")}), os.ErrNotExist)
	})
}

// ---- a request with two backends ---------------------------------------------

// backend is somebody else's client: it answers through a callback, or never.
type backend func(ask string, answer func(string, error))

func echoing(ask string, answer func(string, error)) { go answer("re "+ask, nil) }

func failing(_ string, answer func(string, error)) { go answer("", errors.New("down")) }

// query asks one backend.
type query struct {
	task.Frame
	to    backend
	line  string
	asked bool
	reply task.Promise[string]
	ended atomic.Int32
}

func (q *query) Poll(cx *task.Cx) error {
	if !q.asked {
		q.asked = true
		q.to(q.line, func(reply string, err error) { q.reply.Resolve(reply, err) })
	}
	_, err := q.reply.Wait(cx)
	return err
}

func (q *query) Finish(error) { q.ended.Add(1) }

// client is who asks: it may hang up at any time.
type client struct {
	hangup task.Promise[struct{}]
	answer string
}

// request asks both backends and answers with what they said, errors included;
// if the client hangs up meanwhile it ends at once.
type request struct {
	task.Frame
	from *client
	a, b query // children by value: one allocation for all
	both task.Group

	stages task.Seq // of request
	stage  int      // of requestBySwitch
}

func (r *request) Poll(cx *task.Cx) error { return r.stages.Run(cx, r.ask, r.wait, r.answer) }

func (r *request) ask(cx *task.Cx) error {
	r.both.Failed = func(task.Task, error) error { return nil } // a partial answer is one
	r.both.GoAll(cx, &r.a, &r.b)
	return nil
}

func (r *request) wait(cx *task.Cx) error {
	_, hangup := r.from.hangup.Wait(cx)
	i, err := task.First(r.both.Wait(cx), hangup)
	if i == 1 {
		return errGone // both are canceled and waited for before anybody hears of it
	}
	return err
}

func (r *request) answer(cx *task.Cx) error {
	for _, q := range []*query{&r.a, &r.b} {
		reply, err := q.reply.Wait(cx) // over, so it does not suspend
		if err != nil {
			reply = err.Error()
		}
		r.from.answer += reply + "\n"
	}
	return nil
}

// requestBySwitch is the same by hand.
type requestBySwitch struct{ request }

func (r *requestBySwitch) Poll(cx *task.Cx) error {
	switch r.stage {
	case 0:
		if err := r.ask(cx); err != nil {
			return err
		}
		r.stage = 1
		fallthrough
	case 1:
		if err := r.wait(cx); err != nil {
			return err
		}
		r.stage = 2
	}
	return r.answer(cx)
}

func TestProgramRequest(t *testing.T) {
	for name, made := range map[string]func(*client, backend, backend) (task.Task, *request){
		"seq": func(c *client, a, b backend) (task.Task, *request) {
			r := &request{from: c, a: query{to: a, line: "x"}, b: query{to: b, line: "x"}}
			return r, r
		},
		"switch": func(c *client, a, b backend) (task.Task, *request) {
			r := &requestBySwitch{request{from: c, a: query{to: a, line: "x"}, b: query{to: b, line: "x"}}}
			return r, &r.request
		},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, run runner) {
				for want, b := range map[string]backend{
					"re x\nre x\n": echoing,
					"re x\ndown\n": failing,
				} {
					c := &client{}
					r, parts := made(c, echoing, b)
					require.NoError(t, run(t.Context(), r))
					require.Equal(t, want, c.answer)
					require.EqualValues(t, 2, parts.a.ended.Load()+parts.b.ended.Load())
				}
			})
		})
	}
}

// The client hangs up when both backends have been asked. They never answer.
func TestProgramRequestWhoseClientHangsUp(t *testing.T) {
	everywhere(t, func(t *testing.T, run runner) {
		c := &client{}
		var asked atomic.Int32
		silent := func(string, func(string, error)) {
			if asked.Add(1) == 2 {
				go c.hangup.Resolve(struct{}{}, nil)
			}
		}
		r := &request{from: c, a: query{to: silent}, b: query{to: silent}}
		require.Equal(t, errGone, run(t.Context(), r))
		require.Empty(t, c.answer)
		for _, q := range []*query{&r.a, &r.b} {
			require.ErrorIs(t, q.Err(), task.ErrCanceled)
			require.ErrorIs(t, q.Err(), errGone)
			require.EqualValues(t, 1, q.ended.Load())
		}
	})
}

// ---- generators --------------------------------------------------------------

// generator yields values, and io.EOF after the last.
type generator[T any] interface{ Next(cx *task.Cx) (T, error) }

// tokens yields the words of a text, and waits before each.
type tokens struct {
	text string
	rest []string
	open bool
}

func (g *tokens) Next(cx *task.Cx) (string, error) {
	if !g.open {
		g.open, g.rest = true, strings.Fields(g.text)
	}
	if len(g.rest) == 0 {
		return "", io.EOF
	}
	if err := cx.Yield(); err != nil {
		return "", err
	}
	word := g.rest[0]
	g.rest = g.rest[1:]
	return word, nil
}

// longer yields what is longer than n.
type longer struct {
	of generator[string]
	n  int
}

func (g *longer) Next(cx *task.Cx) (string, error) {
	for {
		v, err := g.of.Next(cx)
		if err != nil || len(v) > g.n {
			return v, err
		}
	}
}

// collector reads a generator to its end.
type collector struct {
	task.Frame
	from generator[string]
	got  []string
}

func (c *collector) Poll(cx *task.Cx) error {
	for {
		v, err := c.from.Next(cx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		c.got = append(c.got, v)
	}
}

func TestProgramGenerator(t *testing.T) {
	everywhere(t, func(t *testing.T, run runner) {
		c := &collector{from: &longer{of: &tokens{text: "a task is a state machine"}, n: 2}}
		require.NoError(t, run(t.Context(), c))
		require.Equal(t, []string{"task", "state", "machine"}, c.got)
	})
}

// ---- a batcher ---------------------------------------------------------------

// shortQueue is a bounded queue between two tasks.
type shortQueue[T any] struct {
	mu       sync.Mutex
	items    []T
	limit    int
	closed   bool
	sender   task.Waker
	receiver task.Waker
}

func (q *shortQueue[T]) send(cx *task.Cx, v T) error {
	if err := cx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) >= q.limit {
		q.sender = cx.Waker()
		return task.Pending
	}
	if err := cx.Spend(); err != nil {
		return err
	}
	q.items = append(q.items, v)
	cx.Wake(q.receiver)
	return nil
}

func (q *shortQueue[T]) receive(cx *task.Cx) (v T, err error) {
	if err := cx.Err(); err != nil {
		return v, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		if q.closed {
			return v, task.ErrClosed
		}
		q.receiver = cx.Waker()
		return v, task.Pending
	}
	if err := cx.Spend(); err != nil {
		return v, err
	}
	v, q.items = q.items[0], q.items[1:]
	cx.Wake(q.sender)
	return v, nil
}

// close is the sender's: no more is to come.
func (q *shortQueue[T]) close(cx *task.Cx) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	cx.Wake(q.receiver)
}

// batcher collects numbers and hands them over, several at a time; it tries again
// when that fails.
type batcher struct {
	task.Frame
	in    *shortQueue[int]
	store func(batch []int, done func(error))
	batch []int
	tries int
	ack   *task.Promise[struct{}]
	flow  task.Flow[batcher]
}

const (
	fullBatch = 100
	maxTries  = 5
)

type batcherStage = task.Stage[batcher]

func (b *batcher) Poll(cx *task.Cx) error { return b.flow.Run(cx, b, (*batcher).fill) }

func (b *batcher) fill(cx *task.Cx) (batcherStage, error) {
	for len(b.batch) < fullBatch {
		v, err := b.in.receive(cx)
		switch {
		case err == nil:
			b.batch = append(b.batch, v)
		case len(b.batch) > 0 && (task.IsPending(err) || errors.Is(err, task.ErrClosed)):
			return (*batcher).flush, nil // no more now: do not let these wait
		case errors.Is(err, task.ErrClosed):
			return nil, nil
		default:
			return nil, err
		}
	}
	return (*batcher).flush, nil
}

func (b *batcher) flush(*task.Cx) (batcherStage, error) {
	ack := new(task.Promise[struct{}])
	b.ack = ack
	b.tries++
	b.store(slices.Clone(b.batch), func(err error) { ack.Resolve(struct{}{}, err) })
	return (*batcher).confirm, nil
}

func (b *batcher) confirm(cx *task.Cx) (batcherStage, error) {
	_, err := b.ack.Wait(cx)
	switch {
	case err == nil:
		b.batch, b.tries = b.batch[:0], 0
		return (*batcher).fill, nil
	case task.IsPending(err), errors.Is(err, task.ErrCanceled), b.tries == maxTries:
		return nil, err
	}
	return (*batcher).flush, nil
}

// feeder sends numbers.
type feeder struct {
	task.Frame
	out         *shortQueue[int]
	next, count int
}

func (f *feeder) Poll(cx *task.Cx) error {
	for ; f.next < f.count; f.next++ {
		if err := f.out.send(cx, f.next); err != nil {
			return err
		}
	}
	f.out.close(cx)
	return nil
}

// pipeline runs the two side by side: if one fails, the other is canceled.
type pipeline struct {
	task.Frame
	source feeder
	sink   batcher
	both   task.Group
	stages task.Seq
}

func newPipeline(count int, s *shop) *pipeline {
	q := &shortQueue[int]{limit: 16}
	return &pipeline{source: feeder{out: q, count: count}, sink: batcher{in: q, store: s.store}}
}

func (p *pipeline) Poll(cx *task.Cx) error {
	return p.stages.Run(cx,
		func(cx *task.Cx) error { p.both.GoAll(cx, &p.source, &p.sink); return nil },
		p.both.Wait)
}

// shop stores batches, on other goroutines, but for the first few tries.
type shop struct {
	mu      sync.Mutex
	fails   int
	batches [][]int
}

var errDown = errors.New("the store is down")

func (s *shop) store(batch []int, done func(error)) {
	go func() {
		s.mu.Lock()
		down := s.fails > 0
		if s.fails--; !down {
			s.batches = append(s.batches, batch)
		}
		s.mu.Unlock()
		if down {
			done(errDown)
			return
		}
		done(nil)
	}()
}

func TestProgramBatcher(t *testing.T) {
	const count = 1000
	everywhere(t, func(t *testing.T, run runner) {
		s := &shop{fails: 2}
		require.NoError(t, run(t.Context(), newPipeline(count, s)))
		all := slices.Concat(s.batches...)
		require.Len(t, all, count)
		for i, v := range all {
			require.Equal(t, i, v, "each once, in order")
		}
		for _, b := range s.batches {
			require.LessOrEqual(t, len(b), fullBatch)
		}
	})
}

// A batcher that gives up takes the feeder with it, which waits for room.
func TestProgramBatcherGivesUp(t *testing.T) {
	everywhere(t, func(t *testing.T, run runner) {
		s := &shop{fails: maxTries}
		p := newPipeline(1000, s)
		require.ErrorIs(t, run(t.Context(), p), errDown)
		require.ErrorIs(t, p.source.Err(), task.ErrCanceled)
		require.ErrorIs(t, p.source.Err(), errDown)
		require.Empty(t, s.batches)
	})
}

// ---- a tree that is canceled -------------------------------------------------

// branch starts branches below it, and waits for ever at the tips.
type branch struct {
	task.Frame
	forest *forest
	depth  int
	below  task.Group
	stages task.Seq
	never  task.Promise[struct{}]
}

// forest counts branches.
type forest struct {
	tips, ended, canceled atomic.Int64
	grown                 task.Promise[struct{}] // all tips wait
}

const (
	forestDepth = 5
	forestWidth = 4
)

func (b *branch) Poll(cx *task.Cx) error { return b.stages.Run(cx, b.grow, b.below.Wait, b.rest) }

func (b *branch) grow(cx *task.Cx) error {
	if b.depth == forestDepth {
		return nil
	}
	for range forestWidth {
		b.below.Go(cx, &branch{forest: b.forest, depth: b.depth + 1})
	}
	return nil
}

func (b *branch) rest(cx *task.Cx) error {
	_, err := b.never.Wait(cx)
	if task.IsPending(err) && b.forest.tips.Add(1) == power(forestWidth, forestDepth) {
		b.forest.grown.Resolve(struct{}{}, nil)
	}
	return err
}

func (b *branch) Finish(err error) {
	b.forest.ended.Add(1)
	if errors.Is(err, task.ErrCanceled) && errors.Is(err, errGone) {
		b.forest.canceled.Add(1)
	}
}

func power(base, exponent int64) int64 {
	n := int64(1)
	for range exponent {
		n *= base
	}
	return n
}

// The root is canceled when all tips wait: everybody ends, once, and with the
// reason, before the root is done.
func TestProgramCanceledTree(t *testing.T) {
	everywhere(t, func(t *testing.T, run runner) {
		f := &forest{}
		root := &branch{forest: f}
		var all task.Group
		var stages task.Seq
		err := run(t.Context(), task.Func(func(cx *task.Cx) error {
			return stages.Run(cx,
				func(cx *task.Cx) error { all.Go(cx, root); return nil },
				func(cx *task.Cx) error { _, err := f.grown.Wait(cx); return err },
				func(*task.Cx) error { root.Cancel(errGone); return nil },
				all.Wait)
		}))
		require.ErrorIs(t, err, errGone)
		branches := (power(forestWidth, forestDepth+1) - 1) / (forestWidth - 1)
		require.Equal(t, branches, f.ended.Load())
		require.Equal(t, branches, f.canceled.Load())
	})
}

// The same from outside: the context of the run ends.
func TestProgramTreeWhoseContextEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, run runner) {
		f := &forest{}
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, err := f.grown.WaitContext(context.Background())
			cancel(errors.Join(errGone, err))
		}()
		require.ErrorIs(t, run(ctx, &branch{forest: f}), errGone)
		<-done
		require.Equal(t, f.ended.Load(), f.canceled.Load())
		require.EqualValues(t, (power(forestWidth, forestDepth+1)-1)/(forestWidth-1), f.ended.Load())
	})
}

// ---- blocking calls ----------------------------------------------------------

// lookups asks a blocking database, a goroutine for each question, all at once.
type lookups struct {
	task.Frame
	ids    []int
	rows   []string
	asking task.Group
	stages task.Seq
}

func (l *lookups) Poll(cx *task.Cx) error {
	return l.stages.Run(cx, l.ask, l.asking.Wait)
}

func (l *lookups) ask(cx *task.Cx) error {
	l.rows = make([]string, len(l.ids))
	for i, id := range l.ids {
		l.asking.Goroutine(cx, func(ctx context.Context) (err error) {
			l.rows[i], err = fetch(ctx, id)
			return err
		})
	}
	return nil
}

// fetch blocks until its context is done for what there is not.
func fetch(ctx context.Context, id int) (string, error) {
	switch {
	case id == 0:
		return "", os.ErrNotExist
	case id < 0:
		<-ctx.Done()
		return "", context.Cause(ctx)
	}
	return fmt.Sprint("row ", id), nil
}

func TestProgramLookups(t *testing.T) {
	everywhere(t, func(t *testing.T, run runner) {
		l := &lookups{ids: []int{3, 1, 2}}
		require.NoError(t, run(t.Context(), l))
		require.Equal(t, []string{"row 3", "row 1", "row 2"}, l.rows)

		require.ErrorIs(t, run(t.Context(), &lookups{ids: []int{1, -1, 0, -1}}), os.ErrNotExist)
	})
}

// ---- errors with words -------------------------------------------------------

// wordy says what it was doing, also when that is not finished yet.
type wordy struct {
	task.Frame
	rounds int
}

func (w *wordy) Poll(cx *task.Cx) error {
	for ; w.rounds > 0; w.rounds-- {
		if err := cx.Yield(); err != nil {
			return fmt.Errorf("round %d: %w", w.rounds, err)
		}
	}
	return fmt.Errorf("at last: %w", errGone)
}

func TestProgramWrappedPending(t *testing.T) {
	everywhere(t, func(t *testing.T, run runner) {
		require.EqualError(t, run(t.Context(), &wordy{rounds: 10}), "at last: the client is gone")
	})
}

func TestWrappedPendingIsCounted(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1})
	require.NoError(t, err)
	require.ErrorIs(t, p.Run(t.Context(), &wordy{rounds: 10}), errGone)
	require.NoError(t, p.Close())
	require.EqualValues(t, 10, p.Stats().Wrapped)
}
