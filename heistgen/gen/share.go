package gen

import (
	"go/ast"
	"go/types"
	"slices"
)

// This file gives one field, or one Go variable, to variables whose lives do not meet, and lets go of
// what fields point to when nobody will read them.

// field is the slot whose field or Go variable s has: its own, or another's.
func (s *slot) field() *slot {
	if s.shares != nil {
		return s.shares
	}
	return s
}

func (s *slot) fieldType() types.Type {
	if s.boxed {
		return types.NewPointer(s.typ)
	}
	return s.typ
}

// special reports whether the field of s is for more than what s means in the body: a result, the
// argument of a deferred call, an array that is lent. Parameters are only written before it.
func (f *fun) special(s *slot) bool {
	if !s.pinned || s.held {
		return s.held
	}
	for _, p := range f.params {
		if f.slots[p] == s {
			return false
		}
	}
	return true
}

// share finds fields that may be the same: of one type, and never needed at the same time. So it does with
// temporaries that are no fields: a large function has thousands of them, for which Go's compiler needs long.
func (f *fun) share(ids map[*slot]int) {
	n := len(f.order)
	f.shared = map[string]bool{}
	meets := make([]bitset, n)
	for i := range meets {
		meets[i] = newBits(n)
	}
	all := func(a, b bitset) {
		for i := range a.members {
			meets[i].or(b)
		}
		for i := range b.members {
			meets[i].or(a)
		}
	}
	for k, i := range f.code {
		written := newBits(n)
		for _, s := range i.defs {
			written.set(ids[s])
		}
		all(i.in, i.in)
		all(i.outs, i.outs)
		all(written, i.outs)
		all(written, written)
		if i.op == opWait { // called again: its results are written before its operands are read
			all(written, i.in)
		}
		if k == 0 {
			for s := range i.in.members { // what is read before it is written, if anything, needs its zero
				if !f.isParam(f.order[s]) {
					f.order[s].pinned = true
				}
			}
		}
	}
	var owners []*slot // those that others may join
	met := map[*slot]bitset{}
	for k, s := range f.order {
		if s.frame && f.special(s) || !s.frame && (s.obj != nil || s.pinned || s.boxed) {
			continue
		}
		if !f.isParam(s) {
			for _, r := range owners {
				if r.frame != s.frame || met[r].has(k) && !f.mutant("variables share a field whose lives meet") || !types.Identical(r.fieldType(), s.fieldType()) {
					continue
				}
				s.shares = r
				r.others = append(r.others, s)
				r.reads += s.reads
				met[r].or(meets[k])
				if !r.frame {
					f.shared[r.name] = true
				}
				break
			}
		}
		if s.shares == nil {
			owners = append(owners, s)
			met[s] = meets[k]
		}
	}
}

func (f *fun) isParam(s *slot) bool {
	return s.obj != nil && slices.ContainsFunc(f.params, func(p *types.Var) bool { return f.slots[p] == s })
}

// forget finds the fields that a wait finds used, and that nobody will read: what they point to
// is let go of if it suspends.
func (f *fun) forget(ids map[*slot]int, at map[*label]int) {
	n := len(f.order)
	dirty := make([]bitset, len(f.code)+1)
	for i := range dirty {
		dirty[i] = newBits(n)
	}
	for _, p := range f.params {
		dirty[0].set(ids[f.slots[p]])
	}
	for changed := true; changed; {
		changed = false
		for k, i := range f.code {
			out := newBits(n)
			out.or(dirty[k])
			for _, s := range i.defs {
				out.set(ids[s])
			}
			for _, s := range i.uses {
				if i.op == opStmt || i.op == opRaw || s.open { // it may be written in a statement that stays, or in a literal
					out.set(ids[s])
				}
			}
			f.successors(k, at, func(to int) { changed = dirty[to].or(out) || changed })
		}
	}
	for k, i := range f.code {
		across, waits := i.across()
		if !waits {
			continue
		}
		for _, s := range f.order {
			if !s.frame || s.shares != nil || s.rests || f.special(s) || !s.boxed && !hasPointers(s.typ, map[types.Type]bool{}) {
				continue
			}
			used, needed := false, false
			for _, o := range append([]*slot{s}, s.others...) {
				used = used || dirty[k].has(ids[o])
				needed = needed || across.has(ids[o])
			}
			if used && !needed {
				i.dead = append(i.dead, s)
			}
		}
	}
}

// fixed reports whether e is a variable that is not assigned to after its declaration, so that
// it need not be copied.
func (f *fun) fixed(e ast.Expr) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	if !ok || f.temps[id] != nil {
		return false
	}
	v, ok := f.info().ObjectOf(id).(*types.Var)
	if !ok {
		return false
	}
	s := f.slots[v]
	return s != nil && !s.boxed && !f.assigned(v)
}

// assigned reports whether there is an assignment to v other than its declaration.
func (f *fun) assigned(v *types.Var) (yes bool) {
	info := f.info()
	is := func(e ast.Expr) {
		for {
			switch x := ast.Unparen(e).(type) {
			case *ast.SelectorExpr:
				e = x.X
				continue
			case *ast.IndexExpr:
				e = x.X
				continue
			case *ast.Ident:
				yes = yes || info.Uses[x] == v
			}
			return
		}
	}
	ast.Inspect(f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				is(e)
			}
		case *ast.IncDecStmt:
			is(n.X)
		case *ast.RangeStmt:
			if n.Key != nil {
				is(n.Key)
			}
			if n.Value != nil {
				is(n.Value)
			}
		}
		return !yes
	})
	return yes
}
