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
	return string(digits(buf[:]))
}

// Number is ID as a number.
func Number() (n uint64) {
	var buf [64]byte
	for _, c := range digits(buf[:]) {
		n = n*10 + uint64(c-'0')
	}
	return n
}

// digits writes the head of the calling goroutine's stack into buf, and returns its number there.
func digits(buf []byte) []byte {
	text := bytes.TrimPrefix(buf[:runtime.Stack(buf, false)], []byte("goroutine "))
	if i := bytes.IndexByte(text, ' '); i >= 0 {
		text = text[:i]
	}
	return text
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

// Within returns the calls of a stack as Of returns it from the innermost one up to the one
// that was called by the function whose name ends with of: each as its name and its position.
// Those of the runtime at the inner end are left out. It is empty if of is not found.
func Within(text, of string) (calls []string) {
	lines := strings.Split(text, "\n")
	for i := 1; i+1 < len(lines); i += 2 {
		name := lines[i]
		if j := strings.LastIndexByte(name, '('); j > 0 {
			name = name[:j]
		}
		if strings.HasSuffix(name, of) {
			return calls
		}
		if len(calls) == 0 && (strings.HasPrefix(name, "runtime.") || strings.HasPrefix(name, "internal/")) {
			continue
		}
		position, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " +0x")
		calls = append(calls, name+" "+position)
	}
	return nil
}
