//go:build explore

package chans

import (
	"errors"
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
)

// sights are the parts of a Watch that a control may replace.
type sights struct {
	set   func(*Watch[parcel], parcel) error
	close func(*Watch[parcel])
	next  func(*Watcher[parcel], *task.Cx) (parcel, error)
}

var soundSights = sights{
	func(w *Watch[parcel], v parcel) error { return w.Set(nil, v) },
	func(w *Watch[parcel]) { w.Close(nil) },
	(*Watcher[parcel]).Next,
}

// watched: a value changes twice and then no more, while one watches. It sees values in
// their order, the last one for certain, and the end.
func watched(w sights, closes bool) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		watch := NewWatch[parcel](nil)
		watcher := watch.Watch()
		last := 0
		r.Start(rig.Named("watcher", func(cx *task.Cx) error {
			for closes || last < 2 {
				p, err := w.next(watcher, cx)
				switch {
				case errors.Is(err, task.ErrClosed):
					return nil
				case err != nil:
					return err
				}
				x.Assert(p.Get() > last, "%d is no news after %d", p.Get(), last)
				last = p.Get()
			}
			return nil
		}))
		x.Go("setter", func() {
			for v := 1; v <= 2; v++ {
				x.Assert(w.set(watch, pack(v)) == nil, "an open watch refuses a value")
			}
			if closes {
				w.close(watch)
				x.Assert(w.set(watch, pack(3)) != nil, "a closed watch accepts a value")
			}
		})
		x.Final(func() {
			r.Settled()
			x.Assert(last == 2, "the last value seen is %d", last)
			x.Assert(watch.set.Empty(), "somebody is still listed")
		})
	}
}

func TestExploreWatch(t *testing.T) {
	explore.Check(t, bounded(3), watched(soundSights, false))
	explore.Check(t, bounded(3), watched(soundSights, true))
}

// updated: two count, and one watches. Nothing is counted twice or not at all.
func updated(update func(*Watch[int])) func(*explore.X) {
	return func(x *explore.X) {
		r := rig.New(x, 1)
		watch := NewWatch(0)
		watcher, last := watch.Watch(), 0
		r.Start(rig.Named("watcher", func(cx *task.Cx) (err error) {
			for last < 2 && err == nil {
				var v int
				if v, err = watcher.Next(cx); err == nil {
					last = v
				}
			}
			return err
		}))
		for _, name := range []string{"first", "second"} {
			x.Go(name, func() { update(watch) })
		}
		x.Final(func() {
			r.Settled()
			x.Assert(watch.Get() == 2, "the sum of two is %d", watch.Get())
		})
	}
}

func TestExploreUpdate(t *testing.T) {
	explore.Check(t, bounded(2), updated(func(w *Watch[int]) {
		_ = w.Update(nil, func(n int) (int, bool) { return n + 1, true })
	}))
}

func TestRefuteWatches(t *testing.T) {
	t.Run("Set that looks at who waits first", func(t *testing.T) {
		w := soundSights
		w.set = func(w *Watch[parcel], v parcel) error {
			w.set.WakeAll(&w.mu, nil)
			_, err := w.change(func(parcel) (parcel, bool) { return v, true })
			return err
		}
		rig.Refute(t, 2, "deadlock", watched(w, false))
	})
	t.Run("Close that tells nobody", func(t *testing.T) {
		w := soundSights
		w.close = func(w *Watch[parcel]) { w.closed.Store(true) }
		rig.Refute(t, 2, "deadlock", watched(w, true))
	})
	next := func(look func(*Watcher[parcel]) (parcel, error), again bool) func(*Watcher[parcel], *task.Cx) (parcel, error) {
		return func(r *Watcher[parcel], cx *task.Cx) (v parcel, err error) {
			if v, err = look(r); err == ErrEmpty {
				r.w.set.Listen(cx, &r.w.mu)
				if again {
					v, err = look(r)
				}
				if err == ErrEmpty {
					return nil, cx.Suspend()
				}
			}
			r.w.set.Forget(cx)
			return v, err
		}
	}
	t.Run("Next without a second look", func(t *testing.T) {
		w := soundSights
		w.next = next((*Watcher[parcel]).next, false)
		rig.Refute(t, 2, "deadlock", watched(w, false))
	})
	t.Run("Next that looks whether it is closed last", func(t *testing.T) {
		w := soundSights
		w.next = next(func(r *Watcher[parcel]) (parcel, error) {
			if r.w.latest.Load().n == r.seen && r.w.closed.Load() {
				return nil, errClosed
			}
			return r.next()
		}, true)
		rig.Refute(t, 2, "the last value seen is", watched(w, true))
	})
	t.Run("Next that reads the value twice", func(t *testing.T) {
		w := soundSights
		w.next = next(func(r *Watcher[parcel]) (parcel, error) {
			closed := r.w.closed.Load()
			if n := r.w.latest.Load().n; n != r.seen {
				r.seen = n
				return r.w.latest.Load().v, nil
			}
			if closed {
				return nil, errClosed
			}
			return nil, ErrEmpty
		}, true)
		rig.Refute(t, 2, "is no news after", watched(w, true))
	})
	t.Run("Update in two steps", func(t *testing.T) {
		rig.Refute(t, 2, "deadlock", updated(func(w *Watch[int]) {
			n := w.Get()
			_ = w.Set(nil, n+1)
		}))
	})
}
