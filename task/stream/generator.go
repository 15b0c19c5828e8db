package stream

import "github.com/heist-go/heist/task"

// Generator makes values when it is asked for them, and may suspend to do so: the next rows of
// a table, what arrives on a connection. [Of] makes a [Stream] of one.
//
// Next returns the next value; io.EOF says that there is none any more. It is an operation
// like any other: with Pending nothing has happened, and it is called again; any other
// error is the end, too. One task at a time calls it.
type Generator[T any] interface {
	Next(cx *task.Cx) (T, error)
}
