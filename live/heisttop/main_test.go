package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/live"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

func TestRun(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1})
	require.NoError(t, err)
	defer p.Close()
	var g task.Group
	var never task.Promise[int]
	g.Go(p, task.Func(func(cx *task.Cx) error { _, err := never.Wait(cx); return err }))
	for deadline := time.Now().Add(time.Minute); p.Dump(pool.DumpOptions{}).Suspended < 1; { // the program draws once
		require.True(t, time.Now().Before(deadline))
	}
	server := httptest.NewServer(live.Handler(p, live.Options{Every: 50 * time.Millisecond}))
	defer server.Close()
	var out bytes.Buffer
	require.NoError(t, run(context.Background(), []string{"-once", "-every", "50ms", server.URL + "/any"}, &out, nil))
	require.Contains(t, out.String(), "1 tasks  1 workers")
	require.Contains(t, out.String(), "task.Promise[int]")
	never.Resolve(1, nil)
	require.NoError(t, g.WaitContext(context.Background()))
}

func TestMistakes(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\x1b[2J")) }))
	defer other.Close()
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte("event: frame\ndata: {\n\n"))
	}))
	defer cut.Close()
	for _, args := range [][]string{{}, {"a", "b"}, {"localhost"}, {"%"}, {"-every", "soon", "http://x"}, {other.URL}, {cut.URL}} {
		err := run(context.Background(), args, &bytes.Buffer{}, nil)
		require.Error(t, err, args)
		require.NotContains(t, err.Error(), "\x1b")
	}
	require.NoError(t, run(context.Background(), []string{"-h"}, &bytes.Buffer{}, nil))
}
