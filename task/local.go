package task

import "math"

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
	if x := g.local(l); x != nil {
		x.value = v
		return
	}
	g.locals = append(g.locals, local{l, v})
}

// Get returns the value for the polled task: that of the nearest group around it that has one; false: there is none. It takes a
// short lock for each group on the way.
func (l *Local[T]) Get(cx *Cx) (v T, ok bool) {
	cx.frame.around(math.MaxInt, func(g *Group) bool {
		x := g.local(l)
		if x != nil {
			v, ok = x.value.(T), true
		}
		return x == nil
	})
	return v, ok
}

// local returns the group's own value of a Local, or nil. The lock is held.
func (g *Group) local(key any) *local {
	for i := range g.locals {
		if g.locals[i].key == key {
			return &g.locals[i]
		}
	}
	return nil
}

// around calls visit for the groups around f, the nearest first and each with its lock held, until it returns false: the
// group that f is a member of, that of the task that owns this group, or has f's handle, and so on, most such steps. f is
// polled, or owns what is: so those above have not ended.
func (f *Frame) around(most int, visit func(g *Group) bool) {
	for n := 0; f != nil && n < most; n++ {
		g := f.members.group
		if g == nil {
			h, ok := f.self.(interface{ starter() *Frame })
			if !ok {
				return
			}
			f = h.starter()
			continue
		}
		g.mu.Lock()
		f = g.owner
		more := visit(g)
		g.mu.Unlock()
		if !more {
			return
		}
	}
}
