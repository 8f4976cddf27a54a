/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/size_advice.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "src/analysis/stats.h"

#define STARVED_MORE  1.1 /* wanted by used: a tenth is noise */
#define STARVED_LEAST 0.1
#define UNUSED_SHARE  0.5
#define WORTH_BYTES   (1ULL << 30)
#define WORTH_S	      1.0

struct size_kind {
	struct size_advice advice;
	struct sizer *sizer;
	double *busy, *wanted;
	size_t n, size;
	bool workers_known;
};

int size_kind_new(const struct sizing_options *costs, const char *name, struct size_kind **ret)
{
	struct size_kind *k = calloc(1, sizeof(*k));

	if (!k || sizer_new(costs, &k->sizer) < 0) {
		free(k);
		return -ENOMEM;
	}
	k->advice.name = name;
	k->workers_known = true;
	*ret = k;
	return 0;
}

void size_kind_free(struct size_kind *k)
{
	if (!k)
		return;
	sizer_free(k->sizer);
	free(k->busy);
	free(k->wanted);
	free(k);
}

static int grow(struct size_kind *k)
{
	size_t size = k->size ? k->size * 2 : 16;
	double *busy, *wanted;

	if (k->n < k->size)
		return 0;
	busy = reallocarray(k->busy, size, sizeof(*busy));
	if (busy)
		k->busy = busy;
	wanted = reallocarray(k->wanted, size, sizeof(*wanted));
	if (wanted)
		k->wanted = wanted;
	if (!busy || !wanted)
		return -ENOMEM;
	k->size = size;
	return 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What tasks ask for today: a second attempt asks for more, old ones for something else. */
static void note_request(struct size_advice *a, const struct size_task *t)
{
	if (t->requested_bytes && (t->attempt <= 1 || !a->asked_bytes))
		a->asked_bytes = t->requested_bytes;
	if (t->requested_cpus && (t->attempt <= 1 || !a->asked_cpus))
		a->asked_cpus = t->requested_cpus;
}

int size_kind_add(struct size_kind *k, const struct size_task *t)
{
	struct size_advice *a = &k->advice;
	int r = grow(k);

	if (r < 0)
		return r;
	note_request(a, t);
	a->killed += t->killed_for_memory;
	a->peak_bytes = larger(a->peak_bytes, t->peak_bytes);
	a->largest_bytes = larger(a->largest_bytes, t->largest_bytes);
	a->seconds += t->seconds;
	a->workers = (unsigned)larger(a->workers, t->workers);
	k->workers_known &= t->workers > 0;
	sizer_add(k->sizer, &(struct usage){ .input_bytes = t->input_bytes,
					     .peak_bytes = (double)t->peak_bytes,
					     .seconds = t->seconds,
					     .limit_bytes = (double)t->limit_bytes,
					     .killed_for_memory = t->killed_for_memory });
	k->busy[k->n] = t->cpu_s / t->seconds;
	k->wanted[k->n++] = (t->cpu_s + t->waited_s) / t->seconds;
	return 0;
}

/* Who waited for a CPU would have used more of them, if it had threads for them and the
 * machine CPUs. Nobody is told to ask for more than today for that reason alone. */
static void widen(struct size_kind *k, unsigned host_cpus)
{
	struct size_advice *a = &k->advice;
	unsigned most = a->asked_cpus ? a->asked_cpus : host_cpus, wanted;
	double could;

	stats_sort(k->wanted, k->n);
	a->wanted_p90 = could = stats_quantile(k->wanted, k->n, 0.9);
	if (a->workers && could > a->workers)
		could = a->workers;
	a->starved = could > STARVED_MORE * a->busy_p90 && could > a->busy_p90 + STARVED_LEAST;
	if (!a->starved || !a->cpus)
		return;
	wanted = cores_needed(k->wanted, k->n, a->workers);
	wanted = most && wanted > most ? most : wanted;
	a->cpus = wanted > a->cpus ? wanted : a->cpus;
}

static void advise_cores(struct size_kind *k, unsigned host_cpus)
{
	struct size_advice *a = &k->advice;

	if (!k->workers_known)
		a->workers = 0;
	stats_sort(k->busy, k->n);
	a->busy_p90 = stats_quantile(k->busy, k->n, 0.9);
	a->cpus = k->n >= SIZER_FEW ? cores_needed(k->busy, k->n, a->workers) : 0;
	widen(k, host_cpus);
}

void size_kind_advise(struct size_kind *k, unsigned runs, unsigned host_cpus,
		      struct size_advice *ret)
{
	struct size_advice *a = &k->advice;
	double share;

	a->samples = k->n;
	a->saving_byte_s = a->saving_core_s = NAN;
	advise_cores(k, host_cpus);
	a->known = sizer_stands(k->sizer, &a->size, &a->risk);
	if (a->known && runs) {
		share = (double)k->n / (double)a->risk.samples / runs;
		if (a->asked_bytes)
			a->saving_byte_s = share * (sizer_waste(k->sizer, (double)a->asked_bytes) -
						    a->risk.waste_byte_s);
		if (a->asked_cpus)
			a->saving_core_s = ((double)a->asked_cpus - a->cpus) * a->seconds / runs;
	}
	*ret = *a;
}

uint64_t size_advice_mib(const struct size_advice *a)
{
	return (uint64_t)ceil(a->size.bytes / (1 << 20));
}

bool size_is_waste(uint64_t asked, uint64_t used, double seconds)
{
	return asked && used && (double)used < UNUSED_SHARE * (double)asked &&
	       asked - used >= WORTH_BYTES && seconds >= WORTH_S;
}

unsigned size_confidence(const struct size_advice *a)
{
	if (!a->known)
		return 20;
	return a->size.cautious ? 40 : (unsigned)fmin(95, 100 * (1 - a->risk.failure_share_upper));
}
