package task_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
)

// This file and docs_rules_test.go are the code of docs/writing-a-task.md. Every
// Go block of the page is an excerpt of one of the two; see
// TestThePageQuotesThisCode.

// A desk is somebody else's code: it sells seats, and answers some time later, on
// a goroutine of its own.
type desk interface {
	quote(what string, done func(price int, err error))
	reserve(what string, done func(seat int, err error))
	release(seat int)
	pay(seats []int, done func(error))
}

var errFull = errors.New("no seat left")

// ---- the goroutine -----------------------------------------------------------

func bookTrip(ctx context.Context, d desk) (err error) {
	var seats []int
	defer func() {
		if err != nil {
			for _, seat := range seats {
				d.release(seat)
			}
		}
	}()
	for _, what := range []string{"flight", "hotel"} {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		seat, err := ask(d, what) // blocks
		if err != nil {
			return err
		}
		seats = append(seats, seat)
	}
	return settle(d, seats) // blocks
}

func ask(d desk, what string) (seat int, err error) {
	answered := make(chan struct{})
	d.reserve(what, func(s int, e error) {
		seat, err = s, e
		close(answered)
	})
	<-answered // without a look at ctx: the seat would be lost
	return seat, err
}

func settle(d desk, seats []int) error {
	paid := make(chan error)
	d.pay(seats, func(err error) { paid <- err })
	return <-paid
}

// ---- one wait ----------------------------------------------------------------

type reservation struct {
	task.Frame
	desk   desk
	what   string
	asked  bool
	answer task.Promise[int]
	seat   int
}

func (r *reservation) Poll(cx *task.Cx) (err error) {
	if !r.asked {
		r.asked = true
		r.desk.reserve(r.what, func(seat int, err error) { r.answer.Resolve(seat, err) })
	}
	cx.Shield() // it was asked for: it is ours until we give it back
	r.seat, err = r.answer.Wait(cx)
	return err
}

// ---- stages ------------------------------------------------------------------

func newTrip(d desk) *trip {
	return &trip{
		desk:   d,
		flight: reservation{desk: d, what: "flight"},
		hotel:  reservation{desk: d, what: "hotel"},
	}
}

type trip struct {
	task.Frame
	desk          desk
	flight, hotel reservation // children by value: one allocation for all
	seats         task.Group
	paid          task.Promise[struct{}]
	stages        task.Seq
}

func (t *trip) Poll(cx *task.Cx) error {
	return t.stages.Run(cx, t.reserve, t.seats.Wait, t.order, t.receipt)
}

func (t *trip) reserve(cx *task.Cx) error {
	t.seats.GoAll(cx, &t.flight, &t.hotel)
	return nil
}

func (t *trip) order(cx *task.Cx) error {
	if err := cx.Err(); err != nil {
		return err // the last moment to think better of it
	}
	seats := []int{t.flight.seat, t.hotel.seat}
	t.desk.pay(seats, func(err error) { t.paid.Resolve(struct{}{}, err) })
	return nil
}

func (t *trip) receipt(cx *task.Cx) error {
	cx.Shield() // the money is on its way
	_, err := t.paid.Wait(cx)
	return err
}

func (t *trip) Finish(err error) {
	if err == nil {
		return
	}
	for _, r := range []*reservation{&t.flight, &t.hotel} {
		if r.seat != 0 {
			t.desk.release(r.seat)
		}
	}
}

// slowTrip reserves one seat after the other.
type slowTrip struct {
	trip
	stage int
}

func (t *slowTrip) Poll(cx *task.Cx) error {
	switch t.stage {
	case 0:
		t.seats.Go(cx, &t.flight)
		t.stage++
		fallthrough
	case 1:
		if err := t.seats.Wait(cx); err != nil {
			return err
		}
		t.seats.Go(cx, &t.hotel)
		t.stage++
		fallthrough
	case 2:
		if err := t.seats.Wait(cx); err != nil {
			return err
		}
		if err := t.order(cx); err != nil {
			return err
		}
		t.stage++
	}
	return t.receipt(cx)
}

// search asks for one hotel after the other until one has a room.
type search struct {
	task.Frame
	desk   desk
	hotels []string
	answer *task.Promise[int]
	seat   int
	flow   task.Flow[search]
}

func (s *search) Poll(cx *task.Cx) error {
	return s.flow.Run(cx, s, (*search).ask)
}

func (s *search) ask(cx *task.Cx) (task.Stage[search], error) {
	if err := cx.Err(); err != nil {
		return nil, err // the shield has ended with its stage
	}
	if len(s.hotels) == 0 {
		return nil, errFull
	}
	answer := new(task.Promise[int]) // a promise is resolved once: one a question
	s.desk.reserve(s.hotels[0], func(seat int, err error) { answer.Resolve(seat, err) })
	s.answer = answer
	return (*search).hear, nil
}

func (s *search) hear(cx *task.Cx) (task.Stage[search], error) {
	cx.Shield() // a seat that was asked for is ours
	seat, err := s.answer.Wait(cx)
	if errors.Is(err, errFull) {
		s.hotels = s.hotels[1:]
		return (*search).ask, nil
	}
	s.seat = seat
	return nil, err // nil, Pending, or a failure
}

// ---- handles -----------------------------------------------------------------

// priceOf returns a poll function. What lives across a wait is in its closure.
func priceOf(d desk, what string) func(*task.Cx) (int, error) {
	asked := false
	var answer task.Promise[int]
	return func(cx *task.Cx) (int, error) {
		if !asked {
			asked = true
			d.quote(what, func(price int, err error) { answer.Resolve(price, err) })
		}
		return answer.Wait(cx)
	}
}

// offer adds up two prices.
type offer struct {
	task.Frame
	desk          desk
	flight, hotel *task.Handle[int]
	total         int
}

func (o *offer) Poll(cx *task.Cx) error {
	if o.flight == nil {
		o.flight = task.Go(cx, priceOf(o.desk, "flight"))
		o.hotel = task.Go(cx, priceOf(o.desk, "hotel"))
	}
	flight, err1 := o.flight.Wait(cx)
	hotel, err2 := o.hotel.Wait(cx)
	if err := task.All(err1, err2); err != nil {
		return err
	}
	o.total = flight + hotel
	return nil
}

// ---- an operation of one's own -----------------------------------------------

// mailbox takes letters from any thread. One task reads them.
type mailbox struct {
	mu      sync.Mutex
	letters []string
	reader  task.Waker
}

func (m *mailbox) post(letter string) {
	m.mu.Lock()
	m.letters = append(m.letters, letter)
	reader := m.reader
	m.mu.Unlock()
	reader.Wake() // outside of the lock: whoever is woken may want it
}

func (m *mailbox) take(cx *task.Cx) (string, error) {
	if err := cx.Err(); err != nil {
		return "", err // rule 8
	}
	if !m.ready(cx.Waker()) {
		return "", task.Pending
	}
	if err := cx.Spend(); err != nil {
		return "", err // the budget of this poll is used up
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	letter := m.letters[0] // still there: there is one reader
	m.letters = m.letters[1:]
	return letter, nil
}

// ready reports whether there is a letter. If there is none, reader is woken by the next.
func (m *mailbox) ready(reader task.Waker) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.letters) > 0 {
		return true
	}
	m.reader = reader // under the lock: post sees it, or we see the letter
	return false
}

// ---- a task that serves ------------------------------------------------------

// booth books a trip for each letter, until it is told to come to an end.
type booth struct {
	task.Frame
	desk  desk
	mail  mailbox
	trips task.Group
}

func (b *booth) Poll(cx *task.Cx) error {
	b.trips.Failed = func(task.Task, error) error { return nil } // one failed trip harms no other
	for !cx.Draining() {
		if _, err := b.mail.take(cx); err != nil {
			return err
		}
		b.trips.Go(cx, newTrip(b.desk))
	}
	return b.trips.Wait(cx)
}

// ---- a computation -----------------------------------------------------------

// census adds up a long list, some at a time.
type census struct {
	task.Frame
	list []int
	sum  int
}

const piece = 1000

func (c *census) Poll(cx *task.Cx) error {
	for len(c.list) > 0 {
		if err := cx.Yield(); err != nil {
			return err
		}
		n := min(piece, len(c.list))
		for _, v := range c.list[:n] {
			c.sum += v
		}
		c.list = c.list[n:]
	}
	return nil
}

// ---- the desks of the tests --------------------------------------------------

// ledger counts what a desk was asked for and has given away.
type ledger struct {
	mu   sync.Mutex
	asks int
	next int
	out  map[int]bool // seats reserved and not released
	paid []int
}

func (l *ledger) note() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asks++
}

// asked returns how many questions there were.
func (l *ledger) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asks
}

func (l *ledger) give() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		l.out = map[int]bool{}
	}
	l.next++
	l.out[l.next] = true
	return l.next
}

func (l *ledger) release(seat int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.out[seat] {
		panic("released twice, or never reserved")
	}
	delete(l.out, seat)
}

func (l *ledger) charge(seats []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paid = append(l.paid, seats...)
}

// kept returns how many seats are out.
func (l *ledger) kept() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.out)
}

// promptDesk answers at once, on goroutines of its own.
type promptDesk struct {
	ledger
	full map[string]bool
}

func (d *promptDesk) reserve(what string, done func(int, error)) {
	d.note()
	go func() {
		if d.full[what] {
			done(0, errFull)
			return
		}
		done(d.give(), nil)
	}()
}

func (d *promptDesk) quote(what string, done func(int, error)) {
	go func() {
		if d.full[what] {
			done(0, errFull)
			return
		}
		done(len(what), nil)
	}()
}

func (d *promptDesk) pay(seats []int, done func(error)) {
	go func() {
		d.charge(seats)
		done(nil)
	}()
}

// patientDesk answers when the test says so.
type patientDesk struct {
	ledger
	questions map[string]func(int, error)
	bills     []func()
}

func (d *patientDesk) reserve(what string, done func(int, error)) {
	d.note()
	if d.questions == nil {
		d.questions = map[string]func(int, error){}
	}
	d.questions[what] = done
}

func (d *patientDesk) quote(string, func(int, error)) {}

func (d *patientDesk) pay(seats []int, done func(error)) {
	d.bills = append(d.bills, func() {
		d.charge(seats)
		done(nil)
	})
}

// answer answers the question for what.
func (d *patientDesk) answer(what string, err error) {
	done := d.questions[what]
	delete(d.questions, what)
	if err != nil {
		done(0, err)
		return
	}
	done(d.give(), nil)
}

// ---- the tests ---------------------------------------------------------------

func TestTheGoroutine(t *testing.T) {
	d := &promptDesk{}
	require.NoError(t, bookTrip(background, d))
	require.Equal(t, 2, d.kept())
	require.Len(t, d.paid, 2)

	d = &promptDesk{full: map[string]bool{"hotel": true}}
	require.Equal(t, errFull, bookTrip(background, d))
	require.Zero(t, d.kept())
}

// The trips and their kin, with a desk that answers from other goroutines.
func TestTripsWithAPromptDesk(t *testing.T) {
	for name, made := range map[string]func(desk) task.Task{
		"reservation": func(d desk) task.Task { return &reservation{desk: d, what: "hotel"} },
		"trip":        func(d desk) task.Task { return newTrip(d) },
		"slow trip": func(d desk) task.Task {
			return &slowTrip{trip: trip{
				desk:   d,
				flight: reservation{desk: d, what: "flight"},
				hotel:  reservation{desk: d, what: "hotel"},
			}}
		},
		"search": func(d desk) task.Task { return &search{desk: d, hotels: []string{"hotel"}} },
	} {
		t.Run(name, func(t *testing.T) {
			d := &promptDesk{}
			require.NoError(t, task.Run(background, made(d)))
			require.Equal(t, d.next, d.kept())
			require.Positive(t, d.kept())

			d = &promptDesk{full: map[string]bool{"hotel": true}}
			require.ErrorIs(t, task.Run(background, made(d)), errFull)
			require.Zero(t, d.kept())
			require.Empty(t, d.paid)
		})
	}
}

func TestOffer(t *testing.T) {
	o := &offer{desk: &promptDesk{}}
	require.NoError(t, task.Run(background, o))
	require.Equal(t, len("flight")+len("hotel"), o.total)

	o = &offer{desk: &promptDesk{full: map[string]bool{"hotel": true}}}
	require.Equal(t, errFull, task.Run(background, o))
}

func TestSearchTriesTheNext(t *testing.T) {
	d := &promptDesk{full: map[string]bool{"Ritz": true, "Astoria": true}}
	s := &search{desk: d, hotels: []string{"Ritz", "Astoria", "Station", "Park"}}
	require.NoError(t, task.Run(background, s))
	require.Equal(t, []string{"Station", "Park"}, s.hotels)
	require.Equal(t, 1, s.seat)
}

// A search that is canceled hears the answer that it has asked for, and asks no
// more.
func TestSearchCanceled(t *testing.T) {
	for _, full := range []error{errFull, nil} {
		d := &patientDesk{}
		s := &search{desk: d, hotels: []string{"Ritz", "Station"}}
		var g task.Group
		err := runSteps(start(&g, s), rounds(1), once(func(*task.Cx) { s.Cancel(errBoom) }), rounds(2),
			once(func(*task.Cx) { d.answer("Ritz", full) }), g.Wait)
		if full != nil {
			require.ErrorIs(t, err, errBoom)
		} else {
			require.NoError(t, err)
			require.NotZero(t, s.seat)
		}
		require.Equal(t, 1, d.asked())
	}
}

// A test plays the other side, and says when.
func TestTripGivesBackWhatItHas(t *testing.T) {
	d := &patientDesk{}
	booked := newTrip(d)
	var trips task.Group
	var script task.Seq
	err := task.Run(context.Background(), task.Func(func(cx *task.Cx) error {
		return script.Run(cx,
			func(cx *task.Cx) error { trips.Go(cx, booked); return nil },
			(*task.Cx).Yield, // the trip starts its reservations
			(*task.Cx).Yield, // they ask
			func(*task.Cx) error { d.answer("flight", nil); return nil },
			(*task.Cx).Yield,
			func(*task.Cx) error { d.answer("hotel", errFull); return nil },
			trips.Wait,
		)
	}))
	require.ErrorIs(t, err, errFull)
	require.NotZero(t, booked.flight.seat)
	require.Zero(t, d.kept())
}

// A trip that is canceled while it reserves waits for the answers and gives the
// seats back; once the bill is on its way it is paid.
func TestTripCanceled(t *testing.T) {
	for name, paying := range map[string]bool{"reserving": false, "paying": true} {
		t.Run(name, func(t *testing.T) {
			d := &patientDesk{}
			booked := newTrip(d)
			answer := once(func(*task.Cx) {
				d.answer("flight", nil)
				d.answer("hotel", nil)
			})
			cancel := once(func(*task.Cx) { booked.Cancel(errBoom) })
			var g task.Group
			if !paying {
				require.ErrorIs(t, runSteps(start(&g, booked), rounds(2), cancel, rounds(2), answer, g.Wait), errBoom)
				require.Zero(t, d.kept())
				require.Empty(t, d.bills)
				return
			}
			require.NoError(t, runSteps(start(&g, booked), rounds(2), answer, rounds(3), cancel, rounds(1),
				once(func(*task.Cx) { d.bills[0]() }), g.Wait))
			require.Equal(t, 2, d.kept())
			require.Len(t, d.paid, 2)
		})
	}
}

func TestBoothDrains(t *testing.T) {
	const letters = 300 // more than a budget
	d := &promptDesk{}
	b := &booth{desk: d}
	var g task.Group
	require.NoError(t, runSteps(
		start(&g, b),
		once(func(*task.Cx) {
			for range letters {
				b.mail.post("please")
			}
		}),
		func(cx *task.Cx) error {
			for d.kept() < 2*letters {
				if err := cx.Yield(); err != nil {
					return err
				}
			}
			return nil
		},
		once(func(*task.Cx) {
			g.Drain()
			b.mail.post("too late")
		}),
		g.Wait,
	))
	require.Equal(t, 2*letters, d.kept())
	require.Len(t, b.mail.letters, 1)
}

// The letters come from other threads, and each is taken once.
func TestMailboxFromOtherThreads(t *testing.T) {
	const senders, each = 4, 200
	var m mailbox
	var g task.Group
	got := map[string]int{}
	require.NoError(t, runSteps(
		once(func(cx *task.Cx) {
			for i := range senders {
				g.Goroutine(cx, func(context.Context) error {
					for range each {
						m.post(string(rune('a' + i)))
					}
					return nil
				})
			}
		}),
		func(cx *task.Cx) error {
			for {
				sum := 0
				for _, n := range got {
					sum += n
				}
				if sum == senders*each {
					return nil
				}
				letter, err := m.take(cx)
				if err != nil {
					return err
				}
				got[letter]++
			}
		},
		g.Wait,
	))
	require.Len(t, got, senders)
	for _, n := range got {
		require.Equal(t, each, n)
	}
}

// No operation of it stands under its lock, so it can be simulated; and no letter is missed on any schedule.
func TestMailboxSimulated(t *testing.T) {
	sim.Config{Seeds: 300}.Test(t, func(s *sim.Sim) {
		const senders, each = 2, 3
		var m mailbox
		for range senders {
			s.Goroutine(func() {
				for range each {
					m.post("letter")
				}
			})
		}
		got := 0
		s.Go(task.Func(func(cx *task.Cx) error {
			for ; got < senders*each; got++ {
				if _, err := m.take(cx); err != nil {
					return err
				}
			}
			return nil
		}))
	})
}

func TestMailboxCanceled(t *testing.T) {
	var m mailbox
	reader := task.Func(func(cx *task.Cx) error {
		_, err := m.take(cx)
		return err
	})
	var g task.Group
	require.ErrorIs(t, runSteps(start(&g, reader), rounds(2), once(func(*task.Cx) { g.Cancel(errBoom) }), g.Wait), errBoom)
}

func TestCensus(t *testing.T) {
	c := &census{list: make([]int, 10*piece+1)}
	for i := range c.list {
		c.list[i] = 1
	}
	others := &recorder{poll: does(rounds(3))}
	var g task.Group
	require.NoError(t, runSteps(start(&g, c, others), others.Wait, once(func(*task.Cx) {
		require.NotZero(t, c.sum)
		require.NotEmpty(t, c.list)
	}), g.Wait))
	require.Equal(t, 10*piece+1, c.sum)
}

// The same task on a pool.
func TestTripOnAPool(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 2})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	d := &promptDesk{}

	var trips task.Group
	for range 100 {
		trips.Go(p, newTrip(d))
	}
	err = trips.WaitContext(context.Background())

	require.NoError(t, err)
	require.Equal(t, 200, d.kept())

	err = p.Run(context.Background(), newTrip(d))
	require.NoError(t, err)
}

func TestPanicOfATrip(t *testing.T) {
	d := &promptDesk{}
	broken := &trip{desk: d} // its reservations have no desk

	var report string
	func() {
		defer func() {
			if p, ok := recover().(*task.PanicError); ok {
				report = p.Task + ": " + string(p.Stack)
			}
		}()
		_ = task.Run(context.Background(), broken)
	}()

	require.Contains(t, report, "*task_test.reservation: ")
	require.Contains(t, report, "task_test.(*reservation).Poll")
}

// ---- the page ----------------------------------------------------------------

const thePage = "../docs/writing-a-task.md"

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(thePage)
	require.NoError(t, err)
	return string(text)
}

// TestThePageQuotesThisCode: every Go block of the page stands in the tested
// files, line for line, at whatever depth of indentation.
func TestThePageQuotesThisCode(t *testing.T) {
	var tested [][]string
	for _, name := range []string{"docs_test.go", "docs_rules_test.go"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		tested = append(tested, strings.Split(string(text), "\n"))
	}
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)\n```$").FindAllStringSubmatch(readPage(t), -1)
	require.Greater(t, len(blocks), 20)
	for _, b := range blocks {
		quote := strings.Split(b[1], "\n")
		assert.True(t, slices.ContainsFunc(tested, func(lines []string) bool { return quoted(quote, lines) }),
			"not in the tested files:\n%s", b[1])
	}
}

// quoted reports whether quote is a run of lines, each with the same tabs in
// front.
func quoted(quote, lines []string) bool {
	for i := range len(lines) - len(quote) + 1 {
		tabs, ok := strings.CutSuffix(lines[i], quote[0])
		if !ok || strings.Trim(tabs, "\t") != "" {
			continue
		}
		same := true
		for j, line := range quote {
			same = same && (lines[i+j] == tabs+line || line == "" && lines[i+j] == "")
		}
		if same {
			return true
		}
	}
	return false
}

func TestQuoted(t *testing.T) {
	lines := strings.Split("func f() {\n\tif x {\n\n\t\tg()\n\t}\n}", "\n")
	for _, ok := range []string{"if x {\n\n\tg()\n}", "func f() {\n\tif x {", "g()"} {
		require.True(t, quoted(strings.Split(ok, "\n"), lines), ok)
	}
	for _, bad := range []string{"if x {\n\n\t\tg()\n}", "f() {", "if x {\n\tg()\n}", "g() // no"} {
		require.False(t, quoted(strings.Split(bad, "\n"), lines), bad)
	}
}
