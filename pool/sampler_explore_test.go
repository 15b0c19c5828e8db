//go:build explore

package pool

import (
	"testing"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/explore"
)

// A worker adds kinds while a reader goes through the list twice: what was there is found again, complete (K1).
func kindsRead(add func(s *sampler, k *kind)) func(*explore.X) {
	return func(x *explore.X) {
		s := new(sampler)
		var names [4]explore.Plain[bool] // what is plain in a kind, for the explorer
		x.Go("worker", func() {
			for i := range 2 {
				k := &kind{name: string(rune('0' + i))}
				names[i].Set(true)
				add(s, k)
			}
		})
		x.Go("reader", func() {
			for range 2 {
				n, newest := 0, -1
				for k := s.kinds.Load(); k != nil; k = k.next {
					i := int(k.name[0] - '0')
					x.Assert(names[i].Get(), "K1: a kind is in the list before it is complete")
					n, newest = n+1, max(newest, i)
				}
				x.Assert(n == newest+1, "K1: kind %d is there, and some before it are not", newest)
			}
		})
	}
}

func TestExploreKinds(t *testing.T) {
	explore.Check(t, explore.Options{}, kindsRead((*sampler).add))
}

func TestRefuteKinds(t *testing.T) {
	explore.Refute(t, explore.Options{}, kindsRead(func(s *sampler, k *kind) {
		next := s.kinds.Load()
		atomicx.StoreReleasePointer(&s.kinds, k)
		s.kinds.Load()
		k.next = next
	}))
}
