//go:build !explore

package atomicx

var _ = inlinable

// inlinable makes the methods of the aliases free. The compiler inlines a method
// only if it finds its body in the export data of a package that was imported;
// a package that imports atomicx alone finds here what it would find in
// sync/atomic. (Without it, Int64.Load is a call: 2.2 ns instead of 0.5.)
func inlinable(a *Int32, b *Int64, c *Uint32, d *Uint64, e *Bool) {
	a.Load()
	a.Store(0)
	a.Swap(0)
	a.CompareAndSwap(0, 0)
	a.Add(0)
	a.And(0)
	a.Or(0)
	b.Load()
	b.Store(0)
	b.Swap(0)
	b.CompareAndSwap(0, 0)
	b.Add(0)
	b.And(0)
	b.Or(0)
	c.Load()
	c.Store(0)
	c.Swap(0)
	c.CompareAndSwap(0, 0)
	c.Add(0)
	c.And(0)
	c.Or(0)
	d.Load()
	d.Store(0)
	d.Swap(0)
	d.CompareAndSwap(0, 0)
	d.Add(0)
	d.And(0)
	d.Or(0)
	e.Load()
	e.Store(false)
	e.Swap(false)
	e.CompareAndSwap(false, false)
}
