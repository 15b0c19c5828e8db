// Command jobs runs jobs again and again, each on a schedule of its own: what fails is tried
// again, what takes too long is given up, and an interrupt lets what has begun come to an
// end.
//
//	go run ./examples/jobs -for 3s
package main

//go:generate go run -C ../../heistgen . ../examples/jobs

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// plan says what a job is, and when it is done.
type plan struct {
	name     string
	every    time.Duration
	missed   task.Missed   // what to do about ticks that came while it was at work
	deadline time.Duration // of an attempt
	retries  int
	pause    time.Duration // before the first retry; later ones are longer
	do       func() combine.Op
}

// run is what has become of a tick.
type run struct {
	job      string
	at       time.Time // the end
	took     time.Duration
	attempts int
	missed   int // ticks, before this one
	err      error
}

// job is a task that carries out a plan until it is told to come to an end.
type job struct {
	task.Frame
	plan
	done func(run) // called by the task: it must not block

	ticker   task.Ticker
	retry    combine.Retry
	limit    combine.Timeout
	attempt  combine.Op // at the moment
	begun    time.Time  // the run at hand; zero between runs
	attempts int
	missed   int
}

func newJob(p plan, done func(run)) *job {
	return &job{
		plan:   p,
		done:   done,
		ticker: task.Ticker{Every: p.every, Missed: p.missed},
		retry:  combine.Retry{Backoff: task.Backoff{Min: p.pause, Limit: p.retries}, If: worthIt},
	}
}

var errHopeless = errors.New("jobs: hopeless")

// worthIt says which errors are worth another try.
func worthIt(err error) bool { return !errors.Is(err, errHopeless) }

func (j *job) Poll(cx *task.Cx) error {
	for {
		if j.begun.IsZero() {
			missed, err := j.ticker.Tick(cx)
			if errors.Is(err, task.ErrClosed) {
				return nil // the scheduler is shut down: not in the middle of a run, but here
			}
			if err != nil {
				return err
			}
			j.begun, j.attempts, j.missed = cx.Now(), 0, missed
		}
		err := j.retry.Do(cx, j.try)
		if task.IsPending(err) || errors.Is(err, task.ErrCanceled) {
			return err
		}
		j.done(run{j.name, cx.Now(), cx.Now().Sub(j.begun), j.attempts, j.missed, err})
		j.begun = time.Time{}
	}
}

// try is one attempt, within its deadline. The deadline is inside of the retry: each attempt
// has its own, and how many there are is the retry's business.
func (j *job) try(cx *task.Cx) error {
	if j.attempt == nil {
		j.attempt = j.do()
		j.attempts++
	}
	err := j.limit.Wait(cx, j.deadline, j.attempt)
	if !task.IsPending(err) {
		j.attempt = nil
	}
	return err
}

// form makes the task of a plan.
var form = byHand

func byHand(p plan, done func(run)) task.Task       { return newJob(p, done) }
func straightLine(p plan, done func(run)) task.Task { return newCarryOut(p, done) }

// takes is work that takes a while and then ends with what end returns.
func takes(d func() time.Duration, end func() error) func() combine.Op {
	return func() combine.Op {
		var t task.Timer
		d := d()
		return func(cx *task.Cx) error {
			if err := t.Sleep(cx, d); err != nil {
				return err
			}
			return end()
		}
	}
}

// start starts the jobs, in a group.
func start(p *pool.Pool, plans []plan, done func(run)) *task.Group {
	g := new(task.Group)
	for _, plan := range plans {
		g.Go(p, form(plan, done))
	}
	return g
}

const ms = time.Millisecond

// plans are the examples: a good job, one whose ticks are too close, and one that fails.
var plans = []plan{
	{name: "backup", every: 500 * ms, deadline: 400 * ms, do: takes(
		func() time.Duration { return 50 * ms }, func() error { return nil })},
	{name: "report", every: 200 * ms, missed: task.Skip, deadline: 800 * ms, do: takes(
		func() time.Duration { return rand.N(500 * ms) }, func() error { return nil })},
	{name: "upload", every: 700 * ms, missed: task.Delay, deadline: 100 * ms, retries: 3, pause: 20 * ms, do: takes(
		func() time.Duration { return rand.N(150 * ms) }, func() error {
			return []error{nil, errors.New("no route to the moon"), errHopeless}[rand.N(3)]
		})},
}

func main() {
	length := flag.Duration("for", 5*time.Second, "how long to go on")
	straight := flag.Bool("straight", false, "take the straight-line form (straight.go) instead of the hand-written one")
	flag.Parse()
	if *straight {
		form = straightLine
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *length)
	defer cancel()
	p, err := pool.New(pool.Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, "jobs:", err)
		os.Exit(1)
	}
	begin := time.Now()
	runs := make(chan run, 100)
	jobs := start(p, plans, func(r run) { runs <- r })
	var failed error
	go func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		failed = p.Shutdown(end)
		close(runs) // nothing of the pool is left
	}()
	fmt.Println("   at ms  job     took ms  attempts  missed")
	for r := range runs {
		fmt.Printf("%8d  %-7s %7d  %8d  %6d  %v\n",
			r.at.Sub(begin).Milliseconds(), r.job, r.took.Milliseconds(), r.attempts, r.missed, outcome(r.err))
	}
	fmt.Println("all jobs have ended:", outcome(jobs.Err()))
	if err := errors.Join(failed, jobs.Err()); err != nil {
		fmt.Fprintln(os.Stderr, "jobs:", err)
		os.Exit(1)
	}
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}
