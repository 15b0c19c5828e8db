package main

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/tidwall/redcon"
)

// What one command may be. Redis allows more; these bound what a connection can cost.
const (
	maxCommand = 1 << 20 // bytes of a command, its lengths included
	maxArgs    = 1024    // its name included
	maxInline  = 1 << 10 // bytes of a line: the parser takes quadratic time for it
	maxHeader  = 32      // bytes of a length, with its mark and the end of the line
)

// protocolError says that the stream cannot be understood from here on. It is worded
// as Redis and its parser do it.
type protocolError string

func (e protocolError) Error() string { return "Protocol error: " + string(e) }

// next splits the first command off b. n is its length, 0 if it is not complete. The
// arguments are parts of b, in the room of args; an empty line has none.
func next(b []byte, args [][]byte) (_ [][]byte, n int, err error) {
	if n, err = measure(b); err != nil || n == 0 {
		return args[:0], 0, err
	}
	complete, args, _, _, err := redcon.ReadNextCommand(b[:n], args)
	if err == nil && !complete {
		err = protocolError("invalid request") // measure and the parser are of two minds
	}
	return args, n, err
}

// measure returns the length of the first command of b, 0 if it is not complete. It
// sees every length before the parser does, for two reasons: what is too long is
// refused before it is collected; and the parser trusts lengths, so that "$-2" or
// "$9223372036854775807" would make it panic.
//
// What it returns depends on the bytes only, not on how they were cut into reads.
func measure(b []byte) (n int, err error) {
	switch b[0] {
	case '*':
	case '$': // the parser would take it for another protocol, Tile38's
		return 0, protocolError("expected '*', got '$'")
	default:
		end := bytes.IndexByte(b[:min(len(b), maxInline)], '\n')
		if end < 0 && len(b) >= maxInline {
			return 0, protocolError(fmt.Sprintf("too big inline request: more than %d bytes", maxInline))
		}
		return end + 1, nil
	}
	count, n, err := header(b, "multibulk")
	if err != nil || n == 0 {
		return 0, err
	}
	if count > maxArgs {
		return 0, protocolError(fmt.Sprintf("invalid multibulk length: more than %d arguments", maxArgs))
	}
	for range count {
		if n == len(b) {
			return 0, nil
		}
		if b[n] != '$' {
			return 0, protocolError(fmt.Sprintf("expected '$', got '%c'", b[n]))
		}
		size, digits, err := header(b[n:], "bulk")
		if err != nil || digits == 0 {
			return 0, err
		}
		if size > maxCommand-n-digits-2 {
			return 0, protocolError(fmt.Sprintf("invalid bulk length: a command of more than %d bytes", maxCommand))
		}
		if n += digits + size + 2; n > len(b) {
			return 0, nil
		}
		if b[n-2] != '\r' || b[n-1] != '\n' {
			return 0, protocolError("invalid bulk length: no end of line after so many bytes")
		}
	}
	return n, nil
}

// header reads a length: a mark, digits, and the end of the line. n is its size, 0 if
// it is not complete.
func header(b []byte, what string) (length, n int, err error) {
	end := bytes.IndexByte(b[:min(len(b), maxHeader)], '\n')
	if end < 0 && len(b) < maxHeader {
		return 0, 0, nil
	}
	if end > 0 && b[end-1] == '\r' {
		length, err = strconv.Atoi(string(b[1 : end-1]))
		if err == nil && length >= 0 {
			return length, end + 1, nil
		}
	}
	return 0, 0, protocolError("invalid " + what + " length")
}
