package lint_test

import (
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	programBlock = regexp.MustCompile("(?s)<!-- program -->\n```go\n(.*?)```\n")
	programSays  = regexp.MustCompile("It prints `([^`]*)`")
)

// checkProgram runs the program that README quotes, from the module at root, and
// compares what it prints with what README says.
func checkProgram(t *testing.T, root, readme string) (violations []string) {
	t.Helper()
	block := programBlock.FindStringSubmatch(readme)
	says := programSays.FindStringSubmatch(readme)
	if block == nil || says == nil {
		return []string{"README.md: no program after <!-- program -->, or nothing about what it prints"}
	}
	formatted, err := format.Source([]byte(block[1]))
	if err != nil {
		return []string{"README.md: the program: " + err.Error()}
	}
	if string(formatted) != block[1] {
		violations = append(violations, "README.md: the program is not formatted")
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, formatted, 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.Command("go", "run", file)
	run.Dir = root
	out, err := run.CombinedOutput()
	if err != nil {
		return append(violations, "README.md: the program: "+err.Error()+": "+strings.TrimSpace(string(out)))
	}
	if got := strings.TrimSpace(string(out)); got != says[1] {
		violations = append(violations, "README.md: the program prints "+got)
	}
	return violations
}

func TestProgram(t *testing.T) {
	root := rootDir(t)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	clean(t, checkProgram(t, root, string(readme)))
}

func TestProgramCatches(t *testing.T) {
	root := rootDir(t)
	program := func(body string) string {
		return "<!-- program -->\n```go\npackage main\n\nfunc main() {\n" + body + "\n}\n```\nIt prints `a`.\n"
	}
	caught(t, checkProgram(t, root, "# Nothing\n"),
		"README.md: no program after <!-- program -->, or nothing about what it prints")
	caught(t, checkProgram(t, root, program("\tx :=")),
		"README.md: the program: 5:1: expected operand, found '}'")
	caught(t, checkProgram(t, root, program("println(\"b\")")),
		"README.md: the program is not formatted",
		"README.md: the program prints b")
}

var (
	codeBlock = regexp.MustCompile("(?ms)^```.*?^```$")
	mdLink    = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]*)?\)`)
	mdHeading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// checkLinks follows the relative links of the documents, their anchors included.
func checkLinks(files map[string]string, exists func(name string) bool) (violations []string) {
	anchors := func(name string) map[string]bool {
		set := map[string]bool{}
		for _, h := range mdHeading.FindAllStringSubmatch(codeBlock.ReplaceAllString(files[name], ""), -1) {
			set["#"+strings.ReplaceAll(notAnchor.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
		}
		return set
	}
	for name, text := range files {
		for _, link := range mdLink.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			target := name
			if link[1] != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(name), link[1]))
			}
			if !exists(target) || link[2] != "" && !anchors(target)[link[2]] {
				violations = append(violations, name+": a link to "+link[1]+link[2]+" leads nowhere")
			}
		}
	}
	return violations
}

func TestLinks(t *testing.T) {
	root := rootDir(t)
	files := documents(t)
	if len(files) < 5 {
		t.Errorf("only %d documents", len(files))
	}
	clean(t, checkLinks(files, func(name string) bool {
		_, err := os.Stat(filepath.Join(root, name))
		return err == nil
	}))
}

func TestLinksCatches(t *testing.T) {
	files := map[string]string{
		"README.md":   "[a](docs/a.md) [b](docs/b.md) [c](docs/a.md#first-part-its-name)\n[d](docs/a.md#second) [e](https://example.org/x)",
		"docs/a.md":   "# First part: its `name`\n\n[up](../README.md) [here](#first-part-its-name)\n```\n# second\n[x](no.md)\n```\n",
		"docs/x/c.md": "[a](a.md)",
	}
	caught(t, checkLinks(files, func(name string) bool { _, ok := files[name]; return ok }),
		"README.md: a link to docs/b.md leads nowhere",
		"README.md: a link to docs/a.md#second leads nowhere",
		"docs/x/c.md: a link to a.md leads nowhere",
	)
}
