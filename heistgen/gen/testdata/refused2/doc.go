// Package refused2 has what cannot be compiled. Each want is a message at its line.
package refused2

import (
	"sync"

	"github.com/heist-go/heist/task"
)

type box struct {
	mu sync.Mutex
	cx *task.Cx
	ch chan int
}

func (b *box) Wait(cx *task.Cx) error { return cx.Err() }

func use(...any) {}

func note(*task.Cx) {}

func taken() {}

type takenTask struct{}
