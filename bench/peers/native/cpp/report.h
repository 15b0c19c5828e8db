// How the programs of this folder time and print, in C and in C++.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <time.h>

static double seconds(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// row prints a line of JSON, as `go run ./bench -json` has them in an array.
static void row(const char *name, const char *unit, double figure, const char *peer, int workers) {
	int x = unit[0] == 'x' && unit[1] == 0;
	printf("{\"name\": \"%s\", \"unit\": \"%s\", \"better\": \"%s\", \"peer\": %.4f, \"peer_name\": \"%s\", \"workers\": %d}\n",
	       name, unit, x ? "higher" : "lower", figure, peer, workers);
	fflush(stdout);
}

// check ends the program after a wrong result.
static void check(int ok, const char *what) {
	if (!ok) {
		fprintf(stderr, "wrong: %s\n", what);
		exit(1);
	}
}

// splitmix64 is a generator of random numbers.
static uint64_t splitmix64(uint64_t *state) {
	uint64_t z = (*state += 0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}
