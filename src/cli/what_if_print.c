/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/json_out.h"
#include "src/cli/tune_print.h"
#include "src/cli/what_if.h"

#define CHECK	     "run it so, and compare with `tracer diff`"
#define ASSUMED	     "disk and network keep their pace, others go on using the CPUs as they did"
#define USD_DECIMALS 6

static uint64_t ns_of(double s)
{
	return isfinite(s) && s > 0 ? (uint64_t)(s * 1e9) : 0;
}

static double low_s(const struct what_if_said *s)
{
	return s->is->predicted_s * (1 - fmin(s->error_ratio, 1));
}

static double high_s(const struct what_if_said *s)
{
	return s->is->predicted_s * (1 + s->error_ratio);
}

static bool by_trials(const struct what_if_said *s)
{
	return !isnan(s->trials->error_ratio);
}

/* What it rests on, as one word of JSON had it before there were graphs. */
static const char *from_words(const struct what_if_said *s)
{
	return s->is->graph ? "dataflow, start order and tasks at a time"
			    : "start order and tasks at a time";
}

static void print_basis(const struct what_if_said *s)
{
	const struct whatif *w = s->is;
	char replayed[HUMAN_MAX];

	printf("from %zu %s, their order, how many ran at a time%s\n", s->w->run.n,
	       s->w->steps ? "steps (the run has no tasks)" : "tasks",
	       s->is->graph ? ", and the data that passed between\nthem"
			    : ";\nwhich data passed between them is not used");
	if (s->is->graph && w->order_needs)
		printf("%zu of them waited for another without data to explain it; so they would "
		       "again\n",
		       w->order_needs);
	printf("replaying what was gives %s; disk and network are assumed to keep their pace\n",
	       human_duration(replayed, ns_of(w->replayed_s)));
	if (w->cores_share < 0.95)
		printf("others used the CPUs, too (%.0f %% were left); they are taken to go on "
		       "so\n",
		       100 * w->cores_share);
	if (by_trials(s))
		printf("the range: of %u predictions of %u runs from each other, four of five were "
		       "as near\n",
		       s->trials->n, s->trials->runs);
	else
		puts("the range is a rule of thumb; from 3 runs of the pipeline on it is measured");
}

static void print_cost(const struct what_if_cost *c)
{
	char was[MONEY_MAX], is[MONEY_MAX];

	if (!c->was_known) {
		puts("cost: the host has no price: write it into host.yaml (see tracer-cost(1))");
		return;
	}
	printf("cost: %s USD", money_round(was, c->was, USD_DECIMALS));
	if (c->known)
		printf(", would be %s USD (%s)\n", money_round(is, c->predicted, USD_DECIMALS),
		       c->source);
	else
		printf(", would be: not known (%s)\n", c->why);
}

int what_if_print_text(const struct what_if_said *s)
{
	const struct whatif *w = s->is;
	char was[HUMAN_MAX], is[HUMAN_MAX], low[HUMAN_MAX], high[HUMAN_MAX];

	printf("run %s took %s", s->h->runs[0].row.uid, human_duration(was, ns_of(w->observed_s)));
	if (w->tasks_most)
		printf(", with up to %zu %s at a time", w->tasks_most,
		       s->w->steps ? "steps" : "tasks");
	if (w->cores_had < s->h->runs[0].row.cpus)
		printf(", on %g of %u CPUs%s", w->cores_had, s->h->runs[0].row.cpus,
		       s->w->run.cores_told ? "" : " (as its waits say)");
	fputs("\nwith ", stdout);
	safe_print(stdout, s->change);
	if (w->doubt != WHATIF_NONE) {
		printf(": not known: %s", whatif_doubt_words(w->doubt));
		if (w->doubt == WHATIF_NO_ROOM)
			printf(" (%s)", human_bytes(was, (uint64_t)w->needed_bytes));
		putchar('\n');
		return ferror(stdout) ? -EIO : 0;
	}
	printf(": %s (%s to %s)\n", human_duration(is, ns_of(w->predicted_s)),
	       human_duration(low, ns_of(low_s(s))), human_duration(high, ns_of(high_s(s))));
	print_cost(s->cost);
	print_basis(s);
	puts("check: " CHECK);
	return ferror(stdout) ? -EIO : 0;
}

static void add_figures(const struct what_if_said *s, struct finding *f, struct findings *all)
{
	const struct whatif *w = s->is;
	char text[MONEY_MAX];

	figure_ns(f, "observed_ns", ns_of(w->observed_s));
	figure_ns(f, "replayed_ns", ns_of(w->replayed_s));
	if (w->doubt == WHATIF_NONE) {
		figure_ns(f, "predicted_ns", ns_of(w->predicted_s));
		figure_ratio(f, "error_ratio", s->error_ratio);
	}
	figure_count(f, "tasks_at_a_time_most", w->tasks_most);
	figure_ratio(f, "cores_share", w->cores_share);
	figure_text(f, "from", from_words(s));
	if (s->cost->was_known)
		figure_text(f, "observed_usd",
			    findings_text(all, "%s", money_text(text, s->cost->was)));
	if (s->cost->known)
		figure_text(f, "predicted_usd",
			    findings_text(all, "%s", money_text(text, s->cost->predicted)));
}

/* A saving that its error leaves is worth a notice. */
static int make_finding(const struct what_if_said *s, struct findings *all)
{
	const struct whatif *w = s->is;
	struct finding *f = findings_add(all, VERDICT_WHAT_IF, SUBJECT_RUN, s->change);
	char was[HUMAN_MAX], is[HUMAN_MAX];

	if (!f)
		return -ENOMEM;
	f->class = FINDING_SIZE;
	f->samples = (unsigned)s->w->run.n;
	f->runs = by_trials(s) ? s->trials->runs : 1;
	f->check = CHECK;
	human_duration(was, ns_of(w->observed_s));
	if (w->doubt != WHATIF_NONE) {
		f->summary = findings_text(all, "with %s: not known", s->change);
		f->cause = whatif_doubt_words(w->doubt);
	} else {
		f->summary =
			findings_text(all, "with %s it would have taken %s instead of %s",
				      s->change, human_duration(is, ns_of(w->predicted_s)), was);
		f->confidence = (unsigned)(100 * fmax(0, fmin(0.95, 1 - 2 * s->error_ratio)));
		if (w->predicted_s < w->observed_s)
			f->saving_ns = ns_of(w->observed_s - w->predicted_s);
		if (high_s(s) < w->observed_s)
			f->severity = SEVERITY_NOTICE;
	}
	add_figures(s, f, all);
	return all->failed ? -ENOMEM : 0;
}

static json_t *seconds_as_ns(double s)
{
	return isfinite(s) ? json_out_time(ns_of(s)) : json_null();
}

static json_t *money_or_null(bool known, money m)
{
	char text[MONEY_MAX];

	return known ? json_string(money_text(text, m)) : json_null();
}

static json_t *cost_object(const struct what_if_cost *c)
{
	json_t *o = json_object();

	json_out_set(o, "observed_usd", money_or_null(c->was_known, c->was));
	json_out_set(o, "predicted_usd", money_or_null(c->known, c->predicted));
	json_out_set(o, "usd_per_hour", money_or_null(c->known, c->usd_per_hour));
	json_out_set(o, "source", c->known ? json_string(c->source) : json_null());
	json_out_set(o, "doubt", *c->why ? json_out_text(c->why, strlen(c->why)) : json_null());
	return o;
}

static void set_basis(json_t *o, const struct what_if_said *s)
{
	const struct whatif *w = s->is;
	bool known = w->doubt == WHATIF_NONE;

	json_out_set(o, "error_ratio", known ? json_real(s->error_ratio) : json_null());
	json_out_set(o, "error_from",
		     known ? json_string(by_trials(s) ? "trials" : "rule of thumb") : json_null());
	json_out_set(o, "trials", json_out_uint(s->trials->n));
	json_out_set(o, "trial_runs", json_out_uint(s->trials->runs));
	json_out_set(o, "cores_share", known ? json_real(w->cores_share) : json_null());
	json_out_set(o, "samples", json_out_uint(s->w->run.n));
	json_out_set(o, "steps", json_boolean(s->w->steps));
	json_out_set(o, "tasks_at_a_time_most", json_out_uint(w->tasks_most));
	json_out_set(o, "places_at_a_time_most", json_out_uint(w->places_most));
	json_out_set(o, "graph", json_boolean(s->is->graph));
	json_out_set(o, "unplaced_work_ratio",
		     s->w->run.graph && w->tasks_most ? json_real(w->unplaced_share) : json_null());
	json_out_set(o, "waits_without_data",
		     s->is->graph ? json_out_uint(w->order_needs) : json_null());
	json_out_set(o, "from", json_string(from_words(s)));
	json_out_set(o, "cores_had", json_real(w->cores_had));
	json_out_set(o, "cores_had_from",
		     json_string(s->w->run.cores_told		      ? "told"
				 : w->cores_had < s->w->run.was.cores ? "waits"
								      : "host"));
	json_out_set(o, "assumed", json_string(ASSUMED));
}

int what_if_print_json(const struct what_if_said *s)
{
	const struct whatif *w = s->is;
	struct findings all = { 0 };
	json_t *o = json_object();
	bool known = w->doubt == WHATIF_NONE;
	int r = make_finding(s, &all);

	json_out_set(o, "id", json_string("what-if:run"));
	json_out_set(o, "severity", json_string("info"));
	json_out_set(o, "run", json_string(s->h->runs[0].row.uid));
	json_out_set(o, "change", json_out_text(s->change, strlen(s->change)));
	json_out_set(o, "known", json_boolean(known));
	json_out_set(o, "doubt", known ? json_null() : json_string(whatif_doubt_words(w->doubt)));
	json_out_set(o, "observed_ns", seconds_as_ns(w->observed_s));
	json_out_set(o, "replayed_ns", seconds_as_ns(w->replayed_s));
	json_out_set(o, "predicted_ns", seconds_as_ns(w->predicted_s));
	set_basis(o, s);
	json_out_set(o, "cost", cost_object(s->cost));
	json_out_set(o, "findings", findings_array(&all));
	if (r == 0)
		r = o ? json_out_write(o, stdout, JSON_PRETTY) : -ENOMEM;
	json_decref(o);
	findings_fini(&all);
	return r;
}
