package pool

import (
	"context"
	"os"
	"reflect"
	"runtime/pprof"
	"strconv"

	"github.com/heist-go/heist/pool/fork"
	"github.com/heist-go/heist/task"
)

// labels mark the samples of a profile: by which worker they were taken, in what kind of task, and, with the labels of
// the context that its group was made with (see [task.WithContext]), for whom. Setting them costs as much as a short
// poll; so there are none unless they are asked for, and they are set only when they change.
type labels struct {
	worker context.Context // what all samples have
	sets   map[labelKey]context.Context
	last   labelKey
}

// labelKey is what the labels of a poll depend on.
type labelKey struct {
	kind any         // a type, or a name
	of   *task.Group // whose context has the labels of the user, or nil
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
	return &labels{worker: ctx, sets: map[labelKey]context.Context{}}
}

// poll sets the labels for a poll of f.
func (l *labels) poll(f *task.Frame) {
	t := task.Of(f)
	values, of := valuesOf(f)
	key := labelKey{reflect.TypeOf(t), of}
	if n, ok := t.(task.Named); ok {
		key.kind = n.TaskName()
	}
	if key == l.last {
		return
	}
	l.last = key
	ctx := l.sets[key]
	if ctx == nil {
		ctx = l.with(values, task.Name(t))
		l.keep(key, ctx)
	}
	pprof.SetGoroutineLabels(ctx)
}

// keep keeps the labels for a key.
func (l *labels) keep(key labelKey, ctx context.Context) {
	if len(l.sets) >= maxKinds { // names may be many, and groups are
		clear(l.sets)
	}
	l.sets[key] = ctx
}

// with returns the labels of a kind of task, and those of a context.
func (l *labels) with(values context.Context, kind string) context.Context {
	var set []string
	if values != nil {
		pprof.ForLabels(values, func(key, value string) bool {
			set = append(set, key, value)
			return true
		})
	}
	return pprof.WithLabels(pprof.WithLabels(l.worker, pprof.Labels(set...)), pprof.Labels("task", kind))
}

// parts sets the labels for a part of a computation of others, with those of whoever has begun it.
func (l *labels) parts(j *fork.Job) {
	values, f := j.Begun()
	key := labelKey{kind: partsKind}
	if f != nil {
		values, key.of = valuesOf(f)
	}
	l.last = labelKey{}
	ctx := l.sets[key]
	switch {
	case f == nil && values != nil: // a goroutine's, of no group
		ctx = l.with(values, partsKind)
	case ctx == nil:
		ctx = l.with(values, partsKind)
		l.keep(key, ctx)
	}
	pprof.SetGoroutineLabels(ctx)
}

// rest takes the labels off, and keeps no group.
func (l *labels) rest() {
	l.last = labelKey{}
	for key := range l.sets {
		if key.of != nil {
			delete(l.sets, key)
		}
	}
	pprof.SetGoroutineLabels(l.worker)
}

// valued is a task that stands for another, whose values it has.
type valued interface {
	values() (context.Context, *task.Group)
}

// valuesOf is task.ValuesOf, also of a job.
func valuesOf(f *task.Frame) (context.Context, *task.Group) {
	if v, ok := task.Of(f).(valued); ok {
		return v.values()
	}
	return task.ValuesOf(f)
}

// maxKinds bounds how many sets of labels are kept.
const maxKinds = 1000
