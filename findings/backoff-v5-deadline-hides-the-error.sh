#!/usr/bin/env bash
# github.com/cenkalti/backoff/v5 v5.0.3, Retry, Go 1.26.
#
# Expected: however the retries end, the error says why the last attempt failed.
#
# Seen: it does after WithMaxElapsedTime and WithMaxTries. When the context's deadline ends a pause, Retry
# returns the context's error alone: errors.Is does not find the attempt's, and a log says
# "context deadline exceeded" of a server that answered each time. Two bounds that look alike
# differ in what an operator learns. A RetryAfter that goes beyond the elapsed time ends the
# retries at once, and its own text ("retry after 1s") is the error.
#
# What to do: keep the last attempt's error in a variable, and join it with what Retry returns; bound by
# WithMaxElapsedTime where that is enough.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25

require github.com/cenkalti/backoff/v5 v5.0.3
MOD
cat >main.go <<'GO'
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

var errBusy = errors.New("the server is busy")

func attempt(ctx context.Context, options ...backoff.RetryOption) error {
	options = append(options, backoff.WithBackOff(backoff.NewConstantBackOff(30*time.Millisecond)))
	_, err := backoff.Retry(ctx, func() (int, error) { return 0, errBusy }, options...)
	return err
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err := attempt(ctx)
	fmt.Println("deadline:", err, "| tells why:", errors.Is(err, errBusy))
	err = attempt(context.Background(), backoff.WithMaxElapsedTime(100*time.Millisecond))
	fmt.Println("elapsed:", err, "| tells why:", errors.Is(err, errBusy))
	_, err = backoff.Retry(context.Background(), func() (int, error) { return 0, backoff.RetryAfter(1) }, backoff.WithMaxElapsedTime(100*time.Millisecond))
	fmt.Println("retry after:", err)
}
GO
go mod tidy >/dev/null 2>&1
got=$(go run .)
want='deadline: context deadline exceeded | tells why: false
elapsed: the server is busy | tells why: true
retry after: retry after 1s'
echo "$got"
[ "$got" = "$want" ] || { echo "changed; it was:"; echo "$want"; exit 1; }
