// Package live is a page that shows a running pool: what each worker polls, and did a moment ago; queues,
// thefts and parks; which kinds of tasks take the workers' time, and what tasks wait for; the locks with the longest
// lines; deadlocks, by name; polls that take long. The same in a terminal.
//
//	mux.Handle("/debug/heist/live", guard(live.Handler(p, live.Options{})))
//
// It registers nothing by itself. Whoever may reach the page sees the names of tasks and addresses in memory: guard it
// as you guard net/http/pprof.
//
// Nothing is done while nobody looks. While somebody does, be it one or a thousand, one goroutine looks at the workers
// every Options.Every/10, and another at all tasks once a second at most, for no more than a twentieth of the time.
package live

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heist-go/heist/pool"
)

// Options say how a pool is looked at. The zero value is a good choice.
type Options struct {
	// Every is how long a frame is, which has ten looks at the workers. Default: 200 ms. It is from 50 ms to a
	// minute.
	Every time.Duration
	// Stacks adds the stacks of workers that have been in one poll for some milliseconds, and of those that compute.
	// The world stops for each of them, once a second at most.
	Stacks bool
}

const (
	defaultEvery = 200 * time.Millisecond
	least, most  = 50 * time.Millisecond, time.Minute
	// maxReaders bounds how many read at a time.
	maxReaders = 4096
	// patience is how long a reader may take for a message.
	patience = 10 * time.Second
)

// every returns the length of a frame.
func (o *Options) every() (time.Duration, error) {
	switch {
	case o.Every == 0:
		return defaultEvery, nil
	case o.Every < least || o.Every > most:
		return 0, fmt.Errorf("live: a frame of %v: it is from %v to %v", o.Every, least, most)
	}
	return o.Every, nil
}

// Handler returns a handler that answers with the page, whatever its path. With ?format=events it is the stream
// of server-sent events that the page reads, "frame" with a [Frame], "tasks" with a [Tasks] and "times" with [Times]; &every=500ms has it send
// no more often than that. With ?format=json it is one of each, which takes a second. It panics if o is not valid.
func Handler(p *pool.Pool, o Options) http.Handler {
	every, err := o.every()
	if err != nil {
		panic(err.Error())
	}
	o.Every = every
	return &handler{sampler: sampler{pool: p, options: o}}
}

type handler struct{ sampler sampler }

//go:embed page.html
var page []byte

// policy allows the page its own script and style, by their hashes, and to read the stream.
var policy = fmt.Sprintf("default-src 'none'; script-src %s; style-src %s; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
	hashOf("script"), hashOf("style"))

// hashOf returns the hash of an element of the page, as a source of a policy.
func hashOf(element string) string {
	_, rest, _ := strings.Cut(string(page), "<"+element+">")
	text, _, ok := strings.Cut(rest, "</"+element+">")
	if !ok {
		panic("live: the page has no " + element)
	}
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// request is what is asked for.
type request struct {
	format string
	every  time.Duration
}

// parse reads a query. Whatever it does not know is an error.
func parse(raw string) (r request, err error) {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return r, fmt.Errorf("live: the query is not one: %w", err)
	}
	for key, values := range q {
		if len(values) > 1 {
			return r, fmt.Errorf("live: %q is there %d times", cut(key), len(values))
		}
		v := values[0]
		switch key {
		case "format":
			switch v {
			case "html", "events", "json":
				r.format = v
			default:
				return r, fmt.Errorf("live: format=%q: it is html, events or json", cut(v))
			}
		case "every":
			if r.every, err = time.ParseDuration(v); err != nil || r.every < least || r.every > most {
				return r, fmt.Errorf("live: every=%q: it is a duration from %v to %v", cut(v), least, most)
			}
		default:
			return r, fmt.Errorf("live: there is no %q, but format and every", cut(key))
		}
	}
	return r, nil
}

// cut keeps an error short.
func cut(s string) string {
	const most = 60
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "live: the method is GET", http.StatusMethodNotAllowed)
		return
	}
	q, err := parse(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch q.format {
	case "events":
		h.stream(w, r, q.every)
	case "json":
		h.once(w, r)
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(page) // the client has gone
		}
	}
}

// admit has a reader join, or answers that there are too many.
func (h *handler) admit(w http.ResponseWriter) *session {
	h.sampler.mu.Lock()
	full := h.sampler.readers >= maxReaders
	h.sampler.mu.Unlock()
	if full { // one more or less does not matter
		w.Header().Set("Retry-After", "10")
		http.Error(w, fmt.Sprintf("live: %d read already", maxReaders), http.StatusServiceUnavailable)
		return nil
	}
	return h.sampler.join()
}

// stream sends what there is whenever it has changed, until the client has gone.
func (h *handler) stream(w http.ResponseWriter, r *http.Request, every time.Duration) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy
	if r.Method == http.MethodHead {
		return
	}
	n := h.admit(w)
	if n == nil {
		return
	}
	defer h.sampler.leave()
	to := http.NewResponseController(w)
	var had [len(messages{})]uint64
	var sent time.Time
	for {
		all, changed := n.latest()
		if time.Since(sent) >= every {
			_ = to.SetWriteDeadline(time.Now().Add(patience)) // what cannot is not asked to
			wrote := false
			for i, m := range all {
				if m.number == had[i] {
					continue
				}
				if _, err := w.Write(m.event); err != nil {
					return
				}
				had[i], wrote = m.number, true
			}
			if wrote {
				if err := to.Flush(); err != nil {
					return
				}
				sent = time.Now().Add(-h.sampler.options.Every / 2) // frames are not in step with us
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		}
	}
}

// once sends a frame and a dump.
func (h *handler) once(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodHead {
		return
	}
	n := h.admit(w)
	if n == nil {
		return
	}
	defer h.sampler.leave()
	all, err := n.each(r.Context())
	if err != nil {
		return // the client has gone
	}
	_, _ = fmt.Fprintf(w, "{\"tasks\":%s,\"times\":%s,\"frame\":%s}\n", all[0].body, all[1].body, all[2].body)
}

// each waits until there is one of each.
func (n *session) each(ctx context.Context) (all messages, err error) {
	for {
		all, changed := n.latest()
		if !slices.ContainsFunc(all[:], func(m message) bool { return m.number == 0 }) {
			return all, nil
		}
		select {
		case <-ctx.Done():
			return all, ctx.Err()
		case <-changed:
		}
	}
}
