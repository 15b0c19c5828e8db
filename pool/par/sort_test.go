package par_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
)

func sameFloats(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return cmp.Compare(x, y) == 0 })
}

func TestSort(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range sizes() {
			for name, s := range inputs(n) {
				want := slices.Sorted(slices.Values(s))
				got := slices.Clone(s)
				par.Sort(p, got)
				require.True(t, slices.Equal(want, got), "%s %d", name, n)

				texts := make([]string, n)
				for i, v := range s {
					texts[i] = fmt.Sprint(v)
				}
				wantTexts := slices.Sorted(slices.Values(texts))
				par.Sort(p, texts)
				require.True(t, slices.Equal(wantTexts, texts), "%s %d", name, n)

				is := items(s)
				par.SortFunc(p, is, byKey)
				require.True(t, slices.IsSortedFunc(is, byKey), "%s %d", name, n)
				slices.SortFunc(is, func(a, b item) int { return cmp.Compare(a.at, b.at) })
				require.True(t, slices.Equal(items(s), is), "%s %d: not the same elements", name, n)

				par.SortStableFunc(p, is, byKey)
				stable := items(s)
				slices.SortStableFunc(stable, byKey)
				require.True(t, slices.Equal(stable, is), "%s %d", name, n)
			}
			fs := floats(n)
			wantFloats := slices.Sorted(slices.Values(fs))
			par.Sort(p, fs)
			require.True(t, sameFloats(wantFloats, fs), n)
		}
	})
}

func TestMerge(t *testing.T) {
	everywhere(t, func(t *testing.T, p *pool.Pool) {
		for _, n := range sizes() {
			for _, m := range []int{0, 1, n / 2, n, 3000} {
				for name := range inputs(n) {
					a, b := items(inputs(n)[name]), items(inputs(m)["few"])
					for i := range b {
						b[i].at += n
					}
					slices.SortStableFunc(a, byKey)
					slices.SortStableFunc(b, byKey)
					want := append(slices.Clone(a), b...)
					slices.SortStableFunc(want, byKey)
					got := make([]item, n+m)
					par.MergeFunc(p, got, a, b, byKey)
					require.True(t, slices.Equal(want, got), "%s %d %d", name, n, m)
				}
				x, y := floats(n), floats(m)
				slices.Sort(x)
				slices.Sort(y)
				want := slices.Sorted(slices.Values(append(slices.Clone(x), y...)))
				got := make([]float64, n+m)
				par.Merge(p, got, x, y)
				require.True(t, sameFloats(want, got), "%d %d", n, m)
			}
		}
		require.Panics(t, func() { par.Merge(p, make([]int, 1), []int{1}, []int{2}) })
	})
}

// killer is McIlroy's antiquicksort: it makes up the order while it is asked, so that all
// pivots are bad. What results must still be sorted in reasonable time.
func TestSortKiller(t *testing.T) {
	p := open(t, 1)
	const n = 50_000
	value, gas, solid, candidate := make([]int, n), n, 0, 0
	s := make([]int, n)
	for i := range s {
		s[i], value[i] = i, gas
	}
	compares := 0
	par.SortFunc(p, s, func(a, b int) int {
		compares++
		if value[a] == gas && value[b] == gas {
			if a == candidate {
				value[a] = solid
			} else {
				value[b] = solid
			}
			solid++
		}
		if value[a] == gas {
			candidate = a
		} else if value[b] == gas {
			candidate = b
		}
		return cmp.Compare(value[a], value[b])
	})
	require.Less(t, compares, 100*n)
	require.True(t, slices.IsSortedFunc(s, func(a, b int) int { return cmp.Compare(value[a], value[b]) }))
}

func FuzzSort(f *testing.F) {
	p := open(f, 2)
	f.Add([]byte("some text"), uint16(3000))
	f.Fuzz(func(t *testing.T, data []byte, repeat uint16) {
		var s []float64
		for i := range int(repeat) {
			for k := 0; k+8 <= len(data) && len(s) < 10_000; k += 3 {
				v := math.Float64frombits(binary.LittleEndian.Uint64(data[k:]) + uint64(i*(k&7)))
				s = append(s, v)
			}
		}
		want := slices.Sorted(slices.Values(s))
		stable, merged := slices.Clone(s), make([]float64, len(s))
		par.SortStableFunc(p, stable, cmp.Compare[float64])
		h := len(s) / 2
		a, b := slices.Clone(s[:h]), slices.Clone(s[h:])
		par.SortFunc(p, a, cmp.Compare[float64])
		par.Sort(p, b)
		par.Merge(p, merged, a, b)
		par.Sort(p, s)
		require.True(t, sameFloats(want, s))
		require.True(t, sameFloats(want, stable))
		require.True(t, sameFloats(want, merged))
	})
}

// FuzzScan cuts a slice of bytes into texts, whose concatenation is not commutative.
func FuzzScan(f *testing.F) {
	p := open(f, 3)
	f.Add([]byte("a text that is cut"), uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, k uint8) {
		var s []string
		for len(data) > 0 && len(s) < 3000 {
			n := min(1+int(data[0]%(k/16+1)), len(data))
			s = append(s, string(data[:n]))
			data = data[n:]
		}
		op := func(x, y string) string {
			if len(x)+len(y) > 64 { // keeps both ends: still associative
				z := x + y
				return z[:32] + z[len(z)-32:]
			}
			return x + y
		}
		inclusive, all := make([]string, len(s)), ""
		for i, v := range s {
			all = op(all, v)
			inclusive[i] = all
		}
		dst := make([]string, len(s))
		par.Scan(p, dst, s, op)
		require.Equal(t, inclusive, dst)
		require.Equal(t, all, par.Reduce(p, s, "", op))
		require.Equal(t, all, par.ReduceFixed(p, s, "", op))
		require.Equal(t, all, par.ScanExclusive(p, dst, s, "", op))
	})
}
