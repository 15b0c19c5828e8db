package task_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
)

func TestSeqRunsEachStepOnce(t *testing.T) {
	var p task.Promise[int]
	var log []string
	note := func(s string) step { return once(func(*task.Cx) { log = append(log, s) }) }
	var seq task.Seq
	r := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
		log = append(log, "poll")
		return seq.Run(cx, note("a"), await(&p), note("b"), rounds(1), note("c"))
	}}
	var g task.Group
	require.NoError(t, runSteps(start(&g, r), rounds(1), resolve(&p), g.Wait))
	require.Equal(t, []string{"poll", "a", "poll", "b", "poll", "c"}, log)

	require.NoError(t, task.Run(background, r), "at its end")
	require.Equal(t, "poll", log[len(log)-1])
	seq.Reset()
	log = nil
	require.NoError(t, task.Run(background, r))
	require.Equal(t, "a", log[1])
}

// A step that fails stays the current one.
func TestSeqStaysAtAnError(t *testing.T) {
	var seq task.Seq
	before, tries := 0, 0
	r := &recorder{poll: func(_ *recorder, cx *task.Cx) error {
		return seq.Run(cx, once(func(*task.Cx) { before++ }), func(*task.Cx) error {
			if tries++; tries == 1 {
				return errBoom
			}
			return nil
		})
	}}
	require.Equal(t, errBoom, task.Run(background, r))
	require.NoError(t, task.Run(background, r))
	require.Equal(t, 1, before)
	require.Equal(t, 2, tries)
}

// batcher collects what arrives and passes it on in batches: a task with a loop
// and a branch.
type batcher struct {
	recorder
	flow    task.Flow[batcher]
	arrive  []task.Promise[int]
	flushed []task.Promise[bool] // the other side has taken batch i
	size    int
	batch   []int
	out     [][]int
	log     []string
}

func (b *batcher) collect(cx *task.Cx) (task.Stage[batcher], error) {
	if len(b.arrive) == 0 {
		return nil, nil
	}
	v, err := b.arrive[0].Wait(cx)
	if err != nil {
		return nil, err
	}
	b.log = append(b.log, "collect")
	b.arrive = b.arrive[1:]
	if b.batch = append(b.batch, v); len(b.batch) == b.size || len(b.arrive) == 0 {
		return (*batcher).flush, nil
	}
	return (*batcher).collect, nil
}

func (b *batcher) flush(cx *task.Cx) (task.Stage[batcher], error) {
	if _, err := b.flushed[len(b.out)].Wait(cx); err != nil {
		return nil, err
	}
	b.log = append(b.log, "flush")
	b.out = append(b.out, b.batch)
	b.batch = nil
	return (*batcher).collect, nil
}

func TestFlow(t *testing.T) {
	arrive, flushed := make([]task.Promise[int], 5), make([]task.Promise[bool], 3)
	b := &batcher{arrive: arrive, flushed: flushed, size: 2}
	b.poll = func(_ *recorder, cx *task.Cx) error { return b.flow.Run(cx, b, (*batcher).collect) }
	var g task.Group
	all := []step{start(&g, b)}
	for i := range arrive {
		all = append(all, rounds(1), once(func(*task.Cx) { arrive[i].Resolve(i, nil) }))
	}
	for i := range flushed {
		all = append(all, rounds(1), resolve(&flushed[i]))
	}
	require.NoError(t, runSteps(append(all, g.Wait)...))
	require.Equal(t, [][]int{{0, 1}, {2, 3}, {4}}, b.out)
	require.Equal(t, []string{"collect", "collect", "flush", "collect", "collect", "flush", "collect", "flush"}, b.log)

	require.NoError(t, task.Run(background, b), "at its beginning again")
}

func TestFlowStaysAtAnError(t *testing.T) {
	arrive := make([]task.Promise[int], 1)
	arrive[0].Resolve(0, errBoom)
	b := &batcher{arrive: arrive, size: 1}
	b.poll = func(_ *recorder, cx *task.Cx) error { return b.flow.Run(cx, b, (*batcher).collect) }
	for range 2 {
		require.Equal(t, errBoom, task.Run(background, b))
		require.Empty(t, b.log)
	}
}

// inPlace is a task that does nothing, in stages.
type inPlace struct {
	task.Frame
	seq  task.Seq
	flow task.Flow[inPlace]
	runs int
}

func (p *inPlace) Poll(*task.Cx) error   { return nil }
func (p *inPlace) first(*task.Cx) error  { return nil }
func (p *inPlace) second(*task.Cx) error { p.runs++; return task.Pending }

func (p *inPlace) begin(*task.Cx) (task.Stage[inPlace], error) { return (*inPlace).wait, nil }
func (p *inPlace) wait(*task.Cx) (task.Stage[inPlace], error)  { p.runs++; return nil, task.Pending }

func TestSeqAndFlowAllocateNothing(t *testing.T) {
	const polls = 1000
	p := &inPlace{}
	require.NoError(t, run(func(cx *task.Cx) error {
		require.Zero(t, testing.AllocsPerRun(polls, func() { _ = p.seq.Run(cx, p.first, p.second) }))
		require.Equal(t, polls+1, p.runs) // and one to warm up
		require.Zero(t, testing.AllocsPerRun(polls, func() { _ = p.flow.Run(cx, p, (*inPlace).begin) }))
		require.Equal(t, 2*(polls+1), p.runs)
		return nil
	}))
}

// A shield ends with the stage that has raised it, so that a loop of shielded
// stages sees its cancellation.
func TestShieldEndsWithTheStage(t *testing.T) {
	look := func(raise bool, seen *[]bool) func(cx *task.Cx) error {
		return func(cx *task.Cx) error {
			if raise {
				cx.Shield()
			}
			*seen = append(*seen, cx.Err() != nil)
			return nil
		}
	}
	var seq task.Seq
	var inSeq []bool
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			r.Cancel(nil)
			return cx.Suspend() // canceled by the time of the next poll
		}
		return seq.Run(cx, look(true, &inSeq), look(false, &inSeq))
	}}
	require.NoError(t, task.Run(background, r))
	require.Equal(t, []bool{false, true}, inSeq)
}

// The stages within a shielded stage are shielded, all of them.
func TestShieldOverStages(t *testing.T) {
	var outer, seq task.Seq
	var flow task.Flow[recorder]
	var seen []bool
	look := func(cx *task.Cx) error {
		seen = append(seen, cx.Err() != nil)
		return nil
	}
	inFlow := func(_ *recorder, cx *task.Cx) (task.Stage[recorder], error) {
		return func(_ *recorder, cx *task.Cx) (task.Stage[recorder], error) { return nil, look(cx) }, look(cx)
	}
	r := &recorder{poll: func(r *recorder, cx *task.Cx) error {
		if r.polls == 1 {
			r.Cancel(nil)
			return cx.Suspend() // canceled by the time of the next poll
		}
		return outer.Run(cx, func(cx *task.Cx) error {
			cx.Shield()
			return task.All(seq.Run(cx, look, look), flow.Run(cx, r, inFlow), look(cx))
		}, look)
	}}
	require.NoError(t, task.Run(background, r))
	require.Equal(t, []bool{false, false, false, false, false, true}, seen)
}

func TestResultDoesNotWait(t *testing.T) {
	var p task.Promise[int]
	_, err := p.Result()
	require.True(t, task.IsPending(err))
	p.Resolve(7, nil)
	v, err := p.Result()
	require.NoError(t, err)
	require.Equal(t, 7, v)

	var h *task.Handle[int]
	require.NoError(t, run(func(cx *task.Cx) error {
		if h == nil {
			h = task.Go(cx, func(*task.Cx) (int, error) { return 8, nil })
			_, err := h.Result()
			require.True(t, task.IsPending(err))
		}
		_, err := h.Wait(cx)
		return err
	}))
	v, err = h.Result()
	require.NoError(t, err)
	require.Equal(t, 8, v)
}
