package task

// This file is for those who write a scheduler: it is the seam at which package pool, the simulator
// (pool/sim) and [Run] plug in. It is the small half; what it is about is in three others:
//
//	runtime.go   Runtime: a scheduler as its tasks see it; opened and closed
//	runner.go    Runner: polls frames for one worker
//	inbox.go     Batch, Inbox: how frames get into a queue from other threads
//
// A scheduler has a [Runtime], a [Runner] for each worker, and a [Queue] for each runner. It calls the
// Set functions, [Open], polls by [Runner.Step] inside of [Runner.RunRecovering], fires timers by
// [Runner.Expire], and calls [Close] at the end. Around its loop it calls [Polling], or mistakes that
// block a worker are not found; before a worker sleeps, [Runner.Rest], and it sleeps until
// [Runner.NextDeadline] at most. All tasks have ended when as many are finished, by [Counters], as were
// admitted and spawned. The smallest scheduler is that of [Run], in run.go; a larger one without threads is
// the simulator.

// Spawner is where tasks may be started: a poll in progress (*Cx), or a scheduler from outside.
type Spawner interface {
	// place returns the runtime, and the poll in progress or nil.
	place() (*Runtime, *Cx)
}

// Scheduler gets frames into its queues from outside of its polls.
type Scheduler interface {
	// Admit is asked before n tasks are spawned from outside. false means that the
	// scheduler is closed. It counts the tasks as ones that will be finished.
	Admit(n int) bool
	// Submit queues frames that were spawned or woken. Any thread; it must not
	// block.
	Submit(Batch)
	// Sooner is called after another thread has armed an alarm of the runner with
	// that index that is due before all others: if its worker sleeps until then, it has to
	// ask [Runner.NextDeadline] again. Any thread; it must not block.
	Sooner(runner int)
}

// Placer is a [Scheduler] that has a task polled by a worker of the caller's choice.
type Placer interface {
	// Place queues f, which the poll in progress on worker from has spawned, for worker to; others may still
	// take it. It reports false, and does nothing, if there is no such worker.
	Place(f *Frame, from, to int) bool
}

// Queue is the run queue of one worker. It is called on a thread that polls for the scheduler, or
// stands in for its worker: in a poll, and outside of polls for frames that timers and the kernel's
// poll have made runnable.
type Queue interface {
	// Push queues a frame that a poll has spawned, or one of several that it has woken.
	Push(*Frame)
	// Next queues a frame that was just woken: its data is in the cache, it should run soon.
	Next(*Frame)
	// Later queues a frame that has had its turn, or has no hurry, behind all others.
	Later(*Frame)
}

// Tail is something that is put off until a poll has ended.
type Tail interface {
	// Tail does it, on the thread that has polled. It must not block.
	Tail()
}

// Scheduler returns the scheduler that polls: what [Open] was given. Packages that belong to a
// scheduler, and know its type or an interface of it, find it by this.
func (cx *Cx) Scheduler() Scheduler { return cx.run.rt.scheduler }

// SetTails gives a scheduler, before [Open], what puts off a Tail until the poll in progress on the
// calling thread has ended; put reports false if there is none.
func SetTails(rt *Runtime, put func(t Tail) bool) { rt.tails = put }

// AfterPoll has t.Tail called when the poll in progress on the calling thread has ended. It
// reports false, and does nothing, unless the thread polls for rt. It takes as long as a short system call.
func (rt *Runtime) AfterPoll(t Tail) bool { return rt.tails != nil && rt.tails(t) }

// Of returns the task that f is embedded in, for a scheduler that has taken f out of a
// queue.
func Of(f *Frame) Task { return f.self }

// Fresh reports whether f, which the caller has taken out of a queue, was not polled in this life so far.
func Fresh(f *Frame) bool { return f.state.bits.Load()&fresh != 0 }

// Alive reports whether the frame's task is spawned, and has not ended. Any thread.
func Alive(f *Frame) bool { return f.state.bits.Load()&live != 0 }
