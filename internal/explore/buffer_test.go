package explore_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/explore"
)

// litmus are the classic programs about store buffers, with what each may end in: r lists what its
// loads have returned, thread by thread, and the last two are x and y in the end. An instruction is "Wx1", a
// weak store, "Sx1", an ordinary one, "Ax1", an Add, or "Rx", a load. forbidden was possible if the
// buffers did what these here do not.
var litmus = []struct {
	name      string
	threads   []string
	allowed   []string // each must be seen
	forbidden []string // none may be seen
}{
	{"store buffering (Dekker), weak", []string{"Wx1 Ry", "Wy1 Rx"}, []string{"0 0 1 1", "0 1 1 1", "1 0 1 1", "1 1 1 1"}, nil},
	{"store buffering, strong", []string{"Sx1 Ry", "Sy1 Rx"}, []string{"0 1 1 1", "1 0 1 1", "1 1 1 1"}, []string{"0 0 1 1"}},
	{"store buffering, one weak", []string{"Sx1 Ry", "Wy1 Rx"}, []string{"0 0 1 1"}, nil},
	{"store buffering, a read-modify-write between", []string{"Wx1 Az1 Ry", "Wy1 Az1 Rx"}, []string{"1 0 2 1 1 1", "2 1 1 0 1 1", "1 1 2 1 1 1"}, []string{"1 0 2 0 1 1", "2 0 1 0 1 1"}},
	{"message passing", []string{"Wx1 Wy1", "Ry Rx"}, []string{"0 0 1 1", "0 1 1 1", "1 1 1 1"}, []string{"1 0 1 1"}},
	{"load buffering", []string{"Rx Wy1", "Ry Wx1"}, []string{"0 0 1 1", "1 0 1 1", "0 1 1 1"}, []string{"1 1 1 1"}},
	{"two and two writes", []string{"Wx1 Wy2", "Wy1 Wx2"}, []string{" 2 1", " 2 2", " 1 2"}, []string{" 1 1"}},
	{"own stores are seen at once", []string{"Wx1 Rx Ry", "Wy1 Ry Rx"}, []string{"1 0 1 0 1 1"}, []string{"0 0 0 0 1 1"}},
	{"the newest of one's own", []string{"Wx1 Wx2 Rx", "Rx Rx"}, []string{"2 1 2 2 0", "2 0 0 2 0"}, []string{"1 0 0 2 0", "2 2 1 2 0"}},
	{"a chain through another thread", []string{"Wx1", "Rx Wy1", "Ry Rx"}, []string{"0 0 0 1 1", "1 1 1 1 1"}, []string{"1 1 0 1 1"}},
	{"all see one order of writes", []string{"Wx1", "Wy1", "Rx Ry", "Ry Rx"}, []string{"1 1 1 1 1 1"}, []string{"1 0 1 0 1 1"}},
	{"an ordinary store drains those before", []string{"Wx1 Sy1 Rz", "Wz1 Az0 Rx"}, []string{"1 1 1 1 1"}, []string{"0 1 0 1 1"}},
}

func TestLitmus(t *testing.T) {
	for _, l := range litmus {
		t.Run(l.name, func(t *testing.T) {
			for _, o := range []explore.Options{{}, {Preemptions: 1000}} {
				seen := map[string]bool{}
				r := explore.Check(t, o, func(x *explore.X) { run(x, l.threads, seen) })
				require.True(t, r.Complete)
				for _, s := range l.allowed {
					require.Contains(t, slices.Collect(maps.Keys(seen)), s, "not seen")
				}
				for _, s := range l.forbidden {
					require.NotContains(t, slices.Collect(maps.Keys(seen)), s)
				}
			}
		})
	}
}

// run declares the threads of a program, and collects how it ends.
func run(x *explore.X, threads []string, seen map[string]bool) {
	var vars [3]explore.Int32
	reads := make([][]string, len(threads))
	for i, text := range threads {
		x.Go("t", func() {
			for ins := range strings.FieldsSeq(text) {
				v := &vars[ins[1]-'x']
				switch ins[0] {
				case 'R':
					reads[i] = append(reads[i], fmt.Sprint(v.Load()))
				case 'W':
					v.StoreRelease(int32(ins[2] - '0'))
				case 'S':
					v.Store(int32(ins[2] - '0'))
				case 'A':
					reads[i] = append(reads[i], fmt.Sprint(v.Add(int32(ins[2]-'0'))))
				}
			}
		})
	}
	x.Final(func() {
		seen[fmt.Sprintf("%s %d %d", strings.Join(slices.Concat(reads...), " "), vars[0].Load(), vars[1].Load())] = true
	})
}

// The explorer against a machine that is written down in another way: on random programs both end
// in the same ways.
func TestBuffersAgainstAMachine(t *testing.T) {
	programs := 150
	if testing.Short() {
		programs = 30
	}
	weak := 0 // programs that end in ways that need a buffer
	for seed := range programs {
		rng := rand.New(rand.NewPCG(uint64(seed), 3))
		threads := make([]string, 2+rng.IntN(2))
		for i := range threads {
			for range 1 + rng.IntN(6-len(threads)) {
				threads[i] += fmt.Sprintf("%c%c%d ", "RRWWWSA"[rng.IntN(7)], "xy"[rng.IntN(2)], 1+rng.IntN(3))
			}
		}
		seen := map[string]bool{}
		r := explore.Run(explore.Options{}, func(x *explore.X) { run(x, threads, seen) })
		require.True(t, r.Complete)
		require.Equal(t, machine(threads, true), seen, "%q", threads)
		if len(machine(threads, false)) < len(seen) {
			weak++
		}
	}
	require.Positive(t, weak)
	t.Logf("%d of %d programs show their buffers", weak, programs)
}

// machine enumerates the states of x86-TSO (or, without buffers, of a sequentially consistent machine)
// that running the threads can lead to, and returns the ends.
func machine(threads []string, buffers bool) map[string]bool {
	type state struct {
		at     [3]int
		memory [3]int
		held   [3]string // of stores, two bytes each
		reads  [3]string
	}
	ends, seen := map[string]bool{}, map[state]bool{}
	programs := make([][]string, len(threads))
	for i, text := range threads {
		programs[i] = strings.Fields(text)
	}
	var visit func(s state)
	visit = func(s state) {
		if seen[s] {
			return
		}
		seen[s] = true
		final := true
		for i, program := range programs {
			if h := s.held[i]; h != "" {
				final = false
				next := s
				next.memory[h[0]], next.held[i] = int(h[1]), h[2:]
				visit(next)
			}
			if s.at[i] == len(program) {
				continue
			}
			final = false
			ins, next := program[s.at[i]], s
			next.at[i]++
			on, value := ins[1]-'x', int(ins[2]-'0')
			switch {
			case ins[0] == 'R':
				got := s.memory[on]
				for h := s.held[i]; h != ""; h = h[2:] {
					if h[0] == on {
						got = int(h[1])
					}
				}
				next.reads[i] += fmt.Sprint(got, " ")
			case ins[0] == 'W' && buffers:
				next.held[i] += string([]byte{on, byte(value)})
			case s.held[i] != "":
				continue // a fence
			case ins[0] == 'A':
				next.memory[on] += value
				next.reads[i] += fmt.Sprint(next.memory[on], " ")
			default:
				next.memory[on] = value
			}
			visit(next)
		}
		if final {
			ends[fmt.Sprintf("%s %d %d", strings.TrimSpace(strings.Join(s.reads[:], "")), s.memory[0], s.memory[1])] = true
		}
	}
	visit(state{})
	return ends
}

// A weak store publishes what its thread did before, and no more.
func TestWeakHandOver(t *testing.T) {
	model := func(late bool) func(x *explore.X) {
		return func(x *explore.X) {
			var ready explore.Pointer[int]
			var data explore.Plain[int]
			x.Go("publisher", func() {
				if !late {
					data.Set(1)
				}
				ready.StoreRelease(new(int))
				if late {
					data.Set(1)
				}
			})
			x.Go("observer", func() {
				if ready.Load() != nil {
					x.Assert(data.Get() == 1, "stale")
				}
			})
		}
	}
	explore.Check(t, explore.Options{}, model(false))
	f := explore.Refute(t, explore.Options{}, model(true))
	require.Contains(t, f.Reason, "data race")
}

// Dekker's exclusion needs strong stores; what weak ones break is found by each search, and
// replays.
func TestDekker(t *testing.T) {
	model := func(store func(b *explore.Int32, v int32)) func(x *explore.X) {
		return func(x *explore.X) {
			var want [2]explore.Int32
			var inside explore.Plain[int]
			for me := range 2 {
				x.Go("thread", func() {
					store(&want[me], 1)
					if want[1-me].Load() == 0 {
						inside.Set(me)
					}
				})
			}
		}
	}
	strong, weak := model((*explore.Int32).Store), model((*explore.Int32).StoreRelease)
	for _, o := range []explore.Options{{}, {Preemptions: 2}, {Random: 200, Seed: 1}} {
		explore.Check(t, o, strong)
		f := explore.Refute(t, o, weak)
		require.Contains(t, f.Reason, "data race")
		require.Contains(t, strings.Join(f.Trace, "\n"), "StoreRelease 1")
		again := explore.Run(explore.Options{Replay: f.Schedule}, weak)
		require.Equal(t, f.Reason, again.Failure.Reason)
	}
}

// The two sides of a section that may be revoked, as a flag and an epoch: the owner's flag must have
// reached the memory before it looks at the epoch, by a fence of its own or of the other side.
func TestSection(t *testing.T) {
	model := func(fenced, waits bool) func(x *explore.X) {
		return func(x *explore.X) {
			var flag, epoch explore.Int32
			var ring explore.Plain[int]
			x.Go("owner", func() {
				for range 2 {
					flag.StoreRelease(1)
					if fenced {
						flag.Store(1)
					}
					if epoch.Load() == 0 {
						ring.Set(1)
					}
					flag.StoreRelease(0)
				}
			})
			x.Go("guard", func() {
				epoch.CompareAndSwap(0, 1)
				if waits {
					explore.Wait(&flag, func() bool { return flag.Peek() == 0 })
					flag.Load()
				}
				ring.Set(2)
			})
		}
	}
	explore.Check(t, explore.Options{}, model(true, true))
	explore.Refute(t, explore.Options{}, model(false, true))
	explore.Refute(t, explore.Options{}, model(true, false))
}

// What is in a buffer at the end of its thread reaches the memory, and who waits for it is woken.
func TestBuffersDrain(t *testing.T) {
	explore.Check(t, explore.Options{}, func(x *explore.X) {
		var a, b explore.Uint32
		x.Go("a", func() {
			a.StoreRelease(1)
			explore.Wait(&b, func() bool { return b.Peek() == 1 })
		})
		x.Go("b", func() {
			explore.Wait(&a, func() bool { return a.Peek() == 1 })
			b.StoreRelease(1)
			b.StoreRelease(1)
		})
		x.Final(func() { x.Assert(a.Load() == 1 && b.Load() == 1, "a store is lost") })
	})
}
