// Package stack knows goroutines by their number, and finds their stacks by it:
// to tell mistakes and for reports, never to decide anything.
package stack

import (
	"bytes"
	"runtime"
	"strings"
)

// ID returns the calling goroutine's number, as stack traces print it. It takes
// about a microsecond.
func ID() string {
	var buf [64]byte
	text := buf[:runtime.Stack(buf[:], false)]
	text = bytes.TrimPrefix(text, []byte("goroutine "))
	if i := bytes.IndexByte(text, ' '); i >= 0 {
		text = text[:i]
	}
	return string(text)
}

// most bounds the traces that Of asks for: goroutines beyond that are not found.
const most = 1 << 20

// Of returns the stack of the goroutine with that number, or "" if it is not
// found. It stops the world for as long as it takes to write down all stacks, a
// megabyte of them at most.
func Of(id string) string {
	buf := make([]byte, most)
	all := string(buf[:runtime.Stack(buf, true)])
	for text := range strings.SplitSeq(all, "\n\n") {
		if strings.HasPrefix(text, "goroutine "+id+" ") {
			return text
		}
	}
	return ""
}

// Callee returns the name of the function that was called by the one whose name
// ends with of, in a stack as Of returns it; "" if there is none.
func Callee(text, of string) string {
	called := ""
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "\t") {
			continue // a position
		}
		name := line
		if i := strings.LastIndexByte(line, '('); i > 0 {
			name = line[:i]
		}
		if strings.HasSuffix(name, of) {
			return called
		}
		called = name
	}
	return ""
}
