package stack_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/stack"
)

// stranded waits inside of a call.
func stranded(id chan<- string, done <-chan bool) {
	id <- stack.ID()
	<-done
}

func TestOf(t *testing.T) {
	id, done := make(chan string), make(chan bool)
	go stranded(id, done)
	other := <-id
	require.NotEqual(t, stack.ID(), other)

	text := stack.Of(other)
	require.True(t, strings.HasPrefix(text, "goroutine "+other+" ["), text)
	require.Contains(t, text, "stack_test.stranded")
	require.NotContains(t, text, "TestOf(", "only that goroutine's")
	close(done)

	require.Contains(t, stack.Of(stack.ID()), "TestOf")
	require.Empty(t, stack.Of("0"))
}

func TestCallee(t *testing.T) {
	const text = `goroutine 7 [running]:
example.com/a.(*T).deep(...)
	/src/a.go:1 +0x1
example.com/a.(*T).Poll(0xc000123, 0x1)
	/src/a.go:2 +0x1
example.com/task.(*Runner).Step(0xc000123, {0x1, 0x2})
	/src/task.go:3 +0x1
created by example.com/pool.New in goroutine 1
	/src/pool.go:4 +0x1`
	require.Equal(t, "example.com/a.(*T).Poll", stack.Callee(text, "/task.(*Runner).Step"))
	require.Equal(t, "example.com/a.(*T).deep", stack.Callee(text, ".(*T).Poll"))
	require.Empty(t, stack.Callee(text, "nobody"))
}

func TestNumber(t *testing.T) {
	require.Equal(t, stack.ID(), strconv.FormatUint(stack.Number(), 10))
}

func TestWithin(t *testing.T) {
	const text = `goroutine 7 [chan receive]:
runtime.gopark(0x1)
	/go/proc.go:7 +0x1
runtime.chanrecv1(0x1)
	/go/chan.go:8 +0x1
example.com/a.(*T).deep(...)
	/src/a.go:1 +0x1
sync.(*Once).Do(0x1)
	/go/once.go:5 +0x1
example.com/a.(*T).Poll(0xc000123, 0x1)
	/src/a.go:2
example.com/task.(*Runner).Step(0xc000123, {0x1, 0x2})
	/src/task.go:3 +0x1`
	require.Equal(t, []string{
		"example.com/a.(*T).deep /src/a.go:1",
		"sync.(*Once).Do /go/once.go:5",
		"example.com/a.(*T).Poll /src/a.go:2",
	}, stack.Within(text, "/task.(*Runner).Step"))
	require.Empty(t, stack.Within(text, "nobody"))
}
