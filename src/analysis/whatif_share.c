/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much programs slow each other down on shared CPUs. Each spends `bound` of its
 * time on CPUs, `cores` of them, and the rest elsewhere; moments are independent. Its
 * time on a CPU is stretched by the mean of (what is wanted at a moment) / (cores),
 * where that is above 1. Programs that only compute share exactly; those that wait
 * half of the time meet each other only at times (a closed queue with one server and
 * places to think: the same as mean value analysis up to a few percent). What others
 * run on the same CPUs (`slow`) stretches it once more.
 */
#include <math.h>
#include <string.h>

#include "src/analysis/whatif_internal.h"

#define ROUNDS	    4
#define EXACT_MOST  10 /* programs; with more their mean is near enough */
#define WANTED_MOST 64 /* cores in the exact sum */

static unsigned whole_cores(double cores)
{
	return cores < 1.5 ? 1 : (unsigned)(cores + 0.5);
}

/* Distribution of the cores that all but `skip` want, up to *ret_most; false: too many. */
static bool others(const struct sharer *list, size_t n, size_t skip, double p[WANTED_MOST + 1],
		   unsigned *ret_most)
{
	unsigned most = 0;

	p[0] = 1;
	for (size_t k = 0; k < n; k++) {
		unsigned wants = whole_cores(list[k].cores);
		double on = fmin(list[k].on * list[k].cores / wants, 1);

		if (k == skip)
			continue;
		if (most + wants > WANTED_MOST)
			return false;
		memset(&p[most + 1], 0, wants * sizeof(*p));
		most += wants;
		for (unsigned x = most; x + 1 > 0; x--)
			p[x] = p[x] * (1 - on) + (x >= wants ? p[x - wants] * on : 0);
	}
	*ret_most = most;
	return true;
}

/* Others as their mean: what they want at a time is known, on average. */
static double mean_stretch(double own_cores, double others, double cores)
{
	return fmax(1, (own_cores + fmax(others, 0)) / cores);
}

static bool exact_stretch(const struct sharer *list, size_t n, size_t i, double cores, double *ret)
{
	double p[WANTED_MOST + 1];
	unsigned most;

	if (n > EXACT_MOST || !others(list, n, i, p, &most))
		return false;
	*ret = 0;
	for (unsigned x = 0; x <= most; x++)
		*ret += p[x] * fmax(1, (list[i].cores + x) / cores);
	return true;
}

static void set_rate(struct sharer *one, double stretch)
{
	double b = one->bound;

	one->rate = 1 / (1 - b + b * stretch);
	one->on = b * stretch * one->rate;
}

double whatif_share(struct sharer *list, size_t n, double cores, double slow)
{
	double most = 0, wanted = 0;

	for (size_t i = 0; i < n; i++) {
		most += list[i].cores;
		set_rate(&list[i], slow);
		wanted += list[i].on * list[i].cores;
	}
	for (unsigned round = 0; round < ROUNDS && most > cores; round++)
		for (size_t i = 0; i < n; i++) {
			struct sharer *one = &list[i];
			double s, own = one->on * one->cores;

			if (!exact_stretch(list, n, i, cores, &s))
				s = mean_stretch(one->cores, wanted - own, cores);
			set_rate(one, one->bound > 0 ? slow * s : 1);
			wanted += one->on * one->cores - own;
		}
	return wanted;
}

double whatif_share_rate(struct sharer *one, double others, double cores, double slow)
{
	set_rate(one, slow * mean_stretch(one->cores, others, cores));
	return one->rate;
}
