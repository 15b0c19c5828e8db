package lint_test

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// A table of figures names where they come from, in a comment on the line before it:
//
//	<!-- figures: 2026-11-28-bench-epyc-2.txt 2026-11-28-bench-epyc-2-b.txt -->
//
// These are files of bench/results. A row of the table is about the line of the files that begins with
// its key: what stands in backquotes in its first cell, or in a comment at its end. Each number behind
// the first cell is one of that line's, rounded as the table rounds; a different unit (ns, µs, ms) is
// fine. A row whose key is "-" has no raw result, and is not compared.
//
// A key may be several, with commas between them, and one that ends with * stands for all lines that
// begin so: the row is about all of them. Then a ratio ("1.6 x") may be that of two of their numbers.
var (
	figuresMark = regexp.MustCompile(`^<!-- figures: ([^>]*?) -->$`)
	figureKey   = regexp.MustCompile(`<!-- (\S+) -->\s*$`)
	figureCode  = regexp.MustCompile("`([^`]+)`")
	figure      = regexp.MustCompile(`(?:^|[\s(|≥≤:])([0-9][0-9,]*(?:\.[0-9]+)?)(k|M)?(?:[\s)|;,]|$)`)
	quotient    = regexp.MustCompile(`(?:([0-9.]+) to )?([0-9][0-9,]*(?:\.[0-9]+)?) ?[x×]`)
	iterations  = regexp.MustCompile(`^(Benchmark\S+\s+)\d+\s`)
	remark      = regexp.MustCompile(`<!--.*?-->`)
	goals       = regexp.MustCompile(`missed: .*`)
)

// checkFigures compares the tables of the documents that name their raw results with those.
func checkFigures(files map[string]string, raw fs.FS) (violations []string) {
	for name, text := range files {
		var rows map[string][]float64 // of the table that we are in
		heading := 0
		for i, line := range strings.Split(text, "\n") {
			report := func(format string, args ...any) {
				violations = append(violations, fmt.Sprintf("%s:%d: ", name, i+1)+fmt.Sprintf(format, args...))
			}
			if m := figuresMark.FindStringSubmatch(line); m != nil {
				rows, heading = map[string][]float64{}, 2
				for _, file := range strings.Fields(m[1]) {
					text, err := fs.ReadFile(raw, file)
					if err != nil {
						report("bench/results has no %s", file)
						continue
					}
					for line := range strings.Lines(string(text)) {
						line = iterations.ReplaceAllString(strings.ReplaceAll(strings.TrimSpace(line), "\t", " "), "$1 ")
						if key, rest, ok := strings.Cut(line, " "); ok {
							key = strings.TrimSuffix(key, ":")
							rows[key] = append(rows[key], numbers(rest)...)
						}
					}
				}
				continue
			}
			switch {
			case rows == nil:
				continue
			case !strings.HasPrefix(line, "|"):
				if heading == 2 && strings.TrimSpace(line) == "" {
					continue
				}
				rows = nil
				continue
			case heading > 0:
				heading--
				continue
			}
			first, rest, _ := strings.Cut(line[1:], "|")
			key := ""
			if m := figureKey.FindStringSubmatch(line); m != nil {
				key = m[1]
			} else if m := figureCode.FindStringSubmatch(first); m != nil {
				key = m[1]
			}
			if key == "-" {
				continue
			}
			known := about(rows, key)
			if known == nil {
				report("no raw result is about %q", key)
				continue
			}
			if strings.ContainsAny(key, ",*") {
				rest = quotient.ReplaceAllStringFunc(rest, func(s string) string {
					for _, digits := range quotient.FindStringSubmatch(s)[1:] {
						if digits != "" && !among(digits, "", known) && !isQuotient(digits, known) {
							report("%s: no two of the raw results are as %s to 1", key, digits)
						}
					}
					return ""
				})
			}
			for _, cell := range strings.Split(remark.ReplaceAllString(goals.ReplaceAllString(rest, ""), ""), "|") {
				for _, m := range figure.FindAllStringSubmatch(strings.ReplaceAll(cell, " ", "  "), -1) {
					if !among(m[1], m[2], known) {
						report("%s: the raw results have no %s%s", key, m[1], m[2])
					}
				}
			}
		}
	}
	return violations
}

// about returns the numbers of the rows that a key stands for, or nil if one is missing.
func about(rows map[string][]float64, key string) (known []float64) {
	for k := range strings.SplitSeq(key, ",") {
		before := len(known)
		prefix, many := strings.CutSuffix(k, "*")
		for name, values := range rows {
			if name == k || many && strings.HasPrefix(name, prefix) {
				known = append(known, values...)
			}
		}
		if len(known) == before {
			return nil
		}
	}
	return known
}

// isQuotient reports whether a figure is that of two of the known.
func isQuotient(digits string, known []float64) bool {
	var all []float64
	for _, x := range known {
		for _, y := range known {
			if y != 0 {
				all = append(all, x/y)
			}
		}
	}
	v, half, ok := value(digits, "")
	return !ok || slices.ContainsFunc(all, func(q float64) bool { return math.Abs(q-v) <= half*1.001 })
}

// numbers returns those in a line.
func numbers(line string) (all []float64) {
	for _, m := range figure.FindAllStringSubmatch(strings.ReplaceAll(line, " ", "  "), -1) {
		if v, _, ok := value(m[1], m[2]); ok {
			all = append(all, v)
		}
	}
	return all
}

// value returns a number, and half of its last digit.
func value(digits, suffix string) (v, half float64, ok bool) {
	scale := map[string]float64{"": 1, "k": 1e3, "M": 1e6}[suffix]
	digits = strings.ReplaceAll(digits, ",", "")
	v, err := strconv.ParseFloat(digits, 64)
	_, decimals, _ := strings.Cut(digits, ".")
	return v * scale, scale * math.Pow10(-len(decimals)) / 2, err == nil
}

// among reports whether a figure is one of the known, rounded.
func among(digits, suffix string, known []float64) bool {
	v, half, ok := value(digits, suffix)
	if !ok {
		return true
	}
	for _, k := range known {
		for _, unit := range []float64{1, 1e-3, 1e-6} {
			if math.Abs(k*unit-v) <= half*1.001 {
				return true
			}
		}
	}
	return false
}

func TestFigures(t *testing.T) {
	root := rootDir(t)
	files := documents(t)
	tables := 0
	for _, text := range files {
		tables += strings.Count(text, "<!-- figures: ")
	}
	if tables < 7 {
		t.Errorf("only %d tables name their raw results", tables)
	}
	clean(t, checkFigures(files, os.DirFS(path.Join(root, "bench/results"))))
}

func TestFiguresCatches(t *testing.T) {
	raw := fstest.MapFS{
		"a.txt": {Data: []byte("row ours theirs\nx/one 74.9 ns/op 328 ns/op 4.38 x\nx/two 183k ns/op\n")},
		"b.txt": {Data: []byte("x/one 80.4 ns/op\nBenchmarkX/one-2 \t 20 \t 50.1 ns/op\nBenchmarkX/two-2 \t 20 \t 100.3 ns/op\npeer/x: 400 ns\n")},
	}
	text := "<!-- figures: a.txt b.txt -->\n| | | |\n|---|---|---|\n" +
		"| `x/one` | 75 to 80 | 4.4 x |\n" +
		"| a broadcast, µs | 183 | | <!-- x/two -->\n" +
		"| `x/one` | 76 | 4.4 x |\n" +
		"| `x/three` | 1 |\n" +
		"| nobody's | 5 | <!-- - -->\n" +
		"| both | 50 and 100 | 2.0 x, 8.0 x | <!-- BenchmarkX/*,peer/x -->\n" +
		"| both | 20 | 3.0 x | <!-- BenchmarkX/*,peer/x -->\n" +
		"| none | 20 | <!-- BenchmarkX/*,peer/y -->\n" +
		"\n| other | 7 |\n\n<!-- figures: c.txt -->\n\n| | |\n|---|---|\n"
	caught(t, checkFigures(map[string]string{"README.md": text}, raw),
		"README.md:6: x/one: the raw results have no 76",
		`README.md:7: no raw result is about "x/three"`,
		"README.md:10: BenchmarkX/*,peer/x: no two of the raw results are as 3.0 to 1",
		"README.md:10: BenchmarkX/*,peer/x: the raw results have no 20",
		`README.md:11: no raw result is about "BenchmarkX/*,peer/y"`,
		"README.md:15: bench/results has no c.txt",
	)
}
