package rules

import (
	"go/ast"
	"go/constant"
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

The rule knows the functions of the standard library that block by nature, and finds those of
others that call one, or wait for a channel: a helper without a Cx, in this package or another
one. Files it takes for blocking, although short reads of them often do not: os.Stat, say, it
lets pass. A send to a channel that was just made with room for it does not block, nor does a
receive behind len(c) > 0. Function literals without a Cx are left alone where they may run
elsewhere, but those of a computation (par.For, pool.Do, Job.Do) run on workers, and so does
Finish.`, blocking)

// blockers are functions of the standard library that may block for long.
var blockers = regexp.MustCompile(`^(` + strings.Join([]string{
	`time\.Sleep`, `runtime\.(Gosched|GC)`,
	`sync\.(WaitGroup|Cond)\.Wait`,
	`net\.(Dial|Listen|Lookup)\w*`, `net\.(Dialer\.Dial\w*|ListenConfig\.Listen\w*|Resolver\.Lookup\w*)`, `net\.\w*Listener\.Accept\w*`,
	`net\.Buffers\.WriteTo`,
	`crypto/tls\.(Dial\w*|Dialer\.Dial\w*|Conn\.Handshake\w*)`,
	`net/http\.(Get|Head|Post|PostForm|ListenAndServe|ListenAndServeTLS|Serve|ServeTLS|ReadRequest|ReadResponse)`,
	`net/http\.Client\.(Do|Get|Head|Post|PostForm)`, `net/http\.(RoundTripper|Transport)\.RoundTrip`,
	`net/http\.Server\.(ListenAndServe|ListenAndServeTLS|Serve|ServeTLS|Shutdown)`,
	`net/http/httputil\.DumpResponse`,
	`net/rpc\.(Dial\w*|Client\.Call|Accept)`, `net/smtp\.(Dial|SendMail|Client\.\w+)`, `net/textproto\.Dial`, `log/syslog\.(Dial|New)`,
	`os\.(Open|OpenFile|Create|CreateTemp|ReadFile|WriteFile|ReadDir|CopyFS|RemoveAll|MkdirAll)`, `os\.File\.(Read|Write|Sync|Seek)\w*`, `os\.Process\.Wait`,
	`io/fs\.(ReadFile|ReadDir|WalkDir|Glob)`, `path/filepath\.(Walk|WalkDir|Glob)`, `io/ioutil\.(ReadFile|WriteFile|ReadDir|TempFile)`,
	`os/exec\.Cmd\.(Run|Output|CombinedOutput|Wait)`,
	`fmt\.Scan(f|ln)?`,
	`database/sql\.(DB|Tx|Conn|Stmt)\.(Query|Exec|Ping|Begin|Prepare|Commit|Rollback)\w*`, `database/sql\.Rows\.(Next|NextResultSet)`,
	`syscall\.(Read|Write|Select|Wait4|Nanosleep|Accept4?|Connect|EpollWait|Flock)`,
	`golang\.org/x/sys/unix\.(Poll|Select|EpollWait|Nanosleep|Wait4|Flock|Accept4?|Connect)`,
	`iter\.Pull2?`,
}, "|") + `)$`)

// streams are the types whose reads and writes wait for somebody else.
var streams = regexp.MustCompile(`^(net\.(Conn|TCPConn|UDPConn|UnixConn|IPConn|PacketConn)|crypto/tls\.Conn|os\.File|io\.(PipeReader|PipeWriter))$`)

// wrappers give a stream another form.
var wrappers = regexp.MustCompile(`^(bufio\.New\w+|io\.(LimitReader|TeeReader|MultiReader|MultiWriter|NopCloser)|\w+(/\w+)*\.New(Reader|Writer|Decoder|Encoder|ReadWriter|Scanner)\w*|net/http\.MaxBytesReader)$`)

// movers read or write what they are given.
var movers = regexp.MustCompile(`^(io\.(ReadAll|ReadFull|ReadAtLeast|Copy|CopyN|CopyBuffer|WriteString)|io/ioutil\.ReadAll|fmt\.F(print|scan)(f|ln)?|encoding/binary\.(Read|Write))$`)

// moving are the methods that do.
var moving = regexp.MustCompile(`^(Read\w*|Write\w*|Scan|Decode|Encode|Token|Flush|Peek|Discard|More)$`)

// callers call what they are given, and return.
var callers = regexp.MustCompile(`^((slices|sort|strings|bytes|maps)\.\w+|sync\.(Once\.Do|Map\.Range))$`)

// stoppers are the library's own that block without being called MContext.
var stoppers = []string{
	"task.Run", "pool.Pool.Run", "pool.Pool.Close", "pool.Pool.Shutdown",
	"reactor.Reactor.Dial", "reactor.Reactor.DialPacket",
}

func blocking(c *check) {
	for _, f := range c.funcs {
		c.stops(f.body, func(n ast.Node, what, instead string) {
			c.report(n, "%s blocks the worker: %s", what, instead)
		})
		if f.polls {
			c.locked(f)
		}
	}
	for _, d := range c.declared {
		if c.finishes(d) {
			c.stops(d.Body, func(n ast.Node, what, _ string) {
				c.report(n, "%s blocks the worker that ends the task: task.Cleanup waits before the end", what)
			})
		}
	}
	for _, file := range c.Files {
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
				c.forked(d.Body)
			}
		}
	}
}

// finishes reports whether d is the Finish of a task.
func (c *check) finishes(d *ast.FuncDecl) bool {
	f, ok := c.TypesInfo.Defs[d.Name].(*types.Func)
	if !ok || d.Body == nil || f.Name() != "Finish" || f.Signature().Recv() == nil {
		return false
	}
	sig := f.Signature()
	if sig.Params().Len() != 1 || !isError(sig.Params().At(0).Type()) || sig.Results().Len() > 0 {
		return false
	}
	obj, _, _ := types.LookupFieldOrMethod(sig.Recv().Type(), true, c.Pkg, "Poll")
	poll, ok := obj.(*types.Func)
	return ok && polled(poll.Signature())
}

// forked looks into what computations are given to call: workers do. The source of a stream may
// wait.
func (c *check) forked(body *ast.BlockStmt) {
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		f := callee(c.TypesInfo, call)
		if f == nil || !forks(f) && !is(f, "pool.Job.Do", "pool.Job.Try") || takesContext(f) { // whose function is the goroutine's
			return true
		}
		for _, e := range call.Args {
			sig, ok := types.Unalias(c.TypesInfo.TypeOf(e)).Underlying().(*types.Signature)
			if !ok || isSource(sig) {
				continue
			}
			found := func(n ast.Node, what, _ string) {
				c.report(n, "%s blocks a worker that computes: others cannot help with what waits", what)
			}
			switch e := c.only(e).(type) {
			case *ast.FuncLit:
				s := &stopping{ops: c.ops, body: body, found: found, seen: map[*ast.FuncLit]bool{}}
				inspect(e.Body, s.visit)
			case *ast.Ident:
				if f, ok := c.TypesInfo.Uses[e].(*types.Func); ok && c.summary(f).Blocks != "" {
					found(e, e.Name, "")
				}
			case *ast.SelectorExpr:
				if f, ok := c.TypesInfo.Uses[e.Sel].(*types.Func); ok && c.summary(f).Blocks != "" {
					found(e, types.ExprString(e), "")
				}
			}
		}
		return true
	})
}

// isSource reports whether a function is an iterator: it is given one that reports whether to go on.
func isSource(sig *types.Signature) bool {
	if sig.Params().Len() != 1 || sig.Results().Len() > 0 {
		return false
	}
	yield, ok := sig.Params().At(0).Type().Underlying().(*types.Signature)
	return ok && yield.Results().Len() == 1 && types.Identical(yield.Results().At(0).Type(), types.Typ[types.Bool])
}

// stops finds what stops the thread that runs a function: what it is, and what to take instead.
func (o *ops) stops(body *ast.BlockStmt, found func(n ast.Node, what, instead string)) {
	s := &stopping{ops: o, body: body, found: found, seen: map[*ast.FuncLit]bool{}}
	inspect(body, s.visit)
}

type stopping struct {
	*ops
	body  *ast.BlockStmt
	found func(n ast.Node, what, instead string)
	seen  map[*ast.FuncLit]bool // literals that were looked into
}

func (s *stopping) visit(n ast.Node) bool {
	info := s.pass.TypesInfo
	switch n := n.(type) {
	case *ast.GoStmt:
		for _, e := range n.Call.Args { // these are found here
			inspect(e, s.visit)
		}
		return false
	case *ast.SelectStmt:
		if !hasDefault(n) {
			s.found(n, "select", "use combine.Select, and bridge.Chan for a Go channel")
		}
		for _, c := range n.Body.List { // not the channels: the select is reported, or does not block
			for _, stmt := range c.(*ast.CommClause).Body {
				inspect(stmt, s.visit)
			}
		}
		return false
	case *ast.SendStmt:
		if !s.asked(n, n.Chan) && !s.roomy(n.Chan) {
			s.found(n, "a send", "use chans.Chan, or select with default")
		}
	case *ast.UnaryExpr:
		if n.Op == token.ARROW && !s.asked(n, n.X) {
			s.found(n, "a receive", "use chans.Chan, or bridge.Chan")
		}
	case *ast.RangeStmt:
		if t := info.TypeOf(n.X); t != nil && !s.asked(n, n.X) {
			if _, ok := t.Underlying().(*types.Chan); ok {
				s.found(n.X, "a range over a channel", "use chans.Chan, or bridge.Chan")
			}
		}
	case *ast.CallExpr:
		s.call(n)
	}
	return true
}

func hasDefault(s *ast.SelectStmt) bool {
	for _, s := range s.Body.List {
		if s.(*ast.CommClause).Comm == nil {
			return true
		}
	}
	return false
}

// asked reports whether the function has looked at the channel before: whether something is in
// it, or by closing it.
func (s *stopping) asked(at ast.Node, ch ast.Expr) (asked bool) {
	text := types.ExprString(ch)
	ast.Inspect(s.body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && call.Pos() < at.Pos() && len(call.Args) == 1 {
			if isBuiltin(s.pass.TypesInfo, call, "len") || isBuiltin(s.pass.TypesInfo, call, "close") {
				asked = asked || types.ExprString(call.Args[0]) == text
			}
		}
		return !asked
	})
	return asked
}

// roomy reports whether a channel was made here, with room.
func (s *stopping) roomy(ch ast.Expr) bool {
	v := variable(s.pass.TypesInfo, ch)
	call, ok := s.only(ch).(*ast.CallExpr)
	if v == nil || !ok || !within(v, s.body) || !isBuiltin(s.pass.TypesInfo, call, "make") || len(call.Args) != 2 {
		return false
	}
	n := s.pass.TypesInfo.Types[call.Args[1]].Value
	return n == nil || constant.Sign(n) > 0
}

func (s *stopping) call(call *ast.CallExpr) {
	const take = "use task.Blocking, Group.Goroutine, or an operation for tasks"
	info := s.pass.TypesInfo
	text := types.ExprString(call.Fun)
	if lit, ok := s.only(call.Fun).(*ast.FuncLit); ok { // called here
		s.literal(lit)
		return
	}
	f := callee(info, call)
	if f == nil {
		return
	}
	name := nameOf(f)
	if callers.MatchString(name) {
		for _, e := range call.Args {
			if lit, ok := s.only(e).(*ast.FuncLit); ok {
				s.literal(lit)
			}
		}
	}
	switch {
	case blockers.MatchString(name):
		s.found(call, text, take)
	case is(f, stoppers...):
		s.found(call, text, "it is for goroutines")
	case library(f.Pkg()) && takesContext(f):
		s.found(call, text, "it is for goroutines, and "+strings.TrimSuffix(f.Name(), "Context")+" is for tasks")
	case movers.MatchString(name):
		for _, e := range call.Args {
			if s.stream(e, 0) {
				s.found(call, text, take)
				break
			}
		}
	case f.Signature().Recv() != nil && moving.MatchString(f.Name()) && s.receives(call):
		s.found(call, text, take)
	case cxOf(f.Signature()) == nil && s.summary(f).Blocks != "":
		s.found(call, text, "there is "+s.summary(f).Blocks+" in it; "+take)
	}
}

func (s *stopping) receives(call *ast.CallExpr) bool {
	x, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	return ok && s.stream(x.X, 0)
}

// literal looks into a literal that is called here.
func (s *stopping) literal(lit *ast.FuncLit) {
	if !s.seen[lit] && cxOf(signatureOf(s.pass.TypesInfo, lit)) == nil {
		s.seen[lit] = true
		inspect(lit.Body, s.visit)
	}
}

// stream reports whether e reads from, or writes to, somebody else: a connection, a file, a body
// of HTTP, or something around one.
func (s *stopping) stream(e ast.Expr, depth int) bool {
	e = s.only(e)
	info := s.pass.TypesInfo
	if x, ok := e.(*ast.SelectorExpr); ok {
		if x.Sel.Name == "Body" && is(named(info.TypeOf(x.X)), "net/http.Response", "net/http.Request") {
			return true
		}
		if is(info.Uses[x.Sel], "os.Stdout", "os.Stderr") {
			return false // somebody prints
		}
	}
	if n := named(info.TypeOf(e)); n != nil && streams.MatchString(nameOf(n)) {
		return true
	}
	call, ok := e.(*ast.CallExpr)
	if u, address := e.(*ast.UnaryExpr); address {
		e = u.X
	}
	if lit, composed := e.(*ast.CompositeLit); composed && is(named(info.TypeOf(lit)), "io.LimitedReader") && len(lit.Elts) > 0 {
		first := lit.Elts[0]
		if kv, ok := first.(*ast.KeyValueExpr); ok {
			first = kv.Value
		}
		return depth < 5 && s.stream(first, depth+1)
	}
	if ok && depth < 5 {
		if f := callee(info, call); f != nil && wrappers.MatchString(nameOf(f)) {
			for _, e := range call.Args {
				if s.stream(e, depth+1) {
					return true
				}
			}
		}
	}
	return false
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
