/* SPDX-License-Identifier: Apache-2.0 */
/* One line of `tracer tune`: is this run's pipeline slower than it was? */
#include <errno.h>

#include "src/base/cleanup.h"
#include "src/cli/change_report.h"
#include "src/cli/regressions.h"

#define PROCESSES_READ_MAX 20000 /* of all runs: above it files are not looked at */
#define TESTED		   (HISTORY_CPU + 1)

struct asked {
	struct store *store;
	const struct run_row *run;
};

static uint64_t processes_of(const struct history *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i < h->n_runs; i++)
		n += h->runs[i].row.processes;
	return n;
}

/* The worst regression that the history shows; *ret_found false: none. */
static int look(const struct asked *a, struct history *h, struct findings *found, bool *ret_any)
{
	struct regressions r = { 0 };
	int error = history_add_before(h, a->store, a->run, REGRESSIONS_RUNS_DEFAULT);

	*ret_any = false;
	if (error < 0)
		return error;
	error = regressions_make(&r, h, TESTED);
	if (error == 0 && r.n_runs > CHANGE_EARLIER &&
	    regressions_run(&r, r.n_runs - 1)->id == a->run->id)
		regressions_find(&r, found);
	for (unsigned i = 0; i < found->n; i++)
		*ret_any |= found->list[i].severity > SEVERITY_INFO;
	regressions_fini(&r);
	return error < 0 ? error : found->failed ? -ENOMEM : 0;
}

static void add(struct findings *to, const struct findings *found, const struct run_row *run,
		bool files)
{
	const struct finding *worst = &found->list[0];
	struct finding *one = findings_add(to, worst->verdict, SUBJECT_TASK, worst->name);
	unsigned more = 0;

	for (unsigned i = 1; i < found->n; i++)
		more += found->list[i].severity > SEVERITY_INFO;
	if (!one)
		return;
	one->severity = SEVERITY_NOTICE;
	one->class = FINDING_HISTORY;
	one->id =
		files ? findings_text(to, "%s", worst->id)
		      : findings_text(to, "changed:task:%s:%s", one->name, worst->figures[0].text);
	if (more)
		one->summary = findings_text(to, "%s; and %u more", worst->summary, more);
	else
		one->summary = findings_text(to, "%s", worst->summary);
	if (!files)
		one->cause = "its input is not looked at here: it may be larger";
	one->check = findings_text(to, "tracer tune --regressions %s", run->uid);
	one->saving_ns = files ? worst->saving_ns : 0;
	one->confidence = files ? worst->confidence : worst->confidence / 2;
	one->samples = worst->samples;
	one->runs = worst->runs;
	for (unsigned i = 0; i < worst->n_figures; i++) {
		one->figures[i] = worst->figures[i];
		if (worst->figures[i].unit == FIGURE_TEXT)
			one->figures[i].text = findings_text(to, "%s", worst->figures[i].text);
	}
	one->n_figures = worst->n_figures;
	if (!files)
		one->verdict = VERDICT_CHANGED;
}

int regressions_notice(struct store *store, const struct run_row *run, struct findings *f)
{
	struct asked a = { store, run };
	_cleanup_(history_fini) struct history rows = { .light = true, .whole = true },
					       all = { .whole = true };
	_cleanup_(findings_fini) struct findings quick = { 0 }, sure = { 0 };
	bool any, files;
	int r = look(&a, &rows, &quick, &any);

	if (r < 0 || !any)
		return r;
	files = processes_of(&rows) <= PROCESSES_READ_MAX;
	if (files)
		r = look(&a, &all, &sure, &any);
	if (r == 0 && any) {
		add(f, files ? &sure : &quick, run, files);
		findings_sort(f);
	}
	return r < 0 ? r : f->failed ? -ENOMEM : 0;
}
