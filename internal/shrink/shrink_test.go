package shrink

import (
	"maps"
	"math/rand/v2"
	"runtime"
	"testing"
)

// It has what a map has, whatever comes and goes.
func TestMap(t *testing.T) {
	var m Map[int, int]
	if m.Delete(1); m.Len() != 0 || m.Get(1) != 0 {
		t.Fatal("the zero value is not empty")
	}
	r := rand.New(rand.NewPCG(1, 2))
	model := map[int]int{}
	replaced := 0
	for range 20 {
		for range 4000 {
			k, v := r.IntN(5000), r.Int()
			m.Set(k, v)
			model[k] = v
		}
		for len(model) > 20 {
			k, before := r.IntN(5000), m.most
			m.Delete(k)
			delete(model, k)
			if m.most < before {
				replaced++
			}
			if m.most > kept && len(m.in) <= m.most/part {
				t.Fatalf("%d are left of %d, and it has the memory of all", len(m.in), m.most)
			}
		}
		if !maps.Equal(m.in, model) {
			t.Fatal("it is not what the model is")
		}
	}
	if replaced < 20 {
		t.Fatalf("it was replaced %d times in 20 bursts", replaced)
	}
}

// What is left of a burst is little, though something stays.
func TestRetention(t *testing.T) {
	const n = 1 << 18
	var m Map[int, [4]int]
	before := heap()
	for i := range n {
		m.Set(i, [4]int{i})
	}
	full := heap() - before
	for i := range n - 1 {
		m.Delete(i)
	}
	left := heap() - before
	if full < 40*n || left > 64<<10 {
		t.Fatalf("%d bytes with %d, and %d with one", full, n, left)
	}
	runtime.KeepAlive(&m)
}

func heap() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
