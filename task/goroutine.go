package task

import (
	"bytes"
	"runtime"
	"sync"
)

// pollers are the ids of the goroutines that poll tasks: only to tell a mistake,
// never to decide anything.
var pollers sync.Map

// Polling marks the calling goroutine as one that polls tasks, until the returned
// function is called on it: there the blocking waits panic instead of stopping a
// worker for ever.
func Polling() (done func()) {
	id := goroutine()
	pollers.Store(id, nil)
	return func() { pollers.Delete(id) }
}

// forbidOnWorker panics on a goroutine that polls tasks.
func forbidOnWorker() {
	MustNotPoll("task: WaitContext inside a task would stop its worker: call Wait(cx) and return its error")
}

// MustNotPoll panics with message if the calling goroutine polls tasks. Calls
// that block begin with it.
func MustNotPoll(message string) {
	if _, polls := pollers.Load(goroutine()); polls {
		panic(message)
	}
}

// goroutine returns the calling goroutine's number, as stack traces print it. It
// takes about a microsecond: the callers are about to block, or to run for long.
func goroutine() string {
	var buf [64]byte
	text := buf[:runtime.Stack(buf[:], false)]
	text = bytes.TrimPrefix(text, []byte("goroutine "))
	if i := bytes.IndexByte(text, ' '); i >= 0 {
		text = text[:i]
	}
	return string(text)
}
