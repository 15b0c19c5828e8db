package dump_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/dump"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/lock"
)

var background = context.Background()

// hung returns a pool with two tasks that wait for each other, and some that wait for an event.
func hung(t *testing.T) *pool.Pool {
	t.Helper()
	p, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	var g task.Group
	var event lock.Event
	var a, b *visit
	a = &visit{op: func(cx *task.Cx) error { return b.Wait(cx) }, at: []task.SourceLine{{Function: "main.a", File: "a.go", Line: 3}}}
	b = &visit{op: func(cx *task.Cx) error { return a.Wait(cx) }}
	g.GoAll(p, b, a)
	for range 5 {
		g.Go(p, &visit{op: event.Wait})
	}
	deadline := time.After(time.Minute)
	for {
		if d := p.Dump(pool.DumpOptions{}); len(d.Deadlocks) == 1 && d.Suspended == 7 && d.Quiescent {
			break
		}
		select {
		case <-deadline:
			require.FailNow(t, "no deadlock")
		case <-time.After(100 * time.Microsecond):
		}
	}
	t.Cleanup(func() {
		g.Cancel(errors.New("over"))
		_ = g.WaitContext(background)
		require.NoError(t, p.Close())
	})
	return p
}

type visit struct {
	task.Frame
	op func(cx *task.Cx) error
	at []task.SourceLine
}

func (v *visit) Lines() []task.SourceLine { return v.at }

func (v *visit) Poll(cx *task.Cx) error { return v.op(cx) }
func (v *visit) TaskName() string       { return "a visit" }

func get(t *testing.T, p *pool.Pool, query string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	dump.Handler(p, pool.DumpOptions{}).ServeHTTP(w, httptest.NewRequest("GET", "/debug/heist"+query, nil))
	return w
}

func TestText(t *testing.T) {
	text := get(t, hung(t), "").Body.String()
	for _, part := range []string{
		"7 tasks live, 7 suspended, 0 active", "DEADLOCK 1: 2 tasks wait for each other:", "end: task 0x",
		"dump_test.visit at main.a at a.go:3\n      end",
		"5 suspended: dump_test.visit", "waits for event: lock.Event", "QUIESCENT", "worker ", "parked",
	} {
		require.Contains(t, text, part)
	}
	require.Equal(t, 3, strings.Count(text, "event: lock.Event 0x"), "three samples")
}

// A group whose tasks wait for each other needs nobody outside.
func TestTextOfQuietGroups(t *testing.T) {
	for want, q := range map[string]pool.QuietDump{
		"quiet: the group 0x1: 2 tasks, for 3s, which wait for each other and for nothing else\n": {Group: "0x1", Tasks: 2, For: 3 * time.Second},
		"who has in hand what they wait for:\n       2  turn: lock.Mutex \"a\" 0x2\n": {Group: "0x1", Tasks: 2,
			Waits: []pool.WaitDump{{Kind: "turn", What: "lock.Mutex", Name: "a", ID: "0x2", Line: 2}}},
	} {
		var b strings.Builder
		require.NoError(t, dump.WriteText(&b, &pool.Dump{Quiet: []pool.QuietDump{q}}))
		require.Contains(t, b.String(), want)
	}
}

func TestJSON(t *testing.T) {
	w := get(t, hung(t), "?format=json&samples=-1")
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	var d pool.Dump
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &d))
	require.Equal(t, 1, d.Schema)
	require.Len(t, d.Deadlocks, 1)
	require.Len(t, d.Shapes[0].Tasks, 5)
	var raw map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &raw))
	for _, key := range []string{"schema", "at", "live", "suspended", "active", "shapes", "workers", "deadlocks", "quiescent"} {
		require.Contains(t, raw, key)
	}
}

// Two dumps say for how long tasks have waited at least; text has it for the shape, and for each task.
func TestWait(t *testing.T) {
	p := hung(t)
	var d pool.Dump
	require.NoError(t, json.Unmarshal(get(t, p, "?format=json&wait=1ms").Body.Bytes(), &d))
	require.GreaterOrEqual(t, d.Shapes[0].For, time.Millisecond)
	require.True(t, d.Shapes[0].Tasks[0].AtLeast)
	text := get(t, p, "").Body.String()
	require.Regexp(t, `5 suspended: dump_test.visit, the longest for \d`, text)
	require.Regexp(t, `a visit, in the group 0x[0-9a-f]+, for [0-9.a-zµ]+ at least`, text)
}

// A reader that goes while a dump waits ends it.
func TestWaitOfAReaderThatGoes(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	cancel()
	w := httptest.NewRecorder()
	dump.Handler(hung(t), pool.DumpOptions{}).ServeHTTP(w, httptest.NewRequest("GET", "/?wait=1m", nil).WithContext(ctx))
	require.Empty(t, w.Body.String())
}

// The profile is read by pprof itself.
func TestProfile(t *testing.T) {
	w := get(t, hung(t), "?format=pprof")
	require.Equal(t, 200, w.Code)
	file := filepath.Join(t.TempDir(), "tasks.pb.gz")
	require.NoError(t, os.WriteFile(file, w.Body.Bytes(), 0o600))
	out, err := exec.Command("go", "tool", "pprof", "-top", file).CombinedOutput()
	if err != nil && strings.Contains(string(out), "no such") {
		t.Skip("no pprof: ", string(out))
	}
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "Type: tasks")
	require.Regexp(t, `(?m)^\s+5 71\.43% .* event: lock\.Event`, string(out))
	require.Regexp(t, `(?m)^\s+2 28\.57% .* end: task`, string(out))
	require.Regexp(t, `(?m)\s+7\s+100%\s+dump_test\.visit`, string(out))
}

func TestHandlerRefusesGarbage(t *testing.T) {
	p := hung(t)
	for _, q := range []string{"?format=xml", "?samples=many", "?stacks=perhaps", "?samples=99999999999999999999", "?wait=long", "?wait=-1s", "?wait=1000h"} {
		w := get(t, p, q)
		require.Equal(t, 400, w.Code, q)
		require.Contains(t, w.Body.String(), "dump: ")
	}
	require.Equal(t, 200, get(t, p, "?stacks=1&samples=0").Code)
}

// What cannot be written is reported.
func TestErrorsOfTheWriter(t *testing.T) {
	d := hung(t).Dump(pool.DumpOptions{})
	for _, write := range []func(io.Writer, *pool.Dump) error{dump.WriteText, dump.WriteJSON, dump.WriteProfile} {
		require.ErrorIs(t, write(refusing{}, d), errRefused)
	}
	require.NoError(t, dump.WriteText(new(bytes.Buffer), d))
}

var errRefused = errors.New("refused")

type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errRefused }

// A group that waits for a channel is quiet, and the check names it, while a pool has other tasks that go on.
func TestCheckGroup(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	var g, other task.Group
	var timer task.Timer
	ch := chans.New[int](1)
	task.SetName(ch, "jobs")
	other.Go(p, &visit{op: func(cx *task.Cx) error { return timer.Sleep(cx, time.Hour) }})
	g.Go(p, &visit{op: func(cx *task.Cx) error { _, err := ch.Recv(cx); return err }})
	require.NoError(t, dump.CheckGroup(p, &other))
	deadline := time.After(time.Minute)
	for err = nil; err == nil; err = dump.CheckGroup(p, &g) {
		select {
		case <-deadline:
			require.FailNow(t, "it is not quiet")
		case <-time.After(100 * time.Microsecond):
		}
	}
	require.ErrorIs(t, err, dump.ErrDeadlock)
	require.Contains(t, err.Error(), `turn: chans.Chan "jobs" 0x`)
	require.NoError(t, dump.Check(p))
	text := get(t, p, "").Body.String()
	require.Contains(t, text, "quiet: the group 0x")
	require.Contains(t, text, "only somebody outside can make one go on")
	require.NoError(t, ch.SendContext(background, 1))
	require.NoError(t, g.WaitContext(background))
	other.Cancel(errors.New("over"))
	_ = other.WaitContext(background)
	require.NoError(t, p.Close())
}
