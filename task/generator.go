package task

// Generator is what makes values when it is asked for them, and may suspend to do so: the
// next rows of a table, what arrives on a connection. Package stream has what is done with
// generators.
//
// Next returns the next value; io.EOF says that there is none any more. It is an operation
// like any other: with Pending nothing has happened, and it is called again; any other
// error is the end, too. One task at a time calls it.
type Generator[T any] interface {
	Next(cx *Cx) (T, error)
}
