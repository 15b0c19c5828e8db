package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// plan is a load: some connections ask for small tiles now and then, others for large ones, one
// after the other, so that there is always something to compute.
type plan struct {
	time         time.Duration
	rounds       int
	small, large int           // connections
	pause        time.Duration // of those for small ones, on average
}

var standard = plan{time: 5 * time.Second, rounds: 3, small: 8, large: 12, pause: 20 * time.Millisecond}

// result is what a load has measured.
type result struct {
	Small []time.Duration // from when each was due to its answer
	Steps int             // of all tiles that were computed
	Time  time.Duration
	CPU   time.Duration `json:"-"` // of the server
}

// point of the set, where each takes Depth iterations: so a tile takes what its size says.
const depth = 1000

func (p plan) load(address string, out *json.Encoder) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.time)
	defer cancel()
	var mu sync.Mutex
	var r result
	var failed error
	var all sync.WaitGroup
	begin := time.Now()
	for i := range p.small + p.large {
		all.Go(func() {
			err := p.client(ctx, address, i, func(took time.Duration, a answer) {
				mu.Lock()
				defer mu.Unlock()
				r.Steps += a.Steps
				if i < p.small {
					r.Small = append(r.Small, took)
				}
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil && failed == nil {
				failed = err
			}
		})
	}
	all.Wait()
	r.Time = time.Since(begin)
	if failed != nil {
		return failed
	}
	return out.Encode(r)
}

// client is a connection. It tells about each answer.
func (p plan) client(ctx context.Context, address string, number int, tell func(time.Duration, answer)) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	random := rand.New(rand.NewPCG(1, uint64(number))) // the same for each server
	in := bufio.NewReader(c)
	due := time.Now()
	for id := 0; ; id++ {
		r := request{ID: id, X: -0.1, Y: -0.1, Width: 0.1, Side: 6, Depth: depth} // a tenth of a millisecond
		if number < p.small {
			due = due.Add(time.Duration(random.ExpFloat64() * float64(p.pause)))
		} else {
			due = time.Now()
			r.Side = 30 + random.IntN(270) // 2 to 250 ms
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(due)):
		}
		line, _ := json.Marshal(r)
		if _, err := c.Write(append(line, '\n')); err != nil {
			return err
		}
		text, err := in.ReadBytes('\n')
		if err != nil {
			return err
		}
		var a answer
		if err := json.Unmarshal(text, &a); err != nil {
			return err
		}
		if a.ID != id || a.Error != "" {
			return fmt.Errorf("the answer to %d is %d: %s", id, a.ID, a.Error)
		}
		tell(time.Since(due), a)
	}
}

// compare loads both servers by turns, from a process of its own.
func (p plan) compare(w io.Writer) error {
	small, rates, thrift := map[string][]time.Duration{}, map[string]float64{}, map[string]float64{}
	names := []string{"goroutines", "heist"}
	for range p.rounds {
		for _, name := range names {
			r, err := p.measure(name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			small[name] = append(small[name], r.Small...)
			rates[name] += float64(r.Steps) / r.Time.Seconds() / 1e6 / float64(p.rounds)
			thrift[name] += float64(r.Steps) / r.CPU.Seconds() / 1e6 / float64(p.rounds)
		}
	}
	tail := map[string]time.Duration{}
	for _, name := range names {
		s := small[name]
		slices.Sort(s)
		at := func(q float64) time.Duration { return s[int(q*float64(len(s)-1))].Round(time.Microsecond) }
		tail[name] = at(0.99)
		fmt.Fprintf(w, "%-10s  %6.1f million iterations a second, %.1f in one of the server's processor time; small tiles: %d, p50 %v, p99 %v\n", name, rates[name], thrift[name], len(s), at(0.5), at(0.99))
	}
	fmt.Fprintf(w, "throughput %.2f x, by processor time %.2f x, p99 %.3f x\n", rates["heist"]/rates["goroutines"], thrift["heist"]/thrift["goroutines"], float64(tail["heist"])/float64(tail["goroutines"]))
	return nil
}

// measure starts a server in a process of its own, and loads it from another one.
func (p plan) measure(name string) (r result, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	server := exec.Command(self, "-serve", name)
	server.Env = append(os.Environ(), child+"=1")
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		return r, err
	}
	if err := server.Start(); err != nil {
		return r, err
	}
	defer func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
		r.CPU = server.ProcessState.UserTime() + server.ProcessState.SystemTime()
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		return r, fmt.Errorf("it has not said its address")
	}
	client := exec.Command(self, "-load", lines.Text(), "-time", p.time.String())
	client.Env = server.Env
	client.Stderr = os.Stderr
	text, err := client.Output()
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// child says that a process is one of these, and not a test.
const child = "HEIST_TILES"
