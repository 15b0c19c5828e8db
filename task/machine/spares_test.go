package machine_test

import (
	"context"
	"testing"

	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/machine"
)

// A worker has free frames of each type: what was kept is taken again, the last one first.
func TestSpares(t *testing.T) {
	numbers, texts := machine.NewSpares[[4]int](), machine.NewSpares[[4]int]()
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		a, b := numbers.Take(cx), numbers.Take(cx)
		if a == b {
			t.Error("one frame was taken twice")
		}
		if texts.Keep(cx, a) != nil || numbers.Keep(cx, a) != nil || numbers.Keep(cx, b) != nil {
			t.Error("a frame that was kept is still there")
		}
		if c, d := numbers.Take(cx), numbers.Take(cx); c != b || d != a {
			t.Error("other frames were taken than those that were kept")
		}
		if numbers.Take(cx) == a || texts.Take(cx) != a {
			t.Error("frames of one type were taken for another's")
		}
		for range 1000 {
			numbers.Keep(cx, new([4]int))
		}
		kept := map[*[4]int]bool{}
		for range 1000 {
			kept[numbers.Take(cx)] = true
		}
		if len(kept) != 1000 {
			t.Error("a frame was taken twice")
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
}
