// Package refused3 has what cannot be compiled because of what lives across a wait.
package refused3

import (
	"iter"
	"sync"

	"github.com/heist-go/heist/task"
)

type box struct{ mu sync.Mutex }

func (b *box) Wait(cx *task.Cx) error { return cx.Err() }

func ints() iter.Seq[int] { return func(func(int) bool) {} }

func use(...any) {}
