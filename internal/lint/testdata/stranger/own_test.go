package stranger_test

import (
	"context"
	"testing"

	"stranger"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

func TestGate(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var gate stranger.Gate
	var group task.Group
	for range 100 {
		group.Go(p, task.Func(gate.Wait))
	}
	gate.Open(nil)
	if err := group.WaitContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := gate.WaitContext(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestPurse(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var purse stranger.Purse
	var group task.Group
	for range 100 {
		taken := false
		group.Go(p, task.Func(func(cx *task.Cx) error {
			if !taken {
				if err := purse.Take(cx, 2); err != nil {
					return err
				}
				taken = true
			}
			return nil
		}))
	}
	for range 200 {
		purse.Put(nil, 1)
	}
	if err := group.WaitContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	purse.Put(nil, 1)
	if err := purse.TakeContext(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
}
