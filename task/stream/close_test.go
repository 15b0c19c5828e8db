package stream_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/stream"
)

// resource is a generator that has something to give back.
type resource struct {
	closed int
	err    error
}

func (r *resource) Next(cx *task.Cx) (int, error) { return 0, io.EOF }
func (r *resource) Close(cx *task.Cx) error       { r.closed++; return r.err }

// Close is called when its stream was closed, also if its task had no turn yet.
func TestBufferClosedEarly(t *testing.T) {
	r := &resource{}
	s := stream.Of[int](r).Buffer(1)
	steps(t,
		once(func(cx *task.Cx) {
			_, err := s.Next(cx)
			require.True(t, task.IsPending(err))
			require.True(t, task.IsPending(s.Close(cx)))
		}),
		s.Close,
	)
	require.Equal(t, 1, r.closed)
}

// The same, by cancellation of the task that pulls: its stream ends.
func TestBufferCanceledEarly(t *testing.T) {
	r := &resource{}
	s := stream.Of[int](r).Buffer(1)
	l := rig.NewLab()
	var g task.Group
	g.Go(&l.Runtime, task.Func(func(cx *task.Cx) error {
		_, err := s.Next(cx) // the first time it starts the pump
		if task.IsPending(err) {
			g.Cancel(errBoom) // before the pump has its turn
			_, err = s.Next(cx)
		}
		return err
	}))
	l.Work()
	require.Equal(t, 1, r.closed)
}

// The same, by a context that is done before the first value.
func TestValuesCanceledEarly(t *testing.T) {
	r := &resource{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p := open(t)
	for range stream.Of[int](r).Values(ctx, p) {
	}
	require.Equal(t, 1, r.closed)
}

// slow's Close needs two polls.
type slow struct{ polls int }

func (s *slow) Next(cx *task.Cx) (int, error) { return 1, nil }
func (s *slow) Close(cx *task.Cx) error {
	if s.polls++; s.polls == 1 {
		cx.Wake(cx.Waker())
		return cx.Suspend()
	}
	return nil
}

type forever struct{ resource }

func (f *forever) Next(cx *task.Cx) (int, error) { return 1, nil }

// After io.EOF the error of Close is the stream's, however long another one takes to close.
func TestErrorOfCloseIsKept(t *testing.T) {
	f := &forever{resource{err: errBoom}}
	sl := &slow{}
	s := stream.Zip(stream.Of[int](f), stream.Of[int](sl)).Take(1)
	var got []stream.Pair[int, int]
	err := task.Run(background, task.Func(func(cx *task.Cx) error { return s.Collect(cx, &got) }))
	require.ErrorIs(t, err, errBoom)
}
