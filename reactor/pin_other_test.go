//go:build unix && !linux

package reactor_test

import "testing"

// pin does nothing: this system binds no thread to a processor.
func pin(testing.TB) {}
