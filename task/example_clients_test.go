package task_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// This file is the code of docs/clients.md.

// backend is a limiter of its own: at most so many calls at a time, whoever makes them.
var backend = &task.Limiter{Name: "backend", Limit: 8}

// client has as many idle connections as the limiter has calls.
var client = &http.Client{
	Transport: &http.Transport{
		MaxIdleConnsPerHost: 8,
		MaxConnsPerHost:     8,
		IdleConnTimeout:     time.Minute,
	},
}

// page is a task that fetches one.
type page struct {
	task.Frame
	url  string
	call task.Blocking[string]
	text string
}

func (p *page) Poll(cx *task.Cx) error {
	text, err := p.call.Do(cx, p.fetch)
	if err != nil {
		return err // Pending, too
	}
	p.text = text
	return nil
}

// fetch runs on a goroutine. All of it does: the body, too, is read here, and nothing of it is left
// for the task.
func (p *page) fetch(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", p.url, resp.Status)
	}
	return string(text), err
}

func newPage(url string) *page { return &page{url: url, call: task.Blocking[string]{Limiter: backend}} }

// Somebody else's client, from tasks: its calls block, so each is a function of its own, in a class
// that bounds them.
func ExampleBlocking_client() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "this is %s", r.URL.Path)
	}))
	defer server.Close()
	defer client.CloseIdleConnections()

	workers, err := pool.New(pool.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer workers.Close()
	pages := []*page{newPage(server.URL + "/a"), newPage(server.URL + "/b")}
	var g task.Group
	for _, p := range pages {
		g.Go(workers, p)
	}
	if err := g.WaitContext(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range pages {
		fmt.Println(p.text)
	}
	// Output:
	// this is /a
	// this is /b
}
