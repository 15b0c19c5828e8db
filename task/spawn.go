package task

// Detach starts t without a group: nobody waits for it as a matter of course,
// and its error is only in its frame. A panic in a task that nobody waits for
// crashes the process. Prefer a [Group].
//
// On a closed scheduler the task is finished at once, with ErrClosed, and from outside on one
// where too many wait for their first poll, with ErrLimit.
func Detach(on Spawner, t Task) {
	rt, cx := on.place()
	launch(claim(t).enroll(t, rt, rt.shard(cx)), rt, cx)
}

// DetachNext is Detach within a poll, for a task that the polled one waits for: the same worker
// polls it next, and no other is woken for it.
func DetachNext(cx *Cx, t Task) {
	f := claim(t).enroll(t, cx.run.rt, &cx.run.members)
	cx.run.Count.Spawned++
	cx.run.queue.Next(f)
}

// DetachTo is Detach within a poll, for a task that the given worker should poll, because what it touches
// is in that one's cache. It is a hint.
func DetachTo(cx *Cx, worker int, t Task) {
	f := claim(t).enroll(t, cx.run.rt, &cx.run.members)
	cx.run.Count.Spawned++
	if p, _ := cx.Scheduler().(Placer); p == nil || !p.Place(f, cx.Worker(), worker) {
		cx.run.queue.Push(f)
	}
}

// DetachDue is Detach for what a scheduler starts itself: it is not refused because too many wait.
func DetachDue(rt *Runtime, t Task) {
	if f := claim(t).enroll(t, rt, rt.shard(nil)); !admit(f, rt) {
		new(Runner).refuse(f, ErrClosed)
	}
}

// DetachAll is Detach for several tasks, with one notification of the workers.
func DetachAll(on Spawner, ts ...Task) {
	rt, cx := on.place()
	l := rt.shard(cx)
	launchAll(ts, rt, cx, func() *memberList { return l })
}

// shard returns the list of members for a detached task.
func (rt *Runtime) shard(cx *Cx) *memberList {
	if !rt.isOutside(cx) {
		return &cx.run.members
	}
	return &rt.anyRunner().members
}

// claim begins a life of t's frame. It panics if that is in use: nothing is counted before.
func claim(t Task) *Frame {
	f := t.frame()
	if !f.state.spawn() {
		panic(inUse(t, f))
	}
	f.self = t
	return f
}

// enroll follows claim: the task belongs to rt, and will be listed in l.
func (f *Frame) enroll(t Task, rt *Runtime, l *memberList) *Frame {
	if l.draining.Load() {
		f.state.set(draining)
	}
	f.self, f.rt, f.members = t, rt, l
	if f.cause.Load() != nil {
		f.cause.Store(nil) // Initialisation: the frame is claimed. (A late cancellation of a life before does nothing.)
	}
	f.out.Set(nil)
	f.site.set()
	if rt.lives != nil {
		rt.lives.begin(f)
	}
	return f
}

func inUse(t Task, f *Frame) string {
	if f.self != t {
		return "task: spawn of " + Name(t) + ": its frame is a copy of one that is in use: frames must not be copied"
	}
	return "task: spawn of " + Name(t) + ", which is still in use: wait for it first, or use a new one" + f.site.String()
}

// isOutside reports whether a start on rt comes from outside: cx is nil, or another runtime's poll.
func (rt *Runtime) isOutside(cx *Cx) bool { return cx == nil || cx.run.rt != rt }

// launch gets a claimed frame into a queue, or refuses it.
func launch(f *Frame, rt *Runtime, cx *Cx) {
	switch {
	case !rt.isOutside(cx):
		cx.run.Count.Spawned++
		cx.run.queue.Push(f)
	case rt.backlog.take(1) == 0:
		new(Runner).refuse(f, ErrLimit)
	default:
		rt.launchOutside(f)
	}
}

// admit gets a claimed frame into a queue from outside, unless the scheduler is closed.
func admit(f *Frame, rt *Runtime) bool {
	if !rt.scheduler.Admit(1) {
		return false
	}
	rt.submit(f)
	return true
}

// launchOutside gets a claimed frame into a queue from outside, which has a place of the backlog.
func (rt *Runtime) launchOutside(f *Frame) {
	if rt.backlog.most > 0 {
		f.out.Set(byBacklog)
	}
	if !admit(f, rt) {
		rt.backlog.give(nil, 1)
		new(Runner).refuse(f, ErrClosed)
	}
}

// launchAll claims and launches tasks, from outside as one batch.
func launchAll(ts []Task, rt *Runtime, cx *Cx, member func() *memberList) {
	if !rt.isOutside(cx) {
		for _, t := range ts {
			launch(claim(t).enroll(t, rt, member()), rt, cx)
		}
		return
	}
	claimed := 0
	defer func() { // those before one that is in use, too
		if claimed == 0 {
			return
		}
		var b Batch
		room := rt.backlog.take(claimed)
		admitted := room > 0 && rt.scheduler.Admit(room)
		if !admitted {
			rt.backlog.give(nil, room)
		}
		for i, t := range ts[:claimed] {
			f := t.frame().enroll(t, rt, member())
			switch {
			case i >= room:
				new(Runner).refuse(f, ErrLimit)
			case !admitted:
				new(Runner).refuse(f, ErrClosed)
			default:
				if rt.backlog.most > 0 {
					f.out.Set(byBacklog)
				}
				b.Add(f)
			}
		}
		if admitted {
			rt.scheduler.Submit(b)
		}
	}()
	for _, t := range ts {
		claim(t)
		claimed++
	}
}
