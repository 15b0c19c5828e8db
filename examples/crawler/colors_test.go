package main

import (
	"context"
	"net/url"
	"sync"
	"testing"

	"github.com/heist-go/heist/examples/internal/twin"
	"github.com/heist-go/heist/task"
)

// slots are the requests at a time, of each crawler.
var slots sync.Map

// visitGoroutine visits a page as a goroutine is written by hand.
func visitGoroutine(ctx context.Context, c *crawler, to *url.URL, depth int) error {
	if err := c.rate.WaitContext(ctx); err != nil {
		return err
	}
	slot, _ := slots.LoadOrStore(c, make(chan bool, c.class.Limit))
	slot.(chan bool) <- true
	links, err := c.request(ctx, to)
	<-slot.(chan bool)
	if err != nil {
		return err
	}
	for _, link := range links {
		c.visit(c.start, link, depth+1)
	}
	return nil
}

// TestColors runs the tests with goroutines: one from the straight-line source, and one by hand.
func TestColors(t *testing.T) {
	defer func() { form = byHand }()
	for color, f := range map[string]func(context.Context, *crawler, *url.URL, int) error{"Context": visitContext, "Goroutine": visitGoroutine} {
		form = func(c *crawler, to *url.URL, depth int) task.Task {
			return twin.New(func(ctx context.Context) error { return f(ctx, c, to, depth) })
		}
		t.Run(color+"/Crawl", TestCrawl)
		t.Run(color+"/Limit", TestLimit)
		t.Run(color+"/Cancel", TestCancel)
	}
}
