package fifo

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

type waiter struct {
	Node[*waiter]
	number int
}

// drain returns the numbers of all, in their order, and empties the queue.
func drain(q *Queue[*waiter]) (numbers []int) {
	for q.Len() > 0 {
		w := q.Oldest()
		numbers = append(numbers, w.number)
		q.Remove(w)
	}
	return numbers
}

// A queue is what a slice is, whichever elements leave it.
func TestQueue(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var q Queue[*waiter]
		var model []*waiter
		for i := range 50 {
			if len(model) > 0 && random.IntN(3) == 0 {
				k := random.IntN(len(model))
				w := model[k]
				require.True(t, w.Queued())
				q.Remove(w)
				require.False(t, w.Queued())
				model = slices.Delete(model, k, k+1)
			} else {
				w := &waiter{number: i}
				require.False(t, w.Queued())
				q.Push(w)
				model = append(model, w)
			}
			require.Equal(t, len(model), q.Len())
			if len(model) > 0 {
				require.Same(t, model[0], q.Oldest())
				k := random.IntN(len(model))
				require.Equal(t, k+1, q.Place(model[k]))
			} else {
				require.Nil(t, q.Oldest())
			}
		}
		var want []int
		for _, w := range model {
			want = append(want, w.number)
		}
		require.Equal(t, want, drain(&q))
		require.Nil(t, q.Oldest())
	}
}

// One that has left comes again, behind the others.
func TestQueueAgain(t *testing.T) {
	var q Queue[*waiter]
	a, b := &waiter{number: 1}, &waiter{number: 2}
	q.Push(a)
	q.Push(b)
	q.Remove(a)
	q.Push(a)
	require.Equal(t, []int{2, 1}, drain(&q))
}

// Place counts the first, and no more.
func TestQueuePlace(t *testing.T) {
	var q Queue[*waiter]
	var last *waiter
	for range Counted + 1 {
		last = new(waiter)
		q.Push(last)
	}
	require.Zero(t, q.Place(last))
	q.Remove(q.Oldest())
	require.Equal(t, Counted, q.Place(last))
}
