package deque_test

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/heist-go/heist/deque"
)

// The owner works from the newest element on, a thief takes the oldest.
func ExampleDeque() {
	jobs := []string{"old", "middle", "new"}
	var d deque.Deque[string]
	for i := range jobs {
		d.Push(&jobs[i])
	}

	var thief sync.WaitGroup
	thief.Go(func() {
		for {
			job, r := d.Steal()
			switch r {
			case deque.Stolen:
				fmt.Println("thief:", *job)
				return
			case deque.Empty:
				return
			case deque.Lost: // somebody else was faster: there may be more
			}
		}
	})
	thief.Wait()

	for job := d.Pop(); job != nil; job = d.Pop() {
		fmt.Println("owner:", *job)
	}
	// Output:
	// thief: old
	// owner: new
	// owner: middle
}

// A thief that leaves an owner alone who is about to take the element itself.
func ExampleDeque_StealIf() {
	var d deque.Deque[string]
	var busy atomic.Bool // the owner is in something long
	busyOwner := func(*string) bool { return busy.Load() }

	job := "job"
	d.Push(&job)
	_, r := d.StealIf(busyOwner)
	fmt.Println(r)

	busy.Store(true)
	x, r := d.StealIf(busyOwner)
	fmt.Println(r, *x)
	// Output:
	// Refused
	// Stolen job
}

// An owner that wakes a thief who waits for elements: it looks after the flush, and the thief that has said
// that it waits looks for elements once more.
func ExampleDeque_Flush() {
	var d deque.Deque[string]
	var waits atomic.Bool
	wake := make(chan bool, 1)

	var thief sync.WaitGroup
	thief.Go(func() {
		if waits.Store(true); d.Len() == 0 {
			<-wake
		}
		job, _ := d.Steal()
		fmt.Println(*job)
	})

	job := "job"
	d.Push(&job)
	d.Flush()
	if waits.Load() {
		wake <- true
	}
	thief.Wait()
	// Output:
	// job
}
