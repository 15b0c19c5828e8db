package live_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"runtime/trace"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/flight"
	"github.com/heist-go/heist/task"
)

// search and encode are work that tenants ask for.
type search struct {
	task.Frame
	sum, left int
}

func (s *search) Poll(cx *task.Cx) error {
	for ; s.left > 0; s.left-- {
		s.sum += match(cx.Now())
		if err := cx.Yield(); err != nil {
			return err
		}
	}
	return nil
}

//go:noinline
func match(from time.Time) int { return compute(400*time.Microsecond, from) }

type encode struct {
	task.Frame
	job       pool.Job[int]
	sum, left int
}

func (e *encode) Poll(cx *task.Cx) error {
	for ; e.left > 0; e.left-- {
		n, err := e.job.Do(cx, func(pool.Scope) int { return compress() })
		if err != nil {
			return err
		}
		e.sum += n
	}
	return nil
}

//go:noinline
func compress() int { return compute(2*time.Millisecond, time.Now()) }

// tool runs a tool of Go that serves a page, until the end of the test, and returns the address.
func tool(t *testing.T, args ...string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address = l.Addr().String()
	require.NoError(t, l.Close())
	for i, a := range args {
		if a == "ADDRESS" {
			args[i] = "-http=" + address
		}
	}
	where, err := exec.Command("go", "tool", "-n", args[0]).Output()
	require.NoError(t, err)
	run := exec.Command(string(where[:len(where)-1]), args[1:]...)
	run.Env = append(os.Environ(), "BROWSER=true")
	require.NoError(t, run.Start())
	t.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait() // it was killed
	})
	for deadline := time.Now().Add(time.Minute); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			return address
		}
		require.True(t, time.Now().Before(deadline), err)
	}
}

// TestPictures makes those of docs/PROFILING.md: it is there for -images.
func TestPictures(t *testing.T) {
	if *images == "" {
		t.Skip("skipped: it makes pictures, with -images FOLDER")
	}
	b := browse(t)
	dir := t.TempDir()

	// A flame graph by tenant.
	file := filepath.Join(dir, "cpu.pprof")
	out, err := os.Create(file)
	require.NoError(t, err)
	p := open(t, pool.Config{Workers: 2, Labels: true})
	require.NoError(t, pprof.StartCPUProfile(out))
	var groups []*task.Group
	for i, tenant := range []string{"acme", "umbrella", "initech"} {
		g := task.WithContext(pprof.WithLabels(background, pprof.Labels("tenant", tenant)))
		g.Go(p, &search{left: 3000 / (i + 1)})
		g.Go(p, &encode{left: 300 * (i + 1)})
		groups = append(groups, g)
	}
	for _, g := range groups {
		require.NoError(t, g.WaitContext(background))
	}
	pprof.StopCPUProfile()
	require.NoError(t, out.Close())
	at := tool(t, "pprof", "ADDRESS", "-no_browser", "-tagroot=tenant,task", "-focus=live_test", file)
	b.run(chromedp.EmulateViewport(1100, 420), chromedp.Navigate("http://"+at+"/ui/flamegraph"))
	b.until(`document.body.innerText.includes("tenant:acme") || document.body.innerText.includes("acme")`)
	b.until(`new Promise(done => setTimeout(() => done(true), 500))`)
	b.picture("profiling-tenants.png")

	// A stall in a trace.
	r := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: time.Second})
	require.NoError(t, r.Start())
	defer r.Stop()
	w := &flight.Writer{Recorder: r, Dir: dir, Failed: func(err error) { panic(err) }}
	written := make(chan pool.Stall, 100)
	q := open(t, pool.Config{Workers: 2, Stalled: func(s pool.Stall) { w.Stalled(s); written <- s }})
	var g task.Group
	for range 4 {
		g.Go(q, &search{left: 60})
	}
	require.NoError(t, g.WaitContext(background))
	for found := false; !found; { // one stall a second is reported, and that may be another
		g.Go(q, &search{left: 100})
		g.Go(q, task.Func(hashAll))
		require.NoError(t, g.WaitContext(background))
		for len(written) > 0 {
			found = strings.Contains((<-written).Poll, "hashAll")
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "heist-stall-*"))
	require.NoError(t, err)
	at = tool(t, "trace", "ADDRESS", files[len(files)-1])
	b.run(chromedp.EmulateViewport(1200, 520), chromedp.Navigate("http://"+at+"/userregions"))
	b.until(`document.body.innerText.includes("hashAll")`)
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	b.run(do(fmt.Sprintf("document.body.innerHTML = document.body.innerHTML.replaceAll(%q, '')", root+"/")))
	b.picture("profiling-stall.png")
}

// hashAll is the stall.
func hashAll(cx *task.Cx) error {
	_ = compute(80*time.Millisecond, cx.Now())
	return nil
}
