// Command leaks has goroutines that wait for Heist's objects, and asks Go's profile of leaked goroutines which of
// them wait for ever. It is for Go 1.26, with GOEXPERIMENT=goroutineleakprofile.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

func main() {
	if err := run(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run() error {
	leaks := pprof.Lookup("goroutineleak")
	if leaks == nil {
		return fmt.Errorf("there is no such profile: build with GOEXPERIMENT=goroutineleakprofile")
	}
	p, err := pool.New(pool.Config{})
	if err != nil {
		return err
	}
	go forgotten()
	go later(p)
	go forTask(p)
	for waiting := 0; waiting < 3; waiting = blocked() {
		runtime.Gosched()
	}
	var text bytes.Buffer
	if err := leaks.WriteTo(&text, 1); err != nil {
		return err
	}
	fmt.Print(text.String())
	if got := text.String(); !strings.Contains(got, "total 1\n") || !strings.Contains(got, "main.forgotten") {
		return fmt.Errorf("one of the three is leaked: forgotten")
	}
	return nil
}

// forgotten waits for a channel that nobody else has: it is leaked.
func forgotten() {
	_, _ = chans.New[int](1).RecvContext(context.Background())
}

// later waits for a task that waits for a timer: it is not.
func later(p *pool.Pool) {
	var t task.Timer
	_ = p.Run(context.Background(), task.Func(func(cx *task.Cx) error { return t.Sleep(cx, time.Hour) }))
}

// forTask waits for a task that waits for ever. The pool has the task, so the profile takes its
// goroutine for one that may go on: a dump has the task, and what it waits for.
func forTask(p *pool.Pool) {
	c := chans.New[int](1)
	_ = p.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		_, err := c.Recv(cx)
		return err
	}))
}

// blocked counts the goroutines of this program that wait.
func blocked() (n int) {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, stack := range strings.Split(string(stacks), "\n\n") {
		head, rest, _ := strings.Cut(stack, "\n")
		waits := strings.Contains(head, "[select") || strings.Contains(head, "[chan receive")
		for _, name := range []string{"main.forgotten", "main.later", "main.forTask"} {
			if waits && strings.Contains(rest, name) {
				n++
			}
		}
	}
	return n
}
