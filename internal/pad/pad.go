// Package pad keeps fields that different threads write from slowing each other
// down.
//
// A processor passes memory between its cores in lines. Two words on one line
// travel together: a core that writes one takes the other away from whoever
// reads it, although the program shares nothing. That is false sharing: an
// atomic add of 2.3 ns takes 8 to 11 when another core counts on the same line.
// A [Line] between two fields puts them on different lines, wherever the struct
// starts:
//
//	type queue struct {
//		top    atomicx.Int64 // thieves write it
//		_      pad.Line
//		bottom atomicx.Int64 // the owner writes it
//	}
//
// A struct that is an element of a slice needs a Line at its end as well.
//
// # Why 128 bytes
//
// The line is 64 bytes on amd64, but the prefetcher of the second-level cache
// may fetch lines in aligned pairs (Intel's optimization manual: the spatial
// prefetcher), so that two threads on neighbouring lines still fight. On some
// arm64 processors and on ppc64 the line itself has 128. On the Zen 4 that this
// was measured on, 64 and 128 are alike; the larger one is for the others, and
// one size for all keeps layouts equal. It wastes space on 32-bit machines and
// is half a line on s390x, which costs time, not correctness. What is padded
// here exists once per worker, not once per task.
package pad

// Size is the distance in bytes at which two fields do not disturb each other.
const Size = 128

// Line is padding: declare it between two fields, under the name _.
type Line [Size]byte
