// Package refused7 has a type with the name of one of Go's.
package refused7

type int32 float64
