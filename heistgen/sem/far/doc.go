// Package far has straight-line functions that another package awaits.
package far

//go:generate go run ../.. .

import (
	"github.com/heist-go/heist/task"
)

// Waiter is an operation.
type Waiter interface {
	Wait(cx *task.Cx) error
}

// Box is a type with a straight-line method.
type Box[T any] struct{ Value T }

// Trace is what has happened.
type Trace struct{ Lines []string }

func (t *Trace) add(s string) { t.Lines = append(t.Lines, s) }
