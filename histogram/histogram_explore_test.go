//go:build explore

package histogram

import (
	"testing"
	"time"

	"github.com/heist-go/heist/internal/explore"
)

// A writer records some durations; a reader reads twice meanwhile (H1, H2).
func readAndWrite(record func(*Recorder, time.Duration), add func(*Recorder, *Histogram), writers int) func(*explore.X) {
	return func(x *explore.X) {
		r := new(Recorder)
		for range writers {
			x.Go("writer", func() {
				for range 2 {
					record(r, 100)
				}
			})
		}
		x.Go("reader", func() {
			var first, second Histogram
			add(r, &first)
			add(r, &second)
			for _, h := range []*Histogram{&first, &second} {
				x.Assert(h.Sum >= time.Duration(100*h.Counts[index(100)]), "H2: %d are counted, and the sum is %d", h.Counts[index(100)], h.Sum)
			}
			x.Assert(second.Sum >= first.Sum && second.Counts[index(100)] >= first.Counts[index(100)], "H1: it has shrunk")
		})
		x.Final(func() {
			var h Histogram
			add(r, &h)
			x.Assert(h.Counts[index(100)] == uint64(2*writers) && h.Sum == time.Duration(200*writers), "H1: %d of %d", h.Counts[index(100)], 2*writers)
		})
	}
}

// addTo is AddTo for the one bucket that is used: the others are loads that nobody writes to.
func addTo(r *Recorder, h *Histogram) {
	h.Counts[index(100)] += r.counts[index(100)].Load()
	h.Sum += time.Duration(r.sum.Load())
}

func record(r *Recorder, d time.Duration) { r.Record(d, 1) }

var exhaustive = explore.Options{}

func TestExploreRecorder(t *testing.T) { explore.Check(t, exhaustive, readAndWrite(record, addTo, 1)) }

func TestRefuteRecorders(t *testing.T) {
	t.Run("the count before the sum", func(t *testing.T) {
		explore.Refute(t, exhaustive, readAndWrite(func(r *Recorder, d time.Duration) {
			c := &r.counts[index(d)]
			c.Store(c.Load() + 1)
			r.sum.Store(r.sum.Load() + uint64(d))
		}, addTo, 1))
	})
	t.Run("reads the sum first", func(t *testing.T) {
		explore.Refute(t, exhaustive, readAndWrite(record, func(r *Recorder, h *Histogram) {
			h.Sum += time.Duration(r.sum.Load())
			h.Counts[index(100)] += r.counts[index(100)].Load()
		}, 1))
	})
	t.Run("two writers", func(t *testing.T) { explore.Refute(t, exhaustive, readAndWrite(record, addTo, 2)) })
}
