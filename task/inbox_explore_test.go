//go:build explore

package task

import (
	"slices"
	"testing"

	"github.com/heist-go/heist/internal/explore"
)

// inboxes is the methods of Inbox that a control may replace.
type inboxes struct {
	name string
	put  func(*Inbox, Batch)
	take func(*Inbox, func(*Frame)) int
}

var realInbox = inboxes{"sound", (*Inbox).Put, (*Inbox).Take}

// peeks takes with a load and a store: what arrives in between is lost.
var peeks = inboxes{"takes in two steps", realInbox.put, func(in *Inbox, yield func(*Frame)) (n int) {
	f := in.newest.Load()
	in.newest.Store(nil)
	return realInbox.take(inboxOf(f), yield)
}}

// inboxOf returns an inbox that only the caller knows.
func inboxOf(f *Frame) *Inbox {
	in := new(Inbox)
	in.newest.Store(f)
	return in
}

// links writes the link only when the frame is in the list already.
var links = inboxes{"links late", func(in *Inbox, b Batch) {
	for {
		head := in.newest.Load()
		if in.newest.CompareAndSwap(head, b.newest) {
			b.oldest.next.Set(head)
			return
		}
	}
}, realInbox.take}

// pops takes one frame at a time, as a stack does: the same frame may be on top
// again while the one below it has gone (the ABA problem).
var pops = inboxes{"pops one by one", realInbox.put, func(in *Inbox, yield func(*Frame)) (n int) {
	for {
		f := in.newest.Load()
		if f == nil {
			return n
		}
		if in.newest.CompareAndSwap(f, f.next.Get()) {
			f.next.Set(nil)
			yield(f)
			n++
		}
	}
}}

// blind puts without looking whether it was the only one.
var blind = inboxes{"puts with a store", func(in *Inbox, b Batch) {
	b.oldest.next.Set(in.newest.Load())
	in.newest.Store(b.newest)
}, realInbox.take}

// newestFirst does not turn the chain around.
var newestFirst = inboxes{"newest first", realInbox.put, func(in *Inbox, yield func(*Frame)) (n int) {
	for f := in.newest.Swap(nil); f != nil; n++ {
		next := f.next.Get()
		f.next.Set(nil)
		yield(f)
		f = next
	}
	return n
}}

// parcels is a model: two putters with two frames each, one by one or as a batch,
// and takers that come so often. With again, a frame that was taken comes back
// once, as that of a task which is woken at once. At the end everything has
// arrived, and to whom it arrived, what came from one putter in its order.
type parcels struct {
	name         string
	batch, again bool
	takers       []int
}

func (p parcels) model(in inboxes) func(*explore.X) {
	return func(x *explore.X) {
		var box Inbox
		var frames [4]Frame
		var body [4]explore.Plain[int] // what a frame brings along: how often it was put
		number := map[*Frame]int{}
		for i := range frames {
			number[&frames[i]] = i
		}
		got := make([][]int, len(p.takers)+1)
		put := func(b Batch, numbers ...int) {
			for _, i := range numbers {
				body[i].Set(body[i].Get() + 1)
				b.Add(&frames[i])
			}
			in.put(&box, b)
		}
		take := func(who int) {
			in.take(&box, func(f *Frame) {
				i := number[f]
				got[who] = append(got[who], i)
				x.Assert(f.next.Get() == nil, "frame %d comes with a link", i)
				if p.again && body[i].Get() == 1 && i%2 == 0 {
					put(Batch{}, i)
				}
			})
		}
		for first, name := range []string{"putter", "another"} {
			x.Go(name, func() {
				if p.batch {
					put(Batch{}, 2*first, 2*first+1)
					return
				}
				put(Batch{}, 2*first)
				put(Batch{}, 2*first+1)
			})
		}
		for who, times := range p.takers {
			x.Go("taker", func() {
				for range times {
					take(who)
				}
			})
		}
		x.Final(func() {
			for !box.Empty() {
				take(len(p.takers))
			}
			var seen [4]int
			for _, list := range got {
				for n, i := range list {
					seen[i]++
					if i%2 == 0 && !p.again {
						x.Assert(!slices.Contains(list[:n], i+1), "frame %d has overtaken its elder", i+1)
					}
				}
			}
			for i, n := range seen {
				x.Assert(n == body[i].Get(), "frame %d was put %d times and has arrived %d times", i, body[i].Get(), n)
			}
		})
	}
}

var allParcels = []parcels{
	{"one by one", false, false, []int{2}},
	{"batches", true, false, []int{1, 1}},
	{"batches, taken often", true, false, []int{2, 1}},
	{"and again", true, true, []int{2, 1}},
}

func TestExploreInbox(t *testing.T) {
	o := exhaustive
	if testing.Short() {
		o = bounded(3)
	}
	for _, p := range allParcels {
		t.Run(p.name, func(t *testing.T) { explore.Check(t, o, p.model(realInbox)) })
	}
}

// Two takers and frames one by one are too much to enumerate.
func TestExploreInboxBounded(t *testing.T) {
	explore.Check(t, bounded(3), parcels{"", false, false, []int{2, 2}}.model(realInbox))
}

func TestRefuteInboxes(t *testing.T) {
	for _, in := range []inboxes{peeks, links, pops, blind, newestFirst} {
		p := allParcels[0]
		if in.name == pops.name {
			p = allParcels[3] // not for the order alone
		}
		t.Run(in.name, func(t *testing.T) { explore.Refute(t, exhaustive, p.model(in)) })
	}
}
