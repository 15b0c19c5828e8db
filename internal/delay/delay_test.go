package delay

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/clock"
)

func TestParse(t *testing.T) {
	require.Zero(t, parse(""))
	require.Zero(t, parse("0"))
	require.EqualValues(t, 2_000_000, parse("2ms"))
	for _, text := range []string{"2", "soon", "-1ms"} {
		require.PanicsWithValue(t, `heist: HEIST_DELAYS="`+text+`": want a duration, as 2ms`, func() { parse(text) })
	}
}

// Delays are as long as asked for at most, and leave as much time between them.
func TestDraw(t *testing.T) {
	const longest = 1000
	var p Point
	long := int64(0)
	for now := int64(1); now < 1_000_000; now += 2 * longest {
		d := p.draw(now, longest)
		require.Positive(t, d)
		require.LessOrEqual(t, d, int64(longest))
		long = max(long, d)
		require.Zero(t, p.draw(now, longest), "another thread")
		require.Zero(t, p.draw(now+2*longest-1, longest), "too soon")
	}
	require.Greater(t, long, int64(longest/2))
}

// Who passes blocks so long, if this build delays.
func TestPass(t *testing.T) {
	defer func(before int64) { longest = before }(longest)
	longest = 1_000_000
	var p Point
	before := clock.Now()
	p.pass()
	require.NotZero(t, p.next.Load())
	require.Greater(t, clock.Now(), before)
	longest = 0
	var none Point
	none.Pass()
	require.Zero(t, none.next.Load())
}
