package lint_test

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// tower says what each package may import from this module, tests aside. It is
// policy, not a record: change a line here in the same commit as the decision
// that allows it, never to make a build pass.
//
// "x/..." stands for x and everything below it, "..." for everything.
var tower = map[string]string{
	"bench/...":    "...",
	"examples/...": "...",

	"pool/dump":    "pool task",
	"pool/flight":  "pool",
	"pool/vars":    "pool",
	"pool/par":     "pool pool/fork task internal/atomicx internal/pad internal/park",
	"pool/sim":     "pool/fork task internal/atomicx",
	"pool":         "deque histogram pool/fork reactor task internal/...",
	"pool/fork":    "deque task internal/atomicx internal/clock internal/explore internal/invariant internal/pad internal/park",
	"reactor":      "task internal/datagram internal/poll internal/atomicx internal/clock internal/invariant internal/messages internal/park",
	"task/bridge":  "task internal/atomicx internal/park",
	"task/chans":   "task internal/atomicx internal/pad internal/park",
	"task/combine": "task",
	"task/lock":    "task internal/atomicx internal/park internal/shrink internal/stack",
	"task/machine": "task internal/atomicx",
	"task/stream":  "task task/chans internal/invariant internal/park",
	"task":         "histogram timerwheel internal/atomicx internal/clock internal/fifo internal/invariant internal/park internal/shrink internal/stack",
	"deque":        "internal/atomicx internal/invariant internal/pad",
	"histogram":    "internal/atomicx",
	"timerwheel":   "internal/atomicx internal/invariant",

	"internal/abandoned": "",
	"internal/benchrow":  "",
	"internal/bugs":      "",
	"internal/park":      "internal/atomicx internal/clock internal/explore",
	"internal/poll":      "internal/atomicx internal/clock",
	"internal/datagram":  "",
	"internal/atomicx":   "internal/explore",
	"internal/explore":   "",
	"internal/delay":     "internal/clock internal/invariant internal/park",
	"internal/fifo":      "",
	"internal/shrink":    "",
	"internal/clock":     "",
	"internal/messages":  "",
	"internal/invariant": "",
	"internal/pad":       "",
	"internal/stack":     "",
	"internal/lint":      "",
	"internal/load":      "internal/clock internal/poll",
	"internal/rig":       "task internal/explore internal/pad",
}

// programs are what nothing may import, not even a test.
const programs = "bench/... examples/..."

// unsafeImporters may import unsafe. A test that wants the size or the layout
// of a type asks package reflect.
// internal/atomicx writes to a variable of sync/atomic by a plain store.
const unsafeImporters = "internal/atomicx internal/datagram internal/explore internal/park internal/poll"

// requirements are the modules that go.mod may name without "// indirect".
// They end up in the go.sum of every user; anything else goes into a nested
// module.
var requirements = []string{
	"go.uber.org/atomic",
	"golang.org/x/sys",

	// In tests only.
	"github.com/anishathalye/porcupine",
	"github.com/stretchr/testify",
	"go.uber.org/goleak",
	"golang.org/x/net",
}

// covers reports whether one of the patterns stands for the package.
func covers(patterns, pkg string) bool {
	for pattern := range strings.FieldsSeq(patterns) {
		if below, ok := strings.CutSuffix(pattern, "..."); ok {
			if strings.HasPrefix(pkg+"/", below) {
				return true
			}
		} else if pattern == pkg {
			return true
		}
	}
	return false
}

// floor returns the line of the tower that speaks about the package.
func floor(pkg string) (allowed string, ok bool) {
	if allowed, ok = tower[pkg]; ok {
		return allowed, true
	}
	for up := pkg; up != "."; up = path.Dir(up) {
		if allowed, ok = tower[up+"/..."]; ok {
			return allowed, true
		}
	}
	return "", false
}

func checkTower(m *module) (violations []string) {
	for _, f := range m.files {
		allowed, ok := floor(f.dir)
		if !ok {
			violations = append(violations, m.at(f.Package, "package %s is not in the tower", f.dir))
			continue
		}
		for _, spec := range f.Imports {
			pkg, ok := m.local(spec)
			switch {
			case !ok:
			case covers(programs, pkg) && !covers(programs, f.dir):
				violations = append(violations, m.at(spec.Pos(), "nothing may import %s", pkg))
			case !f.test && !covers(allowed, pkg):
				violations = append(violations, m.at(spec.Pos(), "%s may not import %s", f.dir, pkg))
			}
		}
	}
	return violations
}

func TestTower(t *testing.T) { clean(t, checkTower(repository(t))) }

func TestTowerCatches(t *testing.T) {
	m := archive(t, `-- deque/deque.go --
package deque

import (
	"sync/atomic"

	"example.org/m/internal/pad"
	"example.org/m/task"
	"example.org/mother"
)
-- deque/deque_plan9.go --
//go:build plan9 && never

package deque

import "example.org/m/internal/park"
-- deque/deque_test.go --
package deque_test

import (
	"example.org/m/bench"
	"example.org/m/internal/explore"
)
-- pool/pool.go --
package pool

import (
	_ "example.org/m/internal/poll/deeper"
	_ "example.org/m/pool/par"
)
-- pool/par/par.go --
package par

import _ "example.org/m"
-- bench/main.go --
package main

import _ "example.org/m/pool"
-- bench/report/report.go --
package report

import _ "example.org/m/bench"
-- internal/misc/misc.go --
package misc
`)
	caught(t, checkTower(m),
		"deque/deque.go:7: deque may not import task",
		"deque/deque_plan9.go:5: deque may not import internal/park",
		"deque/deque_test.go:4: nothing may import bench",
		"pool/pool.go:5: pool may not import pool/par",
		"pool/par/par.go:3: pool/par may not import .",
		"internal/misc/misc.go:1: package internal/misc is not in the tower",
	)
}

func checkUnsafe(m *module) (violations []string) {
	for _, f := range m.files {
		for _, spec := range f.Imports {
			if importPath(spec) == "unsafe" && !covers(unsafeImporters, f.dir) {
				violations = append(violations, m.at(spec.Pos(), "%s may not import unsafe", f.dir))
			}
		}
	}
	return violations
}

func TestUnsafe(t *testing.T) { clean(t, checkUnsafe(repository(t))) }

func TestUnsafeCatches(t *testing.T) {
	m := archive(t, `-- internal/park/park.go --
package park

import "unsafe"
-- pool/par/par.go --
package par

import _ "unsafe"
-- deque/size_test.go --
package deque_test

import "unsafe"
`)
	caught(t, checkUnsafe(m),
		"pool/par/par.go:3: pool/par may not import unsafe",
		"deque/size_test.go:3: deque may not import unsafe",
	)
}

func checkRequirements(m *module) (violations []string) {
	block := ""
	for line := range strings.Lines(string(m.gomod)) {
		code, comment, _ := strings.Cut(line, "//")
		f := strings.Fields(code)
		switch {
		case len(f) == 0:
			continue
		case len(f) == 2 && f[1] == "(":
			block = f[0]
			continue
		case f[0] == ")":
			block = ""
			continue
		case block != "":
			f = slices.Insert(f, 0, block)
		}
		if f[0] != "require" || strings.HasPrefix(strings.TrimSpace(comment), "indirect") {
			continue
		}
		if !slices.Contains(requirements, f[1]) {
			violations = append(violations, "go.mod: may not require "+f[1])
		}
	}
	return violations
}

func TestRequirements(t *testing.T) { clean(t, checkRequirements(repository(t))) }

func TestRequirementsCatches(t *testing.T) {
	m := archive(t, `-- go.mod --
module example.org/m // the library

go 1.26.0

require example.org/single v1.0.0

require (
	// A comment.
	example.org/grouped v1.0.0
	golang.org/x/sys v0.1.0
)

require example.org/indirect v1.0.0 // indirect

exclude (
	example.org/excluded v1.0.0
)
`)
	caught(t, checkRequirements(m),
		"go.mod: may not require example.org/single",
		"go.mod: may not require example.org/grouped",
	)
}
