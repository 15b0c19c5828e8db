package par

import (
	"math/rand/v2"

	"github.com/heist-go/heist/pool"
)

// Shuffle brings s into a random order: for the same seed and length always the same one,
// whoever helps. It needs memory for as many elements if there are many.
//
// Each element goes to a random bucket, and the buckets are shuffled.
// (Rao 1961, Sandelius 1962.)
func Shuffle[P pool.Place, T any](on P, s []T, seed uint64) {
	if len(s) < 2*shuffleBlock {
		fisherYates(s, rand.NewPCG(seed, 0))
		return
	}
	blocks := (len(s) + shuffleBlock - 1) / shuffleBlock
	where := make([]uint8, len(s))
	next := make([][buckets]int, blocks) // how many of a block go to a bucket; then the place of the next
	span := func(b int) (lo, hi int) { return b * shuffleBlock, min((b+1)*shuffleBlock, len(s)) }
	if !each(on, &deal, blocks, func(first, end int) {
		for b := first; b < end; b++ {
			lo, hi := span(b)
			r := rand.NewPCG(seed, uint64(2*b+1))
			w := where[lo:hi]
			for i := range w {
				if i%8 == 0 {
					x := r.Uint64()
					for k := i; k < min(i+8, len(w)); k++ {
						w[k] = uint8(x)
						x >>= 8
					}
				}
				next[b][w[i]]++
			}
		}
	}) {
		return
	}
	var begins [buckets + 1]int
	at := 0
	for k := range buckets {
		begins[k] = at
		for b := range next {
			n := next[b][k]
			next[b][k] = at
			at += n
		}
	}
	begins[buckets] = at
	dealt := make([]T, len(s))
	if !each(on, &deal, blocks, func(first, end int) {
		for b := first; b < end; b++ {
			lo, hi := span(b)
			n := &next[b]
			for i := lo; i < hi; i++ {
				k := where[i]
				dealt[n[k]] = s[i]
				n[k]++
			}
		}
	}) {
		return
	}
	if !each(on, &deal, buckets, func(first, end int) {
		for k := first; k < end; k++ {
			bucket := dealt[begins[k]:begins[k+1]]
			fisherYates(bucket, rand.NewPCG(seed, uint64(2*k+2)))
			copy(s[begins[k]:], bucket)
		}
	}) {
		copy(s, dealt) // or what some buckets have overwritten would be lost
	}
}

const (
	buckets      = 1 << 8
	shuffleBlock = 1 << 14
)

// deal is the cost of a block or a bucket.
var deal cost

func init() { deal.price.Store(50_000_000) } // initialisation

func fisherYates[T any](s []T, source rand.Source) {
	r := rand.New(source)
	for i := len(s) - 1; i > 0; i-- {
		k := r.IntN(i + 1)
		s[i], s[k] = s[k], s[i]
	}
}
