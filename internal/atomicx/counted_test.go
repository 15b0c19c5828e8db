//go:build heistcount && !explore

package atomicx_test

import (
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/atomicx"
)

// Each operation counts once, as what it is, and does what its namesake does.
func TestCounted(t *testing.T) {
	var i atomicx.Int64
	var b atomicx.Bool
	var p atomicx.Pointer[int]
	before := atomicx.Counted()
	i.Store(5)
	require.EqualValues(t, 7, i.Add(2))
	require.EqualValues(t, 7, i.Swap(6))
	require.EqualValues(t, 6, i.And(4))
	require.EqualValues(t, 4, i.Or(1))
	require.True(t, i.CompareAndSwap(5, 8))
	require.False(t, i.CompareAndSwap(5, 8))
	require.EqualValues(t, 8, i.Load())
	b.Store(true)
	require.True(t, b.Swap(false))
	p.Store(new(int))
	require.NotNil(t, p.Load())
	var u32 atomicx.Uint32
	var u64 atomicx.Uint64
	atomicx.StoreReleaseInt64(&i, 1)
	atomicx.StoreReleaseUint32(&u32, 2)
	atomicx.StoreReleaseUint64(&u64, 3)
	atomicx.StoreReleasePointer(&p, nil)
	require.Equal(t, []any{int64(1), uint32(2), uint64(3)}, []any{i.Load(), u32.Load(), u64.Load()})
	require.Nil(t, p.Load())
	after := atomicx.Counted()
	require.Equal(t, atomicx.Locked{RMW: before.RMW + 7, Stores: before.Stores + 3}, after)

	for counted, plain := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[atomicx.Int32]():        reflect.TypeFor[atomic.Int32](),
		reflect.TypeFor[atomicx.Uint64]():       reflect.TypeFor[atomic.Uint64](),
		reflect.TypeFor[atomicx.Bool]():         reflect.TypeFor[atomic.Bool](),
		reflect.TypeFor[atomicx.Pointer[int]](): reflect.TypeFor[atomic.Pointer[int]](),
	} {
		require.Equal(t, plain.Size(), counted.Size())
		require.Equal(t, plain.Align(), counted.Align())
	}
}
