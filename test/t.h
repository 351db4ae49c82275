/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef T_H
#define T_H

/*
 * The test harness.  A file of tests links t.o and has no main:
 *
 *	TEST(reply_is_seen) { CHECK_EQ(mp_wait(&m), 0); }
 *	TEST(slow_one, .timeout_s = 60) { ... }
 *
 * Each test runs in a child of its own, and fails if it crashes, outlasts its
 * timeout, or leaves a descriptor, a thread, a child or memory behind.
 * Consecutive tests of the same non-NULL group share one child, which is
 * replaced when one of them fails.  A name (or a pattern) on the command line
 * runs without fork, for gdb; -l lists.  T_SLOW=n multiplies the timeouts.
 * Tests that repeat themselves look at T_SHORT and T_SOAK: less, or more.
 *
 * A file with tests that are made at run time defines t_setup() and calls
 * t_case() there; the name is copied, fn(arg) is run.  A test that fails ends
 * there and then, threads and all.
 */

#include <stdint.h>
#include <unistd.h>

#ifdef NDEBUG
#error "a test needs its assertions"
#endif

typedef void t_fn(const void *arg);

struct t_test {
	const char *name;
	t_fn *fn;
	const void *arg;
	const char *group;  /* compared as a pointer */
	unsigned timeout_s; /* 0: 30 */
	struct t_test *next;
};

#define TEST(fn_, ...)                                             \
	static t_fn fn_;                                           \
	static struct t_test t_##fn_ = { .name = #fn_,             \
					 .fn = fn_,                \
					 ##__VA_ARGS__ };          \
	static void __attribute__((constructor)) t_add_##fn_(void) \
	{                                                          \
		t_add(&t_##fn_);                                   \
	}                                                          \
	static void fn_(const void *t_arg __attribute__((unused)))

#define CHECK(x) ((x) ? (void)0 : t_fail(__FILE__, __LINE__, "%s", #x))

/* Integers and pointers; a value counts, not its type's width. */
#define CHECK_EQ(a, b) \
	t_eq(__FILE__, __LINE__, #a " == " #b, (intptr_t)(a), (intptr_t)(b))

#define CHECK_STR(a, b) t_str(__FILE__, __LINE__, #a " == " #b, (a), (b))

/* The statement ends in abort(), in a child of its own that prints nothing. */
#define CHECK_ABORTS(...)                                           \
	do {                                                        \
		int t_pid = t_fork();                               \
		if (t_pid == 0) {                                   \
			__VA_ARGS__;                                \
			_exit(0);                                   \
		}                                                   \
		t_aborted(__FILE__, __LINE__, #__VA_ARGS__, t_pid); \
	} while (0)

#define SKIP(why) t_skip(why)

/* If it is set, called before a failure is told, and gives the end of it. */
extern const char *(*t_failing)(void);

void t_setup(void);
void t_add(struct t_test *);
void t_case(const char *group, const char *name, t_fn *, const void *arg);
void t_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));
void t_eq(const char *file, int line, const char *what, intptr_t, intptr_t);
void t_str(const char *file, int line, const char *what, const char *,
	   const char *);
void t_skip(const char *why) __attribute__((noreturn));
int t_fork(void);
void t_aborted(const char *file, int line, const char *what, int pid);

#endif
