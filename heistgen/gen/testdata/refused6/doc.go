// Package refused6 declares names that Go has.
package refused6

func len(s string) int { return 1 } // want `the output uses Go's own len, which this hides in the whole package: give it another name`

func new(n int) *int { return &n } // want `the output uses Go's own new`

var max = 3 // no output uses it
