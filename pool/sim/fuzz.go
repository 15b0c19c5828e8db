package sim

import "testing"

// corpus is how many seeds a fuzz test begins with.
const corpus = 8

// Fuzz is [Test] under go test -fuzz: what fuzzing changes is the schedule, which it keeps if it
// reaches new code. Without -fuzz it runs the schedules of some seeds and those in testdata, among
// them those that have failed once.
//
//	func FuzzQueue(f *testing.F) { sim.Fuzz(f, program) }
func Fuzz(f *testing.F, program func(s *Sim)) { Config{}.Fuzz(f, program) }

// Fuzz is [Fuzz] with another configuration.
func (c Config) Fuzz(f *testing.F, program func(s *Sim)) {
	f.Helper()
	c = c.resolved()
	k := newCoroutines()
	for seed := range uint64(corpus) {
		s := c.once(k, c.First+seed, nil, false, program)
		f.Add(encode(s.taken))
	}
	k.close()
	f.Fuzz(func(t *testing.T, schedule []byte) {
		failure, err := c.Replay(format(c.First, decode(schedule)), program)
		if err != nil {
			t.Fatal(err)
		}
		if failure != nil {
			t.Fatal(failure)
		}
	})
}

// encode writes deviations for the fuzzer, as pairs of bytes: how many decisions after the one before,
// and what is chosen there. A gap that is too large for a byte takes several pairs.
func encode(list []deviation) (b []byte) {
	at := 0
	for _, d := range list {
		for d.at-at > 255 {
			b = append(b, 255, 0) // the plain choice is none
			at += 255
		}
		b = append(b, byte(d.at-at), byte(min(d.value, 255)))
		at = d.at
	}
	return b
}

// decode reads what encode has written, or whatever the fuzzer makes of it.
func decode(b []byte) []deviation {
	list := []deviation{}
	at := 0
	for ; len(b) >= 2; b = b[2:] {
		at += int(b[0])
		if b[1] != 0 && (len(list) == 0 || list[len(list)-1].at < at) {
			list = append(list, deviation{at, int(b[1])})
		}
	}
	return list
}
