// Package refused has what cannot be compiled. Each want is a message at its line.
package refused

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

func taken() {}

type takenTask struct{}
