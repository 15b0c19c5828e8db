package reactor

// table is the descriptors of a reactor, by their keys. A key is a place and a generation, which is the
// number of those that had the place before: so a late report about a descriptor that was taken
// out finds nobody.
//
//	key   low half    the place: page * pageSize + slot
//	      high half   the generation
//
// Places are low: a new descriptor gets one in the first page that is not full. So after a burst the
// table shrinks as its descriptors go. It keeps the first page, each page with a descriptor
// in it, and four pointers for each page up to the last of them.
type table struct {
	pages   []*page // nil: an empty one
	low     int     // all pages before it are full
	used    int
	nextGen uint32 // the first generation in a new page: no key of a page that was given up has it
}

// pageSize is the number of places in a page.
const pageSize = 256

type page struct {
	slots [pageSize]slot
	used  int
	fresh uint16 // the places from here on were not used yet
	free  uint16 // 1 + the place that became free last, or 0
}

// slot is a place in the table.
type slot struct {
	source *source
	gen    uint32 // of the descriptor that is, or will be, in it
	free   uint16 // 1 + the place that became free before this one, or 0
}

// add gives s a place, and returns its key.
func (t *table) add(s *source) (key uint64) {
	for t.low < len(t.pages) && t.pages[t.low] != nil && t.pages[t.low].used == pageSize {
		t.low++
	}
	if t.low == len(t.pages) {
		t.pages = append(t.pages, nil)
	}
	p := t.pages[t.low]
	if p == nil {
		p = new(page)
		t.pages[t.low] = p
	}
	var i uint16
	if p.free != 0 {
		i = p.free - 1
		p.free = p.slots[i].free
	} else {
		i = p.fresh
		p.fresh++
		p.slots[i].gen = t.nextGen
	}
	p.slots[i].source = s
	p.used++
	t.used++
	return uint64(p.slots[i].gen)<<32 | uint64(t.low*pageSize+int(i))
}

// find returns the source with that key, or nil.
func (t *table) find(key uint64) *source {
	at, i := splitKey(key)
	if at >= len(t.pages) || t.pages[at] == nil || t.pages[at].slots[i].gen != uint32(key>>32) {
		return nil
	}
	return t.pages[at].slots[i].source
}

// remove takes out the source with that key.
func (t *table) remove(key uint64) {
	at, i := splitKey(key)
	p := t.pages[at]
	s := &p.slots[i]
	s.source = nil
	s.gen++ // what is still on its way is about nobody
	s.free, p.free = p.free, i+1
	p.used--
	t.used--
	t.low = min(t.low, at)
	if p.used == 0 && at > 0 {
		t.freePage(at)
	}
}

// freePage lets go of a page in which nobody is, and of the end of the list of pages.
func (t *table) freePage(at int) {
	for _, s := range t.pages[at].slots[:t.pages[at].fresh] {
		t.nextGen = max(t.nextGen, s.gen)
	}
	t.pages[at] = nil
	n := len(t.pages)
	for t.pages[n-1] == nil {
		n--
	}
	t.pages = t.pages[:n]
	if 4*n < cap(t.pages) {
		t.pages = append(make([]*page, 0, 2*n), t.pages...)
	}
}

// splitKey returns the page of a key, and the place in it.
func splitKey(key uint64) (at int, i uint16) {
	return int(uint32(key) / pageSize), uint16(key % pageSize)
}

// page writes the descriptors of a page into list, and reports whether it was the last.
func (t *table) page(at int, list *[pageSize]*source) (n int, last bool) {
	if at < len(t.pages) && t.pages[at] != nil {
		for _, s := range t.pages[at].slots[:t.pages[at].fresh] {
			if s.source != nil {
				list[n] = s.source
				n++
			}
		}
	}
	return n, at+1 >= len(t.pages)
}

// all returns all descriptors.
func (t *table) all() (list []*source) {
	for _, p := range t.pages {
		if p == nil {
			continue
		}
		for _, s := range p.slots[:p.fresh] {
			if s.source != nil {
				list = append(list, s.source)
			}
		}
	}
	return list
}
