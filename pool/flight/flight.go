// Package flight writes what has led to a poll that takes long: a trace of the seconds before, for go tool trace.
//
//	recorder := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: 5 * time.Second})
//	err := recorder.Start()
//	...
//	w := &flight.Writer{Recorder: recorder, Dir: "/var/tmp/service"}
//	p, err := pool.New(pool.Config{Stalled: w.Stalled})
//
// While a recorder runs, runtime/trace is on: see there, and docs/PROFILING.md, for what that costs.
package flight

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/trace"
	"slices"
	"time"

	"github.com/heist-go/heist/pool"
)

// Writer writes a file for each stall. Its fields must not be changed once it is in use.
type Writer struct {
	Recorder *trace.FlightRecorder // that runs
	Dir      string                // an existing folder
	Keep     int                   // how many files are kept, the latest. Default: 5
	// Failed is told why a file could not be written. Default: nobody.
	Failed func(error)
}

// ErrNotRunning is what Failed is told if the recorder does not run.
var ErrNotRunning = errors.New("flight: the recorder does not run")

const (
	defaultKeep = 5
	// prefix and suffix are of all files, which are named by the time in between.
	prefix, suffix = "heist-stall-", ".trace"
)

// Stalled writes a file, heist-stall-TIME-WORKER.trace, and deletes those beyond Keep. It is for pool.Config.Stalled, and
// blocks as long as that takes. One at a time.
func (w *Writer) Stalled(s pool.Stall) {
	if err := w.write(s); err != nil && w.Failed != nil {
		w.Failed(fmt.Errorf("flight: a stall of worker %d: %w", s.Worker, err))
	}
}

func (w *Writer) write(s pool.Stall) (err error) {
	if w.Recorder == nil || !w.Recorder.Enabled() {
		return ErrNotRunning
	}
	f, err := os.CreateTemp(w.Dir, ".heist-stall-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err := w.Recorder.WriteTo(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	name := fmt.Sprintf("%s%s-%d%s", prefix, time.Now().UTC().Format("20060102T150405.000000"), s.Worker, suffix)
	if err := os.Rename(f.Name(), filepath.Join(w.Dir, name)); err != nil {
		return err
	}
	return w.prune()
}

// prune deletes the oldest files.
func (w *Writer) prune() error {
	files, err := filepath.Glob(filepath.Join(w.Dir, prefix+"*"+suffix))
	if err != nil {
		return err
	}
	slices.Sort(files)
	for _, f := range files[:max(len(files)-cmp.Or(max(w.Keep, 0), defaultKeep), 0)] {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}
