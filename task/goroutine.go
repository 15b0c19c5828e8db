package task

import (
	"sync"

	"github.com/heist-go/heist/internal/stack"
)

// pollers has the numbers of the goroutines that poll tasks, in debug builds with their runners:
// only to detect a mistake, never to decide anything.
var pollers sync.Map

// Polling marks the calling goroutine as one that polls tasks, until the returned
// function is called on it: there the blocking waits panic instead of stopping a
// worker for ever.
func Polling() (done func()) {
	id := stack.Number()
	pollers.Store(id, nil)
	return func() { pollers.Delete(id) }
}

// forbidOnWorker panics on a goroutine that polls tasks. It returns the goroutine's number if it works for a
// task, and else 0.
func forbidOnWorker() (helper uint64) {
	id := stack.Number()
	if polls(id) {
		panic("task: WaitContext inside a task would stop its worker: call Wait(cx) and return its error")
	}
	return helperOf(id)
}

// MustNotPoll panics with message if the calling goroutine polls tasks. Calls
// that block begin with it: it takes about a microsecond.
func MustNotPoll(message string) {
	if polls(stack.Number()) {
		panic(message)
	}
}

// polls reports whether the goroutine with that number polls tasks.
func polls(id uint64) bool {
	_, ok := pollers.Load(id)
	return ok
}
