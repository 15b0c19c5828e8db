// An echo server on epoll without a library: what the kernel leaves to gain.
//
//	epoll echo W    W threads; it prints its address, and ends with its input
//
// The main thread accepts, and deals the connections out in turn. A thread waits for its own,
// reads once, and writes back what it has read.
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int must(int result, const char *what) {
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

static void *serve(void *arg) {
	int ep = (int)(intptr_t)arg;
	struct epoll_event events[256];
	char buf[16 << 10];
	for (;;) {
		int n = epoll_wait(ep, events, 256, -1);
		if (n < 0 && errno == EINTR)
			continue;
		must(n, "epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			ssize_t k = read(fd, buf, sizeof buf);
			if (k < 0 && (errno == EAGAIN || errno == EINTR))
				continue;
			if (k <= 0 || write(fd, buf, k) != k) // a client that does not read is left
				close(fd);
		}
	}
}

static void *input(void *arg) {
	char any[64];
	while (read(0, any, sizeof any) > 0) {
	}
	exit(0);
}

int main(int argc, char **argv) {
	if (argc != 3 || strcmp(argv[1], "echo") != 0 || atoi(argv[2]) < 1) {
		fprintf(stderr, "usage: epoll echo W\n");
		return 2;
	}
	int threads = atoi(argv[2]);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof a;
	int l = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	must(bind(l, (struct sockaddr *)&a, sizeof a), "bind");
	must(listen(l, 1024), "listen");
	must(getsockname(l, (struct sockaddr *)&a, &size), "getsockname");

	pthread_t t;
	int eps[threads];
	for (int i = 0; i < threads; i++) {
		eps[i] = must(epoll_create1(0), "epoll_create1");
		if (pthread_create(&t, NULL, serve, (void *)(intptr_t)eps[i]) != 0)
			return 1;
	}
	if (pthread_create(&t, NULL, input, NULL) != 0)
		return 1;
	printf("127.0.0.1:%d\n", ntohs(a.sin_port));
	fflush(stdout);

	for (unsigned i = 0;; i++) {
		int fd = accept4(l, NULL, NULL, SOCK_NONBLOCK);
		if (fd < 0)
			continue;
		int on = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
		must(epoll_ctl(eps[i % threads], EPOLL_CTL_ADD, fd, &e), "epoll_ctl");
	}
}
