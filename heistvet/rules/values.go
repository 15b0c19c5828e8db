package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// values follows what a function is given, and lent bytes, through its text: what is in which
// variable, what it keeps, what it returns. It goes once, in the order of the text, and an
// assignment replaces what was there before: so it is silent about a branch that copies.
type values struct {
	*ops
	node  ast.Node // the function
	body  *ast.BlockStmt
	sig   *types.Signature
	in    map[spot]mask // what is in a variable, or a part of it
	param map[*types.Var]int
	kept  func(e ast.Expr, where string) // or nil
	deep  int                            // in literals that are called

	keeps, later, clears mask
	into, gives          [4]mask
}

// spot is a variable, or a part of one: x and ".f".
type spot struct {
	v    *types.Var
	path string
}

func (o *ops) valuesOf(node ast.Node) *values {
	v := &values{ops: o, node: node, in: map[spot]mask{}, param: map[*types.Var]int{}}
	fields := func(l *ast.FieldList, at int) {
		if l == nil {
			return
		}
		for _, f := range l.List {
			for _, name := range f.Names {
				if p, ok := o.pass.TypesInfo.Defs[name].(*types.Var); ok {
					v.param[p] = at
					v.in[spot{p, ""}] = bit(at)
				}
				at++
			}
			if len(f.Names) == 0 {
				at++
			}
		}
	}
	switch n := node.(type) {
	case *ast.FuncDecl:
		fields(n.Recv, 0)
		fields(n.Type.Params, 1)
		v.body = n.Body
		if f, ok := o.pass.TypesInfo.Defs[n.Name].(*types.Func); ok {
			v.sig = f.Signature()
		}
	case *ast.FuncLit:
		fields(n.Type.Params, 1)
		v.body, v.sig = n.Body, signatureOf(o.pass.TypesInfo, n)
	}
	return v
}

// run goes through the function. kept is told of lent bytes that stay.
func (v *values) run(kept func(e ast.Expr, where string)) {
	v.kept = kept
	nested := 0
	var visit func(n ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			if cxOf(signatureOf(v.pass.TypesInfo, n)) == nil { // a poll function is looked at by itself
				nested++
				ast.Inspect(n.Body, visit)
				nested--
			}
			return false
		case *ast.AssignStmt:
			for _, e := range n.Rhs {
				ast.Inspect(e, visit)
			}
			v.assign(n)
			return false
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if len(n.Values) == len(n.Names) {
					v.put(name, n.Values[i], v.of(n.Values[i]))
				} else if len(n.Values) == 1 {
					v.put(name, n.Values[0], v.result(n.Values[0], i))
				}
			}
		case *ast.RangeStmt:
			m := v.of(n.X)
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if e != nil && m != 0 {
					v.put(e, n.X, m)
				}
			}
		case *ast.SendStmt:
			v.keep(n.Value, "by who receives it")
		case *ast.GoStmt:
			for _, e := range append(slices.Clip(n.Call.Args), n.Call.Fun) {
				if _, ok := e.(*ast.SelectorExpr); !ok {
					v.keep(e, "by a goroutine")
				}
			}
			v.later |= v.of(n.Call.Fun)
		case *ast.CallExpr:
			v.call(n)
		case *ast.ReturnStmt:
			if nested == 0 {
				v.returns(n)
			}
		}
		return true
	}
	ast.Inspect(v.body, visit)
}

// bytesIn reports whether bytes can be reached from a value of type t.
func bytesIn(t types.Type) bool { return reaches(t, map[types.Type]bool{}) }

func reaches(t types.Type, seen map[types.Type]bool) bool {
	if t == nil || seen[t] || len(seen) > 100 {
		return false
	}
	seen[t] = true
	if isError(t) || isCx(t) {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Slice:
		if b, ok := u.Elem().Underlying().(*types.Basic); ok {
			return b.Kind() == types.Byte
		}
		return reaches(u.Elem(), seen)
	case *types.Pointer:
		return reaches(u.Elem(), seen)
	case *types.Array:
		return reaches(u.Elem(), seen)
	case *types.Map:
		return reaches(u.Elem(), seen) || reaches(u.Key(), seen)
	case *types.Chan:
		return reaches(u.Elem(), seen)
	case *types.Interface, *types.Signature:
		return true
	case *types.Struct:
		for f := range u.Fields() {
			if reaches(f.Type(), seen) {
				return true
			}
		}
	}
	return false
}

// ---- what is in an expression --------------------------------------------------

// of returns what is in e.
func (v *values) of(e ast.Expr) mask { return v.result(e, 0) }

// result returns what is in the i-th result of e, or in e.
func (v *values) result(e ast.Expr, i int) (m mask) {
	info := v.pass.TypesInfo
	t := info.TypeOf(e)
	if tuple, ok := t.(*types.Tuple); ok {
		if i >= tuple.Len() {
			return 0
		}
		t = tuple.At(i).Type()
	}
	if t == nil || !carries(t) {
		return 0
	}
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident, *ast.SelectorExpr:
		m = v.read(e)
	case *ast.IndexExpr:
		m = v.of(e.X)
	case *ast.SliceExpr:
		m = v.of(e.X)
	case *ast.StarExpr:
		m = v.of(e.X)
	case *ast.TypeAssertExpr:
		m = v.of(e.X)
	case *ast.UnaryExpr:
		if e.Op == token.AND {
			m = v.of(e.X)
		}
	case *ast.CompositeLit:
		for _, e := range e.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				e = kv.Value
			}
			m |= v.of(e)
		}
	case *ast.FuncLit:
		ast.Inspect(e.Body, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if x, ok := info.Uses[id].(*types.Var); ok && !within(x, e) {
					m |= v.read(id)
				}
			}
			return true
		})
	case *ast.CallExpr:
		m = v.made(e, i)
	}
	if m&lentBit != 0 && !bytesIn(t) {
		m &^= lentBit
	}
	return m
}

// carries reports whether something can be in a value of type t.
func carries(t types.Type) bool {
	if isError(t) || isCx(t) {
		return false
	}
	_, basic := t.Underlying().(*types.Basic)
	return !basic
}

// read returns what is in a variable, or a part of one.
func (v *values) read(e ast.Expr) (m mask) {
	at := v.spot(e)
	if at.v == nil {
		return 0
	}
	exact, ok := v.in[at]
	if ok {
		m = exact
	}
	for s, in := range v.in {
		if s.v == at.v && (strings.HasPrefix(s.path, at.path+".") && s != at || !ok && strings.HasPrefix(at.path+".", s.path+".")) {
			m |= in
		}
	}
	return m
}

// spot returns what e names.
func (v *values) spot(e ast.Expr) spot {
	info := v.pass.TypesInfo
	var path string
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			return spot{variable(info, x), path}
		case *ast.SelectorExpr:
			if f, ok := info.Uses[x.Sel].(*types.Var); !ok || !f.IsField() {
				return spot{}
			}
			path = "." + x.Sel.Name + path
			e = x.X
		case *ast.IndexExpr:
			path, e = "", x.X
		case *ast.SliceExpr:
			path, e = "", x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return spot{}
		}
	}
}

// aliases are functions of the standard library whose results are parts of what they are given, or
// hold it.
var aliases = regexp.MustCompile(`^(bytes\.(Trim\w*|Fields\w*|Split\w*|Cut\w*|Lines|NewReader|NewBuffer)|bytes\.Buffer\.(Bytes|Next|Peek)` +
	`|slices\.(Clip|Grow|Delete\w*|Compact\w*|Values|All|Backward|Chunk)|regexp\.Regexp\.Find(All)?(Submatch)?` +
	`|bufio\.(New\w+|Scanner\.Bytes|Reader\.(Peek|ReadSlice|ReadLine))|io\.(LimitReader|TeeReader|MultiReader|NopCloser|NewSectionReader)` +
	`|encoding/(json|xml|csv|gob)\.NewDecoder|net/http\.NewRequest\w*|unsafe\.Slice|context\.WithValue)$`)

// collectors do so if the elements are no bytes.
var collectors = regexp.MustCompile(`^(slices\.(Clone|Collect|AppendSeq|Concat|Insert|Replace|Sorted\w*|Repeat)|maps\.(Clone|Collect|Values|Keys|All))$`)

// keepers of the standard library keep what they are given.
var keepers = regexp.MustCompile(`^(sync\.Map\.(Store|Swap|LoadOrStore|CompareAndSwap)|sync\.Pool\.Put|sync/atomic\.(Value|Pointer)\.(Store|Swap|CompareAndSwap)` +
	`|container/list\.List\.(Push|Insert)\w*|container/heap\.Push)$`)

// made returns what is in the i-th result of a call.
func (v *values) made(call *ast.CallExpr, i int) (m mask) {
	if lit, ok := v.only(call.Fun).(*ast.FuncLit); ok {
		return v.literal(lit)
	}
	from, lends, _ := v.giving(call, i)
	for _, e := range from {
		m |= v.of(e)
	}
	if lends {
		m |= lentBit
	}
	return m
}

// literal returns what the results of a literal that is called here have in them.
func (v *values) literal(lit *ast.FuncLit) (m mask) {
	if v.deep > 0 {
		return 0
	}
	v.deep++
	defer func() { v.deep-- }()
	inspect(lit.Body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok {
			for _, e := range r.Results {
				m |= v.of(e)
			}
		}
		return true
	})
	return m
}

func element(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	if s, ok := t.Underlying().(*types.Slice); ok {
		return s.Elem()
	}
	return nil
}

// args returns what a call is given, the receiver first, or nil where there is none.
func (o *ops) args(call *ast.CallExpr, f *types.Func) []ast.Expr {
	var args []ast.Expr
	if f.Signature().Recv() != nil {
		if s, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && o.pass.TypesInfo.Selections[s] != nil && o.pass.TypesInfo.Selections[s].Kind() == types.MethodVal {
			args = append(args, s.X)
		}
	} else {
		args = append(args, nil)
	}
	return append(args, call.Args...)
}

// through returns what is in those of a call's arguments that are in a mask of its function.
func (v *values) through(call *ast.CallExpr, f *types.Func, of mask) (m mask) {
	if of&lentBit != 0 {
		m = lentBit
	}
	if of&^lentBit == 0 {
		return m
	}
	v.each(call, f, of, func(e ast.Expr) { m |= v.of(e) })
	return m
}

// each0 is each, of a function that may be nil.
func (v *values) each0(call *ast.CallExpr, f *types.Func, of mask, do func(ast.Expr)) {
	if f != nil && of != 0 {
		v.each(call, f, of, do)
	}
}

// each calls do for the arguments that are in a mask of the function.
func (o *ops) each(call *ast.CallExpr, f *types.Func, of mask, do func(ast.Expr)) {
	last := f.Signature().Params().Len()
	for i, e := range o.args(call, f) {
		if f.Signature().Variadic() {
			i = min(i, last)
		}
		if e != nil && of&bit(i) != 0 {
			do(e)
		}
	}
}

// ---- what becomes of it ----------------------------------------------------------

func (v *values) assign(n *ast.AssignStmt) {
	for i, to := range n.Lhs {
		var e ast.Expr
		var m mask
		if len(n.Lhs) == len(n.Rhs) {
			e = n.Rhs[i]
			m = v.of(e)
		} else {
			e = n.Rhs[0]
			m = v.result(e, i)
		}
		v.overwrites(to)
		v.put(to, e, m)
	}
}

// put notes that e, with m in it, is assigned to an expression.
func (v *values) put(to, e ast.Expr, m mask) {
	info := v.pass.TypesInfo
	if blank(to) {
		return
	}
	at := v.spot(to)
	if x := variable(info, to); x != nil && within(x, v.node) {
		maps.DeleteFunc(v.in, func(s spot, _ mask) bool { return s.v == x })
		if lit := composite(e); lit != nil && m != 0 && v.fields(x, lit) {
			return
		}
		if m != 0 {
			v.in[spot{x, ""}] = m
		}
		return
	}
	if m == 0 {
		if at.v != nil && inPlace(at.v) {
			delete(v.in, at)
		}
		return
	}
	switch {
	case at.v == nil || !within(at.v, v.node): // of the package, or from around
		v.stay(e, m, "in "+types.ExprString(to))
	case v.mine(at.v): // a part of what is the function's own
		v.in[at] |= m
	default:
		if i, ok := v.param[at.v]; ok && i < len(v.into) && v.kept == nil { // its caller sees to that
			v.into[i] |= m
			return
		}
		v.stay(e, m, "in "+types.ExprString(to))
	}
}

// mine reports whether what x consists of, or points to, ends with the function.
func (v *values) mine(x *types.Var) bool {
	if inPlace(x) {
		return true
	}
	if _, ok := v.param[x]; ok {
		return false
	}
	if _, result := x.Type().Underlying().(*types.Pointer); !result && !within(x, v.body) {
		return true // a result
	}
	switch x.Type().Underlying().(type) {
	case *types.Slice, *types.Map, *types.Pointer:
		given := v.given[x]
		for _, e := range given {
			if e == nil || !v.new(e, x) {
				return false
			}
		}
		return true
	}
	return false
}

// new reports whether e is made here; x is the variable that gets it.
func (v *values) new(e ast.Expr, x *types.Var) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr:
		if isBuiltin(v.pass.TypesInfo, e, "append") {
			return variable(v.pass.TypesInfo, e.Args[0]) == x || v.new(e.Args[0], x)
		}
		return isBuiltin(v.pass.TypesInfo, e, "make") || v.makes(e) || v.pass.TypesInfo.Types[e.Fun].IsType() && v.new(e.Args[0], x)
	case *ast.SliceExpr:
		return variable(v.pass.TypesInfo, e.X) == x || v.array(e.X)
	case *ast.UnaryExpr:
		y := variable(v.pass.TypesInfo, e.X)
		return v.makes(e) || y != nil && within(y, v.node) && inPlace(y)
	case *ast.Ident:
		return v.pass.TypesInfo.Types[e].IsNil()
	}
	return v.makes(e)
}

// array reports whether e is an array of the function's own.
func (v *values) array(e ast.Expr) bool {
	x := variable(v.pass.TypesInfo, e)
	return x != nil && within(x, v.node) && inPlace(x)
}

func composite(e ast.Expr) *ast.CompositeLit {
	e = ast.Unparen(e)
	if u, ok := e.(*ast.UnaryExpr); ok {
		e = u.X
	}
	lit, _ := e.(*ast.CompositeLit)
	return lit
}

// fields notes what is in the fields of a struct that x is given.
func (v *values) fields(x *types.Var, lit *ast.CompositeLit) bool {
	t := v.pass.TypesInfo.TypeOf(lit)
	if t == nil {
		return false
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for i, e := range lit.Elts {
		name := ""
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if id, ok := kv.Key.(*ast.Ident); ok {
				name = id.Name
			}
			e = kv.Value
		} else if i < s.NumFields() {
			name = s.Field(i).Name()
		}
		if m := v.of(e); m != 0 {
			v.in[spot{x, "." + name}] |= m
		}
	}
	return true
}

// keep notes that e is there when the function has returned.
func (v *values) keep(e ast.Expr, where string) { v.stay(e, v.of(e), where) }

func (v *values) stay(e ast.Expr, m mask, where string) {
	v.keeps |= m &^ lentBit
	if m&lentBit != 0 && v.kept != nil {
		v.kept(v.culprit(e), where)
	}
}

// culprit is the part of e with the lent bytes.
func (v *values) culprit(e ast.Expr) ast.Expr {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok && isBuiltin(v.pass.TypesInfo, call, "append") {
		for _, arg := range call.Args[1:] {
			if v.of(arg)&lentBit != 0 {
				return arg
			}
		}
	}
	return e
}

// call looks at what a call keeps.
func (v *values) call(call *ast.CallExpr) {
	v.keeping(call, func(e ast.Expr, where string) {
		m := v.of(e)
		if lit, ok := v.only(e).(*ast.FuncLit); ok {
			m |= v.of(lit)
		}
		v.stay(e, m, where)
	})
	f := callee(v.pass.TypesInfo, call)
	v.putting(call, func(to ast.Expr, of mask, _ func(func(ast.Expr))) {
		if f == nil { // the built-in copy
			v.put(to, call.Args[1], v.of(call.Args[1]))
		} else if m := v.through(call, f, of); m != 0 {
			v.fill(to, call, of, f, m)
		}
	})
	if f == nil {
		return
	}
	s := v.summary(f)
	if s.Marks.has(keeps) || keepers.MatchString(nameOf(f)) {
		return
	}
	if is(f, later...) || forks(f) {
		for _, e := range call.Args {
			v.later |= v.of(e) &^ lentBit
		}
	}
	v.each(call, f, s.Later, func(e ast.Expr) { v.later |= v.of(e) &^ lentBit })
	v.each(call, f, s.Clears, func(e ast.Expr) { v.clears |= v.of(e) &^ lentBit })
}

// fill notes that a call puts something into one of its arguments.
func (v *values) fill(to ast.Expr, call *ast.CallExpr, of mask, f *types.Func, m mask) {
	if u, ok := ast.Unparen(to).(*ast.UnaryExpr); ok && u.Op == token.AND {
		to = u.X
	}
	e := ast.Expr(call)
	v.each(call, f, of, func(arg ast.Expr) {
		if v.of(arg)&lentBit != 0 {
			e = arg
		}
	})
	x := v.spot(to)
	if x.v != nil && within(x.v, v.node) && v.mine(x.v) {
		v.in[x] |= m
		return
	}
	if i, ok := v.param[x.v]; ok && v.kept == nil && i < len(v.into) {
		v.into[i] |= m
		return
	}
	v.stay(e, m, "in "+types.ExprString(to))
}

// returns notes what is in the results.
func (v *values) returns(r *ast.ReturnStmt) {
	switch {
	case len(r.Results) == 0:
		if v.sig == nil {
			return
		}
		i := 0
		for x := range v.sig.Results().Variables() {
			v.gives[min(i, len(v.gives)-1)] |= v.in[spot{x, ""}]
			for s, m := range v.in {
				if s.v == x {
					v.gives[min(i, len(v.gives)-1)] |= m
				}
			}
			i++
		}
	case len(r.Results) == 1 && v.sig != nil && v.sig.Results().Len() > 1:
		for i := range v.gives {
			v.gives[i] |= v.result(r.Results[0], i)
		}
	default:
		for i, e := range r.Results {
			v.gives[min(i, len(v.gives)-1)] |= v.of(e)
		}
	}
}

// overwrites notes a task that is a parameter, and given another value.
func (v *values) overwrites(to ast.Expr) {
	if v.frame(to) {
		if x := root(v.pass.TypesInfo, to); x != nil {
			v.clears |= v.in[spot{x, ""}] &^ lentBit
		}
	}
}

// frame reports whether to is a task as a whole, by way of a pointer, or the part of one with its
// frame: *t, t.Frame, t.base.
func (v *values) frame(to ast.Expr) bool {
	info := v.pass.TypesInfo
	switch x := ast.Unparen(to).(type) {
	case *ast.StarExpr:
		_, plain := ast.Unparen(x.X).(*ast.Ident)
		return plain && hasFrame(info.TypeOf(x))
	case *ast.SelectorExpr:
		f, ok := info.Uses[x.Sel].(*types.Var)
		if !ok || !f.IsField() || !f.Embedded() || !hasFrame(f.Type()) {
			return false
		}
		if id, ok := ast.Unparen(x.X).(*ast.Ident); ok {
			y := variable(info, id)
			_, pointer := info.TypeOf(id).Underlying().(*types.Pointer)
			return y != nil && pointer
		}
		return v.frame(x.X)
	}
	return false
}

// hasFrame reports whether t is a task's frame, or has one embedded.
func hasFrame(t types.Type) bool {
	for range 10 {
		if t == nil {
			return false
		}
		n, ok := types.Unalias(t).(*types.Named)
		if ok && is(n.Obj(), "task.Frame") {
			return true
		}
		s, ok := t.Underlying().(*types.Struct)
		if !ok {
			return false
		}
		t = nil
		for f := range s.Fields() {
			if _, pointer := f.Type().Underlying().(*types.Pointer); f.Embedded() && !pointer && (t == nil || hasFrame(f.Type())) {
				t = f.Type()
			}
		}
	}
	return false
}
