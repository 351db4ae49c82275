/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pairs, medians, clocks and CPUs; see bench.h. */
#define _GNU_SOURCE
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum kind { RATIO, THROUGHPUT, MORE, BESIDE };

uint64_t
bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void
bench_need(int x, const char *what)
{
	if (x)
		return;
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

void
bench_pin(unsigned i)
{
	static cpu_set_t all;
	static int known;
	cpu_set_t one;
	size_t cpu;

	if (!known) {
		known = 1;
		bench_need(sched_getaffinity(0, sizeof all, &all) == 0,
			   "sched_getaffinity");
	}
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && i-- == 0)
			break;
	bench_need(cpu < CPU_SETSIZE, "it takes two CPUs");
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	bench_need(sched_setaffinity(0, sizeof one, &one) == 0,
		   "sched_setaffinity");
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v)
{
	qsort(v, BENCH_PAIRS, sizeof *v, compare);
	return v[BENCH_PAIRS / 2];
}

static double
relate(enum kind kind, double mine, double limit)
{
	switch (kind) {
	case RATIO:
		return mine / limit;
	case THROUGHPUT:
		return limit / mine;
	default:
		return mine - limit;
	}
}

static double
best(double least, uint64_t ns, uint64_t n)
{
	double each = (double)ns / (double)n;

	return least == 0 || each < least ? each : least;
}

static void
pairs(enum kind kind, const char *name, bench_fn *fn[2], uint64_t n)
{
	double time[2][BENCH_PAIRS];
	double v[BENCH_PAIRS];

	fn[0](n);
	fn[1](n);
	for (int i = 0; i < BENCH_PAIRS; i++) {
		time[0][i] = time[1][i] = 0;
		for (int try = 0; try < 2 * BENCH_TRIES; try++)
			time[try % 2][i] =
				best(time[try % 2][i], fn[try % 2](n), n);
		v[i] = relate(kind, time[0][i], time[1][i]);
	}
	printf("# %s: %.2f ns beside %.2f ns\n", name, median(time[0]),
	       median(time[1]));
	if (kind == BESIDE)
		return;
	printf("row %s %.3f ", name, median(v));
	printf("%.3f %.3f\n", v[BENCH_PAIRS / 4],
	       v[BENCH_PAIRS - 1 - BENCH_PAIRS / 4]);
	fflush(stdout);
}

void
bench_ratio(const char *name, bench_fn *mine, bench_fn *limit, uint64_t n)
{
	pairs(RATIO, name, (bench_fn *[]){ mine, limit }, n);
}

void
bench_throughput(const char *name, bench_fn *mine, bench_fn *limit, uint64_t n)
{
	pairs(THROUGHPUT, name, (bench_fn *[]){ mine, limit }, n);
}

void
bench_more(const char *name, bench_fn *mine, bench_fn *limit, uint64_t n)
{
	pairs(MORE, name, (bench_fn *[]){ mine, limit }, n);
}

void
bench_beside(const char *name, bench_fn *mine, bench_fn *limit, uint64_t n)
{
	pairs(BESIDE, name, (bench_fn *[]){ mine, limit }, n);
}

void
bench_value(const char *name, double value)
{
	printf("row %s %.4f %.4f %.4f\n", name, value, value, value);
	fflush(stdout);
}

struct one {
	pthread_t thread;
	pthread_barrier_t *ready;
	void (*run)(unsigned i);
	unsigned i;
	uint64_t begin;
	uint64_t end;
};

static void *
run_one(void *arg)
{
	struct one *o = arg;

	bench_pin((o->i + 1) % 2);
	pthread_barrier_wait(o->ready);
	o->begin = bench_now();
	o->run(o->i);
	o->end = bench_now();
	return NULL;
}

uint64_t
bench_crowd(unsigned threads, void (*run)(unsigned i))
{
	struct one one[BENCH_CROWD];
	pthread_barrier_t ready;
	uint64_t begin = UINT64_MAX;
	uint64_t end = 0;

	bench_need(threads <= BENCH_CROWD, "too many threads");
	pthread_barrier_init(&ready, NULL, threads);
	for (unsigned i = 0; i < threads; i++) {
		one[i] = (struct one){ .ready = &ready, .run = run, .i = i };
		bench_need(pthread_create(&one[i].thread, NULL, run_one,
					  &one[i]) == 0,
			   "pthread_create");
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(one[i].thread, NULL);
		begin = one[i].begin < begin ? one[i].begin : begin;
		end = one[i].end > end ? one[i].end : end;
	}
	pthread_barrier_destroy(&ready);
	return end - begin;
}
