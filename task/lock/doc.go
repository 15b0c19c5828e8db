// Package lock is what lets tasks wait for each other without a value: locks,
// semaphores, events, barriers, rate limits, and keyed serial execution.
//
// It is package sync for tasks, and for tasks beside goroutines. What blocks a goroutine
// there suspends a task here: M(cx) is for tasks and returns [task.Pending] like any
// operation, MContext(ctx) is the same for goroutines and blocks. Both wait in one line.
//
//	func (t *transfer) Poll(cx *task.Cx) error {
//		if err := t.account.Lock(cx); err != nil {
//			return err
//		}
//		t.balance -= t.amount
//		t.account.Unlock(cx)
//		return nil
//	}
//
// # Rules
//
// Lines are first come, first served: whoever has waited longest is next, and nobody can
// overtake. What is granted is the waiting task's at once, before it is polled. A task
// that is canceled, that ends, or that has won another branch of a select, gives up its
// place, and a grant goes on to the next in line: no permit is lost.
//
// A lock that a task has obtained is the task's to give back, in Finish if Poll may return
// while it is held. What gives back never waits, and takes the poll in progress, or nil
// outside of one: with a poll, whoever is woken runs next on the same worker.
//
// Nothing allocates: waiting takes a node from the worker's free list. (A goroutine that
// blocks allocates a channel.)
//
// Zero values are ready unless there is a New function. Nothing here may be copied after
// its first use.
package lock
