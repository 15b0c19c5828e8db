# make with no target lists the targets. Every recipe is one line that works
# without make, too.

.DEFAULT_GOAL := help
.PHONY: help check test race stress explore fuzz bench lint cover

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: ## what to run before every commit: format, vet, staticcheck, house rules, tests
	bash .ci/run gofmt vet staticcheck lint test

test: ## the tests
	go test ./...

race: ## the tests under the race detector
	go test -race ./...

stress: ## the tests again and again under the race detector, on 1 to 16 processors
	go test -race -count=20 -cpu 1,2,4,16 -timeout 2h ./...

explore: ## the explored tests: every interleaving of the lock-free protocols, and how many
	go test -tags explore -v -run '^Test(Explore|Refute|Sound)' ./...

fuzz: ## every fuzz target for a minute
	FUZZTIME=1m bash .ci/run fuzz

bench: ## the benchmarks beside the code
	go test -run '^$$' -bench . -benchmem ./...

lint: ## format, vet, staticcheck and the house rules
	bash .ci/run gofmt vet staticcheck lint

cover: ## test coverage by function, kept in cover.out
	go test -coverpkg ./... -coverprofile cover.out ./...
	go tool cover -func cover.out
