// Package rig runs tasks on threads of an exploration (internal/explore), so that other
// packages can explore what they build of tasks and task.WaitQueue: every interleaving of
// several workers' polls, and of other threads that act as goroutines.
//
//	explore.Check(t, explore.Options{}, func(x *explore.X) {
//		r := rig.New(x, 2)
//		var e lock.Event
//		r.Start(rig.Named("waiter", e.Wait))
//		x.Go("setter", func() { e.Set(nil) })
//		x.Final(r.Settled)
//	})
//
// It is made of nothing but what package task exports, and exists with the build tag
// explore only. What is for other tests exists always: a [Lab], [Steps] and what they are made of, and
// [Repeat] for benchmarks.
//
// A goroutine that blocks in a WaitContext waits in a channel, which the explorer does not
// know: threads beside the workers may call what does not block. The rig has no clock that
// anybody moves: nothing may wait for a timer.
package rig
