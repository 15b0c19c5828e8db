// Command heistgen compiles straight-line Go into stackless tasks. See
// docs/straight-line.md.
//
//	go run github.com/heist-go/heist/heistgen@latest [flags] [packages]
//
// Without packages it takes the one in the current folder.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/heist-go/heist/heistgen/gen"
)

func main() {
	check := flag.Bool("check", false, "write nothing; fail if an output is missing or stale")
	why := flag.Bool("why", false, "write nothing; print each machine's size, why each of its fields is there, and what is allocated")
	plain := flag.Bool("plain", false, "give each variable a field of its own, which is easier to read, and larger")
	setUp := flag.Bool("init", false, "write the settings that editors need for files behind the tag")
	tags := flag.String("tags", "", "further build tags, separated by commas")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: heistgen [flags] [packages]\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	cfg := gen.Config{Patterns: flag.Args(), Plain: *plain}
	if len(cfg.Patterns) == 0 {
		cfg.Patterns = []string{"."}
	}
	if *tags != "" {
		cfg.Tags = strings.Split(*tags, ",")
	}
	if *setUp {
		if err := editors(os.Stdout, "."); err != nil {
			fmt.Fprintln(os.Stderr, "heistgen:", err)
			os.Exit(1)
		}
		return
	}
	if *why {
		text, err := gen.Explain(cfg)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Print(text)
		return
	}
	files, err := gen.Compile(cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(files) == 0 {
		fmt.Fprintln(os.Stderr, nothing(cfg.Patterns))
	}
	failed := false
	for _, f := range files {
		switch state := f.State(); {
		case state == gen.Fresh:
		case *check:
			fmt.Fprintf(os.Stderr, "%s:1: %s. Run heistgen, and commit what it writes\n", f.Name, state)
			failed = true
		default:
			if state == gen.Edited {
				fmt.Fprintf(os.Stderr, "%s:1: %s. What was edited is overwritten\n", f.Name, state)
			}
			if err := os.WriteFile(f.Name, f.Text, 0o644); err != nil {
				fmt.Fprintln(os.Stderr, err)
				failed = true
			}
		}
	}
	if failed {
		os.Exit(1)
	}
}

// nothing says that there was nothing to be compiled, which is no failure.
func nothing(patterns []string) string {
	return "heistgen: no straight-line functions in " + strings.Join(patterns, " ") +
		": they stand in files with //go:build heistgen at their head, each with //heist:task above it"
}
