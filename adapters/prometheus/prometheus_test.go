package prometheus_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/adapters/prometheus"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

var background = context.Background()

//go:embed dashboard.json
var dashboard []byte

// visitor waits for what it is given.
type visitor struct {
	task.Frame
	op func(cx *task.Cx) error
}

func (v *visitor) Poll(cx *task.Cx) error { return v.op(cx) }

// served is a pool with something of everything, whose metrics are served.
func served(t *testing.T) (p *pool.Pool, registry *client.Registry, address string) {
	t.Helper()
	p, err := pool.New(pool.Config{Workers: 2, Samples: 1}) // each poll
	require.NoError(t, err)
	require.NoError(t, p.Run(background, task.Func(func(*task.Cx) error { return nil })))
	jobs, calls := &pool.Limiter{Name: "hashes"}, &task.Limiter{Name: "files", Limit: 1}
	var g task.Group
	g.Failed = func(task.Task, error) error { return nil }
	var event lock.Event
	for range 5 {
		g.Go(p, &visitor{op: event.Wait})
	}
	a, b := new(visitor), new(visitor)
	a.op, b.op = b.Wait, a.Wait
	g.GoAll(p, a, b)
	var job pool.Job[int]
	job.Limiter = jobs
	require.NoError(t, p.Run(background, &visitor{op: func(cx *task.Cx) error {
		_, err := job.Do(cx, func(pool.Scope) int { return 1 })
		return err
	}}))
	var call task.Blocking[int]
	call.Limiter = calls
	require.NoError(t, p.Run(background, &visitor{op: func(cx *task.Cx) error {
		_, err := call.Do(cx, func(context.Context) (int, error) { return 1, nil })
		return err
	}}))
	for deadline := time.Now().Add(time.Minute); len(p.Dump(pool.DumpOptions{}).Deadlocks) == 0 || p.Dump(pool.DumpOptions{}).Suspended < 7; {
		require.True(t, time.Now().Before(deadline))
	}
	c, err := prometheus.NewCollector(p, prometheus.Options{Tasks: true, Jobs: []*pool.Limiter{jobs}, Calls: []*task.Limiter{calls}})
	require.NoError(t, err)
	registry = client.NewPedanticRegistry()
	require.NoError(t, registry.Register(c))
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(func() {
		server.Close()
		g.Cancel(errors.New("the test is over"))
		_ = g.WaitContext(background)
		require.NoError(t, p.Close())
	})
	return p, registry, server.Listener.Addr().String()
}

func TestCollector(t *testing.T) {
	_, registry, _ := served(t)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP heist_deadlocks Circles of tasks each of which waits for the next.
# TYPE heist_deadlocks gauge
heist_deadlocks{pool="default"} 1
# HELP heist_tasks Tasks that were started, and have not ended.
# TYPE heist_tasks gauge
heist_tasks{pool="default"} 7
# HELP heist_tasks_spawned_total Tasks started.
# TYPE heist_tasks_spawned_total counter
heist_tasks_spawned_total{pool="default"} 11
# HELP heist_tasks_suspended Tasks that wait, by their kind and what they wait for.
# TYPE heist_tasks_suspended gauge
heist_tasks_suspended{kind="prometheus_test.visitor",pool="default",waits_for="event: lock.Event"} 5
heist_tasks_suspended{kind="prometheus_test.visitor",pool="default",waits_for="end: task"} 2
# HELP heist_limiter_calls_started_total Blocking functions of the limiter that have begun.
# TYPE heist_limiter_calls_started_total counter
heist_limiter_calls_started_total{limiter="files",pool="default"} 1
# HELP heist_limiter_jobs_started_total Jobs of the limiter that have begun.
# TYPE heist_limiter_jobs_started_total counter
heist_limiter_jobs_started_total{limiter="hashes",pool="default"} 1
`), "heist_deadlocks", "heist_tasks", "heist_tasks_spawned_total", "heist_tasks_suspended", "heist_limiter_calls_started_total", "heist_limiter_jobs_started_total"))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

// Bounds of Prometheus are bounds of ours, and what is counted is below them.
func TestHistograms(t *testing.T) {
	p, registry, _ := served(t)
	families, err := registry.Gather()
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, f := range families {
		for _, m := range f.Metric {
			if h := m.Histogram; h != nil {
				seen[f.GetName()] = true
				require.Len(t, h.Bucket, 14, f.GetName())
				require.InDelta(t, 1.024e-6, h.Bucket[0].GetUpperBound(), 1e-12)
				require.LessOrEqual(t, h.Bucket[13].GetCumulativeCount(), h.GetSampleCount())
			}
		}
	}
	for _, name := range []string{"heist_poll_seconds", "heist_runnable_seconds", "heist_inbox_seconds", "heist_timer_lateness_seconds",
		"heist_job_wait_seconds", "heist_job_run_seconds", "heist_call_wait_seconds", "heist_call_run_seconds"} {
		require.True(t, seen[name], name)
	}
	c, err := prometheus.NewCollector(p, prometheus.Options{Kinds: 1})
	require.NoError(t, err)
	require.Equal(t, 2, testutil.CollectAndCount(c, "heist_kind_polls_total"), "one, and the others")
}

// Beyond so many shapes tasks are counted as others.
func TestShapes(t *testing.T) {
	p, _, _ := served(t)
	c, err := prometheus.NewCollector(p, prometheus.Options{Tasks: true, Shapes: 1, Pool: "other\xff" + strings.Repeat("x", 1<<20)})
	require.NoError(t, err)
	registry := client.NewPedanticRegistry()
	require.NoError(t, registry.Register(c))
	families, err := registry.Gather()
	require.NoError(t, err)
	seen := 0
	for _, f := range families {
		for _, m := range f.Metric {
			for _, l := range m.Label {
				require.Less(t, len(l.GetValue()), 300)
			}
		}
		if f.GetName() == "heist_tasks_suspended" {
			seen = len(f.Metric)
		}
	}
	require.Equal(t, 2, seen)
}

func TestNames(t *testing.T) {
	for _, o := range []prometheus.Options{
		{Jobs: []*pool.Limiter{{}}}, {Jobs: []*pool.Limiter{{Name: "a"}, {Name: "a"}}},
		{Calls: []*task.Limiter{{}}}, {Calls: []*task.Limiter{{Name: "a"}, {Name: "a"}}},
	} {
		_, err := prometheus.NewCollector(nil, o)
		require.ErrorIs(t, err, prometheus.ErrNames)
	}
}

// expressions returns those of the dashboard, with its variables replaced.
func expressions(t *testing.T) (all []string) {
	t.Helper()
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(dashboard, &d))
	require.NotEmpty(t, d.Panels)
	for _, p := range d.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, x := range p.Targets {
			all = append(all, strings.NewReplacer("$pool", ".*", "$instance", ".*", "$__rate_interval", "1m").Replace(x.Expr))
		}
	}
	return all
}

var metricName = regexp.MustCompile(`heist_\w+`)

// The dashboard asks for nothing that is not there.
func TestDashboard(t *testing.T) {
	_, registry, _ := served(t)
	families, err := registry.Gather()
	require.NoError(t, err)
	there := map[string]bool{}
	for _, f := range families {
		there[f.GetName()] = true
		if f.GetType() == dto.MetricType_HISTOGRAM {
			there[f.GetName()+"_bucket"] = true
		}
	}
	for _, name := range metricName.FindAllString(string(dashboard), -1) {
		if name != "heist_pools" {
			require.True(t, there[name], name)
		}
	}
	for _, e := range expressions(t) {
		require.NotContains(t, e, "$")
	}
}

// TestPromtool: what Prometheus's own tool says of the names.
func TestPromtool(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("skipped: there is no promtool here")
	}
	_, _, address := served(t)
	answer, err := http.Get("http://" + address)
	require.NoError(t, err)
	defer answer.Body.Close()
	check := exec.Command(tool, "check", "metrics")
	check.Stdin = answer.Body
	out, err := check.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Empty(t, string(out))
}

// TestScrape: a real Prometheus scrapes, and each query of the dashboard is one, and finds something.
func TestScrape(t *testing.T) {
	server, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("skipped: there is no Prometheus here")
	}
	_, registry, _ := served(t)
	scraped := make(chan struct{}, 1) // a scrape has been answered since
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	scrapes := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		metrics.ServeHTTP(w, r)
		select {
		case scraped <- struct{}{}:
		default:
		}
	}))
	defer scrapes.Close()
	target := strings.TrimPrefix(scrapes.URL, "http://")
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs: [{job_name: heist, static_configs: [{targets: [%q]}]}]\n", target), 0o600))
	at := free(t)
	var log bytes.Buffer
	run := exec.Command(server, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+at)
	run.Stdout, run.Stderr = &log, &log
	require.NoError(t, run.Start())
	t.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait() // it was killed
		if t.Failed() {
			t.Log(log.String())
		}
	})
	late := time.After(time.Minute)
	for _, e := range append([]string{"rate(heist_polls_total[1m])"}, expressions(t)...) {
		n, err := query(at, e)
		for n == 0 { // what it has scraped by now may not be stored: it is asked again after each scrape
			select {
			case <-scraped:
			case <-late:
				require.FailNow(t, "nothing is found", "%s: %v", e, err)
			}
			n, err = query(at, e)
		}
	}
}

// free returns an address at which nobody listens.
func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// query returns how many results a query has.
func query(at, expression string) (n int, err error) {
	answer, err := http.Get("http://" + at + "/api/v1/query?query=" + url.QueryEscape(expression))
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	var r struct {
		Status string
		Data   struct{ Result []any }
	}
	if err := json.Unmarshal(body, &r); err != nil || r.Status != "success" {
		return 0, fmt.Errorf("%s: %w", body, err)
	}
	return len(r.Data.Result), nil
}
