package dump_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/dump"
	"github.com/heist-go/heist/task"
)

// A service shows its tasks beside its other pages, on an address that is not for everybody.
func ExampleHandler() {
	p, err := pool.New(pool.Config{Workers: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	mux := http.NewServeMux()
	mux.Handle("/debug/heist", dump.Handler(p, pool.DumpOptions{}))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/debug/heist", nil))
	_, text, _ := strings.Cut(w.Body.String(), "Z: ")
	first, _, _ := strings.Cut(text, "\n")
	fmt.Println(first)
	// Output: 0 tasks live, 0 suspended, 0 active, 0 not suspended so far
}

// Whoever sends SIGQUIT gets a dump, and the process goes on.
func ExampleOnSignal() {
	p, err := pool.New(pool.Config{Workers: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	defer dump.OnSignal(os.Stderr, p, pool.DumpOptions{Stacks: true})()
	// Output:
}

// A test that waits in vain says why.
func ExampleCheck() {
	p, err := pool.New(pool.Config{Workers: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	var g task.Group
	g.Go(p, task.Func(g.Wait)) // it waits for itself
	for err = nil; err == nil; err = dump.Check(p) {
		runtime.Gosched() // it may not have got that far
	}
	fmt.Println(errors.Is(err, dump.ErrDeadlock), strings.Contains(err.Error(), "end: task.Group"))
	g.Cancel(errors.New("it would wait for ever"))
	fmt.Println(g.WaitContext(context.Background()) != nil)
	// Output:
	// true true
	// true
}
