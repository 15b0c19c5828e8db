package pool

import "github.com/heist-go/heist/task"

// Hooks are functions that a pool calls, on the thread that it is about, for what is more than [Pool.Metrics] say: a thread's
// name, its affinity, the state that a C library wants for each thread. What is nil costs nothing. Several threads may
// call one at a time; it must not panic, nor block: a worker waits for it.
type Hooks struct {
	// ThreadStarted is called with the worker's number when its thread begins, which is its alone, and
	// ThreadStopped when that ends: with the pool, when a spare is not needed any more, or because a task has called
	// runtime.Goexit, when the worker gets another one.
	ThreadStarted, ThreadStopped func(worker int)
	// Parking is called before a worker sleeps, and Unparked after that.
	Parking, Unparked func(worker int)
	// TaskStarted is called when a worker takes a task up for the first time, before its first poll.
	TaskStarted func(t task.Task)
	// TaskEnded is called when a task ends on a worker, after its Finish, with its result. The task is its
	// owner's again when it returns. It is not called for what was refused from the beginning, as on a closed pool.
	TaskEnded func(t task.Task, err error)
}

// hook calls one that is not nil.
func (w *worker) hook(f func(worker int)) {
	if f != nil {
		f(w.id)
	}
}
