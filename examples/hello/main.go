// Command hello is the program of README: a task waits for a name, and greets it.
//
//	go run ./examples/hello
package main

import (
	"context"
	"fmt"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

type greeter struct {
	task.Frame // the memory that the scheduler needs: starting it allocates nothing
	name       *task.Promise[string]
}

func (g *greeter) Poll(cx *task.Cx) error {
	name, err := g.name.Wait(cx)
	if err != nil {
		return err // task.Pending, too: Poll starts again at its top
	}
	fmt.Println("hello,", name)
	return nil
}

func main() {
	var name task.Promise[string]
	var g task.Group
	g.Go(pool.Default(), &greeter{name: &name})
	name.Resolve("world", nil) // from any goroutine, at any time
	if err := g.WaitContext(context.Background()); err != nil {
		fmt.Println(err)
	}
}
