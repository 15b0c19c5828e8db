package pool

import (
	"context"
	"os"
	"reflect"
	"runtime/pprof"
	"strconv"

	"github.com/heist-go/heist/task"
)

// labels mark the samples of a profile: by which worker they were taken, and in what kind of
// task. Setting them costs as much as a short poll; so there are none unless they are asked
// for, and they are set only when the kind changes.
type labels struct {
	worker context.Context         // what all samples have
	kinds  map[any]context.Context // and by kind of task
	last   any
}

// labelsVariable asks for labels where no Config can: its value is one, too.
const labelsVariable = "HEIST_LABELS"

// newLabels sets the labels of the calling goroutine, the worker's.
func newLabels(worker int) *labels {
	set := []string{"worker", strconv.Itoa(worker)}
	if run := os.Getenv(labelsVariable); run != "" {
		set = append(set, "run", run)
	}
	ctx := pprof.WithLabels(context.Background(), pprof.Labels(set...))
	pprof.SetGoroutineLabels(ctx)
	return &labels{worker: ctx, kinds: map[any]context.Context{}}
}

// poll sets the labels for a poll of f.
func (l *labels) poll(f *task.Frame) {
	t := task.Of(f)
	var kind any = reflect.TypeOf(t)
	if n, ok := t.(task.Named); ok {
		kind = n.TaskName()
	}
	if kind == l.last {
		return
	}
	l.last = kind
	ctx := l.kinds[kind]
	if ctx == nil {
		ctx = l.worker
		if len(l.kinds) < maxKinds { // names may be many
			ctx = pprof.WithLabels(l.worker, pprof.Labels("task", task.Name(t)))
			l.kinds[kind] = ctx
		}
	}
	pprof.SetGoroutineLabels(ctx)
}

// maxKinds bounds how many kinds of tasks are told apart.
const maxKinds = 1000
