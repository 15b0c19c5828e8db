package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// visitors counts requests, by their path.
type visitors struct {
	http.Handler
	mu   sync.Mutex
	seen map[string]int
}

func (v *visitors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	v.seen[r.URL.Path]++
	v.mu.Unlock()
	v.Handler.ServeHTTP(w, r)
}

// take returns what was counted, and counts anew.
func (v *visitors) take() map[string]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	seen := v.seen
	v.seen = map[string]int{}
	return seen
}

func open(t *testing.T, h http.Handler) (*visitors, string) {
	v := &visitors{Handler: h, seen: map[string]int{}}
	s := httptest.NewServer(v)
	t.Cleanup(s.Close)
	return v, s.URL + "/"
}

// Each page is visited once, what is too deep or elsewhere is not, and broken links are no
// reason to stop.
func TestCrawl(t *testing.T) {
	v, address := open(t, site(100, 0))
	for depth := range 9 {
		c, err := crawl(context.Background(), pool.Default(), address, limits{4, 1e6, depth})
		require.NoError(t, err)
		want := map[string]int{"/": 1}
		gone := 0
		for n, level := 2, 1; n <= 100; n++ {
			if n == 1<<(level+1) {
				level++
			}
			if level <= depth {
				want[fmt.Sprint("/", n)] = 1
			}
			if n%10 == 7 && level < depth {
				want[fmt.Sprint("/", n, "/gone")] = 1
				gone++
			}
		}
		require.Equal(t, want, v.take())
		require.Len(t, c.visited, len(want))
		require.Len(t, c.broken, gone)
		for _, err := range c.broken {
			require.ErrorContains(t, err, "gone: 404")
		}
	}
	c, err := crawl(context.Background(), pool.Default(), "http://[", limits{1, 1, 1})
	require.Nil(t, c)
	require.Error(t, err)
}

// As many requests as allowed are under way at a time, and no more.
func TestLimit(t *testing.T) {
	const limit = 3
	var (
		mu        sync.Mutex
		now, most int
		full      = make(chan struct{})
	)
	small := site(1000, 0)
	_, address := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		if now == limit && most == limit {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		mu.Unlock()
		if r.URL.Path != "/" && r.URL.Path != "/2" && r.URL.Path != "/3" { // three at a time are possible
			<-full
		}
		small.ServeHTTP(w, r)
		mu.Lock()
		now--
		mu.Unlock()
	}))
	_, err := crawl(context.Background(), pool.Default(), address, limits{limit, 1e6, 6})
	require.NoError(t, err)
	require.Equal(t, limit, most)
}

// A crawl that is canceled ends its requests, and begins no others.
func TestCancel(t *testing.T) {
	left := errors.New("the user has left")
	ctx, cancel := context.WithCancelCause(context.Background())
	small := site(1000, 0)
	var late atomic.Int64
	v, address := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/5" {
			cancel(left)
		}
		if ctx.Err() != nil { // no answer any more, or the crawler goes on until it is told
			late.Add(1)
			<-r.Context().Done() // which it ends
			return
		}
		small.ServeHTTP(w, r)
	}))
	c, err := crawl(ctx, pool.Default(), address, limits{2, 1e6, 100})
	require.ErrorIs(t, err, left)
	for _, err := range c.broken {
		require.ErrorContains(t, err, "gone: 404", "what was canceled is not broken")
	}
	require.Equal(t, 1, v.take()["/5"])
	require.Less(t, late.Load(), int64(20))
}

// The rate is that of the limiter. The clock is not the machine's: a crawl of an hour ends
// at once.
func TestRate(t *testing.T) {
	clock := task.NewClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	p, err := pool.New(pool.Config{Clock: clock})
	require.NoError(t, err)
	defer p.Close()
	begin := clock.Now()
	served := make(chan time.Duration, 7)
	small := site(7, 0)
	_, address := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served <- clock.Now().Sub(begin)
		small.ServeHTTP(w, r)
	}))
	done := make(chan error)
	go func() {
		_, err := crawl(context.Background(), p, address, limits{1, 1, 2}) // one a second
		done <- err
	}()
	for i := 0; i < 7; i++ {
		require.GreaterOrEqual(t, <-served, time.Duration(i)*time.Second)
		clock.Advance(time.Second)
	}
	require.NoError(t, <-done)
}
