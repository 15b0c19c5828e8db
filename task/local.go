package task

// Local is a value that follows tasks: who sets it for a group has it found by all members of the group, by those of the groups
// and handles that they own, and so on, as far as no group between sets another one. It is for what belongs to a
// request or a tenant, and would otherwise be passed through every function. The zero value is ready; its address is
// its name, so make it a variable of a package. A Local must not be copied.
//
//	var tenant task.Local[string]
//
//	tenant.Set(&g, "acme")
//	g.Go(p, t) // and in t, and whatever t starts: tenant.Get(cx)
//
// A task that does not use one pays nothing: the values are the groups', and no frame has a field for them.
// [Cx.Context] is the same for values of a context.Context.
type Local[T any] struct{ _ byte } // not of size 0: addresses differ

// local is a value of a group.
type local struct {
	key   any // *Local[T]
	value any // T
}

// Set sets the value for a group: members that look for it from now on find this one. Any goroutine.
func (l *Local[T]) Set(g *Group, v T) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.locals {
		if g.locals[i].key == any(l) {
			g.locals[i].value = v
			return
		}
	}
	g.locals = append(g.locals, local{l, v})
}

// Get returns the value for the polled task: that of the nearest group around it that has one; false: there is none. It takes a
// short lock for each group on the way.
func (l *Local[T]) Get(cx *Cx) (v T, ok bool) {
	for f := cx.frame; f != nil; {
		g, above := f.above()
		if g != nil {
			g.mu.Lock()
			for i := range g.locals {
				if g.locals[i].key == any(l) {
					v, ok = g.locals[i].value.(T), true
				}
			}
			g.mu.Unlock()
			if ok {
				return v, true
			}
		}
		f = above
	}
	return v, false
}

// above returns the group that f is a member of, or nil, and the task that owns that, or has f's handle, or nil. f is
// polled, or owns what is: so those above have not ended.
func (f *Frame) above() (g *Group, owner *Frame) {
	if g = f.members.group; g == nil {
		if h, ok := f.self.(interface{ starter() *Frame }); ok {
			owner = h.starter()
		}
		return nil, owner
	}
	g.mu.Lock()
	owner = g.owner
	g.mu.Unlock()
	return g, owner
}
