// Command bench measures Heist, row by row, each beside what a Go programmer would use
// instead, in the same run on the same machine:
//
//	go run ./bench
//
// The rows are those of the project's targets. What they measure are ordinary benchmarks,
// which stand beside the code: bench builds each package's tests once, runs its benchmarks
// in turns, ours and theirs, and compares medians. A benchmark that finds a wrong result
// fails its row.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// options are what the flags say.
type options struct {
	run      *regexp.Regexp
	time     time.Duration
	count    int
	workers  int
	quick    bool
	json     string
	benchfmt bool
	html     string
	silence  time.Duration
	profile  string
	outputs  map[string]string // flags of go test by the files that they write
}

func main() {
	if err := command(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(args []string, out, progress io.Writer) error {
	o, list, err := parse(args, progress)
	if err != nil {
		return err
	}
	chosen := o.choose(rows)
	if list {
		for _, r := range chosen {
			fmt.Fprintf(out, "%-22s %s\n", r.name, r.load)
		}
		return nil
	}
	if len(chosen) == 0 {
		return errors.New("no row matches: bench -list shows all of them")
	}
	if o.html != "" && draws == nil {
		return again(args, out, progress)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root, err := repository()
	if err != nil {
		return err
	}
	b, err := newBuilds(root)
	if err != nil {
		return err
	}
	defer b.remove()
	if o.profile != "" {
		return profile(ctx, b, o, chosen[0], out, progress)
	}
	results, noise := measure(ctx, b, o, chosen, progress)
	if o.html != "" && ctx.Err() == nil {
		if err := draws(ctx, b, o, results, noise, progress); err != nil {
			return err
		}
	}
	return report(o, results, machineOf(o, noise), out)
}

// draws draws the page of -html. It is nil in a program that was built without the tag plots: what draws
// takes longer to build than all the rest, and few runs want it.
var draws func(ctx context.Context, b *builds, o options, results []result, noise string, progress io.Writer) error

// again runs the program that draws, with the same arguments.
func again(args []string, out, progress io.Writer) error {
	cmd := exec.Command("go", append([]string{"run", "-tags", "plots", "github.com/heist-go/heist/bench"}, args...)...)
	cmd.Stdout, cmd.Stderr = out, progress
	if err := cmd.Run(); err != nil { // it has said why
		return fmt.Errorf("-html: %w", err)
	}
	return nil
}

// parse reads the command line.
func parse(args []string, usage io.Writer) (o options, list bool, err error) {
	o.outputs = map[string]string{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(usage)
	pattern := f.String("run", "", "only the rows that match this `regexp`")
	f.BoolVar(&list, "list", false, "list the rows, and what they measure")
	f.DurationVar(&o.time, "time", 100*time.Millisecond, "how long each side of a row runs, each time")
	f.IntVar(&o.count, "count", 0, "how `often`, ours and theirs in turns; the median counts (default 3, and 1 for rows that take long)")
	f.IntVar(&o.workers, "workers", 0, "how many workers: 1, 2, 4, 8 or 16; default: as many as there are processors")
	f.BoolVar(&o.quick, "quick", false, "a first impression in less than a minute, without the rows that take long")
	f.StringVar(&o.json, "json", "", "write the rows to this `file`, as JSON")
	f.BoolVar(&o.benchfmt, "bench", false, "print what the benchmarks print, for benchstat, instead of the table")
	f.StringVar(&o.html, "html", "", "write a page with plots to this `file`")
	f.DurationVar(&o.silence, "silence", time.Second, "for how long the servers of net/first have nothing to do")
	f.StringVar(&o.profile, "profile", "", "run the row of this `name` for 10 s, and profile its CPU time")
	for _, name := range []string{"cpuprofile", "memprofile", "mutexprofile", "trace"} {
		f.Func(name, "write a "+name+" of our side to this `file`, for one row", func(file string) error {
			path, err := filepath.Abs(file)
			o.outputs["-test."+name] = path
			return err
		})
	}
	if err := f.Parse(args); err != nil {
		return o, false, err
	}
	if f.NArg() > 0 {
		return o, false, fmt.Errorf("arguments: %q: there are only flags", f.Args())
	}
	if o.run, err = regexp.Compile(*pattern); err != nil {
		return o, false, fmt.Errorf("-run: %w", err)
	}
	if o.profile != "" {
		o.run = regexp.MustCompile("^" + regexp.QuoteMeta(o.profile) + "$")
	}
	if o.workers == 0 {
		o.workers = sizeFor(runtime.NumCPU())
	}
	if !slices.Contains(workers, o.workers) {
		return o, false, fmt.Errorf("-workers %d: it is one of %v", o.workers, workers)
	}
	if o.time <= 0 || o.silence <= 0 || o.count < 0 {
		return o, false, errors.New("-time and -silence must be positive, and -count not negative")
	}
	if o.quick {
		o.time, o.count = min(o.time, 30*time.Millisecond), 1
	}
	if len(o.outputs) > 0 && len(o.choose(rows)) != 1 {
		return o, false, errors.New("a profile is one of a single row: name it with -run")
	}
	return o, list, nil
}

// workers are the sizes that the benchmarks know.
var workers = []int{1, 2, 4, 8, 16}

// sizeFor is the largest size for so many processors.
func sizeFor(cpus int) int {
	size := 1
	for _, w := range workers {
		if w <= cpus {
			size = w
		}
	}
	return size
}

func (o options) choose(all []row) (chosen []row) {
	for _, r := range all {
		if o.run.MatchString(r.name) && !(o.quick && r.heavy) {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

// repository finds the root of the checkout, in or above the working directory.
func repository() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/heist-go/heist").Output()
	if err != nil {
		return "", fmt.Errorf("run it in a checkout of the project: go list: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
