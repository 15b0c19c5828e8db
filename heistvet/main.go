// Command heistvet finds the mistakes of hand-written state machines: what is done in a
// poll and happens once for each suspension, what a poll forgets, what stops a worker. It
// runs by itself, or as the go command's tool:
//
//	go install .
//	go vet -vettool=$(which heistvet) ./...
//
// The rules are in package rules, a file each, and in docs/heistvet.md.
package main

import (
	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/heist-go/heist/heistvet/rules"
)

func main() { multichecker.Main(rules.All...) }
