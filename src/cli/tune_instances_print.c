/* SPDX-License-Identifier: Apache-2.0 */
/* What `tracer tune --instances` found, as text and as JSON. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/json_out.h"
#include "src/base/log.h"
#include "src/base/table.h"
#include "src/cli/instance_subject.h"
#include "src/cli/tune_print.h"
#include "src/model/fields.h"

#define PARTS_SHOWN 3

static const char *usd_text(char *buf, double usd)
{
	if (!isfinite(usd))
		return NULL;
	if (fabs(usd) < 5e-7)
		usd = 0;
	snprintf(buf, HUMAN_MAX, fabs(usd) < 0.1 ? "%.6f" : fabs(usd) < 100 ? "%.4f" : "%.2f", usd);
	return buf;
}

static const char *range_text(char *buf, size_t size, const struct instance_range *r)
{
	char low[HUMAN_MAX], middle[HUMAN_MAX], high[HUMAN_MAX];

	if (!isfinite(r->middle))
		return NULL;
	snprintf(buf, size, "%s (%s to %s)", usd_text(middle, r->middle), usd_text(low, r->low),
		 usd_text(high, r->high));
	return buf;
}

struct line { /* of the table of a subject */
	const char *way, *type, *region;
	double usd_per_hour, seconds, usd;
	unsigned at_a_time;
	const char *binds; /* NULL: unknown */
	const struct instance_range *saving;
	unsigned confidence; /* 0: none */
};

static int print_line(struct table *t, const struct line *l)
{
	char price[HUMAN_MAX], at[24], time[HUMAN_MAX], usd[HUMAN_MAX], saving[128], sure[24];
	const char *cells[] = { l->way,	  l->type, l->region, NULL, NULL,
				l->binds, NULL,	   NULL,      NULL, NULL };

	cells[3] = usd_text(price, l->usd_per_hour);
	if (l->at_a_time) {
		snprintf(at, sizeof(at), "%u", l->at_a_time);
		cells[4] = at;
	}
	if (l->seconds > 0)
		cells[6] = human_duration(time, (uint64_t)fmin(l->seconds * 1e9, 9e18));
	cells[7] = usd_text(usd, l->usd);
	if (l->saving)
		cells[8] = range_text(saving, sizeof(saving), l->saving);
	if (l->confidence && cells[8]) {
		snprintf(sure, sizeof(sure), "%u", l->confidence);
		cells[9] = sure;
	}
	return table_row(t, cells);
}

static int print_choice(const struct inquiry *q, const struct subject *s, const struct choice *c,
			struct table *t)
{
	const struct line l = {
		.way = instance_way_word(c->way, q->was.spot),
		.type = c->machine->type,
		.region = c->machine->region,
		.usd_per_hour = c->machine->usd_per_hour,
		.seconds = c->outcome.seconds,
		.usd = c->outcome.usd,
		.at_a_time = c->outcome.at_a_time * !s->is_run,
		.binds = instance_binds_word(c->outcome.binds),
		.saving = &c->saving,
		.confidence = choice_confidence(q, s, c),
	};

	return print_line(t, &l);
}

static int print_lines(const struct inquiry *q, const struct subject *s, struct table *t)
{
	const struct observed_run *o = &q->observed[q->reference];
	struct line l = { .way = "as it was",
			  .type = o->type,
			  .region = o->region,
			  .usd_per_hour = o->usd_per_hour,
			  .seconds = s->is_run ? s->seconds : 0,
			  .usd = s->usd };
	int r = 0;

	if (o->type)
		r = print_line(t, &l);
	if (r >= 0 && !s->is_run && q->was_known && s->same.reason == INSTANCE_FITS) {
		l = (struct line){ s->same.binds == BINDS_TASKS ? "alone" : "filled",
				   o->type,
				   o->region,
				   o->usd_per_hour,
				   s->same.seconds,
				   s->same.usd,
				   s->same.at_a_time,
				   instance_binds_word(s->same.binds),
				   &s->same_saving,
				   0 };
		r = print_line(t, &l);
	}
	for (unsigned i = 0; i < s->n_choices && r >= 0; i++)
		r = print_choice(q, s, &s->choices[i], t);
	return r;
}

static int print_table(const struct inquiry *q, const struct subject *s)
{
	static const struct table_column columns[] = {
		{ "WAY", false, true },	       { "MACHINE", false, true },
		{ "REGION", false, true },     { "USD/H", true, true },
		{ "AT ONCE", true, true },     { "BINDS", false, true },
		{ "TIME", true, true },	       { "USD", true, true },
		{ "LESS (95 %)", true, true }, { "CONFIDENCE", true, true },
	};
	struct table_options options = { .width = terminal_width(STDOUT_FILENO), .indent = 2 };
	struct table *t;
	int r = table_new(stdout, columns, ARRAY_SIZE(columns), &options, &t);

	if (r < 0)
		return r;
	r = print_lines(q, s, t);
	if (r >= 0)
		r = table_end(t);
	table_free(t);
	return r;
}

static void print_spot(const struct inquiry *q, const struct subject *s)
{
	char longest[HUMAN_MAX], even[HUMAN_MAX];

	for (unsigned i = 0; i < s->n_choices; i++) {
		const struct choice *c = &s->choices[i];

		if (!c->machine->spot)
			continue;
		human_duration(longest, (uint64_t)(s->longest_hours * 3.6e12));
		if (isfinite(c->break_even_hours))
			human_duration(even, (uint64_t)fmin(c->break_even_hours * 3.6e12, 9e18));
		else
			snprintf(even, sizeof(even), "any length");
		printf("  spot: %.4f interruptions an hour %s; pays for tasks up to %s (longest: "
		       "%s), and for\n  the longest up to %.3g an hour\n",
		       c->machine->taken, q->taken < 0 ? "assumed" : "as given", even, longest,
		       c->break_even_rate);
	}
}

static void print_packed(const struct subject *s)
{
	char bytes[HUMAN_MAX];

	if (s->is_run && s->need.packed_bytes > 0)
		printf("  the sum of the peaks was more than it has: they are scaled down to "
		       "fit\n");
	else if (s->need.packed_bytes > 0)
		printf("  %zu ran at once there: side by side each is counted with %s\n",
		       s->at_once, human_bytes(bytes, (uint64_t)s->need.packed_bytes));
}

/* What would keep the tasks from being packed as they could be. */
static void print_requests(const struct inquiry *q, const struct subject *s)
{
	char bytes[HUMAN_MAX];

	if (q->o->packing == PACKING_REQUESTED || s->is_run)
		return;
	if ((double)s->requested_cpus > s->need.cores)
		printf("  they ask for %llu cores: with these, fewer fit; see `tracer tune "
		       "--sizes`\n",
		       (unsigned long long)s->requested_cpus);
	if ((double)s->requested_bytes > s->need.memory_bytes)
		printf("  they ask for %s: with these, fewer may fit; see `tracer tune --sizes`\n",
		       human_bytes(bytes, s->requested_bytes));
}

static void print_head(const struct subject *s)
{
	_cleanup_(str_fini) struct str where = STR_INIT;
	const char *limit = subject_limit(s);
	char bytes[HUMAN_MAX];

	where_short(&where, &s->where, PARTS_SHOWN);
	if (s->is_run) {
		printf("run %s: %zu tasks", s->name, s->n);
		if (!s->unjudged)
			printf("; at a time up to %.1f cores and %s", s->peak.cores,
			       human_bytes(bytes, (uint64_t)s->peak.memory_bytes));
	} else {
		safe_print(stdout, s->name);
		printf(": %zu task%s", s->n, s->n == 1 ? "" : "s");
		if (s->runs > 1)
			printf(" of %u runs", s->runs);
		if (!s->unjudged)
			printf(", %.0f core%s and %s each, %zu at once", s->need.cores,
			       s->need.cores > 1 ? "s" : "",
			       human_bytes(bytes, (uint64_t)s->need.memory_bytes), s->at_once);
	}
	printf("; time: %s; limit: %s\n", str_text(&where), limit ? limit : "-");
}

static void print_left_out(const struct subject *s)
{
	bool any = false;

	printf("  %zu prices fit", s->left_out[INSTANCE_FITS]);
	for (int r = INSTANCE_FITS + 1; r < INSTANCE_REASONS; r++) {
		if (!s->left_out[r])
			continue;
		printf("%s%s %zu",
		       any ? ", " : "; left out: ", instance_reason_words((enum instance_reason)r),
		       s->left_out[r]);
		any = true;
	}
	putchar('\n');
}

static int print_subject(const struct inquiry *q, const struct subject *s, bool all)
{
	int r;

	putchar('\n');
	print_head(s);
	if (s->unjudged) {
		printf("  nothing is advised: %s\n", s->unjudged);
		return 0;
	}
	r = print_table(q, s);
	if (!s->n_choices)
		printf("  no machine is better\n");
	if (!s->cpu_limited)
		printf("  not limited by CPU: a faster one is not advised\n");
	print_spot(q, s);
	print_packed(s);
	print_requests(q, s);
	if (s->is_run || all)
		print_left_out(s);
	return r;
}

static const char *stale_words(const struct inquiry *q, struct str *out)
{
	int most = -1;
	const char *as_of = NULL;

	for (size_t i = 0; i < q->n_subjects; i++)
		for (unsigned k = 0; k < q->subjects[i].n_choices; k++) {
			const struct choice *c = &q->subjects[i].choices[k];

			if (choice_price_days(q, c) > most) {
				most = choice_price_days(q, c);
				as_of = c->price->as_of;
			}
		}
	if (most > PRICE_STALE_DAYS)
		str_addf(out,
			 "prices are of %s, up to %d days before the run: import newer ones with "
			 "`tracer prices import`",
			 as_of, most);
	return out->len ? str_text(out) : NULL;
}

/* What limits all that is said; tells it one by one. */
struct notes {
	void (*tell)(void *ctx, const char *text);
	void *ctx;
};

static void note(const struct notes *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void note(const struct notes *n, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	n->tell(n->ctx, line);
}

static void note_host(const struct inquiry *q, const struct notes *n)
{
	const struct observed_run *o = &q->observed[q->reference];
	const struct run_row *run = &q->history.runs[q->reference].row;

	if (!isfinite(o->usd))
		note(n, "what it cost is not known, so no saving is claimed: %s",
		     *o->why ? o->why : "it took no time");
	else if (!o->listed)
		note(n,
		     "it cost what was %s; the others have list prices: discounts are not in them",
		     o->billed ? "billed" : "given");
	if (!q->was_known)
		note(n, "the type of the machine is not known: times are as they were there");
	else if (run->cpus && fabs(run->cpus - q->was.vcpus) > 0.5)
		note(n, "the run saw %u CPUs, a %s has %.0f: is the type right?", run->cpus,
		     q->was.type, q->was.vcpus);
	if (q->was_known && q->was.nvme_bytes > 0)
		note(n, "the machine had local NVMe: only machines with some are considered");
	if (q->was_known && fabs(q->was.gpus) > 0 && q->gpus < 0)
		note(n, "the machine had GPUs: only machines with as many of these are considered; "
			"--gpus 0 if none was used");
}

static void notes_all(const struct inquiry *q, const struct notes *n)
{
	_cleanup_(str_fini) struct str stale = STR_INIT;

	note_host(q, n);
	if (stale_words(q, &stale))
		note(n, "%s", str_text(&stale));
	if (q->transfer_assumed)
		note(n, "other regions: %.2f USD for each GB of input is assumed (--transfer)",
		     q->transfer_usd_per_byte * 1e9);
	else if (q->transfer_usd_per_byte < 0 && q->was.region)
		note(n,
		     "other regions are left out: what transfer costs is not known (--transfer)");
	if (q->n_incomplete)
		note(n, "%u runs are not complete and were not used", q->n_incomplete);
	if (q->n_elsewhere)
		note(n, "%u runs were on other machines and were not used", q->n_elsewhere);
	if (q->not_done)
		note(n, "%zu tasks failed or were cancelled and taught nothing", q->not_done);
	if (q->without_memory)
		note(n, "%zu tasks are without memory or time", q->without_memory);
	if (q->market.without_size)
		note(n, "%llu imported prices are of types whose size is not known",
		     (unsigned long long)q->market.without_size);
	if (q->market.beyond)
		note(n, "%llu prices beyond the limit of %d were not looked at",
		     (unsigned long long)q->market.beyond, MARKET_MAX);
	if (q->history.dropped || q->n_beyond)
		note(n, "%llu tasks and %zu groups of tasks beyond the limits were not looked at",
		     (unsigned long long)q->history.dropped, q->n_beyond);
}

static void tell_text(void *ctx, const char *text)
{
	log_warning("%s", text);
}

static void print_legend(void)
{
	printf("\nas it was: its share of what the host cost; filled: the same machine, with as "
	       "many at once as fit\n"
	       "time and USD: of a run's tasks of that name, one after another where they do not "
	       "fit; a run as a\n"
	       "whole is run again on paper; CPUs by CoreMark; waiting for disk and network as it "
	       "was\n"
	       "binds: what keeps more from running at once; LESS: than observed, with the range "
	       "that holds it with 95 %%\n"
	       "check: run it so, and compare with `tracer diff` and `tracer cost`\n");
}

static void print_title(const struct inquiry *q)
{
	const struct observed_run *o = &q->observed[q->reference];
	char usd[HUMAN_MAX];
	const char *price = usd_text(usd, o->usd_per_hour);

	printf("machines for ");
	safe_print(stdout, q->pipeline && *q->pipeline ? q->pipeline : "a run");
	printf(", from %u run%s on %s %s in %s, %s", q->n_used, q->n_used == 1 ? "" : "s",
	       o->provider, o->type ? o->type : "(type not known)",
	       o->region ? o->region : "a region that is not known", lifecycle_name(o->lifecycle));
	printf(price ? ", %s USD an hour\n" : "%s\n", price ? price : "");
}

#define SHOWN_SHARE 0.01 /* of what the run cost */
#define SHOWN_S	    1	 /* of machine time, in the mean of its runs */

/* Groups of which nothing could be gained that anybody would notice. */
static bool is_small(const struct inquiry *q, const struct subject *s)
{
	double usd = q->observed[q->reference].usd;

	if (s->is_run)
		return false;
	return s->seconds < SHOWN_S ||
	       (isfinite(usd) && isfinite(s->usd) && s->usd < SHOWN_SHARE * usd);
}

int instances_print_text(const struct inquiry *q, bool all)
{
	const struct tune_print p = { stdout, terminal_width(STDOUT_FILENO), false };
	const struct notes notes = { tell_text, NULL };
	size_t most = all ? q->n_subjects : SUBJECTS_SHOWN + 1, n = 0;
	int r = 0;

	print_title(q);
	for (size_t i = 0; i < q->n_subjects && n < most && r >= 0; i++) {
		if (!all && is_small(q, &q->subjects[i]))
			continue;
		r = print_subject(q, &q->subjects[i], all);
		n++;
	}
	if (n < q->n_subjects)
		printf("\nand %zu more: --all\n", q->n_subjects - n);
	print_legend();
	if (q->findings.n && (all || q->findings.list[0].severity > SEVERITY_INFO)) {
		putchar('\n');
		(void)findings_print(&p, &q->findings);
	}
	fflush(stdout);
	notes_all(q, &notes);
	return r < 0 ? r : ferror(stdout) ? -EIO : 0;
}

static json_t *real_or_null(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *text_or_null(const char *text)
{
	return json_out_text(text, text ? strlen(text) : 0);
}

static json_t *range_object(const struct instance_range *r)
{
	json_t *o = json_object();

	if (!isfinite(r->middle)) {
		json_decref(o);
		return json_null();
	}
	json_object_set_new(o, "usd", real_or_null(r->middle));
	json_object_set_new(o, "low_usd", real_or_null(r->low));
	json_object_set_new(o, "high_usd", real_or_null(r->high));
	return o;
}

static json_t *outcome_object(const struct instance_outcome *x, bool is_run)
{
	json_t *o = json_object();

	json_object_set_new(o, "usd", real_or_null(x->usd));
	json_object_set_new(o, "ns", json_out_time((uint64_t)fmin(x->seconds * 1e9, 9e18)));
	json_object_set_new(o, "tasks_at_a_time",
			    is_run ? json_null() : json_integer(x->at_a_time));
	json_object_set_new(o, "binds", json_string(instance_binds_word(x->binds)));
	json_object_set_new(o, "cpu_time_ratio", real_or_null(x->ratio));
	json_object_set_new(o, "transfer_usd", real_or_null(x->transfer_usd));
	json_object_set_new(o, "spot_factor", real_or_null(x->spot_factor));
	return o;
}

static json_t *choice_object(const struct inquiry *q, const struct subject *s,
			     const struct choice *c)
{
	const struct instance *m = c->machine;
	json_t *o = outcome_object(&c->outcome, s->is_run);

	json_object_set_new(o, "way", json_string(instance_way_word(c->way, q->was.spot)));
	json_object_set_new(o, "machine", text_or_null(m->type));
	json_object_set_new(o, "region", text_or_null(m->region));
	json_object_set_new(o, "lifecycle", json_string(m->spot ? "spot" : "on-demand"));
	json_object_set_new(o, "usd_per_hour", real_or_null(m->usd_per_hour));
	json_object_set_new(o, "price_as_of",
			    *c->price->as_of ? text_or_null(c->price->as_of) : json_null());
	json_object_set_new(o, "price_source",
			    *c->price->source ? text_or_null(c->price->source) : json_null());
	json_object_set_new(o, "vcpus", real_or_null(m->vcpus));
	json_object_set_new(o, "memory_bytes", json_out_uint((uint64_t)m->memory_bytes));
	json_object_set_new(o, "saving", range_object(&c->saving));
	json_object_set_new(o, "confidence", json_integer(choice_confidence(q, s, c)));
	json_object_set_new(o, "interruptions_per_hour",
			    m->spot ? real_or_null(m->taken) : json_null());
	json_object_set_new(o, "break_even_hours", real_or_null(c->break_even_hours));
	json_object_set_new(o, "break_even_interruptions_per_hour",
			    real_or_null(c->break_even_rate));
	return o;
}

static json_t *need_object(const struct subject *s)
{
	const struct instance_need *n = &s->need;
	json_t *o = json_object();

	json_object_set_new(o, "cores", real_or_null(s->is_run ? s->peak.cores : n->cores));
	json_object_set_new(
		o, "memory_bytes",
		json_out_uint((uint64_t)(s->is_run ? s->peak.memory_bytes : n->memory_bytes)));
	json_object_set_new(o, "network_bytes_per_second", real_or_null(n->network_byte_s));
	json_object_set_new(o, "storage_bytes_per_second", real_or_null(n->storage_byte_s));
	json_object_set_new(o, "gpus", real_or_null(n->gpus));
	json_object_set_new(o, "local_nvme", json_boolean(n->nvme));
	json_object_set_new(o, "tasks_at_most",
			    s->is_run ? json_null() : json_out_uint(n->at_most));
	return o;
}

static json_t *subject_object(const struct inquiry *q, const struct subject *s)
{
	json_t *o = json_object(), *list = json_array(), *out = json_object();
	json_t *shares = json_object();

	json_object_set_new(o, "kind", json_string(s->is_run ? "run" : "task"));
	json_object_set_new(o, "name", text_or_null(s->name));
	json_object_set_new(o, "samples", json_out_uint(s->n));
	json_object_set_new(o, "runs", json_integer(s->runs));
	json_object_set_new(o, "unjudged", text_or_null(s->unjudged));
	json_object_set_new(o, "observed_usd", real_or_null(s->usd));
	json_object_set_new(o, "observed_at_once",
			    s->at_once ? json_out_uint(s->at_once) : json_null());
	json_object_set_new(o, "limit", text_or_null(subject_limit(s)));
	json_object_set_new(o, "limited_by_cpu", json_boolean(s->cpu_limited));
	for (unsigned i = 0; i < WHERE_PARTS && s->where.total_ns; i++)
		json_object_set_new(shares, i == WHERE_IDLE ? "idle" : state_name(i),
				    json_real((double)s->where.ns[i] / (double)s->where.total_ns));
	json_object_set_new(o, "shares", shares);
	json_object_set_new(o, "needs", s->unjudged ? json_null() : need_object(s));
	json_object_set_new(o, "same",
			    !s->unjudged && q->was_known && s->same.reason == INSTANCE_FITS
				    ? outcome_object(&s->same, s->is_run)
				    : json_null());
	json_object_set_new(o, "same_saving", range_object(&s->same_saving));
	for (unsigned i = 0; i < s->n_choices; i++)
		json_array_append_new(list, choice_object(q, s, &s->choices[i]));
	json_object_set_new(o, "choices", list);
	for (int r = 0; r < INSTANCE_REASONS; r++)
		json_object_set_new(out, instance_reason_words((enum instance_reason)r),
				    json_out_uint(s->left_out[r]));
	json_object_set_new(o, "prices", out);
	return o;
}

static json_t *machine_object(const struct inquiry *q)
{
	const struct observed_run *x = &q->observed[q->reference];
	json_t *o = json_object();

	json_object_set_new(o, "provider", text_or_null(x->provider));
	json_object_set_new(o, "type", text_or_null(x->type));
	json_object_set_new(o, "region", text_or_null(x->region));
	json_object_set_new(o, "lifecycle", json_string(lifecycle_name(x->lifecycle)));
	json_object_set_new(o, "usd_per_hour", real_or_null(x->usd_per_hour));
	return o;
}

static void tell_json(void *ctx, const char *text)
{
	json_array_append_new(ctx, text_or_null(text));
}

int instances_print_json(const struct inquiry *q)
{
	json_t *o = json_object(), *list = json_array(), *texts = json_array();
	const struct notes notes = { tell_json, texts };
	int r;

	json_object_set_new(o, "pipeline", text_or_null(q->pipeline));
	json_object_set_new(o, "run", text_or_null(q->history.runs[q->reference].row.uid));
	json_object_set_new(o, "runs_used", json_integer(q->n_used));
	json_object_set_new(o, "machine", machine_object(q));
	for (size_t i = 0; i < q->n_subjects; i++)
		json_array_append_new(list, subject_object(q, &q->subjects[i]));
	json_object_set_new(o, "subjects", list);
	json_object_set_new(o, "findings", findings_array(&q->findings));
	json_object_set_new(o, "findings_dropped", json_integer(q->findings.dropped));
	notes_all(q, &notes);
	json_object_set_new(o, "notes", texts);
	r = json_out_write(o, stdout, JSON_PRETTY);
	json_decref(o);
	return r;
}
