package task_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/heist-go/heist/task"
)

// A poll function as a task, on the calling goroutine.
func ExampleRun() {
	n := 0
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		for ; n < 3; n++ {
			if err := cx.Yield(); err != nil {
				return err
			}
			fmt.Println("turn", n)
		}
		return errors.New("no more turns")
	}))
	fmt.Println(err)
	// Output:
	// turn 0
	// turn 1
	// turn 2
	// no more turns
}

// greeter is a task: a struct that embeds a Frame and has a method Poll.
type greeter struct {
	task.Frame
	name *task.Promise[string]
}

func (g *greeter) Poll(cx *task.Cx) error {
	name, err := g.name.Wait(cx)
	if err != nil {
		return err // Pending, too
	}
	fmt.Println("hello,", name)
	return nil
}

// A task waits by returning an error: task.Pending. Then it is polled again, from
// the top.
func ExampleFrame() {
	var name task.Promise[string]
	g := &greeter{name: &name}
	go name.Resolve("world", nil) // from anywhere
	if err := task.Run(context.Background(), g); err != nil {
		fmt.Println(err)
	}
	// Output: hello, world
}

// A Frame belongs to whoever has the struct: another task waits for it, and it may
// be spawned again when it is done.
func ExampleFrame_Wait() {
	var name task.Promise[string]
	name.Resolve("again", nil)
	g := &greeter{name: &name}
	var stages task.Seq
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return stages.Run(cx,
			func(cx *task.Cx) error { cx.Go(g); return nil },
			g.Wait,
			func(cx *task.Cx) error { cx.Go(g); return nil },
			g.Wait,
		)
	}))
	// Output:
	// hello, again
	// hello, again
}

func ExampleFrame_Cancel() {
	var never task.Promise[string]
	g := &greeter{name: &never}
	var group task.Group
	var stages task.Seq
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return stages.Run(cx,
			func(cx *task.Cx) error { group.Go(cx, g); return nil },
			(*task.Cx).Yield, // it waits for the name by now
			func(*task.Cx) error { g.Cancel(errors.New("nobody has a name")); return nil },
			group.Wait,
		)
	}))
	fmt.Println(err)
	fmt.Println(errors.Is(err, task.ErrCanceled), errors.Is(err, context.Canceled))
	// Output:
	// task: canceled: nobody has a name
	// true true
}

// The smallest task: what the closure captures lives as long as the task does.
func ExampleFunc() {
	var p task.Promise[int]
	double := task.Func(func(cx *task.Cx) error {
		n, err := p.Wait(cx)
		if err != nil {
			return err
		}
		fmt.Println(2 * n)
		return nil
	})
	go p.Resolve(21, nil)
	_ = task.Run(context.Background(), double)
	// Output: 42
}

// sum adds up a slice, the halves in tasks of their own. The children are in the
// parent, by value.
type sum struct {
	task.Frame
	numbers []int
	total   int
	stages  task.Seq
	halves  task.Group
	parts   []sum
}

func (s *sum) Poll(cx *task.Cx) error {
	return s.stages.Run(cx, s.split, s.halves.Wait, s.add)
}

func (s *sum) split(cx *task.Cx) error {
	if half := len(s.numbers) / 2; half > 0 {
		s.parts = []sum{{numbers: s.numbers[:half]}, {numbers: s.numbers[half:]}}
		s.halves.Go(cx, &s.parts[0])
		s.halves.Go(cx, &s.parts[1])
	}
	return nil
}

func (s *sum) add(*task.Cx) error {
	if s.parts == nil {
		s.total = s.numbers[0]
		return nil
	}
	s.total = s.parts[0].total + s.parts[1].total
	return nil
}

func ExampleGroup() {
	s := &sum{numbers: []int{1, 2, 3, 4, 5, 6, 7}}
	if err := task.Run(context.Background(), s); err != nil {
		fmt.Println(err)
	}
	fmt.Println(s.total)
	// Output: 28
}

// The first error cancels the other members, unless Failed decides otherwise.
func ExampleGroup_failed() {
	var attempts task.Group
	attempts.Failed = func(_ task.Task, err error) error {
		fmt.Println("never mind:", err)
		return nil
	}
	attempt := func(i int) task.Task {
		return task.Func(func(*task.Cx) error {
			if i == 1 {
				return fmt.Errorf("attempt %d has failed", i)
			}
			fmt.Println("attempt", i, "went well")
			return nil
		})
	}
	var stages task.Seq
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return stages.Run(cx, func(cx *task.Cx) error {
			for i := range 3 {
				attempts.Go(cx, attempt(i))
			}
			return nil
		}, attempts.Wait)
	}))
	fmt.Println(err)
	// Output:
	// attempt 0 went well
	// never mind: attempt 1 has failed
	// attempt 2 went well
	// <nil>
}

// No more than two at a time; the others wait in the group, in order.
func ExampleGroup_SetLimit() {
	var downloads task.Group
	downloads.SetLimit(2)
	download := func(i int) task.Task {
		begun := false
		return task.Func(func(cx *task.Cx) error {
			if !begun {
				begun = true
				fmt.Println("begin", i)
			}
			if err := cx.Yield(); err != nil {
				return err
			}
			fmt.Println("end", i)
			return nil
		})
	}
	var stages task.Seq
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return stages.Run(cx, func(cx *task.Cx) error {
			for i := range 4 {
				downloads.Go(cx, download(i))
			}
			return nil
		}, downloads.Wait)
	}))
	// Output:
	// begin 0
	// begin 1
	// end 0
	// end 1
	// begin 2
	// begin 3
	// end 2
	// end 3
}

// What blocks runs on a goroutine, and counts as a member.
func ExampleGroup_Goroutine() {
	var g task.Group
	var text string
	var stages task.Seq
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return stages.Run(cx,
			func(cx *task.Cx) error {
				g.Goroutine(cx, func(ctx context.Context) error {
					text = strings.ToUpper("read by a blocking call") // with ctx
					return nil
				})
				return nil
			},
			g.Wait,
			func(*task.Cx) error { fmt.Println(text); return nil },
		)
	}))
	fmt.Println(err)
	// Output:
	// READ BY A BLOCKING CALL
	// <nil>
}

// Drain asks the members to come to an end by themselves.
func ExampleGroup_Drain() {
	var server task.Group
	var jobs task.Promise[int]
	worker := task.Func(func(cx *task.Cx) error {
		if cx.Draining() {
			fmt.Println("closing time")
			return nil
		}
		_, err := jobs.Wait(cx) // woken when draining begins
		return err
	})
	var stages task.Seq
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return stages.Run(cx,
			func(cx *task.Cx) error { server.Go(cx, worker); return nil },
			(*task.Cx).Yield,
			func(*task.Cx) error { server.Drain(); return nil },
			server.Wait,
		)
	}))
	fmt.Println(err)
	// Output:
	// closing time
	// <nil>
}

// A group under a context: its deadline cancels the members, and they see its
// values.
func ExampleWithContext() {
	type user struct{}
	ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), user{}, "ann"))
	requests := task.WithContext(ctx)
	var page task.Promise[string] // that nobody delivers
	request := task.Func(func(cx *task.Cx) error {
		_, err := page.Wait(cx)
		if !task.IsPending(err) {
			fmt.Println(cx.Context().Value(user{}), "gets", err)
		}
		return err
	})
	var stages task.Seq
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return stages.Run(cx,
			func(cx *task.Cx) error { requests.Go(cx, request); return nil },
			(*task.Cx).Yield,
			func(*task.Cx) error { cancel(errors.New("no time")); return nil },
			requests.Wait,
		)
	}))
	fmt.Println(errors.Is(err, task.ErrCanceled))
	// Output:
	// ann gets task: canceled: no time
	// true
}

// A callback of foreign code ends in Resolve.
func ExamplePromise() {
	lookup := func(name string, callback func(addr string, err error)) {
		go callback("192.0.2.1", nil)
	}
	var addr task.Promise[string]
	asked := false
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !asked {
			asked = true
			lookup("example.org", func(a string, err error) { addr.Resolve(a, err) })
		}
		a, err := addr.Wait(cx)
		if err != nil {
			return err
		}
		fmt.Println(a)
		return nil
	}))
	fmt.Println(err)
	// Output:
	// 192.0.2.1
	// <nil>
}

// A function with a result, as a task that belongs to the one that starts it.
func ExampleGo() {
	var square *task.Handle[int]
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if square == nil {
			square = task.Go(cx, func(cx *task.Cx) (int, error) {
				if err := cx.Yield(); err != nil {
					return 0, err // polled again, as any task
				}
				return 7 * 7, nil
			})
		}
		n, err := square.Wait(cx)
		if err != nil {
			return err
		}
		fmt.Println(n)
		return nil
	}))
	// Output: 49
}

// Outside of tasks the blocking face serves.
func ExampleHandle_WaitContext() {
	var g task.Group
	var answer *task.Handle[string]
	var stages task.Seq
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return stages.Run(cx,
			func(cx *task.Cx) error {
				answer = task.Go(cx, func(*task.Cx) (string, error) { return "an answer", nil })
				g.Goroutine(cx, func(ctx context.Context) error {
					text, err := answer.WaitContext(ctx)
					fmt.Println("a goroutine has", text)
					return err
				})
				return nil
			},
			g.Wait,
		)
	}))
	// Output: a goroutine has an answer
}

// transfer is a straight line of stages, each of which may wait.
type transfer struct {
	task.Frame
	stages task.Seq
	debit  task.Promise[int]
	credit task.Promise[int]
}

func (t *transfer) Poll(cx *task.Cx) error {
	return t.stages.Run(cx, t.withdraw, t.deposit, t.report)
}

func (t *transfer) withdraw(cx *task.Cx) error {
	_, err := t.debit.Wait(cx)
	if err == nil {
		fmt.Println("withdrawn") // once: a stage that has returned nil does not run again
	}
	return err
}

func (t *transfer) deposit(cx *task.Cx) error {
	_, err := t.credit.Wait(cx)
	if err == nil {
		fmt.Println("deposited")
	}
	return err
}

func (t *transfer) report(*task.Cx) error {
	fmt.Println("done")
	return nil
}

func ExampleSeq() {
	t := &transfer{}
	go func() {
		t.debit.Resolve(100, nil)
		t.credit.Resolve(100, nil)
	}()
	if err := task.Run(context.Background(), t); err != nil {
		fmt.Println(err)
	}
	// Output:
	// withdrawn
	// deposited
	// done
}

// parcels collects numbers and ships them in parcels: a task with a loop and a
// branch. Each stage says which one comes next.
type parcels struct {
	task.Frame
	flow   task.Flow[parcels]
	orders []int
	parcel []int
}

func (p *parcels) Poll(cx *task.Cx) error { return p.flow.Run(cx, p, (*parcels).collect) }

func (p *parcels) collect(cx *task.Cx) (task.Stage[parcels], error) {
	if len(p.orders) == 0 {
		return nil, nil // the end
	}
	p.parcel = append(p.parcel, p.orders[0])
	p.orders = p.orders[1:]
	if len(p.parcel) == 2 || len(p.orders) == 0 {
		return (*parcels).ship, nil
	}
	return (*parcels).collect, nil
}

func (p *parcels) ship(cx *task.Cx) (task.Stage[parcels], error) {
	if err := cx.Yield(); err != nil {
		return nil, err // still shipping
	}
	fmt.Println("shipped", p.parcel)
	p.parcel = nil
	return (*parcels).collect, nil
}

func ExampleFlow() {
	if err := task.Run(context.Background(), &parcels{orders: []int{1, 2, 3, 4, 5}}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// shipped [1 2]
	// shipped [3 4]
	// shipped [5]
}

// Both, or the first error.
func ExampleAll() {
	var width, height task.Promise[int]
	go width.Resolve(3, nil)
	go height.Resolve(4, nil)
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		w, werr := width.Wait(cx)
		h, herr := height.Wait(cx)
		if err := task.All(werr, herr); err != nil {
			return err
		}
		fmt.Println("area", w*h)
		return nil
	}))
	// Output: area 12
}

// Whichever comes first.
func ExampleFirst() {
	var primary, backup task.Promise[string]
	go backup.Resolve("from the backup", nil)
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		a, aerr := primary.Wait(cx)
		b, berr := backup.Wait(cx)
		i, err := task.First(aerr, berr)
		if err != nil {
			return err // both pending, or an error
		}
		fmt.Println([]string{a, b}[i])
		return nil
	}))
	// Output: from the backup
}

// thermometer calls back now and then, from a thread of its own.
type thermometer struct {
	degrees chan int
	changed func()
}

func (t *thermometer) watch(changed func()) {
	t.changed = changed
	go func() {
		t.degrees <- 21
		t.changed()
	}()
}

// A foreign callback wakes a task. The Waker comes first, so that nothing is
// missed between the look and the wait.
func ExampleWaker() {
	sensor := &thermometer{degrees: make(chan int, 1)}
	watching := false
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		if !watching {
			watching = true
			sensor.watch(cx.Waker().Wake)
		}
		select {
		case d := <-sensor.degrees:
			fmt.Println(d, "degrees")
			return nil
		default:
			return cx.Suspend() // somebody will wake us
		}
	}))
	// Output: 21 degrees
}

// A long computation lets others run now and then.
func ExampleCx_Yield() {
	count := func(name string) task.Task {
		n := 0
		return task.Func(func(cx *task.Cx) error {
			for n < 2 {
				if err := cx.Yield(); err != nil {
					return err
				}
				n++
				fmt.Println(name, n)
			}
			return nil
		})
	}
	var g task.Group
	var stages task.Seq
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return stages.Run(cx, func(cx *task.Cx) error {
			g.GoAll(cx, count("tick"), count("tock"))
			return nil
		}, g.Wait)
	}))
	// Output:
	// tick 1
	// tock 1
	// tick 2
	// tock 2
}

// What has begun to be written is written to its end, although the task is
// canceled; what comes after that is not begun.
func ExampleCx_Shield() {
	var onDisk task.Promise[int]
	var stages task.Seq
	writer := task.Func(func(cx *task.Cx) error {
		return stages.Run(cx,
			func(cx *task.Cx) error {
				cx.Shield() // in every poll of this stage
				_, err := onDisk.Wait(cx)
				return err
			},
			func(cx *task.Cx) error {
				fmt.Println("on disk;", cx.Err())
				return cx.Err()
			},
		)
	})
	var g task.Group
	var script task.Seq
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return script.Run(cx,
			func(cx *task.Cx) error { g.Go(cx, writer); return nil },
			(*task.Cx).Yield,
			func(*task.Cx) error { g.Cancel(errors.New("the user has left")); return nil },
			(*task.Cx).Yield,
			func(*task.Cx) error { onDisk.Resolve(100, nil); return nil },
			g.Wait,
		)
	}))
	// Output: on disk; task: canceled: the user has left
}

// A task that is to come to an end finishes what it does and starts nothing new.
func ExampleCx_Draining() {
	var g task.Group
	served := 0
	server := task.Func(func(cx *task.Cx) error {
		for !cx.Draining() {
			if err := cx.Yield(); err != nil {
				return err
			}
			if served++; served == 3 {
				g.Drain()
			}
		}
		fmt.Println("served", served)
		return nil
	})
	var stages task.Seq
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return stages.Run(cx, func(cx *task.Cx) error { g.Go(cx, server); return nil }, g.Wait)
	}))
	fmt.Println(err)
	// Output:
	// served 3
	// <nil>
}

// session owns something: Finish gives it back, whatever happens.
type session struct {
	task.Frame
	seat int
}

func (s *session) Poll(*task.Cx) error { return errors.New("the line is dead") }

func (s *session) Finish(err error) { fmt.Printf("seat %d is free again: %v\n", s.seat, err) }

func ExampleFinisher() {
	_ = task.Run(context.Background(), &session{seat: 7})

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = task.Run(ctx, &session{seat: 8}) // never polled
	// Output:
	// seat 7 is free again: the line is dead
	// seat 8 is free again: task: canceled: context canceled
}

// Where an operation cannot have to wait, say so.
func ExampleMustReady() {
	var config task.Promise[string]
	config.Resolve("fast", nil) // at the start of the program
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		mode, err := config.Wait(cx)
		if err := task.MustReady(err); err != nil {
			return err
		}
		fmt.Println(mode)
		return nil
	}))
	// Output: fast
}

// Pending is an error, but no failure: do not log it.
func ExampleIsPending() {
	var p task.Promise[int]
	polls := 0
	_ = task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		polls++
		_, err := p.Wait(cx)
		if err != nil && !task.IsPending(err) {
			fmt.Println("failed:", err)
		}
		if polls == 1 {
			go p.Resolve(0, errors.New("no luck"))
		}
		if err != nil {
			return fmt.Errorf("wait: %w", err) // a wrapped Pending is one, too
		}
		return nil
	}))
	fmt.Println(polls, "polls")
	// Output:
	// failed: no luck
	// 2 polls
}

// A reader of a file. Files block, so that is done by a goroutine; the worker does
// something else meanwhile.
type fileReader struct {
	task.Frame
	name string
	read task.Blocking[[]byte]
}

func (r *fileReader) Poll(cx *task.Cx) error {
	b, err := r.read.Do(cx, func(context.Context) ([]byte, error) { return os.ReadFile(r.name) })
	if err != nil {
		return err
	}
	fmt.Println(len(b) > 0)
	return nil
}

func ExampleBlocking() {
	fmt.Println(task.Run(context.Background(), &fileReader{name: "blocking.go"}))
	// Output:
	// true
	// <nil>
}
