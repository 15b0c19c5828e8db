package lint_test

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// command is what becomes of a command that the documents show. The zero value: it is run as
// it stands.
type command struct {
	elsewhere string // it is not run here, because
	instead   string // the same, but shorter
	serves    string // it is a server: it says this when it is ready, and then it is interrupted
}

// commands are those of the documents that are not run as they stand.
var commands = map[string]command{
	"bash .ci/run":      {elsewhere: "this test is a part of it"},
	"bash .ci/run fuzz": {elsewhere: "a step of .ci/run"},

	"go test ./...":                  {elsewhere: "a step of .ci/run"},
	"go test -race ./...":            {elsewhere: "a step of .ci/run"},
	"go test -tags explore ./...":    {elsewhere: "a step of .ci/run"},
	"go test -tags heistdebug ./...": {elsewhere: "a step of .ci/run"},

	"go run ./bench":                                  {elsewhere: "a step of .ci/run"},
	"go run ./bench -html bench.html":                 {instead: "go run ./bench -run task/yield -time 10ms -html bench.html && grep -q '<svg' bench.html && rm bench.html"},
	"go run ./bench -profile task/spawn":              {instead: "go run ./bench -profile task/spawn && go tool pprof -tags heist-task-spawn.pprof | grep -q worker && rm heist-task-spawn.pprof"},
	"go -C bench/peers run ./load -address HOST:PORT": {instead: "go -C bench/peers run ./load -h"},
	"bash bench/peers/native/run.sh":                  {elsewhere: "it needs Rust and C++"},

	"go -C bench/lateness run .":                                   {instead: "go -C bench/lateness run . -n 200 -out $(mktemp --suffix .svg)"},
	"go -C bench/lateness run . -long":                             {instead: "go -C bench/lateness run . -long -n 1"},
	"go test ./internal/bugs -run TestMended -seeds 100000":        {instead: "go test ./internal/bugs -run TestMended -seeds 1000"},
	"go test ./internal/abandoned -run TestSimulated -seeds 10000": {instead: "go test ./internal/abandoned -run TestSimulated -seeds 20"},
	"go run ./examples/echo":                                       {serves: "listening on"},
	"go run ./examples/chat -straight":                             {serves: "listening on"},
	"go run ./examples/chat":                                       {serves: "listening on"},
	"go -C examples/kv run .":                                      {serves: "listening on"},
	"go build -gcflags=-m":                                         {instead: "go build -gcflags=-m ./deque"},
	"go test -bench . ./deque":                                     {},
	"heistvet -fix ./...":                                          {instead: "cd heistvet && heistvet -fix ./..."},
	"go test -tags explore":                                        {instead: "go test -tags explore ./internal/explore"},
	"heistvet ./...":                                               {instead: "heistvet ./deque"},
	"heistvet help twowaits":                                       {},
	"go vet -vettool=$(which heistvet) ./...":                      {elsewhere: "a step of .ci/run"},
	"go vet -vettool=$(which heistvet) -timenow=false ./...":       {instead: "go vet -vettool=$(which heistvet) -timenow=false ./deque"},
	"git clone https://github.com/heist-go/heist && go -C heist/heistvet install .": {elsewhere: "it takes what is published"},
	"go install github.com/heist-go/heist/heistvet@latest":                          {elsewhere: "it installs what is published"},
	"go tool pprof -tagfocus='task=.*session' -http=: cpu.pprof":                    {elsewhere: "it opens a browser"},
	"go tool pprof -tagroot=tenant,task -http=: cpu.pprof":                          {elsewhere: "it opens a browser"},
	"go tool trace heist-stall-*.trace":                                             {instead: "go test ./pool/flight -run TestWriter"},
	"go -C live run ./heisttop http://localhost:6060/debug/heist/live":              {instead: "go -C live test ./heisttop -run TestRun"},
	"curl -s http://localhost:6060/debug/heist":                                     {instead: "go test ./pool/dump -run 'TestText|ExampleHandler'"},
	"kill -QUIT $(pidof service)":                                                   {instead: "go test ./pool/dump -run TestOnSignal"},
	"go tool pprof -top 'http://localhost:6060/debug/heist?format=pprof'":           {instead: "go test ./pool/dump -run TestProfile"},
	"go tool heistgen":                                 {elsewhere: "it is for a module that has it as a tool"},
	"go run ./examples/straight":                       {serves: "listening on"},
	"go run github.com/heist-go/heist/heistgen@latest": {elsewhere: "it runs what is published"},
}

var (
	shellBlock  = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	inlineCode  = regexp.MustCompile("`([^`]+)`")
	isCommand   = regexp.MustCompile(`^(go (-C|run|test|vet|build|install|tool)|bash|heistvet) `)
	shellRemark = regexp.MustCompile(`\s+# .*`)
)

// commandsOf returns the commands that a document shows, in blocks of shell and in the text.
func commandsOf(text string) (all []string) {
	for _, block := range shellBlock.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			if line = strings.TrimSpace(shellRemark.ReplaceAllString(line, "")); line != "" {
				all = append(all, line)
			}
		}
	}
	for _, code := range inlineCode.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		if c := strings.Join(strings.Fields(code[1]), " "); isCommand.MatchString(c) && !strings.HasSuffix(c, " -vettool") {
			all = append(all, c)
		}
	}
	return all
}

// documents returns the text of all that this module has, by name.
func documents(t *testing.T) map[string]string {
	t.Helper()
	root := os.DirFS(rootDir(t))
	texts := map[string]string{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case path.Ext(name) == ".md":
			text, err := fs.ReadFile(root, name)
			texts[name] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// TestCommands runs the commands that the documents show. That takes minutes, so it is a
// step of .ci/run, which sets HEIST_COMMANDS; otherwise it only looks for exceptions that
// are none any more.
func TestCommands(t *testing.T) {
	shown := map[string]string{}
	for name, text := range documents(t) {
		for _, c := range commandsOf(text) {
			shown[c] = name
		}
	}
	for c := range commands {
		if shown[c] == "" {
			t.Errorf("no document shows %s", c)
		}
	}
	if os.Getenv("HEIST_COMMANDS") == "" {
		t.Skip("bash .ci/run docs runs them")
	}
	tools := t.TempDir()
	root := rootDir(t)
	shell(t, root, "go -C heistvet build -o "+tools+" .")
	t.Setenv("PATH", tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, c := range slices.Sorted(maps.Keys(shown)) {
		t.Run(strings.ReplaceAll(c, "/", "|"), func(t *testing.T) {
			switch how := commands[c]; {
			case how.elsewhere != "":
				t.Skip(how.elsewhere)
			case how.serves != "":
				serve(t, root, c, how.serves)
			case how.instead != "":
				shell(t, root, how.instead)
			case strings.Contains(c, "-bench "):
				shell(t, root, c+" -benchtime 1x")
			default:
				shell(t, root, c)
			}
		})
	}
}

// shell runs a command at the root.
func shell(t *testing.T, root, c string) {
	t.Helper()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", c)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", c, err, out)
	}
}

// serve builds what the command would run, and runs that until it says that it is ready; then
// it is interrupted, and has to end well.
func serve(t *testing.T, root, c, ready string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "server")
	build, args := buildOf(c, program)
	shell(t, root, build)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	said := &watcher{wanted: ready, heard: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-said.heard:
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("interrupted, it ends with %v\n%s", err, said.text)
		}
	case err := <-ended:
		t.Errorf("%v: it has not said that it %s\n%s", err, ready, said.text)
	}
}

// buildOf returns the command that builds what a go run would run, and what the program is told.
func buildOf(run, program string) (build string, args []string) {
	words := strings.Fields(strings.Replace(run, " run ", " build -o "+program+" ", 1))
	for i, w := range words {
		if strings.HasPrefix(w, "./") { // the package; nothing before it is
			return strings.Join(words[:i+1], " "), words[i+1:]
		}
	}
	return strings.Join(words, " "), nil
}

// watcher is an output that waits for a word.
type watcher struct {
	wanted string
	text   []byte
	heard  chan struct{}
}

func (w *watcher) Write(b []byte) (int, error) {
	before := strings.Contains(string(w.text), w.wanted)
	w.text = append(w.text, b...)
	if !before && strings.Contains(string(w.text), w.wanted) {
		close(w.heard)
	}
	return len(b), nil
}

func TestCommandsCatches(t *testing.T) {
	const text = "Type `go run ./x`, or `go\nvet ./...`, not `go`.\n```sh\nbash y   # why\n\ngo test -run '#1'\n```\n```go\n// `go run ./not`\n```\n"
	caught(t, commandsOf(text), "bash y", "go test -run '#1'", "go run ./x", "go vet ./...")
	build, args := buildOf("go run -race ./x/y -straight -n 3", "/tmp/p")
	caught(t, append([]string{build}, args...), "go build -o /tmp/p -race ./x/y", "-straight", "-n", "3")
}
