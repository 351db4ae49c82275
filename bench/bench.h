/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BENCH_H
#define BENCH_H

/*
 * What the benchmarks share.  A subject does n operations and returns the
 * nanoseconds they took.  Two subjects are always measured in turns in the
 * same run: a pair takes the best of BENCH_TRIES turns of each, and a row is
 * the median over BENCH_PAIRS pairs of what the two are to each other, with
 * the quartiles as spread.  A program prints rows
 *
 *	row NAME MEDIAN LOW HIGH
 *
 * and `#' lines for people; bench/run sets the rows beside bench/goals.
 */

#include <stdint.h>

enum { BENCH_PAIRS = 15, BENCH_TRIES = 8, BENCH_LINE = 64, BENCH_CROWD = 16 };

typedef uint64_t bench_fn(uint64_t n);

/* The time of mine divided by that of its limit. */
void bench_ratio(const char *name, bench_fn *mine, bench_fn *limit, uint64_t n);
/* The throughput of mine divided by that of its limit. */
void bench_throughput(const char *name, bench_fn *mine, bench_fn *limit,
		      uint64_t n);
/* How many nanoseconds an operation of mine takes more. */
void bench_more(const char *name, bench_fn *mine, bench_fn *limit, uint64_t n);

/* Only the `#' line, for times that have no goal. */
void bench_beside(const char *name, bench_fn *mine, bench_fn *limit,
		  uint64_t n);
/* A number that does not vary. */
void bench_value(const char *name, double value);

/*
 * Runs run(0) .. run(threads - 1), each in a thread of its own, the odd ones
 * on CPU 0 and the even ones on CPU 1: the nanoseconds from when all are ready
 * to when all are done.
 */
uint64_t bench_crowd(unsigned threads, void (*run)(unsigned i));

uint64_t bench_now(void);
/* The calling thread runs on the i-th CPU that the program may use. */
void bench_pin(unsigned i);
/* Ends the program with a message, unless x. */
void bench_need(int x, const char *what);

#endif
