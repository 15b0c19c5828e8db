package task_test

import (
	"context"
	"testing"

	"github.com/heist-go/heist/task"
)

// progress is an object with an operation.
type progress struct {
	op   task.Operation
	told int
}

func (p *progress) Abandon(*task.Cx) { p.told++ }

func TestInProgress(t *testing.T) {
	var outer, inner progress
	var branch task.Branch
	is := func(p *progress) func(task.Abandoner) bool {
		return func(a task.Abandoner) bool { return a == task.Abandoner(p) }
	}
	stage := 0
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		switch stage {
		case 0:
			stage++
			outer.op.Join(cx, &outer)
			_ = branch.Poll(cx, func(cx *task.Cx) error {
				if cx.InProgress(is(&outer)) != nil {
					t.Error("a branch has operations of its own")
				}
				return inner.op.Suspend(cx, &inner)
			})
			return cx.Yield()
		case 1:
			if err := cx.Yield(); err != nil {
				return err
			}
			stage++
			if cx.InProgress(is(&outer)) != task.Abandoner(&outer) || cx.InProgress(is(&inner)) != nil {
				t.Error("the operation in progress is not found")
			}
			_ = branch.Poll(cx, func(cx *task.Cx) error {
				if cx.InProgress(is(&inner)) != task.Abandoner(&inner) {
					t.Error("the branch's operation is not found")
				}
				return nil
			})
			branch.End(cx)
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if outer.told != 1 || inner.told > 1 {
		t.Error("abandoned", outer.told, inner.told)
	}
}

func TestUnshield(t *testing.T) {
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if cx.Drained() != nil {
			t.Error("nobody drains")
		}
		cx.Shield()
		if !cx.Shielded() || cx.Err() != nil {
			t.Error("no shield")
		}
		cx.Unshield()
		if cx.Shielded() {
			t.Error("the shield stays")
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
}
