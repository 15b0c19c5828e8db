// Package combine makes one operation of several: both, all, whichever is first, within a
// time, again until it succeeds.
//
// An operation is a function of the poll in progress that returns [task.Pending] until it
// is over. A combinator is a field of the task, because it has to remember what is over
// from one poll to the next; it allocates nothing (All and Any a few words at their first
// use). The operations are given anew in each poll, and are the same ones each time:
//
//	func (t *session) Poll(cx *task.Cx) error {
//		for {
//			var m message
//			i, err := t.sel.Wait(cx,
//				func(cx *task.Cx) (err error) { m, err = t.inbox.Recv(cx); return err },
//				func(cx *task.Cx) error { return t.idle.Sleep(cx, time.Minute) },
//			)
//			if err != nil {
//				return err
//			}
//			...
//		}
//	}
//
// # Losers
//
// An operation that has not won is let go of, before the winner's result is returned: its
// place in a queue is given up, its timer stopped, and what was granted to it meanwhile goes
// to the next. That holds for whatever waits through package task: locks, channels,
// timers, promises, groups, handles, and combinators in combinators. (Group and handle go
// on; only the wait is over.) What runs elsewhere is canceled, and its result dropped: see
// [task.Operation].
//
// A combinator is an operation like others. If it is let go of, by one around it or by a task that
// does not call it any more, it has forgotten how far it was: used again it starts from the beginning, with all its
// attempts, its whole time, and no result of the round before. (A [task.Seq] or a stage is the
// task's own, and stays where it is.) Two branches of a task may use the same one: the second
// waits until the first is through.
//
// What one of its operations has got already goes to a drop hook then; without one, what has a
// method Close is closed. Permits and other things that are to be given back are best held by a
// [task.Cleanup] (lock.Permit is one): what an operation sets up there is undone if it loses or
// fails.
//
// An operation that was polled to its end has had its effect. So take one step in each
// operation of a Select: "receive", not "receive and send on".
//
// # Waits, and steps
//
// What answers again and again, such as a group's Wait, needs none of this: see [task.All]
// and [task.First].
package combine

import "github.com/heist-go/heist/task"

// Op is an operation.
type Op = func(cx *task.Cx) error

// spent ends the poll, if its budget is used up: none of the operations that are left
// would do anything.
func spent(cx *task.Cx) error {
	if cx.Spent() {
		return cx.Spend()
	}
	return nil
}
