#!/usr/bin/env bash
# github.com/viccon/sturdyc v1.1.5, GetOrFetch, beside github.com/maypok86/otter/v2 v2.4.0, Get, Go 1.26.
#
# Expected: of callers that share one fetch, each has its own context: one that goes away takes nobody with it, and one with
# a deadline of 20 ms is back after that.
#
# Seen: otter is like that (it loads again for those that are left). In sturdyc the fetch runs with the context of whoever
# came first: if that client hangs up, all who wait with it have "context canceled", though none of theirs is
# canceled; and who waits does not look at its own: it is back when the fetch is, long after its deadline, with the
# value and no error. So the busier a key, the more requests fail for one, and the less a deadline says.
#
# What to do: context.WithoutCancel and a timeout within the fetch function; and a select round GetOrFetch for callers with a
# deadline.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require (
	github.com/maypok86/otter/v2 v2.4.0
	github.com/viccon/sturdyc v1.1.5
)
MOD
cat >main.go <<'GO'
package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/viccon/sturdyc"
)

type fetch = func(context.Context) (string, error)

type cache func(ctx context.Context, key string, f fetch) (string, error)

const others = 20

// leaves has one caller begin a fetch, and go away when the others wait for it, too.
func (get cache) leaves() (canceled int) {
	first, leave := context.WithCancel(context.Background())
	began := make(chan bool)
	var gone sync.WaitGroup
	gone.Go(func() {
		_, _ = get(first, "a", func(ctx context.Context) (string, error) {
			close(began)
			<-ctx.Done()
			return "", ctx.Err()
		})
	})
	<-began
	var calling, bad atomic.Int32
	for range others {
		gone.Go(func() {
			calling.Add(1)
			_, err := get(context.Background(), "a", func(context.Context) (string, error) { return "fetched", nil })
			if errors.Is(err, context.Canceled) {
				bad.Add(1)
			}
		})
	}
	for calling.Load() < others {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond) // they wait
	leave()
	gone.Wait()
	return int(bad.Load())
}

// waits has a caller with a deadline of 20 ms wait for a fetch of a second, and says whether it waited for all of it.
func (get cache) waits() (value string, err error, all bool) {
	began, ended := make(chan bool), make(chan bool)
	go func() {
		_, _ = get(context.Background(), "b", func(context.Context) (string, error) {
			close(began)
			time.Sleep(time.Second)
			close(ended)
			return "fetched", nil
		})
	}()
	<-began
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	value, err = get(ctx, "b", nil)
	select {
	case <-ended:
		all = true
	default:
	}
	return value, err, all
}

func main() {
	s := sturdyc.New[string](100, 2, time.Minute, 10)
	o := otter.Must(&otter.Options[string, string]{MaximumSize: 100})
	caches := []struct {
		name string
		get  cache
	}{
		{"sturdyc", func(ctx context.Context, key string, f fetch) (string, error) { return s.GetOrFetch(ctx, key, f) }},
		{"otter", func(ctx context.Context, key string, f fetch) (string, error) {
			return o.Get(ctx, key, otter.LoaderFunc[string, string](func(ctx context.Context, _ string) (string, error) { return f(ctx) }))
		}},
	}
	for _, c := range caches {
		fmt.Println(c.name, "one leaves, and of", others, "others are canceled:", c.get.leaves())
		value, err, all := c.get.waits()
		fmt.Printf("%s with a deadline of 20ms: %q, %v; waited for the whole fetch: %t\n", c.name, value, err, all)
	}
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='sturdyc one leaves, and of 20 others are canceled: 20
sturdyc with a deadline of 20ms: "fetched", <nil>; waited for the whole fetch: true
otter one leaves, and of 20 others are canceled: 0
otter with a deadline of 20ms: "", context deadline exceeded; waited for the whole fetch: false'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
