package gen

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
)

// Explain says of each machine how large it is, why each field is there, and what is allocated.
func Explain(cfg Config) (string, error) {
	units, err := load(cfg)
	if err != nil {
		return "", err
	}
	var problems Problems
	var b strings.Builder
	for _, u := range units {
		u.plain = cfg.Plain
		u.compile()
		problems = append(problems, u.problems...)
	}
	if len(problems) > 0 {
		problems.sort()
		return "", problems
	}
	for _, u := range units {
		for _, s := range u.sources {
			if _, err := u.emitSource(s); err != nil { // it finds what is used
				return "", err
			}
			for _, f := range s.funcs {
				f.explain(&b)
			}
		}
	}
	return b.String(), nil
}

// field is a field of a machine.
type field struct {
	name, typ string
	size      int64
	why       string
}

func (f *fun) explain(b *strings.Builder) {
	size, known := f.size(f.unit.TypesSizes)
	about := ""
	if !known {
		about = ", and what depends on type parameters"
	}
	fmt.Fprintf(b, "%s: %s: %d bytes%s\n", f.at(f.where()), f.display(), size, about)
	if peak := f.peak(f.unit.TypesSizes); known && peak > size {
		fmt.Fprintf(b, "\t%5d  at most, with the frame of an awaited function from the worker's free list\n", peak)
		size = peak
	}
	if least := f.least(f.unit.TypesSizes); known && least < size {
		fmt.Fprintf(b, "\t%5d  are needed at the same time at most: memory has a type in Go, and is shared by what has the same\n", least)
	}
	for _, fl := range f.layout() {
		size := "?"
		if fl.size >= 0 {
			size = fmt.Sprint(fl.size)
		}
		fmt.Fprintf(b, "\t%5s  %s %s: %s\n", size, fl.name, fl.typ, fl.why)
	}
	for _, a := range f.allocations() {
		fmt.Fprintf(b, "\tallocates %s\n", a)
	}
	if f.context {
		for _, e := range f.color.does {
			fmt.Fprintf(b, "\tits version for goroutines has an agent do %s of line %d, which has no %s for goroutines\n", types.ExprString(e), f.line(e.Pos()), calledName(&ast.CallExpr{Fun: e})+suffix)
		}
	}
	for _, l := range f.lits {
		l.explain(b)
	}
}

func (f *fun) where() token.Pos {
	if f.lit != nil {
		return f.lit.Pos()
	}
	return f.decl.Pos()
}

func (f *fun) at(pos token.Pos) string {
	p := f.unit.Fset.Position(pos)
	name := p.Filename
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, name); err == nil && !strings.HasPrefix(rel, "..") {
			name = rel
		}
	}
	return fmt.Sprintf("%s:%d", name, p.Line)
}

func (f *fun) line(pos token.Pos) int { return f.unit.Fset.Position(pos).Line }

// layout returns the fields, with the base's.
func (f *fun) layout() (fields []field) {
	sizes := f.unit.TypesSizes
	name := func(t types.Type) string {
		return types.TypeString(t, func(p *types.Package) string {
			if p == f.unit.Types {
				return ""
			}
			return p.Name()
		})
	}
	if f.base == nil {
		if t := f.unit.machineType(f.head()); t != nil {
			fields = append(fields, field{"machine." + f.head(), "", sizes.Sizeof(t), "who awaits it, where it waits, which defer statements have run"})
		}
	} else {
		size, _ := f.base.size(sizes)
		fields = append(fields, field{f.base.frame, "", size, fmt.Sprintf("the frame of %s, which has the same place where both are awaited", f.base.obj.Name())})
	}
	for _, p := range f.parts() {
		size, _ := f.sizeOf(p, sizes)
		switch s, k := p.slot, p.kid; {
		case p.lit != nil:
			fields = append(fields, field{p.lit.nest, p.lit.name + "Call", size, fmt.Sprintf("the frame of the function literal of line %d, which is over when the statement is", f.line(p.lit.lit.Pos()))})
		case s != nil:
			why := f.why(s)
			for _, o := range s.others {
				why += fmt.Sprintf(". At other times %s, %s", o.name, f.why(o))
			}
			if s.based {
				size, why = 0, why+fmt.Sprintf(". It has the field %s of %s", s.at, f.base.frame)
			}
			fields = append(fields, field{s.name, name(s.fieldType()), size, why})
		case k != nil:
			why := fmt.Sprintf("the frame of %s, which line %d awaits", k.f.obj.Name(), f.line(k.pos))
			for _, o := range f.frames {
				if o.host == k {
					why += fmt.Sprintf(". At other times that of %s, which line %d awaits", o.f.obj.Name(), f.line(o.pos))
				}
			}
			t := k.f.name + "Call"
			switch {
			case k.spare:
				t = "*" + t
				why += "; it comes from the worker's free list for each call, as it is one of several that would have much more room here than they need at a time"
			case k.pointer:
				t = "*" + t
				why += "; a pointer, as that awaits this one in the end"
			case k.f.elsewhere:
				t = k.f.obj.Pkg().Name() + "." + t
			}
			if k.based {
				size, why = 0, why+". It has its place in "+f.base.frame
			}
			fields = append(fields, field{k.name, t, size, why})
		default:
			fields = append(fields, field{"defers", "[]" + f.name + "Defer", size, "the deferred calls: a defer statement stands in a loop, or there are many"})
		}
	}
	return fields
}

// sizeElsewhere is the size of a machine of another package, if its output is there.
func (u *unit) sizeElsewhere(k *kid) int64 {
	o, ok := k.f.obj.Pkg().Scope().Lookup(k.f.name + "Call").(*types.TypeName)
	if !ok || dependsOnParam(o.Type(), map[types.Type]bool{}) {
		return -1
	}
	return u.TypesSizes.Sizeof(o.Type())
}

// why says why a slot is a field.
func (f *fun) why(s *slot) string {
	what := "an intermediate value"
	switch {
	case s == f.fail:
		what = "the error that is returned"
	case f.yield != nil && s == f.slots[f.yield]:
		what = "where the values go"
	case s.site != nil:
		return fmt.Sprintf("kept for the deferred call of line %d", f.line(s.site.call.Pos()))
	case s.obj != nil:
		what = "a variable"
	}
	for _, r := range f.outs {
		if r == s {
			what = "a result"
		}
	}
	for _, p := range f.params {
		if f.slots[p] == s {
			what = "a parameter"
		}
	}
	for _, v := range f.captive {
		if f.slots[v] == s {
			return "the variable of the function around it"
		}
	}
	if s.rests && !s.boxed {
		what += ", which is used in place"
	}
	if s.obj != nil {
		if t, ok := f.takenAt[s.obj]; ok {
			if s.boxed {
				return fmt.Sprintf("%s with memory of its own: %s in line %d", what, t.how, f.line(t.pos))
			}
			return fmt.Sprintf("%s: %s in line %d", what, t.how, f.line(t.pos))
		}
	}
	if s.across.IsValid() {
		return fmt.Sprintf("%s; it lives across the wait of line %d", what, f.line(s.across))
	}
	return what
}

// allocations lists what the machine allocates and plain Go on a stack would not have to, or
// would as well.
func (f *fun) allocations() (list []string) {
	for _, s := range f.order {
		if !s.boxed || s.obj == nil {
			continue
		}
		captive := false
		for _, v := range f.captive {
			captive = captive || f.slots[v] == s
		}
		if t, ok := f.takenAt[s.obj]; ok && !captive {
			list = append(list, fmt.Sprintf("%s, each time that line %d is executed: %s in line %d", s.obj.Name(), f.line(s.obj.Pos()), t.how, f.line(t.pos)))
		}
	}
	for _, l := range f.lits {
		if l.bounded {
			list = append(list, fmt.Sprintf("the function that the literal of line %d is, once: it is kept for the next time", f.line(l.lit.Pos())))
			continue
		}
		list = append(list, fmt.Sprintf("the frame of the function literal of line %d, and the function, each time that line is executed: no combinator's call is given it alone, so that it may outlive the statement", f.line(l.lit.Pos())))
	}
	for _, k := range f.frames {
		if k.spare {
			list = append(list, fmt.Sprintf("the frame of %s for line %d, if the worker has none that is free", k.f.obj.Name(), f.line(k.pos)))
		} else if k.pointer {
			list = append(list, fmt.Sprintf("the frame of %s for line %d, once: it is kept for the next call", k.f.obj.Name(), f.line(k.pos)))
		}
	}
	if f.listed {
		list = append(list, "a list for the deferred calls, which a loop may have many of")
	}
	inspectBody(f.body, func(n ast.Node) bool {
		if r, ok := n.(*ast.RangeStmt); ok && f.waitsEach(r) {
			if _, ok := coreOf(f.info().TypeOf(r.X)).(*types.Map); ok {
				list = append(list, fmt.Sprintf("an iterator over the map of line %d", f.line(r.Pos())))
			}
		}
		return true
	})
	return list
}

// dependsOnParam reports whether the size of a value depends on a type parameter.
func dependsOnParam(t types.Type, seen map[types.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t := types.Unalias(t).(type) {
	case *types.TypeParam:
		return true
	case *types.Named:
		if t.TypeParams().Len() > 0 && t.TypeArgs().Len() == 0 {
			return true
		}
		return dependsOnParam(t.Underlying(), seen)
	case *types.Array:
		return dependsOnParam(t.Elem(), seen)
	case *types.Struct:
		for v := range t.Fields() {
			if dependsOnParam(v.Type(), seen) {
				return true
			}
		}
	}
	return false
}
