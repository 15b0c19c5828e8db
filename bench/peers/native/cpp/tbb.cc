// Rows of the benchmark in oneTBB: `tbb W` runs them on 1 worker and on W. Their twins are
// in pool/bench_fork_test.go and pool/par/bench_test.go.
#include "report.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include <oneapi/tbb.h>

static const char *const peer = "oneTBB";

// least is the least seconds that f takes, of several.
template <class F> static double least(int rounds, F f) {
	double best = std::numeric_limits<double>::infinity();
	for (int i = 0; i < rounds; i++) {
		double begin = seconds();
		f();
		best = std::min(best, seconds() - begin);
	}
	return best;
}

// opaque hides a value from the compiler at no cost: it would make a loop of every other
// call of a sequential recursion.
template <class T> static inline T opaque(T x) {
	asm volatile("" : "+r"(x));
	return x;
}

static uint64_t fib_seq(uint64_t n) {
	if (n < 2)
		return n;
	return opaque(fib_seq(n - 1)) + opaque(fib_seq(n - 2));
}

static uint64_t fib(uint64_t n) {
	if (n < 2)
		return n;
	uint64_t x, y;
	tbb::parallel_invoke([&] { x = fib(n - 1); }, [&] { y = fib(n - 2); });
	return x + y;
}

static void fibonacci(tbb::task_arena &arena, int workers) {
	const uint64_t n = 30, want = 832040;
	uint64_t got = 0;
	double seq = least(5, [&] { got = fib_seq(opaque(n)); });
	check(got == want, "fib, sequential");
	double par = least(5, [&] { arena.execute([&] { got = fib(n); }); check(got == want, "fib"); });
	for (const char *name : {"forkjoin/fib", "forkjoin/fib-join"}) // it has one way to fork, Heist has three
		row(name, "ms", par * 1e3, peer, workers);
	if (workers > 1)
		return;
	double forks = (double)fib_seq(n + 1) - 1;
	for (const char *name : {"forkjoin/fib", "forkjoin/fib-join", "forkjoin/fib-closure"})
		row(name, "ns/fork", (par - seq) * 1e9 / forks, peer, workers);
}

static void sort(tbb::task_arena &arena, int workers) {
	const size_t n = 10000000;
	uint64_t random = 3;
	std::vector<int64_t> source(n), s;
	for (auto &x : source)
		x = (int64_t)(splitmix64(&random) >> 1);
	auto sum = [](const std::vector<int64_t> &s) { return std::accumulate(s.begin(), s.end(), uint64_t(0)); };
	double best = std::numeric_limits<double>::infinity();
	for (int i = 0; i < 2; i++) {
		s = source;
		best = std::min(best, least(1, [&] { arena.execute([&] { tbb::parallel_sort(s.begin(), s.end()); }); }));
		check(std::is_sorted(s.begin(), s.end()) && sum(s) == sum(source), "sort");
	}
	row("par/sort", "ns/elem", best * 1e9 / n, peer, workers);
}

// The elements are unsigned: sums run over, and that is defined.
typedef tbb::blocked_range<size_t> range;

template <class Op> static double reduce(tbb::task_arena &arena, const std::vector<uint32_t> &s, Op op) {
	uint32_t want = std::accumulate(s.begin(), s.end(), uint32_t(0));
	return least(3, [&] {
		uint32_t got = 0;
		arena.execute([&] {
			got = tbb::parallel_reduce(
			    range(0, s.size()), uint32_t(0),
			    [&](const range &r, uint32_t acc) {
				    for (size_t i = r.begin(); i != r.end(); i++)
					    acc = op(acc, s[i]);
				    return acc;
			    },
			    op);
		});
		check(got == want, "reduce");
	});
}

static double scan(tbb::task_arena &arena, const std::vector<uint32_t> &s) {
	std::vector<uint32_t> dst(s.size()), want(s.size());
	std::partial_sum(s.begin(), s.end(), want.begin());
	double best = least(3, [&] {
		arena.execute([&] {
			tbb::parallel_scan(
			    range(0, s.size()), uint32_t(0),
			    [&](const range &r, uint32_t acc, bool last) {
				    if (!last)
					    return std::accumulate(&s[r.begin()], &s[0] + r.end(), acc);
				    for (size_t i = r.begin(); i != r.end(); i++)
					    dst[i] = acc += s[i];
				    return acc;
			    },
			    std::plus<uint32_t>());
		});
	});
	check(dst == want, "scan");
	return best;
}

static uint32_t add(uint32_t x, uint32_t y) { return x + y; }

int main(int argc, char **argv) {
	int workers = argc > 1 ? atoi(argv[1]) : 0;
	if (workers < 1) {
		fprintf(stderr, "usage: tbb WORKERS\n");
		return 2;
	}
	tbb::task_arena one(1), arena(workers);
	tbb::global_control all(tbb::global_control::max_allowed_parallelism, (size_t)workers);
	fibonacci(one, 1);
	if (workers > 1)
		fibonacci(arena, workers);
	sort(arena, workers);

	const size_t n = 100000000;
	std::vector<uint32_t> s(n);
	for (size_t i = 0; i < n; i++)
		s[i] = (uint32_t)i * 2654435761u;
	row("par/reduce", "ns/elem", reduce(arena, s, opaque(&add)) * 1e9 / n, peer, workers);
	row("par/sum", "ns/elem", reduce(arena, s, std::plus<uint32_t>()) * 1e9 / n, peer, workers);
	row("par/scan", "ns/elem", scan(arena, s) * 1e9 / n, peer, workers);
}
