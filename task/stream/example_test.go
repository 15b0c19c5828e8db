package stream_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
	"github.com/heist-go/heist/task/stream"
)

// shout is a task that pulls a stream, which is one of its fields.
type shout struct {
	task.Frame
	words *stream.Stream[string]
}

func (s *shout) Poll(cx *task.Cx) error {
	for {
		w, err := s.words.Next(cx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err // Pending, too
		}
		fmt.Println(w)
	}
}

// A stream is made once, and pulled in as many polls as it takes.
func Example() {
	lines := chans.New[string](8)
	for _, l := range []string{"a", "stream", "of", "words"} {
		_ = lines.TrySend(nil, l)
	}
	lines.Close(nil)
	long := stream.FromChan(lines).Filter(func(w string) bool { return len(w) > 2 })
	_ = task.Run(context.Background(), &shout{words: stream.Map(long, strings.ToUpper)})
	// Output:
	// STREAM
	// WORDS
}

// show prints the values of a stream.
func show[T any](s *stream.Stream[T]) {
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return s.ForEach(cx, func(_ *task.Cx, v T) error {
			fmt.Print(v, " ")
			return nil
		})
	}))
	fmt.Println(err)
}

func ExampleMap() {
	show(stream.Map(stream.FromSlice([]int{1, 2, 3}), func(v int) int { return v * v }))
	// Output: 1 4 9 <nil>
}

// The function may wait: here for a timer.
func ExampleThen() {
	var timer task.Timer
	show(stream.Then(stream.FromSlice([]int{1, 2, 3}), func(cx *task.Cx, v int) (int, error) {
		return v * v, timer.Sleep(cx, time.Millisecond)
	}))
	// Output: 1 4 9 <nil>
}

func ExampleStream_Filter() {
	show(stream.FromSlice([]int{1, 2, 3, 4}).Filter(func(v int) bool { return v%2 == 0 }))
	// Output: 2 4 <nil>
}

func ExampleStream_Take() {
	show(stream.Repeat("again").Take(3))
	// Output: again again again <nil>
}

func ExampleStream_Peek() {
	s := stream.FromSlice([]int{1, 2})
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		fmt.Println(s.Peek(cx))
		fmt.Println(s.Next(cx))
		return nil
	}))
	// Output:
	// 1 <nil>
	// 1 <nil>
}

func ExampleScan() {
	show(stream.Scan(stream.FromSlice([]int{1, 2, 3, 4}), 0, func(sum, v int) int { return sum + v }))
	// Output: 1 3 6 10 <nil>
}

func ExampleFlatMap() {
	show(stream.FlatMap(stream.FromSlice([]string{"to be", "or not"}), func(s string) *stream.Stream[string] {
		return stream.FromSeq(strings.FieldsSeq(s))
	}))
	// Output: to be or not <nil>
}

func ExampleChain() {
	show(stream.Chain(stream.Once("head"), stream.FromSlice([]string{"body", "legs"})))
	// Output: head body legs <nil>
}

func ExampleMerge() {
	show(stream.Merge(stream.FromSlice([]int{1, 3, 5}), stream.FromSlice([]int{2, 4})))
	// Output: 1 2 3 4 5 <nil>
}

func ExampleZip() {
	show(stream.Zip(stream.FromSlice([]string{"a", "b"}), stream.FromSlice([]int{1, 2, 3})))
	// Output: {a 1} {b 2} <nil>
}

func ExampleEnumerate() {
	show(stream.Enumerate(stream.FromSlice([]string{"a", "b"})))
	// Output: {0 a} {1 b} <nil>
}

// At most three at a time, and none waits for more than a second.
func ExampleBatch() {
	show(stream.Batch(stream.FromSlice([]int{1, 2, 3, 4}), 3, time.Second))
	// Output: [1 2 3] [4] <nil>
}

func ExampleWindow() {
	show(stream.Window(stream.FromSlice([]int{1, 2, 3, 4, 5}), 3, 1))
	show(stream.Window(stream.FromSlice([]int{1, 2, 3, 4, 5}), 2, 2))
	// Output:
	// [1 2 3] [2 3 4] [3 4 5] <nil>
	// [1 2] [3 4] <nil>
}

func ExampleStream_Throttle() {
	begin := time.Now()
	show(stream.FromSlice([]int{1, 2, 3}).Throttle(time.Millisecond))
	fmt.Println(time.Since(begin) >= 2*time.Millisecond)
	// Output:
	// 1 2 3 <nil>
	// true
}

// Only the latest of what comes in quick succession is of interest.
func ExampleStream_Debounce() {
	show(stream.FromSlice([]string{"h", "he", "hel", "hell", "hello"}).Debounce(time.Millisecond))
	// Output: hello <nil>
}

// The source is pulled by a task of its own, up to four values ahead.
func ExampleStream_Buffer() {
	show(stream.FromSlice([]int{1, 2, 3}).Buffer(4))
	// Output: 1 2 3 <nil>
}

// Up to two at a time; the results are in the order of the values.
func ExampleMapConcurrent() {
	show(stream.MapConcurrent(stream.FromSlice([]int{1, 2, 3, 4}), 2, func(cx *task.Cx, v int) (int, error) {
		return v * v, cx.Yield()
	}))
	// Output: 1 4 9 16 <nil>
}

// Whoever is ready first is first.
func ExampleMapUnordered() {
	var late task.Promise[string]
	show(stream.MapUnordered(stream.FromSlice([]string{"hare", "tortoise"}), 2, func(cx *task.Cx, who string) (string, error) {
		if who == "hare" {
			return late.Wait(cx)
		}
		late.Resolve("hare", nil)
		return who, nil
	}))
	// Output: tortoise hare <nil>
}

// An iterator may block: a goroutine runs it.
func ExampleFromSeq() {
	show(stream.FromSeq(slices.Values([]int{1, 2, 3})))
	// Output: 1 2 3 <nil>
}

func ExampleFunc() {
	n := 3
	show(stream.Func(func(*task.Cx) (int, error) {
		if n == 0 {
			return 0, io.EOF
		}
		n--
		return n, nil
	}))
	// Output: 2 1 0 <nil>
}

func ExampleTicks() {
	n := 0
	show(stream.Map(stream.Ticks(time.Millisecond).Take(3), func(time.Time) int { n++; return n }))
	// Output: 1 2 3 <nil>
}

func ExampleFold() {
	s := stream.FromSlice([]int{1, 2, 3, 4})
	sum := 0
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return stream.Fold(cx, s, &sum, func(sum, v int) int { return sum + v })
	}))
	fmt.Println(sum, err)
	// Output: 10 <nil>
}

func ExampleStream_Collect() {
	s := stream.FromSlice([]int{1, 2, 3, 4}).Skip(2)
	var all []int
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error { return s.Collect(cx, &all) }))
	fmt.Println(all, err)
	// Output: [3 4] <nil>
}

// One task sends what a stream gives, the other receives it.
func ExampleStream_Send() {
	c := chans.New[int](2)
	squares := stream.Map(stream.FromSlice([]int{1, 2, 3}), func(v int) int { return v * v })
	var g task.Group
	g.Go(pool.Default(), task.Func(func(cx *task.Cx) error {
		err := squares.Send(cx, c)
		if err == nil {
			c.Close(cx)
		}
		return err
	}))
	show(stream.FromChan(c))
	fmt.Println(g.WaitContext(context.Background()))
	// Output:
	// 1 4 9 <nil>
	// <nil>
}

// From tasks to a goroutine: the stream is pulled by a task on the pool.
func ExampleStream_Values() {
	s := stream.MapConcurrent(stream.FromSlice([]int{1, 2, 3, 4, 5}), 2, func(_ *task.Cx, v int) (int, error) { return v * v, nil })
	for v, err := range s.Values(context.Background(), pool.Default()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if v > 10 {
			break // the task has ended when the loop has
		}
		fmt.Println(v)
	}
	// Output:
	// 1
	// 4
	// 9
}
