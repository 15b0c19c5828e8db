// Command tiles is a server that computes and answers: a request is a line of JSON, and the
// answer to it is a tile of the Mandelbrot set, or what would be left of one, as a line of JSON.
// A tile takes from a tenth of a millisecond to 300 of them, with a processor of its own. The
// same server made of goroutines is beside it, and a load generator that measures both:
//
//	go run ./examples/tiles                         both, by turns
//	go run ./examples/tiles -serve heist            one of them
//	go run ./examples/tiles -load ADDRESS           a load for it
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"sync"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
)

// request asks for a tile of so many points on a side, whose corner is at X and Y.
type request struct {
	ID    int     `json:"id"`
	X     float64 `json:"x"`
	Y     float64 `json:"y"`
	Width float64 `json:"width"`
	Side  int     `json:"side"`
	Depth int     `json:"depth"` // iterations for a point of the set
}

// answer is the number of points of the tile that are in the set, and of the iterations.
type answer struct {
	ID     int    `json:"id"`
	Inside int    `json:"inside"`
	Steps  int    `json:"steps"`
	Error  string `json:"error,omitempty"`
}

const (
	maxLine  = 1 << 10
	maxSide  = 1 << 10
	maxDepth = 1 << 14
)

func (r *request) parse(line []byte) error {
	if err := json.Unmarshal(line, r); err != nil {
		return err
	}
	if r.Side < 1 || r.Side > maxSide || r.Depth < 1 || r.Depth > maxDepth {
		return fmt.Errorf("a tile has 1 to %d points on a side, of 1 to %d iterations", maxSide, maxDepth)
	}
	return nil
}

// isShort reports whether the tile takes a few milliseconds at most.
func (r *request) isShort() bool { return r.Side*r.Side*r.Depth <= 1_000_000 }

// rows computes some of the tile's rows.
func (r *request) rows(lo, hi int) (a answer) {
	step := r.Width / float64(r.Side)
	for i := lo; i < hi; i++ {
		for j := range r.Side {
			x, y := r.X+float64(j)*step, r.Y+float64(i)*step
			var re, im float64
			n := 0
			for ; n < r.Depth && re*re+im*im <= 4; n++ {
				re, im = re*re-im*im+x, 2*re*im+y
			}
			a.Steps += n
			if n == r.Depth {
				a.Inside++
			}
		}
	}
	return a
}

func (a answer) plus(b answer) answer {
	a.Inside += b.Inside
	a.Steps += b.Steps
	return a
}

// short is the class of the tiles that need not wait for those that take long.
var short = &pool.Limiter{Name: "short", Short: true}

// session is a connection. All that it does about the difference between small tiles and large
// ones is to say which is which.
type session struct {
	task.Frame
	conn *reactor.Conn
	now  request
	busy bool // with it
	tile pool.Job[answer]
	out  []byte
}

func (s *session) Poll(cx *task.Cx) error {
	for {
		if len(s.out) > 0 {
			if err := s.conn.Write(cx, s.out); err != nil {
				return err
			}
			s.out, s.busy = s.out[:0], false
		}
		if !s.busy {
			line, err := s.conn.ReadUntil(cx, '\n', maxLine)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			s.now, s.busy = request{}, true
			if err := s.now.parse(line); err != nil {
				s.reply(answer{ID: s.now.ID, Error: err.Error()})
				continue
			}
			if s.tile.Limiter = nil; s.now.isShort() {
				s.tile.Limiter = short
			}
		}
		a, err := s.tile.Do(cx, func(at pool.Scope) answer {
			return par.ReduceRange(at, s.now.Side, func(a answer, lo, hi int) answer { return a.plus(s.now.rows(lo, hi)) }, answer.plus)
		})
		if err != nil {
			return err // Pending, too: s.busy says that there is a request
		}
		a.ID = s.now.ID
		s.reply(a)
	}
}

func (s *session) reply(a answer) {
	line, _ := json.Marshal(a) // of such a value it cannot fail
	s.out = append(append(s.out[:0], line...), '\n')
}

func (s *session) Finish(error) { _ = s.conn.Close() }

// heist starts the server on a pool of its own.
func heist() (address string, stop func(), err error) {
	p, err := pool.New(pool.Config{})
	if err != nil {
		return "", nil, err
	}
	l, err := p.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		_ = p.Close()
		return "", nil, err
	}
	var g task.Group
	g.Go(p, task.Func(func(cx *task.Cx) error {
		return reactor.Serve(cx, l, func(c *reactor.Conn) task.Task { return &session{conn: c} })
	}))
	return l.Addr().String(), func() { _ = p.Close() }, nil
}

// goroutines starts its twin: a goroutine for each connection, and as many as there are
// processors for a tile that is worth it.
func goroutines() (address string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go converse(c)
		}
	}()
	return l.Addr().String(), func() { _ = l.Close() }, nil
}

func converse(c net.Conn) {
	defer c.Close()
	in := bufio.NewScanner(c)
	for in.Scan() {
		var r request
		var a answer
		switch err := r.parse(in.Bytes()); {
		case err != nil:
			a.Error = err.Error()
		case r.isShort():
			a = r.rows(0, r.Side)
		default:
			a = r.divided(runtime.GOMAXPROCS(0))
		}
		a.ID = r.ID
		line, _ := json.Marshal(a)
		if _, err := c.Write(append(line, '\n')); err != nil {
			return
		}
	}
}

// divided computes the tile by n goroutines.
func (r *request) divided(n int) (sum answer) {
	var all sync.WaitGroup
	parts := make([]answer, n)
	for i := range parts {
		all.Go(func() { parts[i] = r.rows(r.Side*i/n, r.Side*(i+1)/n) })
	}
	all.Wait()
	for _, a := range parts {
		sum = sum.plus(a)
	}
	return sum
}

var servers = map[string]func() (address string, stop func(), err error){"heist": heist, "goroutines": goroutines}

func main() {
	serve := flag.String("serve", "", "serve until interrupted: heist, or goroutines")
	address := flag.String("load", "", "load the server at this address")
	plan := standard
	flag.DurationVar(&plan.time, "time", plan.time, "how long a load lasts")
	flag.IntVar(&plan.rounds, "rounds", plan.rounds, "how often each server is loaded")
	flag.Parse()
	var err error
	switch {
	case *address != "":
		err = plan.load(*address, json.NewEncoder(os.Stdout))
	case *serve != "":
		err = run(*serve)
	default:
		err = plan.compare(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tiles:", err)
		os.Exit(1)
	}
}

// run serves until it is interrupted.
func run(who string) error {
	start, ok := servers[who]
	if !ok {
		return fmt.Errorf("no server is called %q", who)
	}
	address, stop, err := start()
	if err != nil {
		return err
	}
	defer stop()
	fmt.Println(address)
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	<-ctx.Done()
	return nil
}
