package lint_test

import (
	"go/ast"
	"testing"
)

const uberAtomic = "go.uber.org/atomic"

// wide are the types of go.uber.org/atomic that hold 64 bits in a plain field. On a 32-bit machine only the
// first word of what is allocated is aligned for them; the types of sync/atomic are everywhere.
var wide = map[string]bool{"Int64": true, "Uint64": true, "Float64": true, "Duration": true}

func checkAlignment(m *module) (violations []string) {
	for _, f := range m.files {
		name := importName(f, uberAtomic)
		if name == "" {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			s, ok := n.(*ast.StructType)
			if !ok {
				return true
			}
			for i, field := range s.Fields.List {
				t, ok := field.Type.(*ast.SelectorExpr)
				if !ok || i == 0 && len(field.Names) <= 1 {
					continue
				}
				if x, ok := t.X.(*ast.Ident); ok && x.Name == name && wide[t.Sel.Name] {
					violations = append(violations, m.at(field.Pos(), "a %s of %s is not the first field: on a 32-bit machine it is not aligned", t.Sel.Name, uberAtomic))
				}
			}
			return true
		})
	}
	return violations
}

// importName returns what a file calls a package, or "".
func importName(f *source, pkg string) string {
	for _, spec := range f.Imports {
		if importPath(spec) == pkg {
			if spec.Name != nil {
				return spec.Name.Name
			}
			return "atomic"
		}
	}
	return ""
}

func TestAlignment(t *testing.T) { clean(t, checkAlignment(repository(t))) }

func TestAlignmentCatches(t *testing.T) {
	m := archive(t, `-- pool/pool.go --
package pool

import "go.uber.org/atomic"

type first struct {
	n atomic.Int64
	s atomic.String
}

type two struct {
	a, b atomic.Int64
}

type last struct {
	b bool
	n atomic.Duration
	s atomic.String
}
-- pool/other.go --
package pool

import "sync/atomic"

type ours struct {
	b bool
	n atomic.Int64
}
`)
	caught(t, checkAlignment(m),
		"pool/pool.go:11: a Int64 of go.uber.org/atomic is not the first field: on a 32-bit machine it is not aligned",
		"pool/pool.go:16: a Duration of go.uber.org/atomic is not the first field: on a 32-bit machine it is not aligned")
}
