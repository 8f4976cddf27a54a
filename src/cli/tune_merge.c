/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/tune_merge.h"

#include <errno.h>
#include <string.h>

#include "src/analysis/failure.h"
#include "src/cli/tune.h"

#define RUNS_MAX 1000

struct chosen {
	const char *pipeline;
	unsigned n, max;
	int64_t ids[RUNS_MAX];
};

static int visit(void *ctx, const struct run_row *row)
{
	struct chosen *c = ctx;

	if (row->pipeline && !strcmp(row->pipeline, c->pipeline))
		c->ids[c->n++] = row->id;
	return c->n == c->max || c->n == RUNS_MAX;
}

static struct finding *find(struct findings *all, const char *id)
{
	for (unsigned i = 0; i < all->n; i++)
		if (!strcmp(all->list[i].id, id))
			return &all->list[i];
	return NULL;
}

static const char *keep(struct findings *all, const char *text)
{
	return text ? findings_text(all, "%s", text) : NULL;
}

static void copy(struct findings *all, const struct finding *one)
{
	struct finding *f = findings_add(all, one->verdict, one->subject, one->name);
	const char *id, *name;

	if (!f)
		return;
	id = f->id;
	name = f->name;
	*f = *one;
	f->id = id;
	f->name = name;
	f->summary = keep(all, one->summary);
	f->cause = keep(all, one->cause);
	f->advice = keep(all, one->advice);
	f->check = keep(all, one->check);
	for (unsigned i = 0; i < f->n_figures; i++)
		if (f->figures[i].unit == FIGURE_TEXT)
			f->figures[i].text = keep(all, f->figures[i].text);
}

/* A retry's numbers add up; its sentence is about all runs, as its samples and saving are. */
static void add_retries(struct findings *all, struct finding *f, const struct finding *one)
{
	uint64_t attempts = f->samples, wasted = f->saving_ns;

	for (unsigned i = 0; i < f->n_figures && i < one->n_figures; i++)
		if (f->figures[i].unit != FIGURE_TEXT && f->figures[i].unit != FIGURE_RATIO)
			f->figures[i].number += one->figures[i].number;
	f->summary = findings_text(all, "in %u runs %s", f->runs,
				   retry_words(all, f->name, attempts, wasted));
}

static void merge(struct findings *all, const struct finding *one)
{
	struct finding *f = find(all, one->id);

	if (!f) {
		copy(all, one);
		return;
	}
	f->share = (f->share * f->runs + one->share) / (f->runs + 1);
	f->runs++;
	f->samples += one->samples;
	f->explained_ns += one->explained_ns;
	f->saving_ns += one->saving_ns;
	if (f->verdict == VERDICT_RETRY)
		add_retries(all, f, one);
	if (one->severity > f->severity)
		f->severity = one->severity;
	if (f->runs == 3 && f->confidence <= 90)
		f->confidence += 10;
}

int tune_merge_make(struct tune_merge *m, struct store *store, const char *pipeline,
		    unsigned max_runs)
{
	struct chosen c = { .pipeline = pipeline, .max = max_runs };
	int r = store_each_run(store, 0, visit, &c);

	for (unsigned i = 0; i < c.n && r >= 0; i++) {
		struct judgement j;

		r = judgement_make(&j, store, c.ids[i]);
		m->runs++;
		m->judged += r >= 0 && !run_facts_missing(&j.facts);
		for (unsigned k = 0; k < j.findings.n && r >= 0; k++)
			merge(&m->findings, &j.findings.list[k]);
		judgement_fini(&j);
	}
	findings_sort(&m->findings);
	return r < 0 ? r : m->findings.failed ? -ENOMEM : 0;
}

void tune_merge_fini(struct tune_merge *m)
{
	findings_fini(&m->findings);
}
