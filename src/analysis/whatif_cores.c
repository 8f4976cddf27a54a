/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CPUs that a run had, and what others took of them, from how long its tasks
 * waited for a CPU. What others run stretches all time on a CPU. But if fewer CPUs
 * explain the waits without anybody else, each task's own wait at least as well, and a
 * long run used as many all the time, never more, then it was bound to so many (taskset,
 * a cpuset). Others that take a share of a host's CPUs leave the same waits for a while.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "src/analysis/whatif_internal.h"
#include "src/base/cleanup.h"

#define QUEUE_NOTICED 0.02 /* of the time on a CPU: shorter waits show nobody's load */
#define SLOW_MOST     64.0
#define HALVINGS      12
#define SLOW_SUSPECT  1.25 /* others would have to take a fifth of each CPU */
#define SLOW_NONE     1.07
#define FIT_AS_GOOD   1.1
#define CORES_TRIED   16
#define BOUND_LONG_S  60.0 /* others come and go meanwhile */
#define BOUND_USED    0.9  /* of the CPUs that it was bound to, in the mean */
#define BOUND_MOST    1.02

static double waits_of(const struct order *o, double *ret_on_cpu)
{
	double waited = 0, on_cpu = 0;

	for (size_t i = 0; i < o->n; i++) {
		waited += o->jobs[i].queue_s;
		on_cpu += o->jobs[i].work_s * o->jobs[i].bound;
	}
	*ret_on_cpu = on_cpu;
	return waited;
}

/* The stretch at which the replay waits for as long as the run did, up to `most`. */
static int find_slow(const struct order *o, double cores, double most, double *ret)
{
	struct replay_options how = { .of.cores = cores, .slow = 1, .as_was = true };
	double low = 1, high = SLOW_MOST, on_cpu, waited = waits_of(o, &on_cpu);
	struct replay p;
	int r = whatif_replay(o, &how, &p);

	if (r == 0 && waited <= p.queue_s + QUEUE_NOTICED * on_cpu)
		high = low;
	if (r == 0 && low < high && most < SLOW_MOST) { /* is it worth looking for? */
		how.slow = most;
		r = whatif_replay(o, &how, &p);
		if (r == 0 && p.queue_s <= waited)
			low = high = most;
		else
			high = most;
	}
	for (unsigned i = 0; i < HALVINGS && low < high && r == 0; i++) {
		how.slow = sqrt(low * high);
		r = whatif_replay(o, &how, &p);
		if (p.queue_s > waited)
			high = how.slow;
		else
			low = how.slow;
	}
	if (r == 0)
		*ret = low;
	return r;
}

/* Sum of squares of what the replay gets wrong of each task's wait. */
static int misfit(const struct order *o, double cores, double slow, double *ret)
{
	_cleanup_free_ double *queue = calloc(o->n, sizeof(*queue));
	struct replay_options how = {
		.of.cores = cores, .slow = slow, .as_was = true, .job_queue_s = queue
	};
	struct replay p;
	double sum = 0;
	int r;

	if (!queue)
		return -ENOMEM;
	r = whatif_replay(o, &how, &p);
	for (size_t i = 0; i < o->n; i++)
		sum += (queue[i] - o->jobs[i].queue_s) * (queue[i] - o->jobs[i].queue_s);
	if (r == 0)
		*ret = sum;
	return r;
}

/* Did it use so many CPUs, and no more, over a long time? */
static bool used_long(const struct whatif_run *run, double cores)
{
	double cpu_s = run->engine_cpu_s;

	for (size_t i = 0; i < run->n; i++)
		cpu_s += run->tasks[i].cpu_s;
	return run->run_s >= BOUND_LONG_S && cpu_s >= BOUND_USED * cores * run->run_s &&
	       cpu_s <= BOUND_MOST * cores * run->run_s;
}

int whatif_cores(const struct whatif_run *run, const struct order *o, double *ret_cores,
		 double *ret_slow)
{
	double cores = run->was.cores, slow, off, fewer_slow, fewer_off;
	double few = fmin(ceil(cores) - 1, CORES_TRIED);
	int r = 0;

	if (run->slow > 0)
		slow = run->slow;
	else
		r = find_slow(o, cores, SLOW_MOST, &slow);
	if (r == 0 && !run->cores_told && slow > SLOW_SUSPECT)
		r = misfit(o, cores, slow, &off);
	else
		few = 0;
	for (; r == 0 && few >= 1; few--) {
		if (!used_long(run, few))
			continue;
		r = find_slow(o, few, SLOW_NONE, &fewer_slow);
		if (r == 0 && fewer_slow < SLOW_NONE)
			r = misfit(o, few, fewer_slow, &fewer_off);
		if (r == 0 && fewer_slow < SLOW_NONE && fewer_off <= off * FIT_AS_GOOD) {
			cores = few;
			slow = fewer_slow;
			break;
		}
	}
	if (r == 0) {
		*ret_cores = cores;
		*ret_slow = slow;
	}
	return r;
}
