// Command mergesort sorts by merging, in parallel, with both grades of a fork, and compares
// with slices.Sort and par.Sort.
//
//	go run ./examples/mergesort -n 5000000
package main

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
)

// job is what a call sorts: data, with as much room beside it. The result is wanted in one
// or the other, so that levels take turns and nothing is copied back.
type job[T cmp.Ordered] struct {
	data, room []T
	inRoom     bool // where the result is wanted
}

// halves are the two jobs that come before the merge: their results are wanted where this
// one's is not.
func (j job[T]) halves() (left, right job[T]) {
	half := len(j.data) / 2
	return job[T]{j.data[:half], j.room[:half], !j.inRoom}, job[T]{j.data[half:], j.room[half:], !j.inRoom}
}

// small is where merging is slower than sorting at once.
const small = 64

func (j job[T]) leaf() {
	slices.Sort(j.data)
	if j.inRoom {
		copy(j.room, j.data)
	}
}

// merge merges the halves. The merge is parallel, too: the last one alone goes through all
// elements, and would cost a half of the time on many processors.
func (j job[T]) merge(s pool.Scope) {
	half := len(j.data) / 2
	from, to := j.room, j.data
	if j.inRoom {
		from, to = j.data, j.room
	}
	par.Merge(s, to, from[:half], from[half:])
}

// none is the result of a computation that has none.
type none = struct{}

// byJoin is the friendly grade: two jobs, of which the second may be taken by somebody else.
// It asks before the first one, too, whether somebody wants a part; so it is right for parts
// of any size.
func byJoin[T cmp.Ordered](f pool.Fork[job[T], none], j job[T]) (_ none) {
	if len(j.data) <= small {
		j.leaf()
		return
	}
	f.Join(j.halves())
	j.merge(f.Scope())
	return
}

// byFork is the explicit grade, the same in three steps. It is cheaper by a nanosecond or so,
// because it asks at the joins only; there are enough of them here.
func byFork[T cmp.Ordered](f pool.Fork[job[T], none], j job[T]) (_ none) {
	if len(j.data) <= small {
		j.leaf()
		return
	}
	left, right := j.halves()
	byFork(f.Put(right), left) // on the next position; right is on offer at this one
	if f.Kept() {
		byFork(f, right) // nobody has taken it: a plain call, at this position
	} else {
		f.Take(right) // somebody has: wait for it, and help meanwhile
	}
	j.merge(f.Scope())
	return
}

// mergesort sorts s, which is stable by no means: it is about numbers and strings.
func mergesort[T cmp.Ordered](p *pool.Pool, s []T, how func(pool.Fork[job[T], none], job[T]) none) {
	pool.Call(p, how, job[T]{data: s, room: make([]T, len(s))})
}

func main() {
	n := flag.Int("n", 5_000_000, "how many numbers")
	flag.Parse()
	p := pool.Default()
	random := make([]int, *n)
	for i := range random {
		random[i] = rand.Int()
	}
	want := slices.Clone(random)
	slices.Sort(want)
	for _, way := range []struct {
		name string
		sort func([]int)
	}{
		{"slices.Sort", slices.Sort[[]int]},
		{"par.Sort", func(s []int) { par.Sort(p, s) }},
		{"merge, Join", func(s []int) { mergesort(p, s, byJoin[int]) }},
		{"merge, Put and Take", func(s []int) { mergesort(p, s, byFork[int]) }},
	} {
		s := slices.Clone(random)
		start := time.Now()
		way.sort(s)
		took := time.Since(start)
		if !slices.Equal(s, want) {
			fmt.Println("mergesort: not sorted by", way.name)
			os.Exit(1)
		}
		fmt.Printf("%-20s %8.1f ms, %5.1f ns a number\n", way.name, took.Seconds()*1e3, float64(took)/float64(max(*n, 1)))
	}
	fmt.Println("all the same, on", p.Workers(), "workers")
}
