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
var loggers = regexp.MustCompile(`^(fmt\.Print(f|ln)?|log\.(Logger\.)?(Print|Output)\w*|log/slog\.(Logger\.)?(Debug|Info|Warn|Error|Log)\w*|testing\.(common|T|B|TB)\.Logf?)$`)

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
	return f != nil && (loggers.MatchString(nameOf(f)) || strings.EqualFold(f.Name(), "log") || strings.EqualFold(f.Name(), "logf"))
}

// counts reports whether n adds to something: ++, += or an append to itself.
func (c *check) counts(n ast.Node) bool { return c.counter(n) != nil }

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
			id, _ := call.Fun.(*ast.Ident)
			if id != nil && id.Name == "append" && types.ExprString(call.Args[0]) == types.ExprString(n.Lhs[0]) {
				return n.Lhs[0]
			}
		}
	}
	return nil
}
