package gen

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// debugged is a source, and a program that runs it. Lines that end with a mark are where the
// debugger stops.
const debugged = `//go:build heistgen

package main

import "github.com/heist-go/heist/task"

//heist:task context
func double(cx *task.Cx, n int) (int, error) {
	sum := n // first
	if err := cx.Yield(); err != nil {
		return 0, err
	}
	sum += n // behind the wait
	return sum, nil
}
`

const debugging = `package main

import (
	"context"
	"fmt"
	"os"

	"github.com/heist-go/heist/task"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Println(doubleContext(context.Background(), 21))
		return
	}
	t := newDouble(21)
	fmt.Println(task.Run(context.Background(), t))
	fmt.Println(t.Result())
}
`

// control is a program that heistgen has not seen, with the same marks: if a debugger cannot do with it what
// the test asks for, it says nothing of heistgen.
const control = `package main

import "fmt"

//go:noinline
func double(n int) int {
	sum := n // first
	fmt.Println("waits")
	sum += n // behind the wait
	return sum
}

func main() { fmt.Println(double(21), error(nil)) }
`

// TestDebugger stops at lines of a source, before a wait and behind it, and looks at a variable that
// lives across it: in the machine, and in the version for goroutines. It is skipped where the debugger cannot do that
// with a program of Go.
func TestDebugger(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it builds a program")
	}
	m := newModule(t, "debugged")
	m.write("src.go", debugged)
	m.write("main.go", debugging)
	program := m.build(Config{Patterns: []string{"."}}, "-gcflags=-N -l")
	other := newModule(t, "control")
	other.write("src.go", control)
	plain := other.link("-gcflags=-N -l")

	line := func(source, mark string) string {
		for i, l := range strings.Split(source, "\n") {
			if strings.HasSuffix(l, "// "+mark) {
				return fmt.Sprintf("src.go:%d", i+1)
			}
		}
		panic(mark)
	}
	run := func(dir, input, name string, args ...string) string {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
		// A goroutine that is preempted at a breakpoint meets it once more, on another thread.
		cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
		out, err := cmd.CombinedOutput()
		return fmt.Sprintf("%s%s: %v\n", out, name, err)
	}
	// Each runs a program that stops at two lines of a source, and shows a variable at the second.
	debuggers := map[string]func(dir, first, behind, variable, program string, args ...string) string{
		"gdb": func(dir, first, behind, variable, program string, args ...string) string {
			return run(dir, "", "gdb", append([]string{"-nx", "-batch", "-ex", "set startup-with-shell off", "-ex", "break " + first, "-ex", "break " + behind,
				"-ex", "run", "-ex", "frame", "-ex", "continue", "-ex", "frame", "-ex", "print " + variable, "-ex", "continue", "--args", program}, args...)...)
		},
		"dlv": func(dir, first, behind, variable, program string, args ...string) string {
			return run(dir, fmt.Sprintf("break %s\nbreak %s\ncontinue\ncontinue\nprint %s\ncontinue\nexit\n", first, behind, variable), "dlv",
				append([]string{"exec", "--allow-non-terminal-interactive=true", program, "--"}, args...)...)
		},
	}
	for name, debug := range debuggers {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(name); err != nil {
				t.Skipf("skipped: %s is not installed", name)
			}
			// missing returns what a session has not shown where it should, and what it has.
			missing := func(m *userModule, source, variable, program string, args ...string) (what, out string) {
				first, behind := line(source, "first"), line(source, "behind the wait")
				out = debug(m.dir, first, behind, variable, program, args...)
				rest := out
				for _, want := range []string{first, behind, "21\n", "42 <nil>\n"} { // the variable before the line, and the result
					_, after, found := strings.Cut(rest, want)
					if !found {
						return want, out
					}
					rest = after
				}
				return "", out
			}
			if what, out := missing(other, control, "sum", plain); what != "" {
				t.Skipf("skipped: %s cannot debug a program of Go here: no %q in\n%s", name, what, out)
			}
			for variable, args := range map[string][]string{"m.sum": nil, "sum": {"goroutine"}} {
				what, out := missing(m, debugged, variable, program, args...)
				if what != "" {
					t.Fatalf("%s: no %q where it should be:\n%s", variable, what, out)
				}
			}
		})
	}
}
