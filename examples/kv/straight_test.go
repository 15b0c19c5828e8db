//go:build unix

package main

import "testing"

// TestStraight runs the tests of the hand-written form with the straight-line one.
func TestStraight(t *testing.T) {
	form = straightLine
	defer func() { form = byHand }()
	for name, test := range map[string]func(*testing.T){
		"Commands":   TestCommands,
		"Expiry":     TestExpiry,
		"Pipelining": TestPipelining,
		"SlowReader": TestSlowReader,
		"Flood":      TestFlood,
		"Idle":       TestIdle,
		"Shutdown":   TestShutdown,
		"Malformed":  TestMalformed,
		"Limits":     TestLimits,
	} {
		t.Run(name, test)
	}
}
