package task

import (
	"sync"

	"github.com/heist-go/heist/internal/stack"
)

// pollers has the ids of the goroutines that poll tasks, in debug builds with their runners:
// only to detect a mistake, never to decide anything.
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
	if polls(stack.ID()) {
		panic(message)
	}
}

// helpers has the goroutines that work for tasks, and the runtimes of those: a scheduler's end waits for
// them. As pollers, it is there to detect a mistake.
var helpers = struct {
	mu sync.Mutex
	on map[uint64]helper // by the goroutine's number
}{on: map[uint64]helper{}}

// helper is whom a goroutine works for: a group of rt as its member, or a task of rt in a blocking
// function.
type helper struct {
	rt    *Runtime
	group *Group
}

// Helpers returns how many goroutines run blocking functions of rt's tasks, and how many are members
// of groups. Any goroutine.
func Helpers(rt *Runtime) (blocking, members int) {
	helpers.mu.Lock()
	defer helpers.mu.Unlock()
	for _, h := range helpers.on {
		switch {
		case h.rt != rt:
		case h.group != nil:
			members++
		default:
			blocking++
		}
	}
	return blocking, members
}

// help marks the calling goroutine as one that works for a task of rt, or as a member of g, until
// unhelp is called with the result.
func help(rt *Runtime, g *Group) (id uint64) {
	id = stack.Number()
	helpers.mu.Lock()
	helpers.on[id] = helper{rt, g}
	helpers.mu.Unlock()
	return id
}

func unhelp(id uint64) {
	helpers.mu.Lock()
	delete(helpers.on, id)
	helpers.mu.Unlock()
}

// MustNotHelp panics with message if the calling goroutine works for a task of rt: in a
// [Blocking] function, or as a member of a group. Calls that wait for the end of rt begin with it.
func MustNotHelp(rt *Runtime, message string) {
	id := stack.Number()
	helpers.mu.Lock()
	helps := helpers.on[id].rt == rt
	helpers.mu.Unlock()
	if helps {
		panic(message)
	}
}

// polls reports whether the goroutine with that id polls tasks.
func polls(id string) bool {
	_, ok := pollers.Load(id)
	return ok
}
