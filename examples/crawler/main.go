// Command crawler visits the pages of a site, each once, and reports which links are broken.
// Without -start it crawls a small site of its own.
//
//	go run ./examples/crawler -requests 8 -rate 200 -depth 6
package main

//go:generate go run -C ../../heistgen . ../examples/crawler

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/lock"
)

// limits are what a crawler must not exceed.
type limits struct {
	requests int // at a time
	rate     int // requests a second
	depth    int // links from the start; that is 0
}

// crawler is what the pages of one crawl share.
type crawler struct {
	client http.Client
	class  task.Limiter      // bounds the goroutines, which are what requests are made by
	rate   *lock.RateLimiter // all requests wait in its line
	depth  int
	start  func(task.Task) // beside the others

	mu      sync.Mutex // for a map access
	visited map[string]int
	broken  []error
}

// page is the task that visits one page. Its request is made by package net/http, on a
// goroutine: redirects, compression, connections that are kept, all of that works, and a
// few requests at a time are a few goroutines. The pages that wait for their turn have none,
// and there may be a million of them. (http over a connection of the reactor, by its Std,
// would need the same goroutines.)
type page struct {
	task.Frame
	crawler *crawler
	url     *url.URL
	depth   int
	stages  task.Seq
	get     task.Blocking[[]*url.URL]
	links   []*url.URL
}

func (p *page) Poll(cx *task.Cx) error {
	return p.stages.Run(cx, p.crawler.rate.Wait, p.fetch, p.follow)
}

func (p *page) fetch(cx *task.Cx) (err error) {
	p.get.Limiter = &p.crawler.class
	p.links, err = p.get.Do(cx, p.request) // its context ends with the task
	return err
}

// follow starts a task for each link that is new, beside this one: in the same group.
func (p *page) follow(cx *task.Cx) error {
	for _, link := range p.links {
		p.crawler.visit(cx.Go, link, p.depth+1)
	}
	return nil
}

// form makes the task of a page.
var form = byHand

func byHand(c *crawler, to *url.URL, depth int) task.Task {
	return &page{crawler: c, url: to, depth: depth}
}

func straightLine(c *crawler, to *url.URL, depth int) task.Task { return newVisit(c, to, depth) }

// visit starts a task for a page that nobody has come to before.
func (c *crawler) visit(start func(task.Task), to *url.URL, depth int) {
	if depth > c.depth {
		return
	}
	c.mu.Lock()
	_, known := c.visited[to.String()]
	if !known {
		c.visited[to.String()] = depth
	}
	c.mu.Unlock()
	if !known {
		start(form(c, to, depth))
	}
}

var href = regexp.MustCompile(`href="([^"]*)"`)

func (p *page) request(ctx context.Context) ([]*url.URL, error) { return p.crawler.request(ctx, p.url) }

// request blocks. It returns the links of the page to the same site.
func (c *crawler) request(ctx context.Context, from *url.URL) (links []*url.URL, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("crawler: %s: %s", from, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	for _, match := range href.FindAllSubmatch(body, -1) {
		if link, err := from.Parse(string(match[1])); err == nil && link.Host == from.Host {
			link.Fragment = ""
			links = append(links, link)
		}
	}
	return links, err
}

// failed notes a page that is broken, and lets the others go on: a group would end with the
// first error. It passes on why the crawl is to end. (It asks ctx, because a request learns
// from that before the group does, and package http has its own words for it.)
func (c *crawler) failed(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = append(c.broken, err)
	return nil
}

// crawl visits what can be reached from a page. When it returns, all of it has ended; the
// error says why if that was early.
func crawl(ctx context.Context, on *pool.Pool, from string, l limits) (*crawler, error) {
	start, err := url.Parse(from)
	if err != nil {
		return nil, fmt.Errorf("crawler: %w", err)
	}
	c := &crawler{
		class:   task.Limiter{Name: "http", Limit: l.requests},
		rate:    lock.NewRateLimiter(l.rate, time.Second, 1),
		depth:   l.depth,
		visited: map[string]int{},
	}
	g := task.WithContext(ctx)
	g.Failed = func(_ task.Task, err error) error { return c.failed(ctx, err) }
	g.SetLimit(2 * l.requests) // the others wait in the group, and not even in a line
	c.start = func(t task.Task) { g.Go(on, t) }
	c.visit(c.start, start, 0)
	return c, g.WaitContext(ctx)
}

// site is a small one: page n leads to 2n and 2n+1, back to the start, and, now and then, to
// where there is nothing. A page takes some time.
func site(pages int, takes time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 1
		if r.URL.Path != "/" {
			var err error
			if n, err = strconv.Atoi(r.URL.Path[1:]); err != nil || n > pages {
				http.NotFound(w, r)
				return
			}
		}
		select {
		case <-time.After(takes):
		case <-r.Context().Done():
		}
		fmt.Fprintf(w, `<a href="/">top</a> <a href="https://example.org/">elsewhere</a>`)
		for _, m := range []int{2 * n, 2*n + 1} {
			if m <= pages {
				fmt.Fprintf(w, `<a href="%d#here">%d</a>`, m, m)
			}
		}
		if n%10 == 7 {
			fmt.Fprintf(w, `<a href="%d/gone">gone</a>`, n)
		}
	})
}

func run(ctx context.Context) error {
	start := flag.String("start", "", "where to begin; default: a site of our own")
	var l limits
	flag.IntVar(&l.requests, "requests", 8, "how many requests at a time")
	flag.IntVar(&l.rate, "rate", 200, "how many requests a second")
	flag.IntVar(&l.depth, "depth", 6, "how many links to go away from the start")
	straight := flag.Bool("straight", false, "take the straight-line form (straight.go) instead of the hand-written one")
	flag.Parse()
	if *straight {
		form = straightLine
	}
	if *start == "" {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		server := http.Server{Handler: site(500, 20*time.Millisecond)}
		defer server.Close()
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				fmt.Fprintln(os.Stderr, "crawler: its own site:", err)
			}
		}()
		*start = "http://" + listener.Addr().String() + "/"
	}
	fmt.Println("crawling", *start)
	began := time.Now()
	c, err := crawl(ctx, pool.Default(), *start, l)
	if c == nil {
		return err
	}
	took := time.Since(began)
	levels := make([]int, l.depth+1)
	for _, depth := range c.visited {
		levels[depth]++
	}
	for depth, n := range levels {
		fmt.Printf("depth %d: %4d %s\n", depth, n, strings.Repeat("*", min(n, 60)))
	}
	for _, err := range c.broken {
		fmt.Println(err)
	}
	fmt.Printf("%d pages in %v: %.0f a second, at most %d at a time\n",
		len(c.visited), took.Round(time.Millisecond), float64(len(c.visited))/took.Seconds(), l.requests)
	return err
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
