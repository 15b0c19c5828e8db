package task

import (
	"sync"

	"github.com/heist-go/heist/internal/stack"
)

// pollers are the ids of the goroutines that poll tasks: only to tell a mistake,
// never to decide anything.
var pollers sync.Map

// Polling marks the calling goroutine as one that polls tasks, until the returned
// function is called on it: there the blocking waits panic instead of stopping a
// worker for ever.
func Polling() (done func()) {
	id := stack.ID()
	pollers.Store(id, nil)
	return func() { pollers.Delete(id) }
}

// forbidOnWorker panics on a goroutine that polls tasks.
func forbidOnWorker() {
	MustNotPoll("task: WaitContext inside a task would stop its worker: call Wait(cx) and return its error")
}

// MustNotPoll panics with message if the calling goroutine polls tasks. Calls
// that block begin with it: it takes about a microsecond.
func MustNotPoll(message string) {
	if _, polls := pollers.Load(stack.ID()); polls {
		panic(message)
	}
}
