// Package figures measures straight-line functions beside what is written by hand, and beside Go's
// own means.
package figures

import "github.com/heist-go/heist/task"

//go:generate go run .. .

// tree is a binary tree.
type tree struct {
	left, right *tree
	value       int
}

func grow(from, to int) *tree {
	if from >= to {
		return nil
	}
	mid := (from + to) / 2
	return &tree{grow(from, mid), grow(mid+1, to), mid}
}

// tick is a wait.
func tick(cx *task.Cx) error { return cx.Yield() }

func (t *tree) note(text string) { t.value += len(text) }
