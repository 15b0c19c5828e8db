package task

// Cleanup is a function that is called when a task ends, for tasks that are functions: they
// have no Finish. It is kept where the function finds it again in the next poll, outside of it; the
// zero value does nothing. It must not be copied.
//
//	var file task.Cleanup
//	h := task.Go(on, func(cx *task.Cx) (int, error) {
//		...
//		file.Set(cx, func() { f.Close() })
//		...
//	})
//
// What is set is done once a life: at the end of the task, however it ends, also by a panic; when
// its waits are abandoned and its children have ended, and before anybody sees it as done.
// Of several, the latest is done first. It must not wait.
//
// Inside of an operation of a combinator it belongs to that operation: if that has lost, or
// returns an error, it is done then; if it returns nil, it belongs to whoever has called
// the combinator.
//
// All methods are for the task that is polled.
type Cleanup struct {
	attachment attachment
	do         func()
	frame      *Frame
	branch     *Branch
	part       uint32
	contended  bool // another wait was told to wait, and is polled when nothing is set any more
}

// Set sets the function. As long as one is set it does nothing: a poll that
// comes by again changes nothing. It is a mistake, and panics, if what is set is another branch's.
func (c *Cleanup) Set(cx *Cx, do func()) {
	switch c.Enter(cx) {
	case Goes:
		return
	case Occupied:
		panic("task: " + Name(cx.frame.self) + " sets a Cleanup that another branch of it has set, which has not ended: what that one has set up would be forgotten, or this: give each branch its own")
	}
	c.do, c.frame, c.branch, c.part = do, cx.frame, cx.branch, cx.part
	cx.attach(&c.attachment, c)
}

// IsSet reports whether something is set.
func (c *Cleanup) IsSet() bool { return c.attachment.attached() }

// Run does now what was set, if anything was.
func (c *Cleanup) Run() {
	do := c.do
	c.Drop()
	if do != nil {
		do()
	}
}

// Drop forgets what was set.
func (c *Cleanup) Drop() {
	if c.frame != nil {
		c.attachment.detach() // if it is linked: who lets go of it may have done that
		c.wakeContender()
		c.do, c.frame, c.branch = nil, nil, nil
	}
}

// wakeContender wakes the task for a branch that waits until nothing is set.
func (c *Cleanup) wakeContender() {
	if c.contended {
		c.contended = false
		wakeTask(nil, c.frame, gen(c.frame.state.bits.Load()))
	}
}

// Enter says how the caller stands to what is set: nothing is set (Begins); it belongs to the caller, or
// to a branch or task that the caller is a part of (Goes); or to another branch (Occupied): then the
// caller suspends, and is polled when that has changed. It is for objects that a
// clean-up gives back, and would give back too early.
func (c *Cleanup) Enter(cx *Cx) Entry {
	if !c.attachment.attached() {
		return Begins
	}
	c.own(cx)
	b, part := cx.branch, cx.part
	for b != c.branch || part != c.part {
		if b == nil {
			c.contended = true
			return Occupied
		}
		b, part = b.up, b.upPart
	}
	return Goes
}

// own panics unless what is set is the polled task's.
func (c *Cleanup) own(cx *Cx) {
	if c.frame != cx.frame {
		panic("task: " + Name(cx.frame.self) + " uses the Cleanup of another task that is alive: it belongs to one task at a time")
	}
}

func (c *Cleanup) rank() rank { return final }

func (c *Cleanup) release(*Cx, error) bool {
	c.Run()
	return true
}

func (c *Cleanup) called(*Cx, bool) bool { return true }

func (c *Cleanup) drain() {}

// over ends an operation of the branch that has returned err: its clean-ups are done, or
// belong to the caller from now on.
func (b *Branch) over(cx *Cx, part uint32, err error) {
	own := func(c *Cleanup) bool { return c.part == part }
	if err == nil {
		b.up.join(cx)
		b.climb(cx, b.above(cx), own)
		return
	}
	for a := b.attached; a != nil; {
		next := a.next
		if c, ok := a.what.(*Cleanup); ok && own(c) {
			c.Run()
			next = b.attached // it may have changed
		}
		a = next
	}
}

// climb moves clean-ups of the branch into another list, its parent's or the task's, before those that
// are there. which selects them; nil: all.
func (b *Branch) climb(cx *Cx, list **attachment, which func(*Cleanup) bool) {
	up, part := b.up, b.upPart
	if list == &cx.frame.attached {
		up, part = nil, 0
	}
	for a := b.attached; a != nil; {
		next := a.next
		if c, ok := a.what.(*Cleanup); ok && (which == nil || which(c)) {
			a.detach()
			c.branch, c.part = up, part
			c.wakeContender()
			list = a.insert(place(list, final), c)
		}
		a = next
	}
}
