package main

import (
	"fmt"
	"strings"
)

// row is a line of the table: a workload, what it costs here, and what its counterpart
// costs. The workloads themselves are benchmarks, beside the code that they measure; a row
// says where.
type row struct {
	name string // as in the targets: group/name
	load string // the workload, in a few words
	dir  string // of the package with the benchmarks; behind a blank, the build tags
	ours pick
	peer pick // zero if there is none
	rate pick // or: the benchmark has compared the two itself, and reports how many times better we are

	peerName string
	higher   bool // more is better
	long     int  // it needs so many times -time
	runs     int  // a fixed amount of work, so often: -time does not apply
	heavy    bool // more than a few seconds: not with -quick
	target   goal
	moonshot goal
}

// pick says which benchmarks, and which of their metrics. {n} stands for the number of
// workers. Several benchmarks count as the worst of them.
type pick struct {
	bench  string // a regular expression for each part of the name, as go test -bench has it
	metric string
}

func (p pick) on(workers int) pick {
	return pick{strings.ReplaceAll(p.bench, "{n}", fmt.Sprint(workers)), p.metric}
}

// main is what is profiled: our side, or the comparison.
func (r row) main() pick {
	if r.ours.bench != "" {
		return r.ours
	}
	return r.rate
}

// goal is what a row is to reach. Zero fields ask for nothing.
type goal struct {
	ratio     float64 // at least
	perWorker float64 // at least, times the number of workers
	most      float64 // ours
	more      float64 // ours, at most so much more than the counterpart
	allocs    int     // at most, if limited
	limited   bool
}

func ratio(x float64) goal     { return goal{ratio: x} }
func most(x float64) goal      { return goal{most: x} }
func more(x float64) goal      { return goal{more: x} }
func perWorker(x float64) goal { return goal{perWorker: x} }

func (g goal) and(h goal) goal {
	g.ratio = max(g.ratio, h.ratio)
	g.most = max(g.most, h.most)
	g.more = max(g.more, h.more)
	g.perWorker = max(g.perWorker, h.perWorker)
	if h.limited {
		g.allocs, g.limited = h.allocs, true
	}
	return g
}

// noAllocs and allocs bound how often an operation may allocate.
var noAllocs = allocs(0)

func allocs(n int) goal { return goal{allocs: n, limited: true} }

// compared is a row whose benchmark compares the two itself.
func compared(name, load, dir, bench, metric, peer string, target, moonshot goal) row {
	return row{name: name, load: load, dir: dir, rate: pick{bench, metric}, peerName: peer, target: target, moonshot: moonshot, long: 4}
}

// beside is a row of two benchmarks in one package.
func beside(name, load, dir, bench, ours, peer, metric, peerName string, target, moonshot goal) row {
	return row{name: name, load: load, dir: dir, ours: pick{bench + "/" + ours, metric}, peer: pick{bench + "/" + peer, metric}, peerName: peerName, target: target, moonshot: moonshot}
}

// alone is a row without a counterpart.
func alone(name, load, dir, bench, metric string, target, moonshot goal) row {
	return row{name: name, load: load, dir: dir, ours: pick{bench, metric}, target: target, moonshot: moonshot, long: 4}
}

func (r row) asHeavy() row       { r.heavy = true; return r }
func (r row) repeated(n int) row { r.runs = n; return r }
func (r row) longer(n int) row   { r.long = n; return r }

var none goal

// rows are all there are, in the order of the table.
var rows = []row{
	alone("forkjoin/fib", "a fork at every call of fib(30), one worker; what a fork costs over the call", "pool", "Forkjoin/fib", "ns/fork", most(1.5).and(noAllocs), most(0.9)),
	alone("forkjoin/fib-join", "the same with Join", "pool", "Forkjoin/fib-join", "ns/fork", most(5), most(3)),
	alone("forkjoin/fib-closure", "the same with closures", "pool", "Forkjoin/fib-closure", "ns/fork", most(60), most(30)),
	compared("forkjoin/fib-goroutine", "a goroutine at every call, over the call", "pool", "Forkjoin/fib-goroutine", "x", "goroutine, WaitGroup", ratio(100), ratio(300)),
	compared("forkjoin/fib-scale", "fib(36), all workers", "pool", "ForkjoinScale/fib/workers-{n}", "x", "sequential", perWorker(0.7), perWorker(0.85)),
	compared("forkjoin/tree", "sums of trees of 2^14 nodes, all workers", "pool", "ForkjoinScale/tree/static-{n}", "x", "static split", ratio(0.9), ratio(1)),
	compared("forkjoin/tree-small", "the sum of 1,023 nodes, on a pool that sleeps", "pool", "ForkjoinScale/tree-small", "x", "sequential", ratio(0.75), ratio(0.9)),
	compared("forkjoin/coarse", "2, 4, 8 leaves of 40 ms, with Do and with Join", "pool", "ForkjoinScale/coarse-(do|join)-.*", "of-ideal", "ideal", ratio(0.9), ratio(0.97)).repeated(1),
	compared("forkjoin/nqueens", "13 queens, all workers", "pool", "ForkjoinScale/nqueens/workers-{n}", "x", "sequential", perWorker(0.9), none),
	compared("forkjoin/skynet", "1,000,000 leaves", "pool", "ForkjoinScale/skynet", "x", "goroutines, channels", ratio(20), ratio(100)).repeated(2).asHeavy(),

	compared("par/sort", "10,000,000 ints", "pool/par", "ParSort/ints", "x", "slices.Sort", perWorker(0.85), perWorker(1)).repeated(3).asHeavy(),
	compared("par/quicksort", "the field's classic, 10,000,000 ints", "pool/par", "ParQuicksort/same", "x", "goroutines", ratio(1.3), none).repeated(3).asHeavy(),
	compared("par/reduce", "100,000,000 numbers", "pool/par", "Par/reduce", "x", "static split", ratio(0.9), ratio(1)).longer(2),
	compared("par/scan", "running sums of as many", "pool/par", "Par/scan", "x", "static split", ratio(0.9), ratio(1)).longer(2),
	compared("par/histogram", "a histogram of as many", "pool/par", "Par/histogram", "x", "static split", ratio(0.9), ratio(1)).longer(2),
	compared("par/for-uneven", "rows of a mandelbrot", "pool/par", "Par/for-uneven", "x", "static split", ratio(1.2), none).longer(2),
	compared("par/tiny", "a loop of 16 cheap iterations", "pool/par", "Par/tiny", "x", "plain loop", ratio(0.7), ratio(0.9)).longer(2),
	compared("par/uts-t1", "UTS T1: 4,130,071 nodes, a geometric tree, by Join", "pool/par", "UTS/T1/join", "x", "sequential", perWorker(0.9), none).repeated(1).asHeavy(),
	compared("par/uts-t3", "UTS T3: 4,112,897 nodes, a binomial tree, by Join", "pool/par", "UTS/T3/join", "x", "sequential", perWorker(0.9), none).repeated(1).asHeavy(),
	beside("par/walk-t1", "UTS T1 by WalkAppend", "pool/par", "UTS/T1", "walk", "join", "ns/elem", "Join", ratio(0.85), none).repeated(1).asHeavy(),
	beside("par/walk-t3", "UTS T3 by WalkAppend", "pool/par", "UTS/T3", "walk", "join", "ns/elem", "Join", ratio(0.85), none).repeated(1).asHeavy(),

	beside("task/spawn", "start and run an empty task, frame kept", "pool", "Task/spawn", "heist-{n}", "goroutine", "ns/op", "go f()", ratio(4.5).and(noAllocs), most(15)),
	beside("task/spawn-heap", "the same, frame from the heap", "pool", "Task/spawn-heap", "heist-{n}", "goroutine", "ns/op", "go f()", ratio(2).and(allocs(1)), none).longer(2),
	beside("task/closure", "a function with a result, awaited", "pool", "Task/closure", "heist-{n}", "goroutine", "ns/op", "goroutine, channel", ratio(2), none).longer(2),
	beside("task/yield", "8 that yield", "pool", "Task/yield", "heist-{n}", "goroutine", "ns/op", "Gosched", ratio(4.5), ratio(6)),
	beside("task/pingpong", "two that wake each other", "pool", "Task/pingpong", "heist-{n}", "goroutine", "ns/op", "unbuffered channels", ratio(5.5), ratio(15)),
	beside("task/ring", "503 that pass a token", "pool", "Task/ring", "heist-{n}", "goroutine", "ns/op", "channels", ratio(6.5), none),
	{name: "task/chan", load: "a bounded channel for one receiver, 1 sender", dir: "task/chans", ours: pick{"Chan/mailbox-128/heist-{n}", "ns/op"}, peer: pick{"Chan/room-128/goroutine", "ns/op"}, peerName: "chan", target: ratio(2), moonshot: ratio(4)},
	beside("task/mutex", "8 that hold a lock across a yield", "task/lock", "Lock/mutex/held", "heist-{n}", "goroutine", "ns/op", "sync.Mutex, Gosched", ratio(2.5), none),
	beside("task/broadcast", "a value to 1,000 receivers", "task/chans", "Broadcast", "heist-{n}", "goroutine", "ns/op", "1,000 channels", ratio(1.5), none),
	beside("task/inject", "4 goroutines submit from outside", "bench/peers", "Inject", "heist", "ants", "ns/op", "ants", ratio(2), none),
	beside("task/memory", "bytes of a parked task, 1,000,000 of them", "pool", "CancelStorm", "heist", "goroutine", "bytes/parked", "goroutine", most(128).and(ratio(20)), most(100)).repeated(1).asHeavy(),
	beside("task/cancel-storm", "cancel a tree of 1,000,000, until all have settled", "pool", "CancelStorm", "heist", "goroutine", "ns/op", "contexts", ratio(3.5), none).repeated(1).asHeavy(),

	beside("timer/arm-cancel", "arm a timer, and stop it", "pool", "Timer/arm-cancel", "heist", "time", "ns/op", "AfterFunc, Stop", most(25).and(ratio(7)).and(noAllocs), most(12)),
	beside("timer/reset-1m", "reset one of 1,000,000 at random", "pool", "Timer/reset-1m", "heist", "time", "ns/op", "time.Timer", ratio(3), ratio(10)),
	beside("timer/fire-1m", "1,000,000 fire in a second; CPU", "pool", "Timer/fire-1m", "heist", "time", "cpu-ms", "time.AfterFunc", ratio(2), none).repeated(1).asHeavy(),
	beside("timer/accuracy", "how late a sleep of 100 µs ends, median", "pool", "Timer/accuracy", "heist", "time", "p50-late-us", "time.Sleep", most(150).and(ratio(5)), most(40)),
	alone("timer/memory", "bytes of an armed timer", "pool", "Timer/memory", "bytes/timer", most(72), none).repeated(1),

	alone("locked/spawn", "start and run an empty task in a group: locked instructions, one worker", "pool heistcount", "Locked/spawn", "locked/op", most(4.5), none).longer(1).asHeavy(),
	alone("locked/yield", "a yield, among 8", "pool heistcount", "Locked/yield", "locked/op", most(1.1), none).longer(1).asHeavy(),
	alone("locked/hop", "two that wake each other", "pool heistcount", "Locked/hop", "locked/op", most(3.3), none).longer(1).asHeavy(),
	alone("locked/chan-1", "a value through a channel of room 1", "pool heistcount", "Locked/chan-1", "locked/op", most(17), none).longer(1).asHeavy(),
	alone("locked/chan-128", "of room 128", "pool heistcount", "Locked/chan-128", "locked/op", most(4.1), none).longer(1).asHeavy(),
	alone("locked/mutex", "an uncontended mutex", "pool heistcount", "Locked/mutex", "locked/op", most(2.1), none).longer(1).asHeavy(),
	alone("locked/timer", "arm a timer, and stop it", "pool heistcount", "Locked/timer", "locked/op", most(0.1), none).longer(1).asHeavy(),
	alone("locked/closure", "a function with a result, awaited", "pool heistcount", "Locked/closure", "locked/op", most(11), none).longer(1).asHeavy(),
	alone("locked/inject", "submit from a goroutine", "pool heistcount", "Locked/inject", "locked/op", most(8.5), none).longer(1).asHeavy(),

	beside("net/echo-1", "round trips on 1 connection, all on one processor", "reactor", "Net/echo-1", "heist", "net", "ns/op", "package net", ratio(1.2), ratio(1.3)),
	beside("net/echo-50", "50 connections", "reactor", "Net/echo-50", "heist", "net", "ns/op", "package net", ratio(1), ratio(1.5)),
	beside("net/echo-50-cpu", "the same: CPU of a round trip", "reactor", "Net/echo-50", "heist", "net", "cpu-µs/op", "package net", ratio(1.25), none),
	beside("net/echo-500", "500 connections", "reactor", "Net/echo-500", "heist", "net", "ns/op", "package net", ratio(1), ratio(1.5)),
	beside("net/echo-500-cpu", "the same: CPU of a round trip", "reactor", "Net/echo-500", "heist", "net", "cpu-µs/op", "package net", ratio(1.25), none),
	beside("net/open-50", "50 connections, 20,000 requests a second: 99 % of latencies", "reactor", "Net/open-50", "heist", "net", "p99-µs", "package net", ratio(1), none),
	{name: "net/first", load: "a request after a second of silence, or as -silence says, median of 15", dir: "reactor", ours: pick{"First", "heist-p50-µs"}, peer: pick{"First", "net-p50-µs"}, peerName: "package net", target: ratio(1 / 1.2), runs: 1, heavy: true},
	beside("net/echo-pipelined", "50 connections, 16 in flight each", "reactor", "Net/pipelined", "heist", "net", "ns/op", "package net", ratio(1), none),
	beside("net/busy", "50 connections beside polls of 50 ms: 99 % of round trips", "reactor", "Net/busy", "heist", "net", "p99-µs", "package net", ratio(1), none),
	beside("net/busy-off", "the same, without spare workers", "reactor", "Net/busy", "heist_without_spares", "net", "p99-µs", "package net", none, none),
	beside("net/post", "one message to each of 1,000 connections, 100 times", "reactor", "Post", "heist", "net", "ns/op", "goroutines that batch", ratio(1.2), none).repeated(5).asHeavy(),
	beside("net/post-cpu", "the same: CPU", "reactor", "Post", "heist", "net", "cpu-µs/op", "goroutines that batch", ratio(1.25), none).repeated(5).asHeavy(),
	beside("net/std-http", "net/http on a Listener.Std(), 50 connections", "reactor", "StdHTTP", "heist", "net", "ns/op", "package net", ratio(0.95), none),
	beside("net/std-http-cpu", "the same: CPU of a request", "reactor", "StdHTTP", "heist", "net", "cpu-µs/op", "package net", ratio(1/1.1), none),
	beside("net/std-http-pool", "the same, where package net's has an idle pool beside it, too", "reactor", "StdHTTP", "heist", "net_beside_a_pool", "ns/op", "package net", ratio(0.95), none),
	beside("net/chat-procs", "a chat of 50, CPU of a line, beside the same that leaves GOMAXPROCS alone", "reactor", "Chat", "heist", "without_procs", "cpu-µs/line", "Procs: -1", ratio(1/1.05), none).repeated(100).asHeavy(),
	beside("net/idle-memory", "resident bytes of an idle connection", "reactor", "Idle", "heist", "net", "B/conn", "package net", most(700), most(400)).repeated(1).asHeavy(),

	beside("mixed/jobs", "8 jobs of 200 ms: an empty task begins, median", "pool", "MixedJobs", "heist", "goroutine", "p50-µs", "goroutines", most(1000), none).repeated(1).asHeavy(),
	beside("mixed/jobs-p99", "the same, 99 %", "pool", "MixedJobs", "heist", "goroutine", "p99-µs", "goroutines", most(10_000), none).repeated(1).asHeavy(),
	beside("mixed/jobs-bound", "the same, 99 %", "pool", "MixedJobs", "heist", "bound", "p99-µs", "goroutines, limited", most(10_000), none).repeated(1).asHeavy(),
	beside("mixed/jobs-timer", "the same: how late a timer of 1 ms is, 99 %", "pool", "MixedJobs", "heist", "goroutine", "timer-p99-µs", "goroutines", most(10_000), none).repeated(1).asHeavy(),
	beside("mixed/jobs-ms", "the same: how long the jobs take", "pool", "MixedJobs", "heist", "goroutine", "ns/op", "goroutines", ratio(0.95), none).repeated(1).asHeavy(),
	beside("mixed/hogs-4", "an echo, 50 connections, beside 4 tasks in polls of 50 ms, median", "reactor", "MixedHogs/4", "heist", "net", "p50-µs", "package net", most(1000), none).repeated(5000).asHeavy(),
	beside("mixed/hogs-8", "beside 8, median", "reactor", "MixedHogs/8", "heist", "threads", "p50-µs", "threads and the kernel", ratio(1/1.3), none).repeated(5000).asHeavy(),
	beside("mixed/hogs-8-p99", "the same, 99 %", "reactor", "MixedHogs/8", "heist", "threads", "p99-µs", "threads and the kernel", ratio(1/1.3), none).repeated(5000).asHeavy(),

	alone("idle/cpu", "CPU of an idle pool, ms a second", "pool", "Idle/cpu", "cpu-ms/s", most(0.5), none).repeated(1),
	beside("idle/low-rate", "CPU of a task a millisecond, ms a second", "pool", "Idle/low-rate", "heist", "goroutine", "cpu-ms/s", "ticker", ratio(0.5), none).repeated(1),
	{name: "grow/tasks", load: "a task's turn among 10,000,000", dir: "pool", ours: pick{"Grow/tasks-10000000/wake", "ns/op"}, peer: pick{"Grow/tasks-1000/wake", "ns/op"}, peerName: "among 1,000", target: more(8), heavy: true},
	{name: "grow/timers", load: "a timer among 1,000,000", dir: "pool", ours: pick{"GrowTimers/timers-1000000", "ns/op"}, peer: pick{"GrowTimers/timers-1000", "ns/op"}, peerName: "among 1,000", target: ratio(1 / 1.5)},

	beside("gen/yield", "a straight-line function with a wait a poll", "heistgen/figures", "Gen/yield", "machine", "hand", "ns/op", "the task by hand", ratio(1/1.15), ratio(1/1.05)),
	beside("gen/pingpong", "two of them that wake each other", "heistgen/figures", "Gen/pingpong", "machine", "hand", "ns/op", "the tasks by hand", ratio(1/1.15), ratio(1/1.05)),
	beside("gen/pipeline", "a pipeline of 4", "heistgen/figures", "Gen/pipeline", "machine", "hand", "ns/op", "the tasks by hand", ratio(1/1.15), ratio(1/1.05)),
	beside("gen/depth", "a resume below 64 that await each other", "heistgen/figures", "Gen/depth", "64", "1", "ns/op", "without", ratio(1/1.2), none),
	beside("gen/values", "a value of a generator", "heistgen/figures", "Gen/values", "machine", "pull", "ns/op", "iter.Pull", ratio(30), none).longer(2),
	beside("gen/walk", "a value of a recursive walk of a tree", "heistgen/figures", "Gen/walk", "machine", "ranged", "ns/op", "ranged recursion", ratio(10), none),

	compared("seeing/spawn", "start and run empty tasks, with samples as they are by default", "pool", "Seeing/spawn/default", "x", "no samples", ratio(0.97), none).repeated(1),
	compared("seeing/yield", "8 that yield, the same", "pool", "Seeing/yield/default", "x", "no samples", ratio(0.97), none).repeated(1),
	compared("seeing/pingpong", "two that wake each other, the same", "pool", "Seeing/pingpong/default", "x", "no samples", ratio(0.97), none).repeated(1),
	compared("seeing/chan", "a bounded channel, a sender and a receiver, the same", "pool", "Seeing/chan/default", "x", "no samples", ratio(0.97), none).repeated(1),
	compared("seeing/arm-cancel", "arm a timer, and stop it, the same", "pool", "Seeing/arm-cancel/default", "x", "no samples", ratio(0.97), none).repeated(1),
	compared("seeing/echo-50", "an echo, 50 connections: CPU of a round trip, the same", "reactor", "Seeing/echo-50", "x", "no samples", ratio(0.97), none).repeated(1).asHeavy(),
	compared("seeing/dump", "an echo, 50 connections, p99, beside a dump of 100,000 tasks each second", "reactor", "Seeing/dump", "x", "no dumps", ratio(1/1.2), none).repeated(1).asHeavy(),
	alone("sim/steps", "a step of a simulation, random schedules", "pool/sim", "Steps/random", "ns/step", most(1000), none).longer(1),
	alone("sim/timers", "seconds for 1,000,000 timers over a simulated year", "pool/sim", "Timers", "s/million", most(2), none).repeated(1).asHeavy(),

	beside("real/hash-tree", "SHA-256 of every file of a source tree", "examples/hashtree", "HashTree", "heist", "errgroup", "ns/op", "goroutines, limited", ratio(1), none).repeated(1),
	beside("real/words", "count the words of the same tree", "examples/words", "Words", "heist", "static", "ns/op", "static split", ratio(0.95), none).repeated(1).asHeavy(),
}
