package gen

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/types"
	"math"
	"slices"
)

// This file gives the frames of functions that are awaited one after the other a common place.
//
// Memory has a type in Go, so a frame can lie in another only if that has its fields. So the frame
// of a function may extend that of another, the base, which the same functions await:
//
//	type baseFrame struct {       type largeFrame struct {
//		machine.Call                  baseFrame // fields of the same types are its own
//		...                           ...       // what base has none for
//	}                             }
//
// Who awaits both has a largeCall, and base's frame is (*baseCall)(&m.large.baseFrame): no unsafe, and no
// function's frame grows but by what of its base it has no use for. The frame of a function that large awaits
// is free then, too: &m.large.inner.

// everywhere are the sizes that decide, so that an output is the same on all machines.
var everywhere types.Sizes = deciding{types.SizesFor("gc", "amd64")}

type deciding struct{ types.Sizes }

// unknownFrame is what decides for a frame of another package, whose output may be there or not.
const unknownFrame = 64

// part is a field of a frame: of variables, of the list of deferred calls, or of an awaited function's frame.
type part struct {
	slot *slot // or
	kid  *kid  // or
	lit  *fun  // or none of them, for the list
}

// place is a field that a frame has of its own, or of its base.
type place struct {
	name string
	typ  types.Type // of variables
	kid  *kid       // of frames
	lit  *fun       // of literals
	size int64
}

// parts returns what f keeps in its frame.
func (f *fun) parts() (list []part) {
	ofSite := f.ofSites()
	for _, s := range f.order {
		if s.frame && s.shares == nil && !(f.listed && ofSite[s]) {
			list = append(list, part{slot: s})
		}
	}
	if f.listed {
		list = append(list, part{})
	}
	for _, k := range f.frames {
		if k.host == nil {
			list = append(list, part{kid: k})
		}
	}
	for _, l := range f.insides() {
		list = append(list, part{lit: l})
	}
	return list
}

// ofSites returns the slots of deferred calls.
func (f *fun) ofSites() map[*slot]bool {
	m := map[*slot]bool{}
	for _, s := range f.defers {
		m[s.fun] = true
		for _, a := range s.args {
			m[a] = true
		}
	}
	return m
}

// own returns the parts that have fields of f's own, those with the strictest alignment first, so that there
// are no gaps.
func (f *fun) own() (list []part) {
	for _, p := range f.parts() {
		if p.slot != nil && p.slot.based || p.kid != nil && p.kid.based {
			continue
		}
		list = append(list, p)
	}
	if !f.unit.plain {
		slices.SortStableFunc(list, func(a, b part) int {
			return cmp.Compare(f.rank(b), f.rank(a))
		})
	}
	return list
}

// rank is the alignment of a field. What has no size comes first: at the end it would take a place.
func (f *fun) rank(p part) int64 {
	size, align := f.sizeOf(p, everywhere)
	if size == 0 {
		return math.MaxInt64
	}
	return align
}

// sizeOf returns size and alignment of a field. The size is negative if it depends on type parameters.
func (f *fun) sizeOf(p part, sizes types.Sizes) (size, align int64) {
	word := sizes.Sizeof(types.Typ[types.Uintptr])
	of := func(t types.Type) (int64, int64) {
		if dependsOnParam(t, map[types.Type]bool{}) {
			return -1, word
		}
		return sizes.Sizeof(t), sizes.Alignof(t)
	}
	switch {
	case p.slot != nil:
		return of(p.slot.fieldType())
	case p.lit != nil:
		size, known := p.lit.size(sizes)
		if !known {
			size = -1
		}
		return size, word
	case p.kid == nil:
		return 3 * word, word
	case p.kid.pointer:
		return word, word
	case p.kid.f.elsewhere && sizes == everywhere:
		return unknownFrame, word
	case p.kid.f.elsewhere:
		return f.unit.sizeElsewhere(p.kid), word
	}
	size, known := p.kid.f.size(sizes)
	if !known {
		size = -1
	}
	return size, word
}

// size returns the size of f's frame. known is false if it depends on type parameters, beside that.
func (f *fun) size(sizes types.Sizes) (size int64, known bool) {
	if f.settled && sizes == everywhere {
		return f.total, f.known
	}
	word := sizes.Sizeof(types.Typ[types.Uintptr])
	known = true
	if f.base != nil {
		size, known = f.base.size(sizes)
	} else if t := f.unit.machineType(f.head()); t != nil {
		size = sizes.Sizeof(t)
	}
	largest := word
	for _, p := range f.own() {
		s, align := f.sizeOf(p, sizes)
		if s < 0 {
			known = false
			continue
		}
		largest = max(largest, align)
		size = (size+align-1)/align*align + s
	}
	if f.bounded {
		size += word // its function
	}
	return (size + largest - 1) / largest * largest, known
}

// head is the type that f's frame begins with.
func (f *fun) head() string {
	if f.lit != nil {
		return "Literal"
	}
	return "Call"
}

// least returns how much lives across one wait of f at most: the size of a frame whose memory had no type.
func (f *fun) least(sizes types.Sizes) (size int64) {
	var head int64
	if t := f.unit.machineType(f.head()); t != nil {
		head = sizes.Sizeof(t)
	}
	of := func(s *slot) int64 {
		size, _ := f.sizeOf(part{slot: s}, sizes)
		return max(0, size)
	}
	always := int64(0) // what is there without a wait
	var pinned []*slot
	for _, s := range f.order {
		if s.pinned && !f.isParam(s) {
			pinned = append(pinned, s)
			always += of(s)
		}
	}
	for _, l := range f.insides() {
		always += l.least(sizes)
	}
	for _, k := range f.frames {
		if k.pointer && !k.spare {
			always += sizes.Sizeof(types.Typ[types.Uintptr])
		}
	}
	for _, i := range f.code {
		across, waits := i.across()
		if !waits {
			continue
		}
		n := always
		for k, s := range f.order {
			if across.has(k) && !slices.Contains(pinned, s) {
				n += of(s)
			}
		}
		if k := i.kid; k != nil && (!k.pointer || k.spare) {
			if k.f.elsewhere {
				n += max(0, f.unit.sizeElsewhere(k))
			} else {
				n += k.f.least(sizes)
			}
		}
		size = max(size, n)
	}
	return head + size
}

// places returns the fields of f's frame, its base's first.
func (f *fun) places() (list []place) {
	if f.settled && f.fields != nil {
		return f.fields
	}
	if f.base != nil {
		list = slices.Clip(f.base.places())
	}
	for _, p := range f.own() {
		size, _ := f.sizeOf(p, everywhere)
		switch {
		case p.slot != nil:
			list = append(list, place{name: p.slot.fieldName(), typ: p.slot.fieldType(), size: size})
		case p.lit != nil:
			list = append(list, place{name: p.lit.nest, lit: p.lit, size: size})
		case p.kid != nil:
			list = append(list, place{name: p.kid.name, kid: p.kid, size: size})
		default:
			list = append(list, place{name: "defers", size: size})
		}
	}
	return list
}

// fieldName is the name of the field that s has.
func (s *slot) fieldName() string { return cmp.Or(s.field().at, s.field().name) }

// extends reports whether f's frame begins with that of g.
func (f *fun) extends(g *fun) bool {
	for f = f.base; f != nil; f = f.base {
		if f == g {
			return true
		}
	}
	return false
}

// way returns where in f's frame there is one for g that nobody needs when f is not in progress: the fields
// that lead there.
func (f *fun) way(g *fun) (path string, ok bool) {
	if f.settled {
		if p, found := f.ways[g]; found {
			return p, p != ""
		}
		defer func() {
			if f.ways == nil {
				f.ways = map[*fun]string{}
			}
			f.ways[g] = path
		}()
	}
	if f.extends(g) {
		return "." + g.frame, true
	}
	for _, pl := range f.places() {
		if k := pl.kid; k == nil || !k.merges() {
			continue
		} else if k.f == g {
			return "." + pl.name, true
		} else if p, ok := k.f.way(g); ok {
			return "." + pl.name + p, true
		}
	}
	return "", false
}

// merges reports whether the frame of a function may have a base, or be one.
func (f *fun) merges() bool { return f.lit == nil && !f.elsewhere && len(f.tparams) == 0 }

// variant is what decides whether the output that f is in is compiled: a base is in all builds that its
// extensions are in.
func (f *fun) variant() string {
	c := ""
	if x := constraintOf(f.src.file); x != nil {
		c = x.String()
	}
	name := f.src.output
	for i := len(name) - len("_heist"); i >= 0; i-- {
		if name[i:i+len("_heist")] == "_heist" {
			return c + name[i:]
		}
	}
	return c + name
}

// frames decides which frames lie in others.
func (u *unit) frames(all []*fun) {
	var everyone []*fun // who awaits
	var add func(list []*fun)
	add = func(list []*fun) {
		for _, f := range list {
			everyone = append(everyone, f)
			add(f.lits)
		}
	}
	add(all)
	// How large frames are at least, whatever type parameters are: who awaits a function weighs more.
	weight := map[*fun]int64{}
	var weigh func(f *fun) int64
	weigh = func(f *fun) int64 {
		if n, found := weight[f]; found {
			return n
		}
		n := int64(1)
		for _, p := range f.parts() {
			if k := p.kid; k != nil && !k.pointer && !k.f.elsewhere {
				n += weigh(k.f)
			} else if p.lit != nil {
				n += weigh(p.lit)
			} else if size, _ := f.sizeOf(p, everywhere); size > 0 {
				n += size
			}
		}
		weight[f] = n
		return n
	}
	for _, f := range everyone {
		weigh(f)
	}
	callers := map[*fun][]*fun{} // of functions that may have a base
	for _, c := range everyone {
		for _, k := range c.frames {
			if k.merges() {
				callers[k.f] = append(callers[k.f], c)
			}
		}
	}
	slices.SortStableFunc(everyone, func(a, b *fun) int { return cmp.Compare(weight[a], weight[b]) }) // awaited ones first
	done := map[*fun]bool{}
	for _, f := range everyone {
		f.lodge()
		f.lease()
		if len(callers[f]) > 0 {
			f.findBase(callers[f], done)
		}
		done[f] = true
		size, known := f.size(everywhere)
		f.settled, f.total, f.known = true, size, known
		if f.merges() {
			f.fields = f.places()
		}
	}
}

// merges reports whether the frame of k may lie in another.
func (k *kid) merges() bool { return !k.pointer && k.f.merges() }

// lodge finds frames among those that f awaits that lie in others of them.
func (f *fun) lodge() {
	within := func(k *kid) *kid {
		for _, h := range f.frames {
			if h != k && h.merges() && k.merges() && h.f.has(k.f) {
				return h
			}
		}
		return nil
	}
	for _, k := range f.frames {
		for h := within(k); h != nil; h = within(h) {
			k.host = h
			k.way, _ = h.f.way(k.f)
		}
	}
}

// leastGain is how many bytes a frame has to be smaller for it that its functions' frames come from a free list: that
// costs as much as two calls.
const leastGain = 64

// lease has the frames of functions that f awaits come from a free list, each for its call, if they would have much more
// room in f's than the largest of them needs.
func (f *fun) lease() {
	var sum, most int64
	var list []*kid
	for _, k := range f.frames {
		if !k.merges() {
			continue
		}
		size, known := k.f.size(everywhere)
		if !known {
			continue
		}
		list = append(list, k)
		if k.host == nil {
			sum += size
		}
		most = max(most, k.f.peak(everywhere))
	}
	word := everywhere.Sizeof(types.Typ[types.Uintptr])
	if sum-most-int64(len(list))*word < leastGain {
		return
	}
	for _, k := range list {
		k.pointer, k.spare, k.host = true, true, nil
		k.f.spares = cmp.Or(k.f.spares, k.f.topName("Spares"))
	}
}

// peak is how large f's frame is at most together with one that comes from a free list.
func (f *fun) peak(sizes types.Sizes) int64 {
	size, _ := f.size(sizes)
	var more int64
	for _, k := range f.frames {
		switch {
		case k.spare:
			more = max(more, k.f.peak(sizes))
		case !k.pointer && !k.f.elsewhere:
			inner, _ := k.f.size(sizes)
			more = max(more, k.f.peak(sizes)-inner)
		}
	}
	for _, l := range f.insides() {
		inner, _ := l.size(sizes)
		more = max(more, l.peak(sizes)-inner)
	}
	return size + more
}

// mostWaste is how many bytes a frame may be larger than it has to be, for the sake of who awaits it and others; or a
// quarter, if that is more.
const mostWaste = 32

// findBase lets f extend the function that saves most where both are awaited.
func (f *fun) findBase(callers []*fun, done map[*fun]bool) {
	size, known := f.size(everywhere)
	if !known {
		return
	}
	var best *fun
	var most int64
	seen := map[*fun]bool{}
	for _, c := range callers {
		for _, k := range c.frames {
			g := k.f
			if !k.merges() || g == f || seen[g] || !done[g] || g.variant() != f.variant() {
				continue
			}
			seen[g] = true
			waste, fits := f.waste(g)
			if !fits || waste > max(mostWaste, size/4) {
				continue
			}
			gain := -waste
			for _, c := range callers {
				f.base = nil
				gain += c.awaited(f, done, size)
				f.base = g
				gain -= c.awaited(f, done, size+waste)
				f.base = nil
			}
			if gain > most {
				best, most = g, gain
			}
		}
	}
	if best == nil {
		return
	}
	f.move(best)
	f.base = best
	best.frame = cmp.Or(best.frame, best.topName("Frame"))
	f.rename()
}

// has reports whether there is a frame for g in f's.
func (f *fun) has(g *fun) bool {
	_, ok := f.way(g)
	return ok
}

// awaited returns how large the frames are together that c has for functions whose bases are known, and for f,
// which has that size.
func (c *fun) awaited(f *fun, done map[*fun]bool, size int64) (sum int64) {
	is := func(k *kid) bool { return k.merges() && (done[k.f] || k.f == f) }
	for _, k := range c.frames {
		if !is(k) || slices.ContainsFunc(c.frames, func(h *kid) bool { return h != k && is(h) && h.f.has(k.f) }) {
			continue
		}
		if k.f == f {
			sum += size
			continue
		}
		s, _ := k.f.size(everywhere)
		sum += s
	}
	return sum
}

// waste returns how large the fields of g are that f has no use for.
func (f *fun) waste(g *fun) (waste int64, fits bool) {
	used := f.match(g, func(part, place) {})
	for i, p := range g.places() {
		if p.size < 0 {
			return 0, false
		}
		if !used[i] {
			waste += p.size
		}
	}
	return waste, true
}

// match finds a field of g's frame for each part of f that has one, and calls do with them.
func (f *fun) match(g *fun, do func(part, place)) (used map[int]bool) {
	used = map[int]bool{}
	places, parts := g.places(), f.parts()
	found := map[int]bool{}
	for _, named := range []bool{true, false} { // those of the same name first, for readers
		for n, p := range parts {
			if found[n] {
				continue
			}
			for i, pl := range places {
				if used[i] && !f.mutant("two variables have one field of a shared frame") || !p.fits(pl) {
					continue
				}
				if named && p.name() != pl.name {
					continue
				}
				used[i], found[n] = true, true
				do(p, pl)
				break
			}
		}
	}
	return used
}

func (p part) name() string {
	switch {
	case p.slot != nil:
		return p.slot.name
	case p.kid != nil:
		return p.kid.name
	case p.lit != nil:
		return p.lit.nest
	}
	return "defers"
}

// fits reports whether a part can be in a field of another frame.
func (p part) fits(pl place) bool {
	switch {
	case p.slot != nil:
		return pl.typ != nil && types.Identical(p.slot.fieldType(), pl.typ)
	case p.lit != nil:
		return false
	case p.kid != nil:
		return pl.kid != nil && pl.lit == nil && pl.kid.f == p.kid.f && pl.kid.pointer == p.kid.pointer && sameTypes(pl.kid.targs, p.kid.targs)
	}
	return false
}

// move gives f's parts the fields of its base.
func (f *fun) move(base *fun) {
	f.match(base, func(p part, pl place) {
		if p.slot != nil {
			p.slot.at, p.slot.based = pl.name, true
		} else {
			p.kid.name, p.kid.based = pl.name, true
		}
	})
}

// rename gives the fields of f's own names that its base does not have.
func (f *fun) rename() {
	taken := map[string]bool{}
	for g := f.base; g != nil; g = g.base {
		taken[g.frame] = true
	}
	for _, p := range f.base.places() {
		taken[p.name] = true
	}
	free := func(name string) string {
		for n, i := name, 2; ; n, i = fmt.Sprintf("%s_%d", name, i), i+1 {
			if !taken[n] && (n == name || !f.names[n] && !f.idents[n]) {
				taken[n] = true
				return n
			}
		}
	}
	for _, p := range f.own() {
		if p.slot != nil {
			p.slot.at = free(p.slot.name)
		} else if p.kid != nil {
			p.kid.name = free(p.kid.name)
		} else if p.lit != nil {
			p.lit.nest = free(p.lit.nest)
		}
	}
}

// topName returns a free name for a declaration of f's: with "Frame" for the fields that others extend.
func (f *fun) topName(suffix string) string {
	u := f.unit
	base := lowerFirst(f.name) + suffix
	for n, i := base, 2; ; n, i = fmt.Sprint(base, i), i+1 {
		if u.taken[n] || u.Types.Scope().Lookup(n) != nil || u.mentions(n) {
			continue
		}
		u.taken[n] = true
		return n
	}
}

// mentions reports whether a source has a name.
func (u *unit) mentions(name string) (yes bool) {
	for _, s := range u.sources {
		ast.Inspect(s.file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Name == name {
				yes = true
			}
			return !yes
		})
	}
	return yes
}

// kidPlace is where the frame of an awaited function is.
func (w *writer) kidPlace(k *kid) string {
	if k.host != nil {
		return k.name // see code
	}
	return w.f.self + "." + k.name
}
