/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/tune_instances.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/cli.h"
#include "src/cli/instance_subject.h"
#include "src/cli/reader.h"

#define RESTART_MINUTES	    5
#define TRANSFER_USD_PER_GB 0.02 /* most of EC2's regions; where no price is known */

bool tune_instances_asked(const struct tune_instances_options *o)
{
	return o->provider || o->type || o->region || o->zone || o->lifecycle || o->price ||
	       o->hosts || o->prices.n || o->arch || o->packing || o->interruptions || o->restart ||
	       o->transfer || o->gpus;
}

struct limits {
	const char *name, *text;
	double most;
};

/* Leaves *ret where nothing was given. */
static int number(const struct command_spec *spec, const struct limits *l, double *ret)
{
	char *end;
	double value;

	if (!l->text)
		return EXIT_OK;
	value = strtod(l->text, &end);
	if (end == l->text || *end || !(value >= 0) || !(value <= l->most))
		return options_misuse(spec, "--%s takes a number from 0 to %.0f, not `%s`", l->name,
				      l->most, l->text);
	*ret = value;
	return EXIT_OK;
}

static int check_numbers(struct inquiry *q, const struct command_spec *spec)
{
	const struct tune_instances_options *o = q->o;
	const struct limits taken = { "interruptions", o->interruptions, 60 },
			    restart = { "restart", o->restart, 1440 },
			    transfer = { "transfer", o->transfer, 100 },
			    gpus = { "gpus", o->gpus, 64 };
	double minutes = RESTART_MINUTES, per_gb = -1;
	int rc;

	q->taken = q->gpus = -1;
	rc = number(spec, &taken, &q->taken);
	if (!rc)
		rc = number(spec, &restart, &minutes);
	if (!rc)
		rc = number(spec, &transfer, &per_gb);
	if (!rc)
		rc = number(spec, &gpus, &q->gpus);
	q->restart_hours = minutes / 60;
	q->transfer_usd_per_byte = per_gb / 1e9;
	return rc;
}

static int check_host(struct inquiry *q, const struct command_spec *spec)
{
	const struct tune_instances_options *o = q->o;
	struct host_entry *over = &q->books.over;
	enum lifecycle lifecycle;

	*over = (struct host_entry)HOST_ENTRY_NONE;
	over->provider = o->provider;
	over->type = o->type;
	over->region = o->region;
	over->zone = o->zone;
	over->lifecycle = o->lifecycle;
	if (o->lifecycle && lifecycle_parse(o->lifecycle, &lifecycle) < 0)
		return options_misuse(spec, "--lifecycle %s: must be on-demand or spot",
				      o->lifecycle);
	if (o->price && (money_parse(o->price, &over->price) < 0 || over->price < 0 ||
			 over->price > 100000 * USD))
		return options_misuse(spec, "--price %s: must be USD per hour, from 0 to 100,000",
				      o->price);
	return EXIT_OK;
}

/* Also finds the run that was asked about, or adds it, whatever its age. */
static int load_history(struct inquiry *q, struct reader *r, const struct tune_sizing_options *o)
{
	unsigned most = o->runs ? o->runs : TUNE_RUNS_DEFAULT;
	int e = 0;

	q->pipeline = o->pipeline ? o->pipeline : history_pipeline(&r->run);
	if (q->pipeline && *q->pipeline)
		e = history_add_pipeline(&q->history, r->store, q->pipeline, most);
	if (e < 0)
		return e;
	q->reference = q->history.n_runs ? (uint32_t)q->history.n_runs - 1 : 0;
	for (uint32_t i = 0; r->run.uid && i < q->history.n_runs; i++)
		if (!strcmp(q->history.runs[i].row.uid, r->run.uid)) {
			q->reference = i;
			return 0;
		}
	if (!r->run.uid) { /* --pipeline: the newest that is complete */
		while (q->reference && q->history.runs[q->reference].missing)
			q->reference--;
		return 0;
	}
	q->reference = (uint32_t)q->history.n_runs;
	return history_add_run(&q->history, r->store, r->run.id);
}

static int load_observed(struct inquiry *q, struct store *store)
{
	size_t n = q->history.n_runs;
	int r = 0;

	q->observed = calloc(n + 1, sizeof(*q->observed));
	q->used = calloc(n + 1, sizeof(*q->used));
	if (!q->observed || !q->used)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		q->observed[i] = (struct observed_run){ .usd = NAN, .usd_per_hour = NAN };
		if (!q->history.runs[i].missing)
			r = observed_run_load(&q->books, store, q->history.runs[i].row.id,
					      &q->observed[i]);
	}
	return r;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Times on another machine say nothing about this one. */
static void choose_runs(struct inquiry *q)
{
	const struct observed_run *ref = &q->observed[q->reference];
	const struct run_row *run = &q->history.runs[q->reference].row;

	for (size_t i = 0; i < q->history.n_runs; i++) {
		const struct observed_run *o = &q->observed[i];

		if (q->history.runs[i].missing) {
			q->n_incomplete++;
			log_warning("run %s is left out: %s", q->history.runs[i].row.uid,
				    q->history.runs[i].missing);
			continue;
		}
		q->used[i] = same_text(o->provider, ref->provider) &&
			     same_text(o->type, ref->type) && same_text(o->region, ref->region) &&
			     o->lifecycle == ref->lifecycle &&
			     q->history.runs[i].row.cpus == run->cpus;
		q->n_used += q->used[i];
		q->n_elsewhere += !q->used[i];
	}
}

static void set_transfer(struct inquiry *q)
{
	const struct observed_run *o = &q->observed[q->reference];
	struct price p;

	if (q->transfer_usd_per_byte >= 0 || !o->region)
		return;
	if (price_transfer(o->provider, o->region, &p) == 0) {
		q->transfer_usd_per_byte = (double)p.usd_per_hour / USD / 1e9;
	} else if (!strcmp(o->provider, "aws")) {
		q->transfer_usd_per_byte = TRANSFER_USD_PER_GB / 1e9;
		q->transfer_assumed = true;
	}
}

/* The machine that the run was on: what is known of its type, and what it cost. */
static void set_was(struct inquiry *q)
{
	const struct observed_run *o = &q->observed[q->reference];

	q->was_known = market_instance(&q->market, o->type, &q->was);
	q->was.region = o->region;
	q->was.spot = o->lifecycle == LIFECYCLE_SPOT;
	q->was.usd_per_hour = o->usd_per_hour;
	q->was.burstable = false; /* it did run there */
	for (size_t i = 0; q->was_known && q->was.spot && i < q->market.n; i++) {
		const struct instance *m = &q->market.list[i];

		if (m->spot && m->type == q->was.type && same_text(m->region, o->region)) {
			q->was.taken = m->taken;
			q->was.taken_low = m->taken_low;
			q->was.taken_high = m->taken_high;
		}
	}
}

static int load_market(struct inquiry *q)
{
	const struct observed_run *o = &q->observed[q->reference];
	uint64_t known = q->history.runs[q->reference].row.features & FEATURE_FILES;
	struct market_query query = {
		.provider = o->provider,
		.region = o->region,
		.zone = o->zone,
		.time_ns = inquiry_time_ns(q),
		.own = &q->books.prices,
		.lifecycle = o->lifecycle,
		.taken_per_hour = q->taken,
	};
	int r;

	set_transfer(q);
	/* What would have to be moved is known only where files are. */
	query.elsewhere = q->transfer_usd_per_byte >= 0 && known;
	r = market_load(&q->market, &query);
	if (r == 0)
		set_was(q);
	return r;
}

/* Nothing can be said: why, and what to do. */
static int refuse(const struct inquiry *q)
{
	const struct history_run *run = &q->history.runs[q->reference];
	const struct observed_run *o = &q->observed[q->reference];

	if (run->missing)
		log_error("nothing is advised: run %s: %s", run->row.uid, run->missing);
	else if (!o->provider)
		log_error("nothing is advised: the provider of host %s is not known: see "
			  "--provider, --type and --region, or host.yaml in tracer-cost(1)",
			  run->row.hostname ? run->row.hostname : "-");
	else
		return EXIT_OK;
	return EXIT_ERROR;
}

static int refuse_market(const struct inquiry *q)
{
	const struct observed_run *o = &q->observed[q->reference];
	size_t here = 0;

	for (size_t i = 0; i < q->market.n; i++)
		here += !o->region || !strcmp(q->market.list[i].region, o->region);
	if (here)
		return EXIT_OK;
	log_error("unpriced: no prices of `%s`%s%s are known: see `tracer prices`", o->provider,
		  o->region ? " in " : "", o->region ? o->region : "");
	return EXIT_ERROR;
}

/* Why nothing was judged: of the tasks that cost most; NULL: something was. */
static const char *nothing_judged(const struct inquiry *q)
{
	const char *why = "no tasks have ended well, with memory known";

	for (size_t i = q->n_subjects; i > 0; i--) {
		if (!q->subjects[i - 1].unjudged)
			return NULL;
		if (i > 1 || q->n_subjects == 1)
			why = q->subjects[i - 1].unjudged;
	}
	return why;
}

static int judge(struct inquiry *q, const struct tune_sizing_options *o, bool all)
{
	int e = load_market(q), rc;
	const char *why;

	if (e < 0)
		return reader_result(e);
	rc = refuse_market(q);
	if (rc)
		return rc;
	e = subjects_make(q);
	if (e == 0)
		e = subjects_advise(q);
	if (e < 0)
		return reader_result(e);
	why = nothing_judged(q);
	if (why) {
		log_error("nothing is advised: %s", why);
		return EXIT_ERROR;
	}
	return reader_result(o->json ? instances_print_json(q) : instances_print_text(q, all));
}

static int inquire(struct inquiry *q, struct reader *r, const struct tune_sizing_options *o,
		   bool all)
{
	int e = load_history(q, r, o), rc;

	if (e == 0 && !q->history.n_runs) {
		log_error("no run of pipeline `%s` (see `tracer runs`)", o->pipeline);
		return EXIT_NOT_FOUND;
	}
	if (e == 0)
		e = load_observed(q, r->store);
	if (e < 0)
		return reader_result(e);
	rc = refuse(q);
	if (rc)
		return rc;
	choose_runs(q);
	return judge(q, o, all);
}

static void inquiry_fini(struct inquiry *q)
{
	for (size_t i = 0; q->observed && i < q->history.n_runs; i++)
		observed_run_fini(&q->observed[i]);
	free(q->observed);
	free(q->used);
	free(q->subjects);
	free(q->outcomes);
	free(q->busy_cores);
	findings_fini(&q->findings);
	market_fini(&q->market);
	observed_books_close(&q->books);
	history_fini(&q->history);
}

int tune_instances(const struct tune_sizing_options *o, const struct tune_instances_options *i,
		   const struct command_spec *spec, bool all)
{
	_cleanup_(reader_close) struct reader r = { 0 };
	struct inquiry q = { .o = i };
	int rc = check_numbers(&q, spec);

	if (!rc)
		rc = check_host(&q, spec);
	if (!rc)
		rc = observed_books_open(&q.books, i->hosts, &i->prices);
	if (!rc)
		rc = o->pipeline ? reader_open(&r, o->db) : reader_open_run(&r, o->db, o->run);
	if (!rc)
		rc = inquire(&q, &r, o, all);
	inquiry_fini(&q);
	return rc;
}
