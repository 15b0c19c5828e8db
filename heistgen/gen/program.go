// Package gen compiles straight-line functions into machines: structs that are resumed where
// they wait. It works in passes, a file each:
//
//	load.go    loads the packages under the tag, with declarations in place of old output
//	stub.go    makes these declarations from the syntax of the functions
//	task.go    finds the functions, and what waits in them
//	refuse.go  says what cannot be compiled, and what to write instead
//	lower.go   turns bodies into labels, jumps and waits; expr.go does so with expressions
//	lent.go    follows lent bytes; lentstmt.go and lentexpr.go through statements and expressions
//	live.go    decides what lives across a wait, and is a field
//	write.go   writes statements and expressions with variables where they now are
//	color.go   writes versions for goroutines
//	emit.go    writes machines, constructors, files
package gen

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"sort"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/heist-go/heist/heistvet/rules"
)

const (
	taskPath    = "github.com/heist-go/heist/task"
	machinePath = "github.com/heist-go/heist/task/machine"
	combinePath = "github.com/heist-go/heist/task/combine"
	// Tag is the build tag of the sources.
	Tag = "heistgen"
)

// Problem is something that cannot be compiled.
type Problem struct {
	Pos token.Position
	Msg string
}

func (p Problem) String() string {
	if p.Pos.Filename == "" {
		return p.Msg
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.Pos.Filename, p.Pos.Line, p.Pos.Column, p.Msg)
}

// Problems is an error that lists all of them.
type Problems []Problem

func (ps Problems) Error() string {
	var b strings.Builder
	for _, p := range ps {
		fmt.Fprintln(&b, p)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (ps Problems) sort() {
	sort.SliceStable(ps, func(i, j int) bool {
		a, b := ps[i].Pos, ps[j].Pos
		if a.Filename != b.Filename {
			return a.Filename < b.Filename
		}
		return a.Offset < b.Offset
	})
}

// unit is a package with sources.
type unit struct {
	*packages.Package
	sources  []*source
	funcs    map[*types.Func]*fun
	problems Problems
	outside  Problems                            // errors in other files on which sources may depend, and which may look into machines: the compiler's, if the sources are fine
	others   map[string]map[string]*ast.FuncDecl // straight-line functions of other packages, by file
	taken    map[string]bool                     // names that the output declares
	tparams  map[*types.TypeParam]string         // names of type parameters in the output
	calls    *rules.Calls
	mutant   string
	plain    bool // each variable has a field of its own
}

// mutants are faults that the tests have to find, by the source of package sem in which they are looked for. Each pass has
// some.
var mutants = map[string][]string{
	"src.go": {
		"an iteration's variables are copied after the post statement",
		"deferred calls run in the order of their statements",
		"a deferred call is not recorded",
		"|| evaluates both sides",
		"a variable that lives across a wait is no field",
		"a declaration does not make a new variable",
		"a panic of an awaited function is not raised",
		"deferred calls do not run at an ordinary end",
		"variables share a field whose lives meet",
		"two variables have one field of a shared frame",
		"parameters of a tail call are assigned one by one",
	},
	"lits.go": {
		"what a literal captures does not live across its wait",
	},
	"climbs.go": {
		"a function that goes on as its caller does not say so",
	},
	"turns.go": {
		"a range assigns key and value one after the other",
		"what a value of an iteration reads does not live",
		"a constant of the function has no type",
		"builtins before a wait are evaluated after it",
		"slices before a wait are evaluated after it",
		"a string is copied after the wait behind it",
		"a type is asserted after the wait behind it",
		"operands of an operation are evaluated in each poll",
		"a result is assigned while the operation waits",
		"a deferred call has no context",
		"the version for goroutines evaluates a call's operands in several statements",
	},
}

// unlowered is a fault that TestComplete has to find.
const unlowered = "what a range assigns to waits as an ordinary call"

func (f *fun) mutant(what string) bool { return f.unit.mutant == what }

// source is a file of straight-line functions.
type source struct {
	file   *ast.File
	name   string // its path
	output string // that of its output
	lines  []byte
	funcs  []*fun
}

// fun is a straight-line function, or a function literal that is one.
type fun struct {
	unit      *unit
	src       *source
	decl      *ast.FuncDecl // nil: a literal
	lit       *ast.FuncLit
	outer     *fun // of a literal
	obj       *types.Func
	sig       *types.Signature
	body      *ast.BlockStmt
	name      string // what the names of the output begin with
	cx        *types.Var
	params    []*types.Var // the receiver first; without cx and yield
	yield     *types.Var   // of a generator
	yields    types.Type
	drain     bool
	drains    []string // the operations that are told to drain; none: all
	context   bool     // it has a version for goroutines, too
	color     *color   // what that is
	elsewhere bool     // in another package: its signature is all that is known
	tparams   []*types.TypeParam
	lits      []*fun
	captive   []*types.Var // what a literal captures
	bounded   bool         // a literal that is over when a statement of outer is: its frame is in outer's,
	nest      string       // in this field
	awaits    map[*types.Func]token.Pos
	cyclic    map[*types.Func]bool // awaited functions that, in the end, await this one
	base      *fun                 // whose frame this one's begins with
	spares    string               // the variable that has free frames, if there is one
	frame     string               // the name of the fields, if others' frames begin with them
	settled   bool                 // what its frame is, which is, for "everywhere":
	total     int64                // its size,
	known     bool                 // if it depends on no type parameters,
	fields    []place              // its fields, if others may lie in it,
	ways      map[*fun]string      // and the ways to others in it
	lender    *lender              // what becomes of lent bytes in it

	lowered
}

func (u *unit) refuse(pos token.Pos, format string, args ...any) {
	u.problems = append(u.problems, Problem{u.Fset.Position(pos), fmt.Sprintf(format, args...)})
}

func (f *fun) refuse(pos token.Pos, format string, args ...any) { f.unit.refuse(pos, format, args...) }

func (f *fun) info() *types.Info { return f.unit.TypesInfo }

// root is the declared function that f is in.
func (f *fun) root() *fun {
	for f.outer != nil {
		f = f.outer
	}
	return f
}
