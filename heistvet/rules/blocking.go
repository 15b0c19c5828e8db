package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
)

// Blocking finds calls that would stop the worker.
var Blocking = rule("blocking", `a blocking call within a poll

A worker polls thousands of tasks, one after the other. While one of them blocks, the others
of that worker wait, until another worker comes to help; a pool of one worker stands still,
for ever if what would end the blocking is another task.

Use the tasks' face, M(cx) for MContext(ctx); task.Blocking or Group.Goroutine for what has
none; bridge.Chan for a Go channel. A sync.Mutex is fine for a few instructions, but must be
given back before Poll returns Pending: with defer, or before the operation that suspends.

The rule knows the standard library's functions that block by nature, not those of others.
Files it takes for blocking, although short reads of them often do not: os.Stat, say, it
lets pass. Function literals without a Cx are left alone, as they may run elsewhere.`, blocking)

// blockers are functions of the standard library that may block for long.
var blockers = regexp.MustCompile(`^(` + strings.Join([]string{
	`time\.Sleep`,
	`sync\.(WaitGroup|Cond)\.Wait`,
	`net\.(Dial|Listen|Lookup)\w*`, `net\.(Dialer\.Dial\w*|ListenConfig\.Listen\w*|Resolver\.Lookup\w*)`,
	`net/http\.(Get|Head|Post|PostForm|ListenAndServe|ListenAndServeTLS|Serve)`, `net/http\.Client\.(Do|Get|Head|Post|PostForm)`,
	`os\.(Open|OpenFile|Create|ReadFile|WriteFile|ReadDir|CopyFS|RemoveAll|MkdirAll)`, `os\.File\.(Read|Write|Sync|Seek)\w*`, `os\.Process\.Wait`,
	`os/exec\.Cmd\.(Run|Output|CombinedOutput|Wait)`,
	`fmt\.F?[Ss]can(f|ln)?`,
	`database/sql\.(DB|Tx|Conn|Stmt)\.(Query|Exec|Ping|Begin|Prepare|Commit|Rollback)\w*`,
	`iter\.Pull2?`,
}, "|") + `)$`)

// stoppers are the library's own that block without being called MContext.
var stoppers = []string{
	"task.Run", "pool.Pool.Run", "pool.Pool.Close", "pool.Pool.Shutdown",
	"reactor.Reactor.Dial", "reactor.Reactor.DialPacket",
}

func blocking(c *check) {
	for _, f := range c.funcs {
		c.blocks(f)
		if f.polls {
			c.locked(f)
		}
	}
}

func (c *check) blocks(f *fun) {
	var visit func(ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			return false
		case *ast.SelectStmt:
			if !hasDefault(n) {
				c.report(n, "select blocks the worker: use combine.Select, and bridge.Chan for a Go channel")
			}
			for _, s := range n.Body.List { // not the channels: the select is reported, or does not block
				for _, s := range s.(*ast.CommClause).Body {
					inspect(s, visit)
				}
			}
			return false
		case *ast.SendStmt:
			c.report(n, "a send blocks the worker: use chans.Chan, or select with default")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				c.report(n, "a receive blocks the worker: use chans.Chan, or bridge.Chan")
			}
		case *ast.RangeStmt:
			if _, ok := c.TypesInfo.TypeOf(n.X).Underlying().(*types.Chan); ok {
				c.report(n.X, "a range over a channel blocks the worker: use chans.Chan, or bridge.Chan")
			}
		case *ast.CallExpr:
			c.stops(n)
		}
		return true
	}
	inspect(f.body, visit)
}

func hasDefault(s *ast.SelectStmt) bool {
	for _, s := range s.Body.List {
		if s.(*ast.CommClause).Comm == nil {
			return true
		}
	}
	return false
}

func (c *check) stops(call *ast.CallExpr) {
	switch f := callee(c.TypesInfo, call); {
	case f == nil:
	case blockers.MatchString(nameOf(f)):
		c.report(call, "%s blocks the worker: use task.Blocking, Group.Goroutine, or an operation for tasks", types.ExprString(call.Fun))
	case is(f, stoppers...):
		c.report(call, "%s blocks the worker: it is for goroutines", types.ExprString(call.Fun))
	case library(f.Pkg()) && takesContext(f):
		c.report(call, "%s blocks the worker: it is for goroutines, and %s is for tasks", types.ExprString(call.Fun), strings.TrimSuffix(f.Name(), "Context"))
	}
}

// takesContext reports whether f is the goroutines' face of an operation.
func takesContext(f *types.Func) bool {
	name, ok := strings.CutSuffix(f.Name(), "Context")
	params := f.Signature().Params()
	return ok && name != "" && name != "With" && params.Len() > 0 && is(named(params.At(0).Type()), "context.Context")
}

// locked looks for a sync.Mutex that is held when the poll returns because of a wait.
func (c *check) locked(f *fun) {
	g := c.flowOf(f)
	inspect(f.body, func(n ast.Node) bool {
		lock, ok := n.(*ast.CallExpr)
		if !ok || !is(callee(c.TypesInfo, lock), "sync.Mutex.Lock", "sync.RWMutex.Lock", "sync.RWMutex.RLock") {
			return true
		}
		mu := object(lock)
		if deferred(f, mu) {
			return true
		}
		g.walk(g.after(lock), func(n ast.Node) bool {
			if w := f.wait(n); w != nil && c.keepsLocked(g, w, mu) {
				c.report(lock, "%s is still locked when %s suspends: unlock it before, or take a lock.Mutex", mu, c.name(w))
				return false
			}
			return !unlocks(n, mu)
		}, nil)
		return true
	})
}

// keepsLocked reports whether the function may return behind w without unlocking mu.
func (c *check) keepsLocked(g *flow, w *wait, mus ...string) (keeps bool) {
	g.walk(g.after(w.CallExpr), func(n ast.Node) bool {
		_, returns := n.(*ast.ReturnStmt)
		keeps = keeps || returns
		return !keeps && !slices.ContainsFunc(mus, func(mu string) bool { return mu != "" && unlocks(n, mu) })
	}, g.mayPend(w))
	return keeps
}

// deferred reports whether a defer in f gives mu back.
func deferred(f *fun, mu string) (is bool) {
	inspect(f.body, func(n ast.Node) bool {
		if d, ok := n.(*ast.DeferStmt); ok {
			ast.Inspect(d, func(n ast.Node) bool {
				is = is || n != nil && unlocks(n, mu)
				return true
			})
		}
		return true
	})
	return is
}

// unlocks reports whether n gives mu back, at once or with defer.
func unlocks(n ast.Node, mu string) bool {
	call, ok := n.(*ast.CallExpr)
	if d, deferred := n.(*ast.DeferStmt); deferred {
		call, ok = d.Call, true
	}
	if !ok {
		return false
	}
	s, ok := call.Fun.(*ast.SelectorExpr)
	return ok && (s.Sel.Name == "Unlock" || s.Sel.Name == "RUnlock" || s.Sel.Name == "Release") && types.ExprString(s.X) == mu
}
