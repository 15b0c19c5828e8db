#!/usr/bin/env bash
# Rayon on the rows forkjoin/fib and forkjoin/tree, then ours, on the same machine. It
# needs rustc, cargo and Debian's package of rayon:
#
#	apt-get install --no-install-recommends rustc cargo librust-rayon-dev
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/rayon"

target=${CARGO_TARGET_DIR:-$(mktemp -d)}
CARGO_TARGET_DIR=$target cargo build --release --offline --quiet \
	--config 'source.crates-io.replace-with="debian"' \
	--config 'source.debian.directory="/usr/share/cargo/registry"'
"$target/release/rayon-peer"
cd ../../../..
go test -run '^$' -bench 'Forkjoin/fib$|ForkjoinPeer' -benchtime 20x ./pool | grep Benchmark
