package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// profile runs our side of one row for ten seconds with the CPU profiler on, and says how
// to look at what came out. Labels in the profile tell the row, the worker, and the kind of task.
func profile(ctx context.Context, b *builds, o options, r row, out, progress io.Writer) error {
	file, err := filepath.Abs("heist-" + strings.ReplaceAll(r.name, "/", "-") + ".pprof")
	if err != nil {
		return err
	}
	fmt.Fprintf(progress, "%s: ten seconds ...\n", r.name)
	printed, err := b.bench(ctx, r.dir, anchored(r.main().on(o.workers).bench), "10s",
		[]string{"HEIST_LABELS=" + r.name}, "-test.cpuprofile="+file)
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	if _, err := out.Write(printed); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\nLook at it with\n\n\tgo tool pprof -http=: %s\n\nand by worker or kind of task with\n\n\tgo tool pprof -tags %s\n", file, file)
	return err
}
