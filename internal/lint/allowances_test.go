package lint_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// checkAllowances: what a list allows and nobody needs any more is a door that was left open.
func checkAllowances(m *module, tower map[string]string, unsafeImporters, atomicImporters string, requirements []string) (violations []string) {
	type use struct{ from, to string }
	uses, imports := map[use]bool{}, map[string]bool{}
	folders := map[string]bool{}
	for _, f := range m.files {
		folders[f.dir] = true
		for _, spec := range f.Imports {
			p := importPath(spec)
			for _, r := range requirements {
				if p == r || strings.HasPrefix(p, r+"/") {
					imports[r] = true
				}
			}
			if pkg, ok := m.local(spec); ok && !f.test {
				uses[use{f.dir, pkg}] = true
			} else if p == "unsafe" || p == "sync/atomic" && !f.test {
				uses[use{f.dir, p}] = true
			}
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(tower)) {
		from := pkg
		if strings.HasSuffix(pkg, "/...") || tower[pkg] == "..." {
			continue // programs
		}
		if !folders[from] {
			violations = append(violations, "the tower: "+pkg+" is not there")
			continue
		}
		for pattern := range strings.FieldsSeq(tower[pkg]) {
			used := slices.ContainsFunc(slices.Collect(maps.Keys(uses)), func(u use) bool { return u.from == from && covers(pattern, u.to) })
			if !used {
				violations = append(violations, "the tower: "+pkg+" does not import "+pattern)
			}
		}
	}
	for pkg := range strings.FieldsSeq(unsafeImporters) {
		if !uses[use{pkg, "unsafe"}] {
			violations = append(violations, "unsafe: "+pkg+" does not import it")
		}
	}
	for pkg := range strings.FieldsSeq(atomicImporters) {
		if strings.HasSuffix(pkg, "...") {
			continue
		}
		if !uses[use{pkg, "sync/atomic"}] {
			violations = append(violations, "sync/atomic: "+pkg+" does not import it")
		}
	}
	for _, r := range requirements {
		if !imports[r] {
			violations = append(violations, "requirements: nothing imports "+r)
		}
	}
	return violations
}

func TestAllowances(t *testing.T) {
	clean(t, checkAllowances(repository(t), tower, unsafeImporters, atomicImporters, requirements))
}

func TestAllowancesCatches(t *testing.T) {
	m := archive(t, `-- deque/deque.go --
package deque

import (
	_ "sync/atomic"
	_ "unsafe"

	_ "example.org/m/internal/pad"
	_ "example.org/needed/sub"
)
-- deque/deque_test.go --
package deque_test

import _ "example.org/m/task"
-- internal/pad/pad.go --
package pad
-- task/task.go --
package task

import _ "example.org/m/internal/pad"
`)
	caught(t, checkAllowances(m,
		map[string]string{"deque": "internal/pad task", "task": "internal/...", "internal/pad": "", "gone": "", "bench/...": "..."},
		"deque task", "deque internal/pad", []string{"example.org/needed", "example.org/idle"}),
		"the tower: deque does not import task",
		"the tower: gone is not there",
		"unsafe: task does not import it",
		"sync/atomic: internal/pad does not import it",
		"requirements: nothing imports example.org/idle",
	)
}
