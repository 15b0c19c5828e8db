// Package refused8 has names that local types have elsewhere.
package refused8

type node struct{ n int }

type pair[T any] struct{ a, b T }

type shape interface{ area() int }
