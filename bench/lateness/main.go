// Command lateness measures how late sleeps end, of tasks and of goroutines, in a
// process that is idle and in one whose processors are busy, and plots it.
//
//	go -C bench/lateness run . -out lateness.svg
//
// It takes about twenty seconds. Each line of the plot says which part of the
// sleeps was at most so late.
//
//	go -C bench/lateness run . -long -n 5
//
// prints how late long sleeps of a task end, on an idle pool with a reactor and on one
// without, and how often the process was woken up for each. It plots nothing, and takes
// the time that it sleeps: three minutes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

func main() {
	out := flag.String("out", "lateness.svg", "the `file` to write; its ending says the format: svg, png or pdf")
	isLong := flag.Bool("long", false, "measure long sleeps, and plot nothing")
	n := flag.Int("n", 0, "sleeps to measure for each line; 0: 2000, or 5 long ones")
	d := flag.Duration("d", time.Millisecond, "how long each sleep is")
	flag.Parse()
	if *n < 0 || *d <= 0 {
		fmt.Fprintln(os.Stderr, "lateness: -d must be positive, and -n not negative")
		os.Exit(2)
	}
	switch {
	case *n == 0 && *isLong:
		*n = 5
	case *n == 0:
		*n = 2000
	}
	measure := func() error { return run(*out, *n, *d) }
	if *isLong {
		measure = func() error { return long(os.Stdout, *n, longSleeps...) }
	}
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, "lateness:", err)
		os.Exit(1)
	}
}

func run(out string, n int, d time.Duration) error {
	fmt.Printf("%d sleeps of %v each; %s, %d CPUs, GOMAXPROCS %d\n", n, d, runtime.Version(), runtime.NumCPU(), runtime.GOMAXPROCS(0))
	var lines []line
	for _, c := range []struct {
		name  string
		sleep func(n int, d time.Duration) ([]time.Duration, error)
	}{
		{"task, idle", func(n int, d time.Duration) ([]time.Duration, error) { return tasks(n, d, false) }},
		{"task, busy", func(n int, d time.Duration) ([]time.Duration, error) { return tasks(n, d, true) }},
		{"goroutine, idle", func(n int, d time.Duration) ([]time.Duration, error) { return goroutines(n, d, false), nil }},
		{"goroutine, busy", func(n int, d time.Duration) ([]time.Duration, error) { return goroutines(n, d, true), nil }},
	} {
		fmt.Printf("%-16s measuring ...", c.name)
		late, err := c.sleep(n, d)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		slices.Sort(late)
		fmt.Printf("\r%-16s p50 %10v   p90 %10v   p99 %10v   most %10v\n", c.name,
			quantile(late, 0.5), quantile(late, 0.9), quantile(late, 0.99), late[len(late)-1])
		lines = append(lines, line{c.name, late})
	}
	if err := draw(out, d, lines); err != nil {
		return err
	}
	fmt.Println("written:", out)
	return nil
}

// quantile returns the q-quantile of sorted durations.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// busyFor is how long a busy task or goroutine computes before it yields.
const busyFor = 50 * time.Microsecond

func compute() {
	for at := time.Now(); time.Since(at) < busyFor; {
	}
}

// dozer sleeps again and again, and notes how late it was.
type dozer struct {
	task.Frame
	timer task.Timer
	n     int
	d     time.Duration
	start time.Time
	late  []time.Duration
}

func (z *dozer) Poll(cx *task.Cx) error {
	for len(z.late) < z.n {
		if !z.timer.Armed() && !z.timer.Fired() {
			z.start = time.Now()
		}
		if err := z.timer.Sleep(cx, z.d); err != nil {
			return err
		}
		z.late = append(z.late, time.Since(z.start)-z.d)
	}
	return nil
}

// tasks measures sleeps of a task, alone or beside as many busy tasks as there are
// workers.
func tasks(n int, d time.Duration, busy bool) ([]time.Duration, error) {
	p, err := pool.New(pool.Config{})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return tasksOn(p, n, d, busy)
}

// tasksOn is tasks on a pool.
func tasksOn(p *pool.Pool, n int, d time.Duration, busy bool) ([]time.Duration, error) {
	var load task.Group
	if busy {
		for range p.Workers() {
			load.Go(p, task.Func(func(cx *task.Cx) error {
				for {
					compute()
					if err := cx.Yield(); err != nil {
						return err
					}
				}
			}))
		}
	}
	z := &dozer{n: n, d: d}
	err := p.Run(context.Background(), z)
	load.Cancel(nil)
	_ = load.WaitContext(context.Background())
	return z.late, err
}

// goroutines is the same with goroutines.
func goroutines(n int, d time.Duration, busy bool) (late []time.Duration) {
	stop := make(chan struct{})
	var load sync.WaitGroup
	if busy {
		for range runtime.GOMAXPROCS(0) {
			load.Go(func() {
				for {
					compute()
					select {
					case <-stop:
						return
					default:
						runtime.Gosched()
					}
				}
			})
		}
	}
	for range n {
		start := time.Now()
		time.Sleep(d)
		late = append(late, time.Since(start)-d)
	}
	close(stop)
	load.Wait()
	return late
}
