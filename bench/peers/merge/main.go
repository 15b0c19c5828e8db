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
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
		text, err := json.MarshalIndent(all.entries(), "", "  ")
		if err != nil {
			return fmt.Errorf("-json: %w", err)
		}
		if err := os.WriteFile(*to, append(text, '\n'), 0o644); err != nil {
			return fmt.Errorf("-json: %w", err)
		}
	}
	return all.print(out)
}

// entry is a row as go run ./bench -json writes it.
type entry struct {
	Name     string   `json:"name"`
	Unit     string   `json:"unit"`
	Better   string   `json:"better"`
	Ours     *float64 `json:"ours,omitempty"`
	Peer     *float64 `json:"peer,omitempty"`
	PeerName string   `json:"peer_name,omitempty"`
	Ratio    *float64 `json:"ratio,omitempty"`
	Spread   float64  `json:"spread"`
	Workers  int      `json:"workers"`
	Allocs   float64  `json:"allocs"`
	Bytes    float64  `json:"bytes"`
	Error    string   `json:"error,omitempty"`
}

// read reads the rows of a file.
func read(name string) ([]entry, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if filepath.Ext(name) != ".json" {
		return readLines(file)
	}
	var entries []entry
	for in := json.NewDecoder(file); ; {
		var text json.RawMessage
		if err := in.Decode(&text); err == io.EOF {
			return entries, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if text[0] != '[' {
			text = fmt.Appendf(nil, "[%s]", text)
		}
		var more []entry
		if err := json.Unmarshal(text, &more); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		entries = append(entries, more...)
	}
}
