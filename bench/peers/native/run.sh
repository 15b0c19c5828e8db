#!/usr/bin/env bash
# Heist beside tokio, rayon, oneTBB, libuv, gnet, nbio and a server in C, on this machine, in turns: builds the
# programs of this folder from Debian's packages, without a network, runs them and our
# benchmarks of the same workloads, and prints one table. Some four minutes, and one to build.
#
#	bash bench/peers/native/run.sh [-json FILE] [tasks] [forkjoin] [net]
#
# ROUNDS=2 is how often each is measured; the best of them counts. BUILD=DIR keeps what is
# built for the next time. Several FILEs make one table with go run ./merge, in bench/peers.
set -euo pipefail

w=1 # workers: the sizes that our benchmarks know
while ((2 * w <= $(nproc) && w < 16)); do w=$((2 * w)); done
((w == $(nproc))) || exec taskset -c "0-$((w - 1))" bash "${BASH_SOURCE[0]}" "$@"

cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../../.. && pwd)

json=
if [ "${1:-}" = -json ]; then
	json=$(cd "$OLDPWD" && realpath -m "${2:?which file?}")
	shift 2
fi
command="ROUNDS=${ROUNDS:=2} bash bench/peers/native/run.sh${*:+ $*}"
parts=${*:-tasks forkjoin net}
for part in $parts; do
	case $part in tasks | forkjoin | net) ;; *) echo "usage: run.sh [-json FILE] [tasks] [forkjoin] [net]" >&2; exit 2 ;; esac
done

# ---- what it needs -------------------------------------------------------------------

packages="librust-rayon-dev librust-tokio-dev libtbb-dev libuv1-dev"
version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null; }
missing=
for p in $packages; do
	[ -n "$(version "$p")" ] || missing+=" $p"
done
for tool in rustc cargo gcc g++; do
	command -v "$tool" >/dev/null || missing+=" $tool"
done
if [ -n "$missing" ]; then
	echo "missing:$missing. On Debian: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

# ---- build ---------------------------------------------------------------------------

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
build=$(cd "$OLDPWD" && realpath -m "${BUILD:-$tmp/build}")
mkdir -p "$build"
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"

echo "building" >&2
rm -rf "$build/crate" && cp -rp rust "$build/crate" && rm -f "$build/crate/Cargo.lock" # another cargo's, perhaps
CARGO_TARGET_DIR=$build/rust cargo build --release --offline --quiet -j 2 --manifest-path "$build/crate/Cargo.toml" \
	--config 'source.crates-io.replace-with="debian"' \
	--config 'source.debian.directory="/usr/share/cargo/registry"'
cp "$build/rust/release/peers" "$build/peers"
g++ -std=c++17 -O3 -o "$build/tbb" cpp/tbb.cc -ltbb -pthread
gcc -std=c11 -D_GNU_SOURCE -O3 -o "$build/uv" cpp/uv.c -luv
gcc -std=c11 -D_GNU_SOURCE -O3 -o "$build/epoll" cpp/epoll.c -pthread
go -C "$root/bench" build -o "$build/bench" .
go -C "$root/bench/peers" build -o "$build/merge" ./merge
for package in pool pool/par task bench/peers/echo; do
	go -C "$root/$package" test -c -o "$build/${package//\//-}.test" .
done

# ---- measure -------------------------------------------------------------------------

# peers runs a program of this folder, which prints a line for each row.
peers() { "$build/$1" "${@:2}" >>"$tmp/native.json"; }

# rows runs rows of go run ./bench: on how many workers, how long, which.
rows() {
	files=$((files + 1))
	"$build/bench" -count 1 -workers "$1" -time "$2" -run "^($3)\$" -json "$tmp/ours-$files.json" >"$tmp/log" 2>&1 ||
		{ grep -a failed "$tmp/log" >&2; exit 1; }
}

# benchmarks runs those of a package: package, time, which.
benchmarks() {
	(cd "$root/$1" && "$build/${1//\//-}.test" -test.run '^$' -test.benchtime "$2" -test.bench "$3") >"$tmp/log" 2>&1 ||
		{ cat "$tmp/log" >&2; exit 1; }
	cat "$tmp/log" >>"$tmp/ours.txt"
}

# Those that allocate run longer: at first, a heap that grows is all there is to see. Ours of
# task/chan and task/mutex are on one worker and on two only.
tasks() {
	local tasks='task/(spawn|yield|pingpong|ring' heap='task/(spawn-heap|closure)'
	peers peers tokio "$w"
	rows 1 200ms "$tasks|chan|mutex)|timer/(arm-cancel|reset-1m)"
	rows 1 1s "$heap"
	peers uv rows "$w"
	if ((w <= 2)); then tasks+='|chan|mutex'; fi
	rows "$w" 200ms "$tasks|inject)"
	rows "$w" 1s "$heap"
	benchmarks task 100ms '^BenchmarkBlocking$'
}

forkjoin() {
	peers peers rayon "$w"
	rows 1 200ms 'forkjoin/(fib|fib-join|fib-closure)'
	rows "$w" 200ms 'forkjoin/(fib-scale|nqueens)'
	benchmarks pool 10x '^BenchmarkForkjoinPeer$'
	benchmarks pool/par 3x '^BenchmarkPar$/^(reduce|sum|scan)$'
	benchmarks pool/par 2x '^BenchmarkParSort$/^ints$'
	peers tbb "$w"
	((round > 1)) || benchmarks pool/par 2x '^BenchmarkParSort$/^stable$' # it takes long, in Go
}

net() {
	HEIST_NATIVE=$build benchmarks bench/peers/echo 500ms '^BenchmarkEcho$/^(50|500)$/^(heist|net|gnet|nbio|C_epoll|tokio|libuv)$'
}

cd "$root"
files=0
touch "$tmp/native.json" "$tmp/ours.txt"
for ((round = 1; round <= $ROUNDS; round++)); do
	for part in $parts; do
		echo "round $round, $part: ${SECONDS}s" >&2
		"$part"
	done
done
echo "done: ${SECONDS}s" >&2

# ---- print ---------------------------------------------------------------------------

shopt -s nullglob
cat <<EOF
# Heist beside tokio, rayon, oneTBB and libuv: $command
# $(date -u +%F), commit $(git rev-parse --short HEAD)$(git diff --quiet HEAD 2>/dev/null || echo " and changes"), $(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1), $(nproc) CPUs, Linux $(uname -r)
# $(go env GOVERSION); rustc $(rustc --version | cut -d' ' -f2); g++ $(g++ -dumpfullversion); Debian's$(for p in $packages; do printf ' %s %s' "$p" "$(version "$p")"; done)
# The best of $ROUNDS rounds, each with all of them in turns. x: times as fast as sequential code in the same language.

EOF
"$build/merge" ${json:+-json "$json"} "$tmp"/ours-*.json "$tmp/ours.txt" "$tmp/native.json"
