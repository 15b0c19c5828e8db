package task_test

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/invariant"
	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// What goes wrong against each of the ten rules, and how it is done right. The
// wrong half is tested, too: it has to go wrong in the way that the page says.

// ---- rule 1 ------------------------------------------------------------------

// impatient takes "not yet" for a failure.
type impatient struct {
	task.Frame
	answer *task.Promise[int]
	right  bool
	lines  []string
}

func (i *impatient) log(err error) { i.lines = append(i.lines, err.Error()) }

func (i *impatient) Poll(cx *task.Cx) error {
	for !i.right {
		if _, err := i.answer.Wait(cx); err != nil {
			i.log(err)
			continue
		}
		return nil
	}
	_, err := i.answer.Wait(cx)
	if err != nil && !task.IsPending(err) {
		i.log(err)
	}
	return err
}

func TestRule1(t *testing.T) {
	var never, failed task.Promise[int]
	wrong := &impatient{answer: &never}
	require.Contains(t, mistake(t, start(new(task.Group), wrong), rounds(1)), "has gone on after Pending")
	require.Equal(t, task.Pending.Error(), wrong.lines[0])

	failed.Resolve(0, errBoom)
	right := &impatient{answer: &failed, right: true}
	require.Equal(t, errBoom, task.Run(background, right))
	require.Equal(t, []string{"boom"}, right.lines)
}

// ---- rule 2 ------------------------------------------------------------------

// forgetful does not know what it has done already.
type forgetful struct {
	task.Frame
	desk   desk
	answer task.Promise[int]
}

func (f *forgetful) Poll(cx *task.Cx) error {
	f.desk.reserve("flight", func(seat int, err error) { f.answer.Resolve(seat, err) })
	_, err := f.answer.Wait(cx)
	return err
}

// asker has a stage for it.
type asker struct {
	task.Frame
	desk   desk
	answer task.Promise[int]
	stages task.Seq
}

func (a *asker) Poll(cx *task.Cx) error {
	return a.stages.Run(cx,
		func(*task.Cx) error {
			a.desk.reserve("flight", func(seat int, err error) { a.answer.Resolve(seat, err) })
			return nil
		},
		func(cx *task.Cx) error {
			_, err := a.answer.Wait(cx)
			return err
		})
}

func TestRule2(t *testing.T) {
	for want, f := range map[int]func(desk) task.Task{
		2: func(d desk) task.Task { return &forgetful{desk: d} },
		1: func(d desk) task.Task { return &asker{desk: d} },
	} {
		d := &patientDesk{}
		var g task.Group
		require.NoError(t, runSteps(start(&g, f(d)), rounds(1), once(func(*task.Cx) { d.answer("flight", nil) }), g.Wait))
		require.Equal(t, want, d.asked())
	}
}

// ---- rule 3 ------------------------------------------------------------------

// pile collects a number of letters.
type pile struct {
	task.Frame
	from    *mailbox
	letters []string
	want    int
	right   bool
}

func (p *pile) Poll(cx *task.Cx) (err error) {
	if p.right {
		return p.fill(cx)
	}
	p.letters, err = takeAll(cx, p.from, p.want)
	return err
}

func takeAll(cx *task.Cx, m *mailbox, n int) (letters []string, err error) {
	for len(letters) < n {
		letter, err := m.take(cx)
		if err != nil {
			return nil, err
		}
		letters = append(letters, letter)
	}
	return letters, nil
}

func (p *pile) fill(cx *task.Cx) error {
	for len(p.letters) < p.want {
		letter, err := p.from.take(cx)
		if err != nil {
			return err
		}
		p.letters = append(p.letters, letter)
	}
	return nil
}

func TestRule3(t *testing.T) {
	for _, right := range []bool{false, true} {
		var m mailbox
		p := &pile{from: &m, want: 2, right: right}
		var g task.Group
		post := func(letter string) step { return once(func(*task.Cx) { m.post(letter) }) }
		got := runSteps(start(&g, p), rounds(1), post("a"), rounds(2), post("b"), rounds(2),
			once(func(*task.Cx) { g.Cancel(errBoom) }), g.Wait)
		if right {
			require.NoError(t, p.Err())
			require.Equal(t, []string{"a", "b"}, p.letters)
			continue
		}
		require.ErrorIs(t, got, errBoom, "it waits for ever: the first letter is lost")
		require.Empty(t, p.letters)
	}
}

// ---- rule 4 ------------------------------------------------------------------

// renewing makes a new promise in every poll.
type renewing struct {
	task.Frame
	desk desk
}

func (r *renewing) Poll(cx *task.Cx) error {
	var answer task.Promise[int]
	r.desk.reserve("flight", func(seat int, err error) { answer.Resolve(seat, err) })
	_, err := answer.Wait(cx)
	return err
}

func TestRule4(t *testing.T) {
	d := &patientDesk{}
	r := &renewing{desk: d}
	all := []step{start(new(task.Group), r)}
	for range 5 {
		all = append(all, rounds(2), once(func(*task.Cx) { d.answer("flight", nil) }))
	}
	require.NoError(t, runSteps(all...))
	require.GreaterOrEqual(t, d.asked(), 5)
	require.ErrorIs(t, r.Err(), task.ErrCanceled, "it has never had an answer")
}

// ---- rule 5 ------------------------------------------------------------------

// clerk reads two mailboxes.
type clerk struct {
	task.Frame
	left, right *mailbox
	done        []string
	careful     bool
}

func (c *clerk) handle(letter string) { c.done = append(c.done, letter) }

func (c *clerk) Poll(cx *task.Cx) error {
	for len(c.done) < 2 {
		next := c.either
		if c.careful {
			next = c.oneByOne
		}
		if err := next(cx); err != nil {
			return err
		}
	}
	return nil
}

func (c *clerk) either(cx *task.Cx) error {
	l, err1 := c.left.take(cx)
	r, err2 := c.right.take(cx)
	i, err := task.First(err1, err2)
	if err != nil {
		return err
	}
	c.handle([]string{l, r}[i])
	return nil
}

func (c *clerk) oneByOne(cx *task.Cx) error {
	letter, err := c.left.take(cx)
	if task.IsPending(err) {
		letter, err = c.right.take(cx)
	}
	if err != nil {
		return err
	}
	c.handle(letter)
	return nil
}

func TestRule5(t *testing.T) {
	for _, careful := range []bool{false, true} {
		var l, r mailbox
		l.post("left")
		r.post("right")
		c := &clerk{left: &l, right: &r, careful: careful}
		var g task.Group
		_ = runSteps(start(&g, c), rounds(3), once(func(*task.Cx) { g.Cancel(errBoom) }), g.Wait)
		if careful {
			require.Equal(t, []string{"left", "right"}, c.done)
		} else {
			require.Equal(t, []string{"left"}, c.done, "the other letter was taken and dropped")
			require.Empty(t, r.letters)
		}
	}
}

// ---- rule 6 ------------------------------------------------------------------

// lodger gives its room back when it ends. Or more often.
type lodger struct {
	task.Frame
	desk desk
	room int
	bill task.Promise[int]
}

func (l *lodger) Poll(cx *task.Cx) error {
	defer l.desk.release(l.room)
	_, err := l.bill.Wait(cx)
	return err
}

// guest has one place for it.
type guest struct{ lodger }

func (g *guest) Poll(cx *task.Cx) error {
	_, err := g.bill.Wait(cx)
	return err
}

func (g *guest) Finish(error) { g.desk.release(g.room) }

func TestRule6(t *testing.T) {
	d := &patientDesk{}
	l := &lodger{desk: d, room: d.give()}
	require.Equal(t, "released twice, or never reserved", mistake(t,
		start(new(task.Group), l), rounds(1), resolve(&l.bill), rounds(2)))

	d = &patientDesk{}
	g := &guest{lodger{desk: d, room: d.give()}}
	var all task.Group
	require.NoError(t, runSteps(start(&all, g), rounds(1), once(func(*task.Cx) { require.Equal(t, 1, d.kept()) }), resolve(&g.bill), all.Wait))
	require.Zero(t, d.kept())
}

// ---- rule 7 ------------------------------------------------------------------

// parent has a child in its own memory.
type parent struct {
	task.Frame
	child    reservation
	children task.Group
	loose    bool
	started  bool
}

func (p *parent) Poll(cx *task.Cx) error {
	if !p.started {
		p.started = true
		if p.loose {
			task.Detach(cx, &p.child)
		} else {
			p.children.Go(cx, &p.child)
		}
		return cx.Yield()
	}
	return errBoom
}

func TestRule7(t *testing.T) {
	for _, loose := range []bool{true, false} {
		d := &patientDesk{}
		p := &parent{child: reservation{desk: d, what: "hotel"}, loose: loose}
		var g, again task.Group
		g.Failed = func(task.Task, error) error { return nil }
		err := runSteps(
			start(&g, p),
			rounds(3),
			once(func(*task.Cx) { require.Equal(t, loose, p.Err() != nil, "done before its child") }),
			once(func(*task.Cx) { d.answer("hotel", nil) }),
			g.Wait,
			once(func(*task.Cx) { require.NoError(t, p.child.Err()) }),
			rounds(2),
			start(&again, &p.child),
			again.Wait,
		)
		require.NoError(t, err)
	}
}

// ---- rule 8 ------------------------------------------------------------------

// stubborn tries again whatever the error.
type stubborn struct {
	task.Frame
	from  *mailbox
	right bool
	tries int
}

func (s *stubborn) Poll(cx *task.Cx) error {
	for s.tries < 100 {
		if s.right {
			if done, err := s.careful(cx); done {
				return err
			}
			continue
		}
		if done, err := s.again(cx); done {
			return err
		}
	}
	return errors.New("gave up")
}

func (s *stubborn) again(cx *task.Cx) (done bool, err error) {
	_, err = s.from.take(cx)
	if err == nil || task.IsPending(err) {
		return true, err
	}
	s.tries++
	return false, nil
}

func (s *stubborn) careful(cx *task.Cx) (done bool, err error) {
	_, err = s.from.take(cx)
	if err == nil || task.IsPending(err) || errors.Is(err, task.ErrCanceled) {
		return true, err
	}
	s.tries++
	return false, nil
}

func TestRule8(t *testing.T) {
	for _, right := range []bool{false, true} {
		s := &stubborn{from: &mailbox{}, right: right}
		var g task.Group
		err := runSteps(start(&g, s), rounds(1), once(func(*task.Cx) { s.Cancel(errBoom) }), g.Wait)
		if right {
			require.ErrorIs(t, err, errBoom)
			require.Zero(t, s.tries)
		} else {
			require.EqualError(t, err, "gave up")
		}
	}
}

// ---- rule 9 ------------------------------------------------------------------

// blocker uses the goroutine's face in a task.
type blocker struct {
	task.Frame
	answer task.Promise[int]
}

func (b *blocker) Poll(cx *task.Cx) error {
	_, err := b.answer.WaitContext(cx.Context())
	return err
}

// waiting uses its own.
type waiting struct{ blocker }

func (w *waiting) Poll(cx *task.Cx) error {
	_, err := w.answer.Wait(cx)
	return err
}

func TestRule9(t *testing.T) {
	require.Contains(t, mistake(t, start(new(task.Group), &blocker{}), rounds(1)), "call Wait(cx)")
	w := &waiting{}
	var g task.Group
	require.NoError(t, runSteps(start(&g, w), rounds(1), resolve(&w.answer), g.Wait))
}

// ---- rule 10 -----------------------------------------------------------------

// tireless never asks whether it is to come to an end.
type tireless struct{ booth }

func (b *tireless) Poll(cx *task.Cx) error {
	for {
		if _, err := b.mail.take(cx); err != nil {
			return err
		}
	}
}

func TestRule10(t *testing.T) {
	b := &tireless{}
	var g task.Group
	err := runSteps(start(&g, b), rounds(1), once(func(*task.Cx) { g.Drain() }), rounds(10),
		once(func(*task.Cx) { g.Cancel(errBoom) }), g.Wait)
	require.ErrorIs(t, err, errBoom, "only the cancellation has ended it")
}

// ---- what the mistakes look like ---------------------------------------------

// mistakes are the texts of the page's table, with T for the task's name and N
// for a number. see returns what is really seen.
var mistakes = []struct {
	text    string
	checked bool // in debug builds and under the race detector only
	see     func(t *testing.T) string
}{
	{text: "task: T has returned Pending, but nothing will wake it: return Pending only from an operation, or after Waker",
		see: func(t *testing.T) string {
			return mistake(t, start(new(task.Group), &recorder{poll: returns(task.Pending)}), rounds(1))
		}},
	{text: "task: T has gone on after Pending N times in one Poll: return Pending from Poll",
		see: func(t *testing.T) string {
			return mistake(t, start(new(task.Group), &impatient{answer: new(task.Promise[int])}), rounds(1))
		}},
	{text: "task: T waits for something new while what it waited for has not happened and was not called again: guard the stages of Poll (Seq, Flow, or a field)",
		checked: true,
		see: func(t *testing.T) string {
			var first, second, third task.Promise[int]
			return mistake(t, start(new(task.Group), &recorder{poll: func(r *recorder, cx *task.Cx) error {
				if r.polls == 1 {
					_, err := task.First(await(&first)(cx), await(&second)(cx))
					return err
				}
				return await(&third)(cx)
			}}), rounds(1), resolve(&second), rounds(2))
		}},
	{text: "task: spawn of T, which is still in use: wait for it first, or use a new one",
		see: func(t *testing.T) string {
			r := &recorder{poll: suspended}
			return mistake(t, start(new(task.Group), r, r))
		}},
	{text: "task: spawn of T: its frame is a copy of one that is in use: frames must not be copied",
		see: func(t *testing.T) string {
			r := &recorder{poll: suspended}
			var g task.Group
			return mistake(t, start(&g, r), rounds(1), once(func(cx *task.Cx) {
				var double recorder // by reflection: vet finds the plain assignment
				reflect.ValueOf(&double).Elem().Set(reflect.ValueOf(r).Elem())
				g.Go(cx, &double)
			}))
		}},
	{text: "task: Wait for a task that was never spawned",
		see: func(t *testing.T) string { return mistake(t, new(recorder).Wait) }},
	{text: "task: WaitContext for a task that was never spawned",
		see: func(*testing.T) string {
			return fmt.Sprint(caught(func() { _ = new(recorder).WaitContext(background) }))
		}},
	{text: "task: WaitContext inside a task would stop its worker: call Wait(cx) and return its error",
		see: func(t *testing.T) string { return mistake(t, start(new(task.Group), &blocker{}), rounds(1)) }},
	{text: "task: Run inside a task would stop its worker: start the other task in a Group and Wait(cx) for it",
		see: func(t *testing.T) string { return mistake(t, func(*task.Cx) error { return runSteps() }) }},
	{text: "pool: Run inside a task would stop its worker: start the other task in a Group and Wait(cx) for it",
		see: onPool(func(p *pool.Pool) step {
			return func(*task.Cx) error { return p.Run(background, steps()) }
		})},
	{text: "pool: Close inside a task would wait for that task: close the pool from a goroutine",
		see: onPool(func(p *pool.Pool) step {
			return func(*task.Cx) error { return p.Close() }
		})},
	{text: "pool: Shutdown inside a task would wait for that task: shut the pool down from a goroutine",
		see: onPool(func(p *pool.Pool) step {
			return func(*task.Cx) error { return p.Shutdown(background) }
		})},
	{text: "pool: Local.Get in a task of another pool",
		see: onPool(func(p *pool.Pool) step {
			return once(func(cx *task.Cx) { pool.NewLocal[int](p, nil).Get(cx) })
		})},
	{text: "task: a Cx was used after its poll has returned",
		checked: true,
		see: func(t *testing.T) string {
			var old *task.Cx
			return mistake(t, once(func(cx *task.Cx) { old = cx }), rounds(1),
				once(func(*task.Cx) { new(task.Group).Go(old, steps()) }))
		}},
	{text: "task: SetLimit of a group that has members",
		see: func(t *testing.T) string {
			var g task.Group
			return mistake(t, start(&g, &recorder{poll: suspended}), once(func(*task.Cx) { g.SetLimit(1) }))
		}},
	{text: "task: MustReady: the operation has returned Pending",
		see: func(t *testing.T) string {
			return mistake(t, func(cx *task.Cx) error { return task.MustReady(await(new(task.Promise[int]))(cx)) })
		}},
	{text: "task: pending: return this error from Poll",
		see: func(*testing.T) string {
			var m mailbox
			return runSteps(func(cx *task.Cx) error {
				_, err := m.take(cx)
				return errors.New(err.Error())
			}).Error()
		}},
	{text: "task: runtime.Goexit called in Poll",
		see: func(*testing.T) string { return task.ErrGoexit.Error() }},
	{text: "task: closed",
		see: func(t *testing.T) string {
			p, err := pool.New(pool.Config{Workers: 1})
			require.NoError(t, err)
			require.NoError(t, p.Close())
			return p.Run(background, steps()).Error()
		}},
	{text: "task: canceled: the task that owns the group has ended",
		see: func(*testing.T) string {
			r := &recorder{poll: suspended}
			var g task.Group
			_ = runSteps(start(&g, r), rounds(1))
			return r.finished[0].Error()
		}},
}

// onPool sees a mistake about a pool in a task that does not run on it.
func onPool(broken func(*pool.Pool) step) func(*testing.T) string {
	return func(t *testing.T) string {
		p, err := pool.New(pool.Config{Workers: 1})
		require.NoError(t, err)
		defer func() { require.NoError(t, p.Close()) }()
		return mistake(t, broken(p))
	}
}

var (
	someTask   = regexp.MustCompile(`\*task_test\.\w+`)
	someNumber = regexp.MustCompile(`\b\d+ times`)
)

func TestMistakesLookAsThePageSays(t *testing.T) {
	var texts []string
	for _, m := range mistakes {
		texts = append(texts, m.text)
		if m.checked && !invariant.Enabled {
			continue
		}
		got := someNumber.ReplaceAllString(someTask.ReplaceAllString(m.see(t), "T"), "N times")
		assert.True(t, strings.HasPrefix(got, m.text), "want %q\n got %q", m.text, got)
	}
	var quotes []string
	for _, q := range regexp.MustCompile("`((?:task|pool): [^`]*)`").FindAllStringSubmatch(readPage(t), -1) {
		quotes = append(quotes, q[1])
	}
	slices.Sort(quotes)
	slices.Sort(texts)
	assert.Equal(t, texts, slices.Compact(quotes))
}

// A panic that nobody can join ends the process, so its text is made here.
func TestTextOfAPanic(t *testing.T) {
	p := panicOf(t, func() { _ = task.Run(background, &recorder{poll: func(*recorder, *task.Cx) error { panic("oh") }}) })
	require.True(t, strings.HasPrefix(p.Error(), "task: panic in *task_test.recorder: oh\n\ngoroutine "))
}

// flower is a task of two stages.
type flower struct {
	flow task.Flow[flower]
	n    int
}

func (f *flower) bud(*task.Cx) (task.Stage[flower], error) { return (*flower).bloom, f.wait() }

func (f *flower) bloom(*task.Cx) (task.Stage[flower], error) { return nil, f.wait() }

func (f *flower) wait() error {
	if f.n++; f.n%2 == 1 {
		return errBoom
	}
	return nil
}

// The three ways to write stages, side by side: a poll that finds nothing new.
func BenchmarkStages(b *testing.B) {
	n := 0
	work := func(*task.Cx) error {
		if n++; n%2 == 1 {
			return errBoom
		}
		return nil
	}
	bench := func(name string, poll func(*task.Cx) error) {
		b.Run(name, func(b *testing.B) {
			_ = run(func(cx *task.Cx) error {
				polls := 0
				for b.Loop() {
					for polls++; poll(cx) != nil; polls++ {
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(polls), "ns/poll")
				return nil
			})
		})
	}
	stage := 0
	bench("field", func(cx *task.Cx) error {
		for {
			if err := work(cx); err != nil {
				return err
			}
			if stage++; stage == 2 {
				stage = 0
				return nil
			}
		}
	})
	var seq task.Seq
	bench("seq", func(cx *task.Cx) error {
		err := seq.Run(cx, work, work)
		if err == nil {
			seq.Reset()
		}
		return err
	})
	f := &flower{}
	bench("flow", func(cx *task.Cx) error { return f.flow.Run(cx, f, (*flower).bud) })
}
