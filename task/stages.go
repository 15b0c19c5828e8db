package task

// Seq runs steps in order, across polls: a step that has returned nil is not run
// again. It is for tasks that are a straight line:
//
//	func (t *transfer) Poll(cx *task.Cx) error {
//		return t.seq.Run(cx, t.withdraw, t.deposit, t.report)
//	}
//
// The zero value stands before the first step. Once all steps are done Run
// returns nil; Reset starts over, as a task that is spawned again must.
type Seq struct{ at int }

// Run runs the steps from where it was. It returns the first error, Pending
// included, and stays at that step. At the end it is sticky. The steps must be the same in
// every poll.
// It allocates nothing if the steps do not escape.
//
//heist:sticky
func (s *Seq) Run(cx *Cx, steps ...func(*Cx) error) error {
	outer := cx.shielded // of a stage that this is a part of
	for s.at < len(steps) {
		if err := steps[s.at](cx); err != nil {
			return err
		}
		s.at++
		cx.shielded = outer
	}
	return nil
}

// Reset goes back to before the first step.
func (s *Seq) Reset() { s.at = 0 }

// Stage is a state function on a task of type T: it does one thing and says what
// comes next, or nil for the end. With an error, Pending included, it stays the
// current stage.
type Stage[T any] func(t *T, cx *Cx) (Stage[T], error)

// Flow runs stages, across polls: for tasks with loops and branches.
//
//	func (c *client) Poll(cx *task.Cx) error { return c.flow.Run(cx, c, (*client).dial) }
//
// The zero value stands before the first stage. After the last one Flow is at
// its beginning again.
type Flow[T any] struct{ at Stage[T] }

// Run runs t's stages from where it was, beginning with first. It returns the
// first error and stays at that stage.
func (f *Flow[T]) Run(cx *Cx, t *T, first Stage[T]) error {
	if f.at == nil {
		f.at = first
	}
	outer := cx.shielded
	for f.at != nil {
		next, err := f.at(t, cx)
		if err != nil {
			return err
		}
		f.at = next
		cx.shielded = outer
	}
	return nil
}
