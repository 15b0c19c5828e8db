package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/cfg"
)

// flow is the paths through a function: blocks of steps. A step is a node that does
// something, and the steps of a block are in the order in which they happen.
type flow struct {
	o      *ops
	f      *fun
	blocks []*cfg.Block
	steps  [][]ast.Node                   // of each block
	where  map[ast.Node]place             // of each step
	tags   map[ast.Stmt]ast.Expr          // of a case: what is switched on
	typed  map[ast.Stmt]ast.Expr          // of a case: whose type is
	said   map[*types.Var]ast.Expr        // of a local bool: what it says
	from   map[*types.Var][]*ast.CallExpr // of an error: what gives it
	ways   map[*cfg.Block]*ways           // as far as somebody has asked
}

// place is before a step.
type place struct{ block, step int }

func (o *ops) flowOf(f *fun) *flow {
	if f.flow != nil {
		return f.flow
	}
	g := &flow{
		o: o, f: f, where: map[ast.Node]place{},
		tags: map[ast.Stmt]ast.Expr{}, typed: map[ast.Stmt]ast.Expr{}, said: map[*types.Var]ast.Expr{},
		from: map[*types.Var][]*ast.CallExpr{},
		ways: map[*cfg.Block]*ways{},
	}
	g.blocks = cfg.New(f.body, g.returns).Blocks
	g.steps = make([][]ast.Node, len(g.blocks))
	for i, b := range g.blocks {
		for _, n := range b.Nodes {
			g.steps[i] = appendSteps(g.steps[i], n)
		}
		for j, n := range g.steps[i] {
			g.where[n] = place{i, j}
		}
	}
	inspect(f.body, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.SwitchStmt:
			if s.Tag != nil {
				for _, c := range s.Body.List {
					g.tags[c] = s.Tag
				}
			}
		case *ast.TypeSwitchStmt:
			ast.Inspect(s.Assign, func(n ast.Node) bool {
				if x, ok := n.(*ast.TypeAssertExpr); ok {
					for _, c := range s.Body.List {
						g.typed[c] = x.X
					}
				}
				return true
			})
		case *ast.AssignStmt:
			v, e := variable(o.pass.TypesInfo, s.Lhs[len(s.Lhs)-1]), ast.Unparen(s.Rhs[len(s.Rhs)-1])
			switch {
			case v == nil:
			case types.Identical(v.Type(), types.Typ[types.Bool]) && (s.Tok == token.DEFINE || o.pass.TypesInfo.Types[e].Value == nil):
				if g.said[v] == nil || g.o.pass.TypesInfo.Types[g.said[v]].Value != nil {
					g.said[v] = e
				}
			case isError(v.Type()) && len(s.Rhs) == 1:
				if call, ok := e.(*ast.CallExpr); ok {
					g.from[v] = append(g.from[v], call)
				}
			}
		}
		return true
	})
	f.flow = g
	return g
}

// returns reports whether a call comes back.
func (g *flow) returns(call *ast.CallExpr) bool {
	info := g.o.pass.TypesInfo
	return !isBuiltin(info, call, "panic") && !is(callee(info, call), "os.Exit", "runtime.Goexit", "log.Fatal", "log.Fatalf", "log.Fatalln")
}

// appendSteps appends what n does, operands first.
func appendSteps(steps []ast.Node, n ast.Node) []ast.Node {
	var open []ast.Node
	ast.Inspect(n, func(n ast.Node) bool {
		if n == nil {
			last := open[len(open)-1]
			open = open[:len(open)-1]
			switch last.(type) {
			case *ast.CallExpr, *ast.AssignStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.ReturnStmt, *ast.ValueSpec:
				steps = append(steps, last)
			}
			return true
		}
		switch n := n.(type) {
		case *ast.FuncLit:
			return false // somebody else's steps
		case *ast.DeferStmt:
			steps = append(steps, n)
			return false
		case *ast.GoStmt:
			steps = append(steps, n)
			return false
		}
		open = append(open, n)
		return true
	})
	return steps
}

// fork is one of the two branches at the end of a block.
type fork struct {
	cond  ast.Expr // or nil: a range, a select, a type
	holds bool
	to    *cfg.Block
}

// walk visits all steps that can be reached from the given place, each once. visit
// answers whether to go on behind the step; way, if it is not nil, whether to take a branch.
func (g *flow) walk(from place, visit func(ast.Node) bool, way func(fork) bool) {
	seen := make([]bool, len(g.blocks))
	todo := []place{from}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !g.through(at, visit) {
			continue
		}
		b := g.blocks[at.block]
		for i, next := range b.Succs {
			if way != nil && len(b.Succs) == 2 && !way(fork{g.condition(b), i == 0, next}) {
				continue
			}
			if seen[next.Index] {
				continue
			}
			seen[next.Index] = true
			todo = append(todo, place{int(next.Index), 0})
		}
	}
}

func (g *flow) through(at place, visit func(ast.Node) bool) bool {
	for _, n := range g.steps[at.block][at.step:] {
		if !visit(n) {
			return false
		}
	}
	return true
}

// reachable reports whether a path leads from the beginning to n that visit lets pass.
func (g *flow) reachable(n *wait, pass func(ast.Node) bool) (found bool) {
	g.walk(entry, func(at ast.Node) bool {
		found = found || at == n.CallExpr
		return !found && pass(at)
	}, nil)
	return found
}

// entry is where the function begins.
var entry = place{0, 0}

// after is the place behind a step.
func (g *flow) after(n ast.Node) place {
	p := g.where[n]
	p.step++
	return p
}

// condition returns what decides how b goes on, or nil: a range, a select, a type.
func (g *flow) condition(b *cfg.Block) ast.Expr {
	if len(b.Nodes) == 0 || b.Succs[0].Kind == cfg.KindRangeBody || b.Succs[0].Kind == cfg.KindSelectCaseBody {
		return nil
	}
	cond, _ := b.Nodes[len(b.Nodes)-1].(ast.Expr)
	if clause, ok := b.Succs[0].Stmt.(*ast.CaseClause); ok && cond != nil {
		if tag := g.tags[clause]; tag != nil {
			return &ast.BinaryExpr{X: tag, Op: token.EQL, Y: cond}
		}
	}
	return cond
}

// ---- what a condition says about an error ------------------------------------

// says reports whether cond, which holds or does not, implies what part finds in one of the
// questions that it is made of.
func says(cond ast.Expr, holds bool, part func(e ast.Expr, holds bool) bool) bool {
	switch e := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		return e.Op == token.NOT && says(e.X, !holds, part)
	case *ast.BinaryExpr:
		if e.Op == token.LAND || e.Op == token.LOR {
			x, y := says(e.X, holds, part), says(e.Y, holds, part)
			if (e.Op == token.LAND) == holds {
				return x || y
			}
			return x && y
		}
	}
	return part(ast.Unparen(cond), holds)
}

// equal returns what w's error is compared to, or nil, and whether it is equal to that.
func (g *flow) equal(w *wait, e *ast.BinaryExpr, holds bool) (to ast.Expr, equal bool) {
	if e.Op != token.EQL && e.Op != token.NEQ {
		return nil, false
	}
	equal = (e.Op == token.EQL) == holds
	switch {
	case g.isErr(w, e.X):
		return e.Y, equal
	case g.isErr(w, e.Y):
		return e.X, equal
	}
	return nil, false
}

// failed reports whether cond, which holds or does not, says that w has returned an error.
func (g *flow) failed(w *wait, cond ast.Expr, holds bool) bool {
	return says(cond, holds, func(e ast.Expr, holds bool) bool {
		switch e := e.(type) {
		case *ast.BinaryExpr:
			to, equal := g.equal(w, e, holds)
			return to != nil && equal != g.isNil(to)
		case *ast.CallExpr: // IsPending, errors.Is, or a question of one's own
			return holds && g.about(w, e)
		case *ast.Ident: // ok := err == nil
			if said, ok := g.said[variable(g.o.pass.TypesInfo, e)].(*ast.BinaryExpr); ok {
				return g.failed(w, said, holds)
			}
		}
		return false
	})
}

// about reports whether a call is given w's error.
func (g *flow) about(w *wait, call *ast.CallExpr) bool {
	return slices.ContainsFunc(call.Args, func(e ast.Expr) bool { return g.isErr(w, e) })
}

// settled reports whether cond, which holds or does not, says that w's error is not Pending,
// or has asked whether it is.
func (g *flow) settled(w *wait, cond ast.Expr, holds bool) bool {
	return g.asks(w, cond) || says(cond, holds, func(e ast.Expr, holds bool) bool {
		switch e := e.(type) {
		case *ast.BinaryExpr:
			_, equal := g.equal(w, e, holds)
			return equal
		case *ast.Ident: // pending := task.IsPending(err); lag, ok := err.(*chans.LagError)
			switch said := g.said[variable(g.o.pass.TypesInfo, e)].(type) {
			case nil:
			case *ast.TypeAssertExpr:
				return holds && g.isErr(w, said.X)
			default:
				return g.settled(w, said, holds)
			}
		case *ast.CallExpr: // of a question of one's own it is not known what it asks
			return g.about(w, e) && (holds || !is(callee(g.o.pass.TypesInfo, e), "errors.Is", "errors.As"))
		}
		return false
	})
}

// excludes reports whether cond, which holds or does not, says that w's error is not Pending.
func (g *flow) excludes(w *wait, cond ast.Expr, holds bool) bool {
	return says(cond, holds, func(e ast.Expr, holds bool) bool {
		switch e := e.(type) {
		case *ast.BinaryExpr:
			to, equal := g.equal(w, e, holds)
			return equal && !g.o.maybe(g.f, to)
		case *ast.CallExpr:
			switch f := callee(g.o.pass.TypesInfo, e); {
			case is(f, "task.IsPending"):
				return !holds && g.isErr(w, e.Args[0])
			case is(f, "errors.Is", "errors.As"):
				return holds && g.isErr(w, e.Args[0]) && !g.o.maybe(g.f, e.Args[1])
			}
		}
		return false
	})
}

// mayPend answers for walk: whether w's error may still be Pending on a branch.
func (g *flow) mayPend(w *wait) func(fork) bool {
	return func(f fork) bool { return f.cond == nil || !g.excludes(w, f.cond, f.holds) }
}

// asks reports whether n asks task.IsPending about w's error.
func (g *flow) asks(w *wait, n ast.Node) (asks bool) {
	inspect(n, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && is(callee(g.o.pass.TypesInfo, call), "task.IsPending") {
			asks = asks || g.isErr(w, call.Args[0]) || g.madeOf(w, call.Args[0])
		}
		return true
	})
	return asks
}

// madeOf reports whether e is an error that was made of w's: errors.Join(err, cx.Err()).
func (g *flow) madeOf(w *wait, e ast.Expr) bool {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok {
		return g.mentions(w, call)
	}
	return slices.ContainsFunc(g.from[variable(g.o.pass.TypesInfo, e)], func(call *ast.CallExpr) bool { return g.mentions(w, call) })
}

// handled reports whether somewhere in the function it is asked whether w is pending: then
// it knows that it may be left there, and come again.
func (g *flow) handled(w *wait) bool {
	return (w.err != nil || w.field != "") && g.asks(w, g.f.body)
}

// pending walks the paths on which w's error may be Pending, and nobody has asked: those
// that begin with a test that it is an error, or all.
func (g *flow) pending(w *wait, tested bool, visit func(ast.Node) bool) {
	look := func(n ast.Node) bool { return !g.overwrites(w, n) && visit(n) }
	open := func(f fork) bool {
		if f.cond == nil {
			x := g.typed[f.to.Stmt]
			return x == nil || !f.holds || !g.isErr(w, x)
		}
		return !g.settled(w, f.cond, f.holds)
	}
	if !tested {
		g.walk(g.after(w.CallExpr), look, open)
		return
	}
	var begin []place
	g.walk(g.after(w.CallExpr), func(n ast.Node) bool { return !g.overwrites(w, n) }, func(f fork) bool {
		if f.cond == nil || !g.failed(w, f.cond, f.holds) {
			return open(f)
		}
		if open(f) {
			begin = append(begin, place{int(f.to.Index), 0})
		}
		return false
	})
	for _, at := range begin {
		g.walk(at, look, open)
	}
}

// carries reports whether a call is given the error of one of the waits, on a path on which
// that may be Pending.
func (g *flow) carries(waits []*wait, call *ast.CallExpr) (carries bool) {
	for _, w := range waits {
		if g.mentions(w, call) {
			g.pending(w, false, func(n ast.Node) bool {
				carries = carries || n == call
				return !carries
			})
		}
	}
	return carries
}

// mentions reports whether w's error is among what a call is given.
func (g *flow) mentions(w *wait, call *ast.CallExpr) (mentions bool) {
	inspect(call, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		mentions = mentions || ok && e != call && g.isErr(w, e)
		return !mentions
	})
	return mentions
}

// overwrites reports whether n gives the variable with w's error another value.
func (g *flow) overwrites(w *wait, n ast.Node) bool {
	a, ok := n.(*ast.AssignStmt)
	if !ok || w.err == nil && w.field == "" {
		return false
	}
	for _, e := range a.Lhs {
		if g.isErr(w, e) {
			return ast.Unparen(a.Rhs[len(a.Rhs)-1]) != w.CallExpr
		}
	}
	return false
}

// isErr reports whether e is w's error.
func (g *flow) isErr(w *wait, e ast.Expr) bool {
	e = ast.Unparen(e)
	if e == w.CallExpr || w.err != nil && variable(g.o.pass.TypesInfo, e) == w.err {
		return true
	}
	x, ok := e.(*ast.SelectorExpr)
	return ok && w.field != "" && x.Sel.Name == w.field[strings.LastIndexByte(w.field, '.')+1:] && types.ExprString(x) == w.field
}

func (g *flow) isNil(e ast.Expr) bool { return g.o.pass.TypesInfo.Types[e].IsNil() }

// behind walks from w on the paths where it is over.
func (g *flow) behind(w *wait, visit func(ast.Node) bool) {
	g.walk(g.after(w.CallExpr), visit, func(f fork) bool { return f.cond == nil || !g.failed(w, f.cond, f.holds) })
}

// ---- stages ------------------------------------------------------------------

// guarded reports whether there is a stage around n: a condition on some state decides
// whether a poll comes to n at all, or is written around it.
func (g *flow) guarded(n ast.Node) bool {
	for _, b := range g.blocks {
		if b.Live && len(b.Succs) == 2 && g.stage(b) && (g.decides(b, n) || encloses(b.Succs[0].Stmt, n)) {
			return true
		}
	}
	return false
}

// encloses reports whether n is in a branch of an if, or in a case. (What decides about a
// case that another one falls into is the case.)
func encloses(branch ast.Stmt, n ast.Node) bool {
	switch s := branch.(type) {
	case *ast.IfStmt:
		return covers(s.Body, n) || s.Else != nil && covers(s.Else, n)
	case *ast.CaseClause:
		return covers(s, n) && s.Colon < n.Pos()
	}
	return false
}

func covers(outer, n ast.Node) bool { return outer.Pos() <= n.Pos() && n.End() <= outer.End() }

// restarts reports whether n is in a loop that begins anew in each poll.
func (g *flow) restarts(n ast.Node) (restarts bool) {
	inspect(g.f.body, func(loop ast.Node) bool {
		switch s := loop.(type) {
		case *ast.RangeStmt:
			restarts = restarts || covers(s.Body, n) && !g.resumes(s)
		case *ast.ForStmt:
			restarts = restarts || covers(s.Body, n) && g.local(s)
		}
		return true
	})
	return restarts
}

// ends reports whether a path leads from a block to the end of the function without a return
// statement.
func (g *flow) ends(b *cfg.Block) bool {
	for i, reached := range g.reach(b, nil) {
		last := g.blocks[i]
		if !reached || len(last.Succs) > 0 || len(last.Nodes) == 0 && !last.Live {
			continue
		}
		if last.Return() == nil && len(last.Nodes) == 0 {
			return true
		}
	}
	return false
}

// resumes reports whether what a range goes over may be only what is left: a part of a slice
// by some state, a function, what the body deletes from or counts down.
func (g *flow) resumes(s *ast.RangeStmt) (resumes bool) {
	info := g.o.pass.TypesInfo
	if part, ok := ast.Unparen(s.X).(*ast.SliceExpr); ok {
		for _, e := range []ast.Expr{part.Low, part.High} {
			resumes = resumes || e != nil && info.Types[e].Value == nil
		}
	}
	if _, calls := info.TypeOf(s.X).Underlying().(*types.Signature); calls {
		return true
	}
	over := types.ExprString(s.X)
	inspect(s.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			resumes = resumes || isBuiltin(info, n, "delete") && types.ExprString(n.Args[0]) == over
		case *ast.IncDecStmt:
			resumes = resumes || types.ExprString(n.X) == over
		}
		return true
	})
	return resumes
}

// local reports whether a loop is told how far it is by local variables only: it counts, or
// compares.
func (g *flow) local(s *ast.ForStmt) bool {
	cond, ok := s.Cond.(*ast.BinaryExpr)
	if !ok || cond.Op == token.LAND || cond.Op == token.LOR || isError(g.o.pass.TypesInfo.TypeOf(cond.X)) {
		return false
	}
	local := true
	about := ast.Node(cond)
	if s.Init != nil { // it begins with what the polls before have come to, or anew
		about = s.Init
	}
	inspect(about, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr, *ast.StarExpr:
			local = false
		case *ast.Ident:
			if v := variable(g.o.pass.TypesInfo, n); v != nil && !within(v, g.f.node) {
				local = false
			}
		}
		return local
	})
	return local
}

// decides reports whether each path to n goes through the end of b, and one of its two
// branches does not lead there.
func (g *flow) decides(b *cfg.Block, n ast.Node) bool {
	at, ok := g.where[n]
	if !ok {
		return true // what is not understood
	}
	ways := g.around(b)
	return !ways[0][at.block] && !(ways[1][at.block] && ways[2][at.block])
}

// ways is which blocks can be reached without the end of a certain one: from the beginning of
// the function, and from that of each of its two branches.
type ways [3][]bool

func (g *flow) around(b *cfg.Block) *ways {
	if g.ways[b] == nil {
		g.ways[b] = &ways{g.reach(g.blocks[0], b), g.reach(b.Succs[0], b), g.reach(b.Succs[1], b)}
	}
	return g.ways[b]
}

// reach returns which blocks can be reached from one, without the end of another.
func (g *flow) reach(from, without *cfg.Block) []bool {
	seen := make([]bool, len(g.blocks))
	todo := []*cfg.Block{from}
	for len(todo) > 0 {
		b := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[b.Index] {
			continue
		}
		seen[b.Index] = true
		if b != without {
			todo = append(todo, b.Succs...)
		}
	}
	return seen
}

// stage reports whether b ends with a condition about state: about anything but errors and
// the poll itself. A loop over a slice, or one that counts, begins anew in each poll, so it
// is none, unless what it goes over is taken away. What is not understood is one.
func (g *flow) stage(b *cfg.Block) bool {
	switch s := b.Succs[0].Stmt.(type) {
	case *ast.RangeStmt:
		return g.changes(s.X) || g.resumes(s)
	case *ast.ForStmt:
		if g.local(s) {
			return false
		}
	}
	cond := g.condition(b)
	return cond == nil || g.aboutState(cond)
}

func (g *flow) aboutState(cond ast.Expr) (is bool) {
	info := g.o.pass.TypesInfo
	ast.Inspect(cond, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok && isError(info.TypeOf(e)) {
			is = is || g.tried(e)
			return false
		}
		switch n := n.(type) {
		case *ast.Ident:
			switch obj := info.ObjectOf(n).(type) {
			case *types.Var:
				is = is || obj != g.f.cx
			case *types.Func:
				path := pathOf(obj.Pkg())
				is = is || path != "errors" && path != module+"/task"
			}
		case *ast.SelectorExpr:
			if v := variable(info, n.X); v != nil && v == g.f.cx {
				return false
			}
		}
		return true
	})
	return is
}

// tried reports whether an error says whether something was taken that does not come again: it is
// that of a TryRecv.
func (g *flow) tried(e ast.Expr) bool {
	from := g.from[variable(g.o.pass.TypesInfo, e)]
	return len(from) > 0 && !slices.ContainsFunc(from, func(call *ast.CallExpr) bool {
		f := callee(g.o.pass.TypesInfo, call)
		return f == nil || !strings.HasPrefix(strings.ToLower(f.Name()), "try") || g.o.pends(call)
	})
}

// changes reports whether what a loop goes over is another one in the next poll: it is made
// in the function, or assigned to.
func (g *flow) changes(over ast.Expr) (is bool) {
	v := root(g.o.pass.TypesInfo, over)
	if _, fixed := ast.Unparen(over).(*ast.BasicLit); v == nil || within(v, g.f.body) {
		return !fixed
	}
	inspect(g.f.body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok {
			for _, to := range a.Lhs {
				is = is || types.ExprString(to) == types.ExprString(over)
			}
		}
		return true
	})
	return is
}
