package pool_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/trace"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// occupied is a task whose first poll lasts until it is let go, and which yields until then after that.
type occupied struct {
	task.Frame
	began, release chan struct{}
	stop           *task.Promise[struct{}]
	held           bool
}

func (h *occupied) Poll(cx *task.Cx) error {
	if !h.held {
		h.held = true
		close(h.began)
		<-h.release
	}
	_, err := h.stop.Wait(cx)
	return err
}

// find looks until an activity is as it should be.
func find(t *testing.T, p *pool.Pool, what string, is func(a pool.Activity) bool) (found pool.Activity) {
	t.Helper()
	var all []pool.Activity
	for deadline := time.Now().Add(time.Minute); ; {
		all = p.Activity(all[:0])
		for _, a := range all {
			if is(a) {
				return a
			}
		}
		require.True(t, time.Now().Before(deadline), "%s: %+v", what, all)
	}
}

// TestActivity: it says what a worker polls while somebody watches, and that it is stuck; and nothing of what it polls
// when nobody does.
func TestActivity(t *testing.T) {
	p := open(t, 1)
	stop := p.Watch()
	var end task.Promise[struct{}]
	var g task.Group
	h := &occupied{began: make(chan struct{}), release: make(chan struct{}), stop: &end}
	g.Go(p, h)
	<-h.began
	a := find(t, p, "stuck", func(a pool.Activity) bool { return a.State == pool.Stuck })
	require.Equal(t, "pool_test.occupied", a.Kind)
	require.Positive(t, a.For)
	require.Equal(t, "stuck", a.State.String())
	close(h.release)
	a = find(t, p, "parked", func(a pool.Activity) bool { return a.State == pool.Parked })
	require.Empty(t, a.Kind)
	require.Positive(t, a.Polls)

	stop()
	stop() // once counts
	stop2 := p.Watch()
	defer stop2()
	end.Resolve(struct{}{}, nil)
	require.NoError(t, g.WaitContext(background))

	_, err := p.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		find(t, p, "the poller", func(a pool.Activity) bool { return a.State == pool.Poller })
	}
}

// TestActivityOfPanics: a poll that panics, or ends its goroutine, is over.
func TestActivityOfPanics(t *testing.T) {
	p := open(t, 1)
	defer p.Watch()()
	var g task.Group
	g.Panicked = func(task.Task, *task.PanicError) error { return nil }
	g.Go(p, task.Func(func(*task.Cx) error { panic("as it should") }))
	require.NoError(t, g.WaitContext(background))
	find(t, p, "parked", func(a pool.Activity) bool { return a.State == pool.Parked && a.Kind == "" })
}

// A function is a kind, too.
func TestActivityKindsOfFunctions(t *testing.T) {
	p := open(t, 1)
	defer p.Watch()()
	for _, name := range []string{"TestActivityKindsOfFunctions.func1", "TestActivityKindsOfFunctions.func2"} {
		var g task.Group
		began, release := make(chan struct{}), make(chan struct{})
		f := func(*task.Cx) error { close(began); <-release; return nil }
		if strings.HasSuffix(name, "2") {
			f = func(*task.Cx) error { close(began); <-release; return nil }
		}
		g.Go(p, task.Func(f))
		<-began
		find(t, p, name, func(a pool.Activity) bool { return strings.HasSuffix(a.Kind, name) })
		close(release)
		require.NoError(t, g.WaitContext(background))
	}
}

// TestTrace: while runtime/trace is on, each task is a task of the trace, below the one in its group's context, and
// each poll a region.
func TestTrace(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a tool")
	}
	if trace.IsEnabled() {
		t.Skip("the tests are traced themselves")
	}
	var out bytes.Buffer
	require.NoError(t, trace.Start(&out))
	p := open(t, 1)
	ctx, request := trace.NewTask(background, "a request")
	g := task.WithContext(ctx)
	event := new(lock.Event)
	waits := &visitor{event: event}
	g.Go(p, waits)
	for p.Dump(pool.DumpOptions{}).Suspended == 0 {
	}
	event.Set(nil)
	require.NoError(t, g.WaitContext(background))
	request.End()
	trace.Stop()

	file := filepath.Join(t.TempDir(), "trace")
	require.NoError(t, os.WriteFile(file, out.Bytes(), 0o600))
	text, err := exec.Command("go", "tool", "trace", "-d=parsed", file).CombinedOutput()
	if err != nil {
		t.Skip("skipped: go tool trace: ", string(text))
	}
	require.Regexp(t, `TaskBegin .*Type="a request"`, string(text))
	require.Regexp(t, `TaskBegin .*Parent=[1-9].*Type="pool_test.visitor"`, string(text))
	require.Regexp(t, `TaskEnd .*Type="pool_test.visitor"`, string(text))
	begins := 0
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "RegionBegin") && strings.Contains(line, `Type="pool_test.visitor"`) {
			begins++
		}
	}
	require.Equal(t, 2, begins, "two polls")
}

// visitor waits for an event.
type visitor struct {
	task.Frame
	event *lock.Event
}

func (v *visitor) Poll(cx *task.Cx) error { return v.event.Wait(cx) }

// TestObserversGo: when nobody looks any more workers note nothing.
func TestObserversGo(t *testing.T) {
	p := open(t, 1)
	stop := p.Watch()
	noted := func() bool {
		var g task.Group
		began, release := make(chan struct{}), make(chan struct{})
		g.Go(p, task.Func(func(*task.Cx) error { close(began); <-release; return nil }))
		<-began
		a := p.Activity(nil)
		close(release)
		require.NoError(t, g.WaitContext(background))
		return a[0].Kind != ""
	}
	for deadline := time.Now().Add(time.Minute); !noted(); {
		require.True(t, time.Now().Before(deadline))
	}
	stop()
	for deadline := time.Now().Add(time.Minute); noted(); { // a worker looks when it has parked
		require.True(t, time.Now().Before(deadline))
	}
	require.Zero(t, p.Traced())
}
