//go:build heistgen

package main

import (
	"context"
	"net/url"

	"github.com/heist-go/heist/task"
)

// visit is page as a straight-line function.
//
//heist:task context
func visit(cx *task.Cx, c *crawler, to *url.URL, depth int) error {
	if err := c.rate.Wait(cx); err != nil {
		return err
	}
	get := task.Blocking[[]*url.URL]{Limiter: &c.class}
	links, err := get.Do(cx, func(ctx context.Context) ([]*url.URL, error) { return c.request(ctx, to) })
	if err != nil {
		return err
	}
	for _, link := range links {
		c.visit(c.start, link, depth+1)
	}
	return nil
}
