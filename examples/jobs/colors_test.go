package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// carryOutGoroutine carries out a plan as a goroutine is written by hand, with attempts that take a
// context.
func carryOutGoroutine(ctx context.Context, p plan, try func(context.Context) error, done func(run)) error {
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		begun, attempts := time.Now(), 0
		var err error
		for pause := p.pause; ; pause *= 2 {
			attempts++
			attempt, cancel := context.WithTimeout(ctx, p.deadline)
			err = try(attempt)
			cancel()
			if err == nil || !worthIt(err) || attempts > p.retries || ctx.Err() != nil {
				break
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		done(run{p.name, time.Now(), time.Since(begun), attempts, 0, err})
	}
}

// TestColors runs a plan on goroutines, under the machine's time: one from the straight-line source,
// and one by hand. What comes of it is what comes of the task.
func TestColors(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		fails    int
		with     error
		attempts int
		want     error
	}{
		{0, nil, 1, nil},
		{2, broken, 3, nil},
		{9, broken, 5, broken},
		{9, errHopeless, 1, errHopeless},
		{9, task.ErrTimeout, 5, task.ErrTimeout}, // it takes too long
	} {
		n := 0
		fail := func() error {
			if n++; n <= c.fails {
				return c.with
			}
			return nil
		}
		p := plan{name: "a", every: time.Millisecond, deadline: 2 * time.Millisecond, retries: 4, pause: time.Millisecond}
		p.do = func() combine.Op {
			err := fail()
			if err != task.ErrTimeout {
				return func(*task.Cx) error { return err }
			}
			var timer task.Timer
			return func(cx *task.Cx) error { return timer.Sleep(cx, time.Hour) }
		}
		for color, f := range map[string]func(context.Context, func(run)) error{
			"Context": func(ctx context.Context, done func(run)) error { return carryOutContext(ctx, p, done) },
			"Goroutine": func(ctx context.Context, done func(run)) error {
				return carryOutGoroutine(ctx, p, func(ctx context.Context) error {
					if err := fail(); err != task.ErrTimeout {
						return err
					}
					<-ctx.Done()
					return task.ErrTimeout
				}, done)
			},
		} {
			n = 0
			ctx, cancel := context.WithCancel(context.Background())
			var runs []run
			err := f(ctx, func(r run) {
				if runs = append(runs, r); len(runs) == 3 {
					cancel()
				}
			})
			cancel()
			require.ErrorIs(t, err, context.Canceled, color)
			require.Equal(t, c.attempts, runs[0].attempts, color)
			require.ErrorIs(t, runs[0].err, c.want, color)
			require.Len(t, runs, 3, color)
		}
	}
}
