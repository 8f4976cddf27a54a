/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of changes in a history: findings, and what else is different. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/base/text.h"
#include "src/cli/change_report.h"
#include "src/cli/regressions.h"

#define AROUND	   3	/* runs on either side whose programs and machines are compared */
#define SHARE_STEP 0.1	/* of wall time: less is no other wait */
#define TIMES_STEP 1.25 /* of tasks at a time */

/* Runs of a group on one side of a change, the nearest to it first. */
struct near_runs {
	uint32_t at[AROUND];
	unsigned n;
};

struct around {
	const struct regressions *r;
	const struct group *g;
	struct near_runs side[2];
	struct group_run sums[2]; /* of all its runs on that side */
	double at_a_time[2];
};

static void add_sums(struct around *a, unsigned side, uint32_t at, unsigned *runs)
{
	const struct group_run *of = &a->g->runs[at];
	struct near_runs *near = &a->side[side];

	if (!of->n && !of->failed)
		return;
	a->sums[side].n += of->n;
	a->sums[side].failed += of->failed;
	a->sums[side].again += of->again;
	where_add(&a->sums[side].where, &of->where);
	if (near->n < AROUND && of->n)
		near->at[near->n++] = at;
	if (isnan(a->r->at_a_time[at]))
		return;
	a->at_a_time[side] += a->r->at_a_time[at];
	runs[side]++;
}

static void look_around(struct around *a, const struct change *c)
{
	unsigned runs[2] = { 0 };

	for (uint32_t i = c->cut.since; i > 0; i--)
		add_sums(a, 0, i - 1, runs);
	for (uint32_t i = c->cut.since; i < a->r->n_runs; i++)
		add_sums(a, 1, i, runs);
	for (unsigned s = 0; s < 2; s++)
		a->at_a_time[s] = runs[s] ? a->at_a_time[s] / runs[s] : NAN;
}

typedef const char *text_of_run(const struct around *a, uint32_t at);
typedef uint64_t number_of_run(const struct around *a, uint32_t at);

static const char *tool_path(const struct around *a, uint32_t at)
{
	return a->g->runs[at].tool_path;
}

static const char *host_name(const struct around *a, uint32_t at)
{
	return regressions_run(a->r, at)->hostname;
}

static const char *kernel(const struct around *a, uint32_t at)
{
	return regressions_run(a->r, at)->kernel;
}

static uint64_t cpus(const struct around *a, uint32_t at)
{
	return regressions_run(a->r, at)->cpus;
}

static uint64_t memory(const struct around *a, uint32_t at)
{
	return regressions_run(a->r, at)->memory_bytes;
}

static uint64_t requested_cpus(const struct around *a, uint32_t at)
{
	return a->g->runs[at].requested_cpus;
}

static uint64_t requested_memory(const struct around *a, uint32_t at)
{
	return a->g->runs[at].requested_bytes;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* What most of the nearest runs of a side have; of equals the nearest. */
static const char *usual_text(const struct around *a, unsigned side, text_of_run *of)
{
	const struct near_runs *near = &a->side[side];
	const char *best = NULL;
	unsigned most = 0;

	for (unsigned i = 0; i < near->n; i++) {
		unsigned n = 0;

		for (unsigned k = 0; k < near->n; k++)
			n += same(of(a, near->at[i]), of(a, near->at[k]));
		if (n > most) {
			most = n;
			best = of(a, near->at[i]);
		}
	}
	return best;
}

static uint64_t usual_number(const struct around *a, unsigned side, number_of_run *of)
{
	const struct near_runs *near = &a->side[side];
	uint64_t best = 0;
	unsigned most = 0;

	for (unsigned i = 0; i < near->n; i++) {
		unsigned n = 0;

		for (unsigned k = 0; k < near->n; k++)
			n += of(a, near->at[i]) == of(a, near->at[k]);
		if (n > most) {
			most = n;
			best = of(a, near->at[i]);
		}
	}
	return best;
}

static void begin(struct str *out)
{
	str_add(out, out->len ? "; " : "");
}

static void add_text(struct str *out, const struct around *a, const char *what, text_of_run *of)
{
	const char *was = usual_text(a, 0, of), *is = usual_text(a, 1, of);

	if (same(was, is) || !was || !is)
		return;
	begin(out);
	str_addf(out, "%s ", what);
	text_visible(out, is, strlen(is));
	str_add(out, ", was ");
	text_visible(out, was, strlen(was));
}

static void add_number(struct str *out, const struct around *a, const char *what, number_of_run *of)
{
	uint64_t was = usual_number(a, 0, of), is = usual_number(a, 1, of);

	if (was == is)
		return;
	begin(out);
	str_addf(out, "%s %llu, was %llu", what, (unsigned long long)is, (unsigned long long)was);
}

static void add_bytes(struct str *out, const struct around *a, const char *what, number_of_run *of)
{
	uint64_t was = usual_number(a, 0, of), is = usual_number(a, 1, of);
	char old[HUMAN_MAX], new[HUMAN_MAX];

	if (was == is)
		return;
	begin(out);
	str_addf(out, "%s %s, was %s", what, is ? human_bytes(new, is) : "none",
		 was ? human_bytes(old, was) : "none");
}

static double share(const struct where *w, unsigned part)
{
	return w->total_ns ? (double)w->ns[part] / (double)w->total_ns : NAN;
}

/* The part of wall time that grew or shrank most, and always the wait for CPUs. */
static void add_waits(struct str *out, const struct around *a)
{
	const struct where *was = &a->sums[0].where, *is = &a->sums[1].where;
	unsigned most = WHERE_PARTS;
	double step = SHARE_STEP;

	if (!was->total_ns || !is->total_ns)
		return;
	for (unsigned i = 0; i < WHERE_PARTS; i++)
		if (fabs(share(is, i) - share(was, i)) >= step) {
			step = fabs(share(is, i) - share(was, i));
			most = i;
		}
	for (unsigned i = 0; i < WHERE_PARTS; i++) {
		if (i != most &&
		    (i != LEDGER_RUNQ || fabs(share(is, i) - share(was, i)) < SHARE_STEP / 2))
			continue;
		begin(out);
		str_addf(out, "%s %.0f %% of the time, was %.0f %%", where_word(i),
			 100 * share(is, i), 100 * share(was, i));
	}
}

static void add_rate(struct str *out, const struct around *a, const char *what,
		     uint32_t (*count)(const struct group_run *))
{
	double part[2];

	for (unsigned s = 0; s < 2; s++) {
		uint32_t all = a->sums[s].n + a->sums[s].failed;

		part[s] = all ? (double)count(&a->sums[s]) / all : 0;
	}
	if (fabs(part[1] - part[0]) < SHARE_STEP / 2)
		return;
	begin(out);
	str_addf(out, "%s %.0f %% of tasks, were %.0f %%", what, 100 * part[1], 100 * part[0]);
}

static uint32_t failed(const struct group_run *of)
{
	return of->failed;
}

static uint32_t again(const struct group_run *of)
{
	return of->again;
}

void regressions_reasons(struct str *out, const struct regressions *r, const struct group *g,
			 const struct change *c)
{
	struct around a = { .r = r, .g = g };

	look_around(&a, c);
	add_text(out, &a, "tool", tool_path);
	add_number(out, &a, "cores asked for", requested_cpus);
	add_bytes(out, &a, "memory asked for", requested_memory);
	add_text(out, &a, "host", host_name);
	add_text(out, &a, "kernel", kernel);
	add_number(out, &a, "CPUs", cpus);
	add_bytes(out, &a, "memory of the host", memory);
	if (a.at_a_time[0] > 0 && a.at_a_time[1] > 0 &&
	    fabs(log(a.at_a_time[1] / a.at_a_time[0])) > log(TIMES_STEP)) {
		begin(out);
		str_addf(out, "%.1f tasks at a time, were %.1f", a.at_a_time[1], a.at_a_time[0]);
	}
	add_waits(out, &a);
	if (!isnan(c->cut.input_ratio) && fabs(log(c->cut.input_ratio)) > log(1.05)) {
		begin(out);
		str_addf(out, "input x%.2f", c->cut.input_ratio);
	}
	add_rate(out, &a, "failed", failed);
	add_rate(out, &a, "repeated", again);
}

static uint32_t run_before(const struct group *g, uint32_t at)
{
	uint32_t i = at;

	while (i > 0 && !g->runs[i - 1].n)
		i--;
	return i > 0 ? i - 1 : at;
}

static double tasks_after(const struct regressions *r, const struct group *g, uint32_t at)
{
	double n = 0, runs = 0;

	for (uint32_t i = at; i < r->n_runs; i++) {
		n += g->runs[i].n;
		runs += g->runs[i].n > 0;
	}
	return runs > 0 ? n / runs : 0;
}

static enum verdict verdict_of(const struct change *c)
{
	if (c->newest_only)
		return VERDICT_CHANGED;
	return c->verdict == CHANGE_UP ? VERDICT_REGRESSION : VERDICT_IMPROVEMENT;
}

static void find_one(const struct regressions *r, const struct group *g, enum history_metric m,
		     struct findings *f)
{
	const struct change *c = &g->changes[m];
	const struct run_row *newest = regressions_run(r, r->n_runs - 1);
	_cleanup_(str_fini) struct str reasons = STR_INIT;
	double least = m == HISTORY_IO ? REGRESSIONS_IO_LEAST : 0;
	struct change_report report = {
		.task = g->name,
		.metric = m,
		.verdict = verdict_of(c),
		.ratio = c->cut.ratio,
		.low = c->cut.low,
		.high = c->cut.high,
		.before = c->cut.before - least,
		.after = c->cut.after - least,
		.input_ratio = c->cut.input_ratio,
		.exponent = c->slope.exponent,
		.exponent_known = c->slope.fitted || c->slope.high <= 0,
		.p = c->p,
		.q = c->q,
		.n_before = c->cut.n_before,
		.n_after = c->cut.n_after,
		.tasks = tasks_after(r, g, c->cut.since),
		.at_a_time = r->at_a_time[r->n_runs - 1],
		.run_ns = (double)(newest->end_ns - newest->start_ns),
		.last_before = regressions_run(r, run_before(g, c->cut.since)),
		.since = regressions_run(r, c->cut.since),
		.newest = newest,
	};

	regressions_reasons(&reasons, r, g, c);
	report.reasons = str_text(&reasons);
	change_report_add(f, &report);
}

void regressions_find(const struct regressions *r, struct findings *f)
{
	for (const struct group *g = r->groups; g; g = g->hh.next)
		for (unsigned m = 0; m < HISTORY_METRICS; m++)
			if (g->changes[m].verdict == CHANGE_UP ||
			    g->changes[m].verdict == CHANGE_DOWN)
				find_one(r, g, m, f);
	findings_sort(f);
}
