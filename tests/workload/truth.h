/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every workload shares: it does something measurable and prints the truth
 * about it as JSON lines, on stdout or appended to the file that $TRUTH names.
 * The truth comes from clocks, wait4 and the program's own counting, never from
 * what tracer itself reads.
 */
#ifndef TRACER_TESTS_TRUTH_H
#define TRACER_TESTS_TRUTH_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

/* One line; a single write, so that lines of several processes do not mix. */
void truth(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The child's end as wait4 told it: pid, exit code, signal, CPU, faults, peak. */
void truth_wait4(pid_t pid, int status, const struct rusage *usage);

_Noreturn void die(const char *what);		    /* with errno; exit code 120 */
long number(const char *text, long low, long high); /* dies on anything else */

uint64_t monotonic_ns(void);
uint64_t thread_cpu_ns(void);
uint64_t process_cpu_ns(void);
uint64_t run_delay_ns(void); /* this thread, on a run queue; 0 where unknown */
void burn_ns(uint64_t ns);   /* of this thread's CPU time */
void sleep_ns(uint64_t ns);

/* A helper process that sleeps and then does act(ctx). */
pid_t helper(uint64_t delay_ns, void (*act)(void *ctx), void *ctx);

#endif
