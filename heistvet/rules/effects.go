package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strings"
)

// What happens twice if it is done twice.

// starters start a task, or a goroutine.
var starters = []string{
	"task.Group.Go", "task.Group.GoAll", "task.Group.TryGo", "task.Group.Goroutine", "task.Cx.Go",
	"task.Go", "task.Detach", "task.DetachAll", "pool.Pool.Go", "pool.Pool.GoAll", "task/bridge.Goroutines.Go",
}

// loggers are functions whose calls somebody reads.
var loggers = regexp.MustCompile(`^(fmt\.Print(f|ln)?|log\.(Logger\.)?(Print|Fatal|Panic|Output)\w*|log/slog\.(Logger\.)?(Debug|Info|Warn|Error|Log)\w*|testing\.(common|T|B|TB)\.(Log|Error|Fatal)f?)$`)

func (c *check) starts(call *ast.CallExpr) bool { return is(callee(c.TypesInfo, call), starters...) }

// requests reports whether a call asks for something: the answer resolves a promise.
func (c *check) requests(call *ast.CallExpr) (asks bool) {
	for _, e := range call.Args {
		if lit, ok := e.(*ast.FuncLit); ok {
			inspect(lit.Body, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					asks = asks || is(callee(c.TypesInfo, call), "task.Promise.Resolve")
				}
				return true
			})
		}
	}
	return asks
}

// logs reports whether a call logs or prints; so does somebody's own function log.
func (c *check) logs(call *ast.CallExpr) bool {
	f := callee(c.TypesInfo, call)
	if f == nil {
		return false
	}
	own := f.Signature().Results().Len() == 0 && (strings.EqualFold(f.Name(), "log") || strings.EqualFold(f.Name(), "logf"))
	return own || loggers.MatchString(nameOf(f))
}

// counts reports whether n adds to something that outlives the poll: ++, += or an append to
// itself. A local variable, a part of one, or of what one was given that is made here, does not.
func (c *check) counts(f *fun, n ast.Node) bool {
	to := c.counter(n)
	if to == nil {
		return false
	}
	v := root(c.TypesInfo, to)
	return v != nil && !(within(v, f.node) && (variable(c.TypesInfo, to) == v || c.own(f, v))) && !c.resets(f, to, n)
}

// own reports whether what v holds, or points to, is the poll's own.
func (c *check) own(f *fun, v *types.Var) bool {
	if !within(v, f.body) {
		return false
	}
	switch v.Type().Underlying().(type) {
	case *types.Pointer, *types.Map, *types.Slice:
		made := false
		inspect(f.body, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == len(a.Rhs) {
				for i, e := range a.Lhs {
					if variable(c.TypesInfo, e) == v {
						made = c.fresh(a.Rhs[i])
						return false
					}
				}
			}
			return true
		})
		return made
	}
	return true
}

// fresh reports whether e is made here: by make, by new, or as a literal.
func (c *check) fresh(e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	return ok && isBuiltin(c.TypesInfo, call, "make") || c.makes(e)
}

// resets reports whether to is given a value before n that has nothing to do with its old
// one: each poll begins anew.
func (c *check) resets(f *fun, to ast.Expr, at ast.Node) (resets bool) {
	text := types.ExprString(to)
	inspect(f.body, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if ok && a.Tok == token.ASSIGN && a.End() <= at.Pos() && len(a.Lhs) == len(a.Rhs) {
			for i, e := range a.Lhs {
				if types.ExprString(e) != text {
					continue
				}
				switch r := ast.Unparen(a.Rhs[i]).(type) {
				case *ast.SliceExpr: // to[:0]
					resets = resets || r.Low == nil && r.High != nil && c.TypesInfo.Types[r.High].Value != nil
				case *ast.CallExpr: // append(to, x)
				default:
					resets = resets || !strings.Contains(types.ExprString(r), text)
				}
			}
		}
		return true
	})
	return resets
}

// counter returns what n adds to, or nil.
func (c *check) counter(n ast.Node) ast.Expr {
	switch n := n.(type) {
	case *ast.IncDecStmt:
		if n.Tok == token.INC {
			return n.X
		}
	case *ast.AssignStmt:
		if n.Tok == token.ADD_ASSIGN {
			return n.Lhs[0]
		}
		if call, ok := n.Rhs[0].(*ast.CallExpr); ok && len(n.Rhs) == 1 && len(n.Lhs) == 1 {
			if isBuiltin(c.TypesInfo, call, "append") && types.ExprString(call.Args[0]) == types.ExprString(n.Lhs[0]) {
				return n.Lhs[0]
			}
		}
	}
	return nil
}
