// Command mix serves requests of two kinds by one pool: small ones, which are answered at
// once, and large ones, which need a computation. It measures how long small ones take
// beside large ones, and how that depends on where the computation runs.
//
//	go run ./examples/mix
//
// A request is a line with a number, and the answer is how many primes there are up to it.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// small is what is computed in the poll: some microseconds.
const small = 1000

// primes counts them up to n. It is a parallel loop over pieces of the numbers, each of
// which is sieved by the primes up to the root.
func primes[P pool.Place](on P, n int) int {
	if n < 2 {
		return 0
	}
	const piece = 1 << 15
	root := int(math.Sqrt(float64(n))) + 1
	few := sieve(make([]bool, root+1), 0, nil)
	return par.ReduceRange(on, n/piece+1, func(count, lo, hi int) int {
		crossed := make([]bool, piece)
		for ; lo < hi; lo++ {
			clear(crossed)
			from := lo * piece
			sieve(crossed, from, few)
			for i := max(0, 2-from); i < piece && from+i <= n; i++ {
				if !crossed[i] {
					count++
				}
			}
		}
		return count
	}, func(x, y int) int { return x + y })
}

// sieve crosses the multiples of primes out of the numbers beginning with from. Without
// primes it finds them itself, and returns them.
func sieve(crossed []bool, from int, primes []int) []int {
	cross := func(p int) {
		for m := max(p*p, (from+p-1)/p*p) - from; m < len(crossed); m += p {
			crossed[m] = true
		}
	}
	if primes != nil {
		for _, p := range primes {
			cross(p)
		}
		return primes
	}
	for p := 2; p < len(crossed); p++ {
		if !crossed[p] {
			primes = append(primes, p)
			cross(p)
		}
	}
	return primes
}

// mode is where large computations run.
type mode struct {
	name    string
	bounded bool // as many at a time as there are workers; the others wait in line
	config  pool.Config
	do      func(s *session, cx *task.Cx) (int, error)
}

var modes = []mode{
	// The computation is a task of its own, and so are the parts that others take of it.
	// The session waits, and its worker polls others. A bound costs nothing, because one
	// computation keeps all workers busy.
	{name: "a job: pool.Job", bounded: true, do: inJob},
	// More of them than there are workers and spare ones leave nobody for what is small.
	{name: "any number of jobs", do: inJob},
	// Goroutines run beside the workers. What they offer, workers take, as that of jobs.
	{name: "a goroutine: task.Blocking", bounded: true, do: func(s *session, cx *task.Cx) (int, error) {
		return s.blocking.Do(cx, func(context.Context) (int, error) { return primes(s.pool, s.n), nil })
	}},
	// The mistake: the poll takes as long as the computation. The pool makes up for most of
	// it, because what waits behind is moved to other workers, and a spare one takes part
	// when all are at it.
	{name: "in the poll", bounded: true, do: inPoll},
	// What it would be otherwise.
	{name: "in the poll, without spares", bounded: true, config: pool.Config{StallLimit: -1}, do: inPoll},
}

func inJob(s *session, cx *task.Cx) (int, error) {
	return s.job.Do(cx, func(at pool.Scope) int { return primes(at, s.n) })
}

func inPoll(s *session, cx *task.Cx) (int, error) { return primes(cx, s.n), nil }

// server is what the connections share.
type server struct {
	pool  *pool.Pool
	mode  mode
	turns *lock.Semaphore // for large ones
}

// session is a connection.
type session struct {
	task.Frame
	*server
	conn     *reactor.Conn
	n        int  // of the request at hand; -1: none
	turn     bool // it has one
	job      pool.Job[int]
	blocking task.Blocking[int]
	answer   []byte
}

func (s *session) Poll(cx *task.Cx) error {
	for {
		if len(s.answer) > 0 {
			if err := s.conn.Write(cx, s.answer); err != nil {
				return err
			}
			s.answer, s.n = s.answer[:0], -1
		}
		if s.n < 0 {
			line, err := s.conn.ReadUntil(cx, '\n', 32)
			if errors.Is(err, io.EOF) || task.IsPending(err) && cx.Draining() {
				return nil // it is idle, and asks no more, or is asked no more
			}
			if err != nil {
				return err
			}
			if s.n, err = strconv.Atoi(strings.TrimSpace(string(line))); err != nil || s.n < 0 {
				return fmt.Errorf("mix: not a number: %q", line)
			}
		}
		count, err := s.count(cx)
		if err != nil {
			return err // Pending, too: s.n says that we have a request
		}
		s.answer = append(strconv.AppendInt(s.answer, int64(count), 10), '\n')
	}
}

func (s *session) count(cx *task.Cx) (n int, err error) {
	if s.n <= small {
		return primes(cx, s.n), nil
	}
	if s.mode.bounded && !s.turn {
		if err := s.turns.Acquire(cx, 1); err != nil {
			return 0, err
		}
		s.turn = true
	}
	if n, err = s.mode.do(s, cx); err == nil {
		s.rest(cx)
	}
	return n, err
}

// rest gives the turn back.
func (s *session) rest(cx *task.Cx) {
	if s.turn {
		s.turns.Release(cx, 1)
		s.turn = false
	}
}

func (s *session) Finish(error) {
	s.rest(nil)
	_ = s.conn.Close()
}

// serve starts a server on the pool; it ends with that.
func serve(p *pool.Pool, m mode) (address string, err error) {
	l, err := p.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &server{p, m, lock.NewSemaphore(p.Workers())}
	p.Go(task.Func(func(cx *task.Cx) error {
		err := reactor.Serve(cx, l, func(c *reactor.Conn) task.Task {
			return &session{server: s, conn: c, n: -1}
		})
		if err != nil && !task.IsPending(err) && !errors.Is(err, task.ErrCanceled) {
			fmt.Fprintln(os.Stderr, "mix:", err) // and clients that come wait for nothing
		}
		return err
	}))
	return l.Addr().String(), nil
}

// client asks for n again and again, until stop is closed or it has asked so many times,
// and returns how long each answer took.
func client(address string, n, times int, pause time.Duration, stop <-chan struct{}) (took []time.Duration, err error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	want := ""
	for times <= 0 || len(took) < times {
		select {
		case <-stop:
			return took, nil
		case <-time.After(pause):
		}
		start := time.Now()
		if _, err := fmt.Fprintln(c, n); err != nil {
			return nil, err
		}
		got, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
		if want == "" {
			want = got
		}
		if got != want {
			return nil, fmt.Errorf("mix: %d has now %q primes, and had %q", n, got, want)
		}
	}
	return took, nil
}

// result is a line of the table.
type result struct {
	small, large []time.Duration // sorted
}

// measure asks for something small, for some time, while so many clients ask for something
// large.
func measure(m mode, clients, n int, length time.Duration) (r result, err error) {
	p, err := pool.New(m.config)
	if err != nil {
		return r, err
	}
	defer p.Close()
	address, err := serve(p, m)
	if err != nil {
		return r, err
	}
	var (
		busy sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	stop := make(chan struct{})
	time.AfterFunc(length, func() { close(stop) })
	for range clients {
		busy.Go(func() {
			took, err := client(address, n, 0, 0, stop)
			mu.Lock()
			defer mu.Unlock()
			r.large, errs = append(r.large, took...), append(errs, err)
		})
	}
	r.small, err = client(address, 10, 0, time.Millisecond, stop)
	busy.Wait()
	slices.Sort(r.small)
	slices.Sort(r.large)
	return r, errors.Join(append(errs, err)...)
}

// at returns what a part of the times are less than, in milliseconds.
func at(part float64, took []time.Duration) float64 {
	if len(took) == 0 {
		return math.NaN()
	}
	return took[min(int(part*float64(len(took))), len(took)-1)].Seconds() * 1e3
}

func run() error {
	n := flag.Int("n", 10_000_000, "the number of a large request")
	length := flag.Duration("for", 2*time.Second, "how long to measure each line")
	clients := flag.Int("clients", 3*runtime.NumCPU(), "how many ask for something large, all the time")
	flag.Parse()
	fmt.Println("                              small requests, ms               large, ms")
	fmt.Println("where large ones run         number  median    99 %    most   number  median")
	for _, m := range append([]mode{{name: "there are none"}}, modes...) {
		large := *clients
		if m.do == nil {
			large = 0
		}
		r, err := measure(m, large, *n, *length)
		if err != nil {
			return err
		}
		fmt.Printf("%-27s %7d %7.2f %7.2f %7.2f  %7d %7.1f\n", m.name,
			len(r.small), at(0.5, r.small), at(0.99, r.small), at(1, r.small), len(r.large), at(0.5, r.large))
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mix:", err)
		os.Exit(1)
	}
}
