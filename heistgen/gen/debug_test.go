package gen

import (
	"context"
	"fmt"
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

// TestDebugger stops at lines of a source, before a wait and behind it, and looks at a variable that
// lives across it: in the machine, and in the version for goroutines.
func TestDebugger(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it builds a program")
	}
	m := newModule(t, "debugged")
	m.write("src.go", debugged)
	m.write("main.go", debugging)
	program := m.build(Config{Patterns: []string{"."}}, "-gcflags=-N -l")
	line := func(mark string) string {
		for i, l := range strings.Split(debugged, "\n") {
			if strings.HasSuffix(l, "// "+mark) {
				return fmt.Sprintf("src.go:%d", i+1)
			}
		}
		panic(mark)
	}
	first, behind := line("first"), line("behind the wait")
	run := func(input, name string, args ...string) string {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir, cmd.Stdin = m.dir, strings.NewReader(input)
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	debuggers := map[string]func(variable string, args ...string) string{
		"gdb": func(variable string, args ...string) string {
			return run("", "gdb", append([]string{"-nx", "-batch", "-ex", "set startup-with-shell off", "-ex", "break " + first, "-ex", "break " + behind,
				"-ex", "run", "-ex", "frame", "-ex", "continue", "-ex", "frame", "-ex", "print " + variable, "-ex", "continue", "--args", program}, args...)...)
		},
		"dlv": func(variable string, args ...string) string {
			return run(fmt.Sprintf("break %s\nbreak %s\ncontinue\ncontinue\nprint %s\ncontinue\nexit\n", first, behind, variable), "dlv",
				append([]string{"exec", "--allow-non-terminal-interactive=true", program, "--"}, args...)...)
		},
	}
	for name, debug := range debuggers {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(name); err != nil {
				t.Skipf("skipped: %s is not installed", name)
			}
			for variable, args := range map[string][]string{"m.sum": nil, "sum": {"goroutine"}} {
				out := debug(variable, args...)
				if strings.Contains(out, "ptrace") || strings.Contains(out, "could not launch process") || strings.Contains(out, "During startup program exited") {
					t.Skipf("skipped: %s cannot run programs here:\n%s", name, out)
				}
				for _, want := range []string{first, behind, "21\n", "42 <nil>\n"} { // the variable before the line, and the result
					i := strings.Index(out, want)
					if i < 0 {
						t.Fatalf("%s: no %q where it should be:\n%s", variable, want, out)
					}
					out = out[i+len(want):]
				}
			}
		})
	}
}
