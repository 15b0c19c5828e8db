// Rows of the benchmark in libuv, which has one thread for everything but its pool:
//
//	uv rows W    timers, and calls on the pool, beside W workers of others
//	uv echo      an echo server: it prints its address, and ends with its input
//
// Their twins are in pool/bench_timer_test.go, task/blocking_test.go and
// bench/peers/echo_test.go.
#include "report.h"

#include <netinet/in.h>
#include <string.h>
#include <uv.h>

static uv_loop_t *loop;

static void must(int status, const char *what) {
	if (status < 0) {
		fprintf(stderr, "%s: %s\n", what, uv_strerror(status));
		exit(1);
	}
}

// each prints the time of an operation over some 150 ms, after as much as it takes to find
// out how many operations that is. run does so many.
static void each(const char *name, int workers, void (*run)(int n)) {
	int n = 1000;
	for (;;) {
		double begin = seconds();
		run(n);
		double took = seconds() - begin;
		if (took >= 0.15) {
			row(name, "ns/op", took * 1e9 / n, "libuv", workers);
			return;
		}
		n = took < 0.02 ? 2 * n : (int)(n * 0.16 / took) + 1;
	}
}

// ---- timers ---------------------------------------------------------------------------

static void never(uv_timer_t *t) { check(t == NULL, "a timer has fired"); }

static void arm_cancel(int n) {
	uv_timer_t t;
	uv_timer_init(loop, &t);
	for (int i = 0; i < n; i++) {
		must(uv_timer_start(&t, never, 30000, 0), "uv_timer_start");
		uv_timer_stop(&t);
	}
	check(!uv_is_active((uv_handle_t *)&t), "a stopped timer");
	uv_close((uv_handle_t *)&t, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
}

enum { million = 1000000 };
static uv_timer_t timers[million];
static uint64_t state = 1;

static uint64_t ahead(uint64_t ms) { return 1000 + splitmix64(&state) % ms; }

static void reset_1m(int n) {
	uv_update_time(loop);
	for (int i = 0; i < n; i++)
		must(uv_timer_start(&timers[splitmix64(&state) % million], never, ahead(60000), 0), "uv_timer_start");
}

// ---- calls on the pool ----------------------------------------------------------------

static int called, left;

static void work(uv_work_t *r) { called++; }

static void answered(uv_work_t *r, int status) {
	must(status, "uv_queue_work");
	if (--left > 0)
		must(uv_queue_work(loop, r, work, answered), "uv_queue_work");
}

static void blocking(int n) {
	uv_work_t r;
	called = 0;
	left = n;
	must(uv_queue_work(loop, &r, work, answered), "uv_queue_work");
	uv_run(loop, UV_RUN_DEFAULT);
	check(called == n, "calls");
}

static int rows(int workers) {
	each("task/blocking", workers, blocking);
	each("timer/arm-cancel", 1, arm_cancel);
	for (int i = 0; i < million; i++) {
		uv_timer_init(loop, &timers[i]);
		must(uv_timer_start(&timers[i], never, ahead(29000), 0), "uv_timer_start");
	}
	each("timer/reset-1m", 1, reset_1m);
	return 0;
}

// ---- the server -----------------------------------------------------------------------

typedef struct {
	uv_tcp_t tcp;
	char buf[512];
} conn;

static void over(uv_handle_t *h) { free(h); }

static void lend(uv_handle_t *h, size_t hint, uv_buf_t *b) { *b = uv_buf_init(((conn *)h)->buf, sizeof ((conn *)h)->buf); }

static void echo(uv_stream_t *s, ssize_t n, const uv_buf_t *b) {
	uv_buf_t out = uv_buf_init(b->base, n < 0 ? 0 : (unsigned)n);
	if (n < 0 || (n > 0 && uv_try_write(s, &out, 1) != n)) // a client that does not read is left
		uv_close((uv_handle_t *)s, over);
}

static void greet(uv_stream_t *l, int status) {
	must(status, "accept");
	conn *c = malloc(sizeof *c);
	uv_tcp_init(loop, &c->tcp);
	must(uv_accept(l, (uv_stream_t *)c), "uv_accept");
	must(uv_tcp_nodelay(&c->tcp, 1), "uv_tcp_nodelay");
	must(uv_read_start((uv_stream_t *)c, lend, echo), "uv_read_start");
}

static void input(uv_stream_t *s, ssize_t n, const uv_buf_t *b) {
	if (n < 0)
		exit(0);
}

static void lend_any(uv_handle_t *h, size_t hint, uv_buf_t *b) {
	static char any[64];
	*b = uv_buf_init(any, sizeof any);
}

static int serve(void) {
	uv_tcp_t l;
	uv_pipe_t in;
	struct sockaddr_in a;
	int size = sizeof a;
	uv_tcp_init(loop, &l);
	uv_ip4_addr("127.0.0.1", 0, &a);
	must(uv_tcp_bind(&l, (struct sockaddr *)&a, 0), "uv_tcp_bind");
	must(uv_listen((uv_stream_t *)&l, 1024, greet), "uv_listen");
	must(uv_tcp_getsockname(&l, (struct sockaddr *)&a, &size), "uv_tcp_getsockname");
	uv_pipe_init(loop, &in, 0);
	must(uv_pipe_open(&in, 0), "uv_pipe_open");
	must(uv_read_start((uv_stream_t *)&in, lend_any, input), "uv_read_start");
	printf("127.0.0.1:%d\n", ntohs(a.sin_port));
	fflush(stdout);
	return uv_run(loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv) {
	const char *what = argc > 1 ? argv[1] : "";
	loop = uv_default_loop();
	if (argc == 3 && strcmp(what, "rows") == 0)
		return rows(atoi(argv[2]));
	if (argc == 2 && strcmp(what, "echo") == 0)
		return serve();
	fprintf(stderr, "usage: uv rows WORKERS, or uv echo\n");
	return 2;
}
