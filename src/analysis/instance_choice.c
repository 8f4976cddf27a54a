/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the outcomes is worth naming, and what it would save. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/instances.h"
#include "src/analysis/stats.h"
#include "src/base/cleanup.h"

#define DRAWS	   1000
#define DRAWN_MOST 300 /* samples; beyond them sums are as good as normal */
#define TWO_PI	   6.283185307179586

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static double uniform(uint64_t *state) /* (0, 1] */
{
	return ((double)(next_random(state) >> 11) + 1) / 9007199254740992.0;
}

static double normal(uint64_t *state)
{
	double radius = sqrt(-2 * log(uniform(state)));

	return radius * cos(TWO_PI * uniform(state));
}

struct sums {
	double saving, cpu_part, predicted, deviation;
};

static bool sum_up(const struct instance_sample *s, double *each, size_t n, struct sums *ret)
{
	*ret = (struct sums){ 0 };
	for (size_t i = 0; i < n; i++) {
		each[i] = s[i].observed - s[i].cpu_part - s[i].rest;
		ret->saving += each[i];
		ret->cpu_part += s[i].cpu_part;
		ret->predicted += s[i].cpu_part + s[i].rest;
	}
	ret->deviation = stats_deviation(each, n);
	return isfinite(ret->saving) && isfinite(ret->predicted);
}

static double draw_sum(const double *each, size_t n, const struct sums *sums, uint64_t *state)
{
	double sum = 0;

	if (n > DRAWN_MOST)
		return sums->saving + sums->deviation * sqrt((double)n) * normal(state);
	for (size_t i = 0; i < n; i++)
		sum += each[next_random(state) % n];
	return sum;
}

int instance_saving(const struct instance_sample *s, size_t n, double speed_error,
		    double other_error, struct instance_range *ret)
{
	_cleanup_free_ double *each = calloc(n + 1, sizeof(*each));
	_cleanup_free_ double *drawn = calloc(DRAWS, sizeof(*drawn));
	uint64_t state = 20261126;
	struct sums sums;

	if (!each || !drawn)
		return -ENOMEM;
	if (!n || !sum_up(s, each, n, &sums) || !(speed_error >= 0) || !(other_error >= 0))
		return -EINVAL;
	for (size_t k = 0; k < DRAWS; k++) {
		double speed = exp(speed_error * normal(&state)) - 1;
		double other = exp(other_error * normal(&state)) - 1;

		drawn[k] = draw_sum(each, n, &sums, &state) - sums.cpu_part * speed -
			   sums.predicted * other;
	}
	stats_sort(drawn, DRAWS);
	*ret = (struct instance_range){ stats_quantile(drawn, DRAWS, 0.025), sums.saving,
					stats_quantile(drawn, DRAWS, 0.975) };
	return 0;
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* Is outcome a the better of two? Costs that are as good as equal: the shorter one. */
static bool cheaper(const struct instance_outcome *a, const struct instance_outcome *b)
{
	if (fabs(a->usd - b->usd) > INSTANCE_NEAR * b->usd)
		return a->usd < b->usd;
	return a->seconds < b->seconds;
}

static bool faster(const struct instance_outcome *a, const struct instance_outcome *b)
{
	if (fabs(a->seconds - b->seconds) > INSTANCE_NEAR * b->seconds)
		return a->seconds < b->seconds;
	return a->usd < b->usd;
}

static bool belongs(const struct instance *i, enum instance_way way, const struct instance_terms *t)
{
	bool here = !t->region || same(i->region, t->region), as_was = i->spot == t->spot;

	switch (way) {
	case WAY_FAMILY:
		return here && as_was && same(i->family, t->family) && !same(i->type, t->type);
	case WAY_REGION:
		return t->region && !here && as_was;
	case WAY_OTHER:
		return here && !as_was;
	default:
		return here && as_was && !same(i->type, t->type);
	}
}

/* Unknown (NAN) limits forbid nothing. */
static bool below(double value, double limit)
{
	return isnan(limit) || value < limit;
}

static bool slow(const struct instance_outcome *o, const struct instance_terms *t)
{
	return o->seconds > t->seconds * INSTANCE_SLOWER_MOST * (1 + INSTANCE_NEAR);
}

static bool good_enough(const struct instance_outcome *o, enum instance_way way,
			const struct instance_terms *t, double least_usd)
{
	if (way == WAY_FASTER)
		return t->cpu_limited && !(o->usd > t->budget_usd) &&
		       below(o->seconds, t->seconds * (1 - INSTANCE_FASTER_LEAST));
	if (way == WAY_CHEAPER || way == WAY_FAMILY)
		return below(o->usd, t->usd * (1 - INSTANCE_NEAR));
	return below(o->usd, least_usd * (1 - INSTANCE_NEAR));
}

static size_t best(const struct instance *list, const struct instance_outcome *o, size_t n,
		   enum instance_way way, const struct instance_terms *t)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < n; i++)
		if (o[i].reason == INSTANCE_FITS && belongs(&list[i], way, t) && !slow(&o[i], t) &&
		    (found == SIZE_MAX ||
		     (way == WAY_FASTER ? faster(&o[i], &o[found]) : cheaper(&o[i], &o[found]))) &&
		    good_enough(&o[i], way, t, NAN))
			found = i;
	return found;
}

void instance_choose(const struct instance *list, const struct instance_outcome *outcomes, size_t n,
		     const struct instance_terms *terms, size_t ret[INSTANCE_WAYS])
{
	double least = terms->usd;

	for (int way = 0; way < INSTANCE_WAYS; way++) {
		ret[way] = best(list, outcomes, n, (enum instance_way)way, terms);
		if (way == WAY_CHEAPER && ret[way] != SIZE_MAX)
			least = outcomes[ret[way]].usd;
		if (ret[way] != SIZE_MAX &&
		    !good_enough(&outcomes[ret[way]], (enum instance_way)way, terms, least))
			ret[way] = SIZE_MAX;
	}
	if (ret[WAY_FAMILY] == ret[WAY_CHEAPER]) /* said once */
		ret[WAY_FAMILY] = SIZE_MAX;
	if (ret[WAY_FASTER] == ret[WAY_CHEAPER])
		ret[WAY_FASTER] = SIZE_MAX;
}

const char *instance_way_word(enum instance_way way, bool was_spot)
{
	static const char *const words[INSTANCE_WAYS] = { "cheaper", "faster", "family", "region",
							  "spot" };

	return way == WAY_OTHER && was_spot ? "on-demand" : words[way];
}
