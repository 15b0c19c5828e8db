//go:build !unix

package dump

import "os"

// quit is the signal of [OnSignal]: os.Interrupt is for ending the process.
var quit = []os.Signal{noSignal{}}

// noSignal is one that never comes.
type noSignal struct{}

func (noSignal) String() string { return "no signal" }
func (noSignal) Signal()        {}
