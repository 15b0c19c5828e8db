package live_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/live"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

func get(t *testing.T, h http.Handler, method, query string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, &http.Request{Method: method, URL: &url.URL{Path: "/", RawQuery: query}, Header: http.Header{}})
	return w
}

func TestRefusesGarbage(t *testing.T) {
	h := live.Handler(open(t, pool.Config{Workers: 1}), live.Options{})
	for _, q := range []string{
		"format=xml", "every=1", "every=1ns", "every=-1s", "every=1000h", "format=json&format=events", "%zz", "a=b", "=", ";", "format=json;a",
		strings.Repeat("x", 1<<20), "format=" + strings.Repeat("%00", 1<<10), "every=\xff\xfe",
	} {
		w := get(t, h, "GET", q)
		require.Equal(t, 400, w.Code, "%.50q", q)
		require.Contains(t, w.Body.String(), "live: ")
		require.Less(t, w.Body.Len(), 300, "%.50q", q)
	}
	require.Equal(t, 405, get(t, h, "POST", "").Code)
	require.Equal(t, 200, get(t, h, "HEAD", "format=events").Code)
	require.Panics(t, func() { live.Handler(nil, live.Options{Every: time.Nanosecond}) })
}

func TestPage(t *testing.T) {
	w := get(t, live.Handler(open(t, pool.Config{Workers: 1}), live.Options{}), "GET", "")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "script-src 'sha256-")
	require.NotContains(t, w.Header().Get("Content-Security-Policy"), "unsafe")
	body := w.Body.String()
	for _, from := range []string{`src="`, "url(", "@import", "https://"} {
		require.NotContains(t, body, from, "the page needs nothing else")
	}
}

// both is what ?format=json answers.
type both struct {
	Frame live.Frame
	Tasks live.Tasks
	Times live.Times
}

func TestJSON(t *testing.T) {
	p := open(t, pool.Config{Workers: 2})
	opened(t, p)
	h := live.Handler(p, live.Options{})
	var b both
	seen := map[string]bool{}
	for deadline := time.Now().Add(time.Minute); !seen["live_test.report"] || !seen["live_test.clerk"]; {
		require.True(t, time.Now().Before(deadline), "not all kinds have been seen: %v", seen)
		w := get(t, h, "GET", "format=json")
		require.Equal(t, 200, w.Code)
		b = both{}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &b))
		for _, l := range b.Frame.Workers {
			require.Len(t, l.Cells, b.Frame.Looks)
			for _, c := range l.Cells {
				require.LessOrEqual(t, c/8, len(b.Frame.Kinds))
				if c >= 8 {
					seen[b.Frame.Kinds[c/8-1]] = true
				}
			}
		}
	}
	require.Equal(t, 1, b.Frame.Schema)
	require.Positive(t, b.Frame.Rates.Polls)
	require.Positive(t, b.Tasks.Dump.Live)
	require.NotNil(t, b.Frame.Stalls)
	require.Positive(t, b.Times.Poll.Count)
	require.Positive(t, b.Times.Poll.P99)
	require.NotEmpty(t, b.Times.Kinds)
}

// reading is a client of the stream; it gets the names of events, and their data.
func reading(ctx context.Context, t testing.TB, url string, f func(event string, data []byte) (more bool)) {
	t.Helper()
	q, err := http.NewRequestWithContext(ctx, "GET", url+"?format=events", nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	a, err := (&http.Client{Transport: transport}).Do(q)
	if ctx.Err() != nil {
		return
	}
	require.NoError(t, err)
	defer a.Body.Close()
	in := bufio.NewScanner(a.Body)
	in.Buffer(nil, 1<<20)
	event := ""
	for in.Scan() {
		if name, ok := strings.CutPrefix(in.Text(), "event: "); ok {
			event = name
		} else if data, ok := bytes.CutPrefix(in.Bytes(), []byte("data: ")); ok && !f(event, data) {
			return
		}
	}
}

// TestReaders: a thousand readers, and one who does not read, cost as much as one: a sampler. When they have gone there
// is none.
func TestReaders(t *testing.T) {
	p := open(t, pool.Config{Workers: 1})
	handler := live.Handler(p, live.Options{Every: 50 * time.Millisecond})
	server := httptest.NewServer(handler)
	defer server.Close()

	deaf, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer deaf.Close()
	_, err = io.WriteString(deaf, "GET /?format=events HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)

	const n = 1000
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	var all, ended sync.WaitGroup
	all.Add(n)
	for range n {
		ended.Go(func() {
			frames := 0
			reading(ctx, t, server.URL, func(event string, _ []byte) bool {
				if event == "frame" {
					if frames++; frames == 3 {
						all.Done()
					}
				}
				return true
			})
		})
	}
	all.Wait()
	require.GreaterOrEqual(t, live.Readers(handler), n)
	require.Equal(t, 1, live.Sessions(handler), "since the first has come")
	cancel()
	ended.Wait()
	server.CloseClientConnections()
	live.Wait(handler)
	require.Zero(t, live.Readers(handler))
}

// A reader that is slow misses frames, and holds up nobody.
func TestSlowReader(t *testing.T) {
	h := live.Handler(open(t, pool.Config{Workers: 1}), live.Options{Every: 50 * time.Millisecond})
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	w := &gate{ResponseRecorder: httptest.NewRecorder(), open: make(chan struct{}), came: make(chan []byte)}
	var ended sync.WaitGroup
	ended.Go(func() {
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/?format=events", nil))
	})
	number := func() (n uint64) {
		for {
			event := <-w.came
			if data, ok := bytes.CutPrefix(event, []byte("event: frame\ndata: ")); ok {
				var f live.Frame
				require.NoError(t, json.Unmarshal(data, &f))
				return f.Number
			}
			w.open <- struct{}{}
		}
	}
	first := number() // it is being written
	server := httptest.NewServer(h)
	defer server.Close()
	frames := 0
	reading(ctx, t, server.URL, func(event string, _ []byte) bool {
		if event == "frame" {
			frames++
		}
		return frames < 5
	})
	w.open <- struct{}{}
	require.GreaterOrEqual(t, number(), first+3)
	cancel()
	close(w.open)
	go func() {
		for range w.came {
		}
	}()
	ended.Wait()
	close(w.came)
	server.Close()
	live.Wait(h)
}

// gate is a client that reads when it is told to.
type gate struct {
	*httptest.ResponseRecorder
	came chan []byte
	open chan struct{}
}

func (g *gate) Write(b []byte) (int, error) {
	g.came <- bytes.Clone(b)
	<-g.open
	return len(b), nil
}

// named is a task whose name is what somebody has sent.
type named struct {
	task.Frame
	name  string
	event *lock.Event
}

func (n *named) Poll(cx *task.Cx) error { return n.event.Wait(cx) }
func (n *named) TaskName() string       { return n.name }

// badNames starts tasks with such names, and waits until they wait.
func badNames(t *testing.T, p *pool.Pool) (release func()) {
	t.Helper()
	g, event := new(task.Group), new(lock.Event)
	nasty := "\x1b[31m</script><img src=x onerror=alert(1)>\r\n\x00\u202e"
	task.SetName(event, nasty+strings.Repeat("y", 1<<20))
	g.Go(p, &named{name: nasty, event: event})
	for deadline := time.Now().Add(time.Minute); p.Dump(pool.DumpOptions{}).Suspended < 1; { // it is the sample of its shape
		require.True(t, time.Now().Before(deadline))
	}
	g.Go(p, &named{name: strings.Repeat("\x07", 1<<20), event: event})
	for deadline := time.Now().Add(time.Minute); p.Dump(pool.DumpOptions{}).Suspended < 2; {
		require.True(t, time.Now().Before(deadline))
	}
	return func() {
		g.Cancel(errOver)
		_ = g.WaitContext(background)
	}
}

// Names are cut, and have no control characters, wherever they are shown.
func TestNames(t *testing.T) {
	p := open(t, pool.Config{Workers: 1})
	defer badNames(t, p)()
	h := live.Handler(p, live.Options{})
	body := get(t, h, "GET", "format=json").Body.Bytes()
	require.Less(t, len(body), 20_000)
	require.Contains(t, string(body), "onerror", "it is text")
	for _, bad := range []string{"\x1b", "\\u001b", "\x07", "\\u0007", "<img", "\u202e", "\\u0000"} {
		require.NotContains(t, string(body), bad)
	}
	var v live.View
	var b struct{ Frame, Tasks json.RawMessage }
	require.NoError(t, json.Unmarshal(body, &b))
	require.NoError(t, v.Add("frame", b.Frame))
	require.NoError(t, v.Add("tasks", b.Tasks))
	var out bytes.Buffer
	require.NoError(t, v.Draw(&out, nil))
	for _, bad := range []string{"\x1b[31m", "\x07", "\x00"} {
		require.NotContains(t, out.String(), bad)
	}
}

// What a stream says is shown without control characters, and does not crash, whatever it is.
func TestViewOfGarbage(t *testing.T) {
	var v live.View
	var out bytes.Buffer
	require.NoError(t, v.Draw(&out, nil))
	require.Error(t, v.Add("frame", []byte("{")))
	require.NoError(t, v.Add("more", []byte("{")))
	require.NoError(t, v.Add("tasks", []byte("{}")))
	require.NoError(t, v.Add("frame", []byte(`{"kinds":["\u001b]0;x\u0007"],"workers":[{"worker":-7,"state":"\u001b[2J","cells":[99999,-9,8,0,7,2147483647]},{}]}`)))
	require.NoError(t, v.Draw(&out, func() live.Screen { return live.Screen{Width: 1, Height: 1, Color: true} }))
	require.NoError(t, v.Draw(&out, nil))
	require.NotContains(t, out.String(), "\x07")
	require.NotContains(t, out.String(), "\x1b[2J")
}

func TestTerminal(t *testing.T) {
	p := open(t, pool.Config{Workers: 2, Debug: true})
	deadlocked(t, p)
	ctx, cancel := context.WithCancel(background)
	var out screen
	err := live.Terminal(ctx, &out, p, live.Options{Every: 50 * time.Millisecond}, func() live.Screen {
		if out.has("QUIESCENT") { // a worker may look for work at first
			cancel()
		}
		return live.Screen{Width: 100, Height: 30}
	})
	require.ErrorIs(t, err, context.Canceled)
	for _, part := range []string{"DEADLOCK 1: 2 tasks", "live_test.transfer waits for turn: lock.Mutex checking", "live_test.refund waits for turn: lock.Mutex savings", "longest lines", "QUIESCENT"} {
		require.Contains(t, out.String(), part)
	}
	require.Error(t, live.Terminal(ctx, &out, p, live.Options{Every: 1}, nil))
}

// A circle of one task is said to be that, and which tasks are of another pool.
func TestTerminalOfCircles(t *testing.T) {
	var v live.View
	require.NoError(t, v.Add("frame", []byte(`{}`)))
	require.NoError(t, v.Add("tasks", []byte(`{"dump": {"deadlocks": [
		[{"name": "main.page", "waits": [{"kind": "turn", "what": "limit of a group", "name": "pages"}]}],
		[{"name": "main.a", "waits": [{"kind": "end", "what": "task", "id": "0x1"}]},
		 {"name": "main.b", "elsewhere": true, "waits": [{"kind": "end", "what": "task", "id": "0x2"}]}]],
		"quiet": [{"group": "0x3", "name": "orders", "tasks": 2, "waits": []}]}}`)))
	var out bytes.Buffer
	require.NoError(t, v.Draw(&out, nil))
	for _, part := range []string{
		"DEADLOCK 1: a task waits for itself", "main.page waits for turn: limit of a group pages",
		"DEADLOCK 2: 2 tasks wait for each other", "main.a waits for end: task 0x1", "main.b, of another pool, waits for end: task 0x2",
		"2 tasks of the group orders, which wait for each other",
	} {
		require.Contains(t, out.String(), part)
	}
}

// A terminal shows groups in which nothing moves.
func TestTerminalOfAQuietGroup(t *testing.T) {
	p := open(t, pool.Config{Workers: 2})
	stillAndAlive(t, p)
	ctx, cancel := context.WithCancel(background)
	var out screen
	err := live.Terminal(ctx, &out, p, live.Options{Every: 50 * time.Millisecond}, func() live.Screen {
		if out.has("3 tasks of the group 0x") {
			cancel()
		}
		return live.Screen{Width: 120, Height: 30}
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Contains(t, out.String(), "which wait for chans.Chan parcels")
}

type screen struct{ strings.Builder }

func (s *screen) has(text string) bool { return strings.Contains(s.String(), text) }
