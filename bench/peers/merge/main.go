// Command merge makes one table of what several programs have measured on one machine:
//
//	go run ./merge [-json FILE] FILE...
//
// A file that is named .json has rows as go run ./bench -json writes them, in an array or
// one after the other: some with our figure, some with that of a peer only. Any other file
// is what go test -bench prints, of the benchmarks that lines.go knows. Where a figure
// occurs several times, the best counts: what disturbs a measurement only makes it worse.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/heist-go/heist/internal/benchrow"
)

func main() {
	if err := command(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "merge:", err)
		os.Exit(1)
	}
}

func command(args []string, out, usage io.Writer) error {
	f := flag.NewFlagSet("merge", flag.ContinueOnError)
	f.SetOutput(usage)
	to := f.String("json", "", "write the rows to this `file`, one for each peer")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() == 0 {
		return errors.New("which files? merge ours.json native.json")
	}
	var all table
	for _, name := range f.Args() {
		entries, err := read(name)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := all.add(e); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if *to != "" {
		if err := benchrow.WriteFile(*to, all.entries()); err != nil {
			return fmt.Errorf("-json: %w", err)
		}
	}
	return all.print(out)
}

// read reads the rows of a file.
func read(name string) (rows []benchrow.Row, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if filepath.Ext(name) != ".json" {
		return readLines(file)
	}
	if rows, err = benchrow.Read(file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rows, nil
}
