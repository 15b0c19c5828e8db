package gen

import (
	"go/ast"
	"go/token"
	"go/types"
	"math/bits"
)

// This file decides which variables are fields: those that live across a wait.

type bitset []uint64

func newBits(n int) bitset      { return make(bitset, (n+63)/64) }
func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) clear(i int)    { b[i/64] &^= 1 << (i % 64) }
func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

// members calls do with what is in b, until that returns false.
func (b bitset) members(do func(int) bool) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			if !do(64*i + bits.TrailingZeros64(w)) {
				return
			}
		}
	}
}

func (b bitset) or(o bitset) (changed bool) {
	for i := range b {
		n := b[i] | o[i]
		changed = changed || n != b[i]
		b[i] = n
	}
	return changed
}

// flow fills in what each instruction reads and writes.
func (f *fun) flow() {
	info := f.info()
	for _, i := range f.code {
		switch i.op {
		case opStmt:
			f.flowStmt(i)
		case opIf:
			if r, ok := i.cond.(*rawExpr); ok {
				i.uses = append(i.uses, r.uses...)
			} else {
				i.uses = f.mentioned(i.cond, i.uses)
			}
		case opWait:
			if r, ok := i.call.(*rawExpr); ok {
				i.uses = append(i.uses, r.uses...)
			} else if c, ok := i.call.(*ast.CallExpr); ok && f.mutant("what a literal captures does not live across its wait") {
				i.uses = f.mentioned(c.Fun, i.uses)
			} else {
				i.uses = f.mentioned(i.call, i.uses)
			}
			for _, e := range i.lhs {
				if s := f.slotOf(e.(*ast.Ident)); s != nil {
					i.defs = append(i.defs, s)
				}
			}
		case opYield:
			i.uses = f.mentioned(i.call, i.uses)
			i.uses = append(i.uses, f.slots[f.yield])
		case opReturn:
			for _, e := range i.lhs {
				i.uses = f.mentioned(e, i.uses)
			}
			if f.fail != nil {
				if len(i.lhs) > 0 {
					if !f.fail.boxed {
						i.defs = append(i.defs, f.fail)
					}
				} else {
					i.uses = append(i.uses, f.fail)
				}
			}
		}
	}
	_ = info
}

func (f *fun) flowStmt(i *instr) {
	if a, ok := i.stmt.(*ast.AssignStmt); ok && (a.Tok == token.ASSIGN || a.Tok == token.DEFINE) {
		for _, e := range a.Rhs {
			i.uses = f.mentioned(e, i.uses)
		}
		for _, e := range a.Lhs {
			if id, ok := e.(*ast.Ident); ok {
				if s := f.slotOf(id); s != nil && !s.boxed {
					i.defs = append(i.defs, s)
					continue
				}
			}
			i.uses = f.mentioned(e, i.uses)
		}
		return
	}
	i.uses = f.mentioned(i.stmt, i.uses)
	ast.Inspect(i.stmt, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) == 0 && f.fail != nil {
			i.uses = append(i.uses, f.fail)
		}
		return true
	})
}

// successors calls do with the instructions that may follow the one at n.
func (f *fun) successors(n int, at map[*label]int, do func(int)) {
	i := f.code[n]
	to := func(l *label) {
		if k, ok := at[l]; ok {
			do(k)
		}
	}
	next := func() {
		if n+1 < len(f.code) {
			do(n + 1)
		}
	}
	switch i.op {
	case opGoto:
		to(i.label)
		return
	case opIf:
		to(i.label)
	case opReturn:
		return
	case opStmt:
		inspectBody(i.stmt, func(n ast.Node) bool {
			if b, ok := n.(*ast.BranchStmt); ok {
				if l := f.jumps[b]; l != nil {
					to(l)
				}
			}
			return true
		})
		if !falls(i.stmt) {
			return
		}
	}
	next()
}

// live does the analysis, and drops what cannot be reached.
func (f *fun) live() {
	f.flow()
	at := map[*label]int{}
	index := func() {
		clear(at)
		for n, i := range f.code {
			if i.op == opLabel {
				at[i.label] = n
			}
		}
	}
	index()
	// reachable
	var visit func(n int)
	visit = func(n int) {
		for !f.code[n].reach {
			f.code[n].reach = true
			var all []int
			f.successors(n, at, func(k int) { all = append(all, k) })
			if len(all) == 0 {
				return
			}
			for _, k := range all[:len(all)-1] {
				visit(k)
			}
			n = all[len(all)-1]
		}
	}
	if len(f.code) > 0 {
		visit(0)
	}
	var kept []*instr
	for _, i := range f.code {
		if i.reach {
			kept = append(kept, i)
		}
	}
	f.code = kept
	// A jump to what follows anyway.
	for changed := true; changed; {
		changed = false
		for n := 0; n+1 < len(f.code); n++ {
			i := f.code[n]
			if i.op != opGoto {
				continue
			}
			for k := n + 1; k < len(f.code) && f.code[k].op == opLabel; k++ {
				if f.code[k].label == i.label {
					f.code = append(f.code[:n], f.code[n+1:]...)
					changed = true
					break
				}
			}
		}
	}
	used := map[*label]bool{}
	for _, i := range f.code {
		switch i.op {
		case opGoto, opIf:
			used[i.label] = true
		case opStmt:
			inspectBody(i.stmt, func(n ast.Node) bool {
				if b, ok := n.(*ast.BranchStmt); ok && f.jumps[b] != nil {
					used[f.jumps[b]] = true
				}
				return true
			})
		}
	}
	for _, i := range f.code {
		if i.op == opLabel {
			i.label.used = used[i.label]
		}
	}
	index()
	ids := map[*slot]int{}
	for n, s := range f.order {
		ids[s] = n
	}
	for _, i := range f.code {
		i.in, i.outs = newBits(len(f.order)), newBits(len(f.order))
	}
	for changed := true; changed; {
		changed = false
		for n := len(f.code) - 1; n >= 0; n-- {
			i := f.code[n]
			f.successors(n, at, func(k int) { changed = i.outs.or(f.code[k].in) || changed })
			in := newBits(len(f.order))
			in.or(i.outs)
			for _, s := range i.defs {
				in.clear(ids[s])
			}
			for _, s := range i.uses {
				in.set(ids[s])
			}
			changed = i.in.or(in) || changed
		}
	}
	for _, i := range f.code {
		for _, s := range i.uses {
			s.reads++
		}
		across, waits := i.across()
		if !waits {
			continue
		}
		for n, s := range f.order {
			if across.has(n) && !(f.mutant("a variable that lives across a wait is no field") && s.obj != nil && !s.boxed) {
				s.frame = true
				if !s.across.IsValid() {
					s.across = i.pos
				}
			}
		}
	}
	for _, s := range f.order {
		if s.pinned {
			s.frame = true
		}
	}
	for _, i := range f.code { // an error that nobody reads needs no variable
		if i.op == opWait && len(i.defs) == 1 && len(i.lhs) == 1 && i.defs[0].obj == nil && i.defs[0].reads == 0 && !i.defs[0].pinned && !f.told(i.call) {
			i.lhs, i.defs = nil, nil
		}
	}
	if !f.unit.plain {
		f.share(ids)
	}
	f.forget(ids, at)
	f.locks(at)
}

func isBytes(t types.Type) bool {
	if t == nil {
		return false
	}
	s, ok := t.Underlying().(*types.Slice)
	if !ok {
		return false
	}
	if b, ok := s.Elem().Underlying().(*types.Basic); ok && b.Kind() == types.Byte {
		return true
	}
	if _, ok := s.Elem().(*types.Named); ok {
		return false // a type may be a slice of itself
	}
	return isBytes(s.Elem())
}

// locks refuses a mutex that is held across a wait.
func (f *fun) locks(at map[*label]int) {
	info := f.info()
	held := make([]map[string]token.Pos, len(f.code))
	step := func(n int) map[string]token.Pos {
		i := f.code[n]
		out := map[string]token.Pos{}
		for k, v := range held[n] {
			out[k] = v
		}
		var node ast.Node
		switch i.op {
		case opStmt:
			node = i.stmt
		case opIf:
			node = i.cond
		}
		if node == nil {
			return out
		}
		if _, ok := node.(*ast.DeferStmt); ok {
			return out
		}
		if _, ok := node.(*rawExpr); ok {
			return out
		}
		inspectBody(node, func(n ast.Node) bool {
			if _, ok := n.(*ast.DeferStmt); ok {
				return false
			}
			c, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			o := callee(info, c)
			if o == nil || o.Pkg() == nil || o.Pkg().Path() != "sync" || o.Signature().Recv() == nil {
				return true
			}
			s, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr)
			if !ok {
				return true
			}
			key := types.ExprString(s.X)
			switch o.Name() {
			case "Lock", "RLock":
				out[key] = c.Pos()
			case "Unlock", "RUnlock":
				delete(out, key)
			}
			return true
		})
		return out
	}
	for changed := true; changed; {
		changed = false
		for n := range f.code {
			out := step(n)
			f.successors(n, at, func(k int) {
				for key, pos := range out {
					if _, ok := held[k][key]; !ok {
						if held[k] == nil {
							held[k] = map[string]token.Pos{}
						}
						held[k][key] = pos
						changed = true
					}
				}
			})
		}
	}
	said := map[string]bool{}
	for n, i := range f.code {
		if i.op != opWait && i.op != opAwait && i.op != opYield {
			continue
		}
		for key, pos := range held[n] {
			if !said[key] {
				said[key] = true
				f.refuse(pos, "%s is still locked when line %d waits: unlock it before, or take a lock.Mutex", key, f.unit.Fset.Position(i.pos).Line)
			}
		}
	}
}

// across returns what lives across the instruction, if it may wait.
func (i *instr) across() (live bitset, waits bool) {
	switch i.op {
	case opWait:
		return i.in, true
	case opAwait, opYield:
		return i.outs, true
	}
	return nil, false
}
