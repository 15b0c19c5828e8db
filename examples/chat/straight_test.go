//go:build unix

package main

import "testing"

// TestStraight runs the tests of the hand-written form with the straight-line one.
func TestStraight(t *testing.T) {
	form = straightLine
	defer func() { form = byHand }()
	for name, test := range map[string]func(*testing.T){
		"Rooms":  TestRooms,
		"CutOff": TestCutOff,
		"Lost":   TestLost,
		"End":    TestEnd,
	} {
		t.Run(name, test)
	}
}
