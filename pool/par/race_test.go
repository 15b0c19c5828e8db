//go:build race

package par_test

// raced says that the race detector looks on: all takes ten times as long.
const raced = true
