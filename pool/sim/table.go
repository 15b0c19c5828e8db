package sim

import (
	"hash/maphash"

	"github.com/heist-go/heist/task"
)

// table finds what is known of a task: a hash table with linear probing (Knuth, "The Art of Computer
// Programming" 3, section 6.4, algorithms L and R). A task is looked up whenever it is woken, among a
// million perhaps: then what counts is how many cache lines that takes, here one before the rec's own.
//
// Where a rec stands depends on an address, so nobody goes through the table but to sort what is there.
type table struct {
	slots []slot // a power of two, at most half of them full
	n     int
}

type slot struct {
	frame *task.Frame // nil: empty
	rec   *rec
}

var seed = maphash.MakeSeed()

// home returns where the search for f begins.
func (x *table) home(f *task.Frame) int {
	return int(maphash.Comparable(seed, f) & uint64(len(x.slots)-1))
}

// next returns the place behind i.
func (x *table) next(i int) int { return (i + 1) & (len(x.slots) - 1) }

// search returns where f is, or the empty slot where it would be.
func (x *table) search(f *task.Frame) int {
	i := x.home(f)
	for x.slots[i].frame != f && x.slots[i].frame != nil {
		i = x.next(i)
	}
	return i
}

// find returns the rec of f, or nil.
func (x *table) find(f *task.Frame) *rec {
	if x.n == 0 {
		return nil
	}
	return x.slots[x.search(f)].rec
}

// add adds a rec whose frame is not known.
func (x *table) add(r *rec) {
	if 2*x.n >= len(x.slots) {
		old := x.slots
		x.slots = make([]slot, max(2*len(old), 64))
		for _, o := range old {
			if o.frame != nil {
				x.slots[x.search(o.frame)] = o
			}
		}
	}
	x.slots[x.search(r.frame)] = slot{r.frame, r}
	x.n++
}

// remove takes f, which is known, out. Those behind it that were displaced move up.
func (x *table) remove(f *task.Frame) {
	i, mask := x.search(f), len(x.slots)-1
	for j := x.next(i); x.slots[j].frame != nil; j = x.next(j) {
		// What is in j may fill the gap unless its search begins behind it.
		if (j-x.home(x.slots[j].frame))&mask >= (j-i)&mask {
			x.slots[i] = x.slots[j]
			i = j
		}
	}
	x.slots[i] = slot{}
	x.n--
}
