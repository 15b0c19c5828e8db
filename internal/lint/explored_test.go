package lint_test

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
)

// explored are the names by which .ci/run chooses what it runs under -tags explore.
var explored = regexp.MustCompile(`^Test(Explore|Refute|Sound)`)

func checkExplored(m *module) (violations []string) {
	for _, f := range m.files {
		if !strings.HasSuffix(f.name, "_explore_test.go") {
			continue
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") && !explored.MatchString(fn.Name.Name) {
				violations = append(violations, m.at(fn.Pos(), "%s would not run: an explored test is called TestExplore... or TestSound..., its negative control TestRefute...", fn.Name.Name))
			}
		}
	}
	return violations
}

func TestExplored(t *testing.T) { clean(t, checkExplored(repository(t))) }

func TestExploredCatches(t *testing.T) {
	m := archive(t, `-- pool/pool_explore_test.go --
package pool

import "testing"

func TestExploreParking(t *testing.T) {}
func TestRefuteParking(t *testing.T) {}
func TestSoundMonitor(t *testing.T) {}
func TestParking(t *testing.T) {}
func helper() {}

-- pool/pool_test.go --
package pool

import "testing"

func TestPool(t *testing.T) {}
`)
	caught(t, checkExplored(m), "pool/pool_explore_test.go:8: TestParking would not run: an explored test is called TestExplore... or TestSound..., its negative control TestRefute...")
}
