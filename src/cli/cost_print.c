/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cost_print.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/log.h"
#include "src/cli/cli.h"
#include "src/cost/weights.h"

struct sums {
	money_sum billed, estimated, direct, overhead, idle[IDLE_CAUSES], idle_all;
	uint64_t priced_ns, billed_ns, unpriced_ns;
	int64_t energy;
	bool has_price;
};

static struct sums sums_of(const struct cost_book *b)
{
	struct sums s = { 0 };

	for (size_t i = 0; i < b->n_hosts; i++) {
		const struct book_host *h = b->hosts[i];

		s.billed += h->billed;
		s.estimated += h->estimated;
		s.direct += h->direct;
		s.overhead += h->overhead;
		for (int c = 0; c < IDLE_CAUSES; c++) {
			s.idle[c] += h->idle[c];
			s.idle_all += h->idle[c];
		}
		s.priced_ns += h->priced_ns;
		s.billed_ns += h->billed_ns;
		s.unpriced_ns += h->unpriced_ns;
		s.energy += h->energy;
		s.has_price |= h->has_price;
	}
	return s;
}

static bool has_money(const struct sums *s)
{
	return s->priced_ns || s->billed_ns || s->billed;
}

/* Every note as a line of text, for stderr or JSON. */
struct notes {
	struct str text;
	int (*add)(void *ctx, const char *line);
	void *ctx;
	int r;
};

static void note(struct notes *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct notes *n, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n->r == 0)
		n->r = n->add(n->ctx, line);
}

static void note_host(struct notes *n, const struct book_host *h)
{
	char wall[HUMAN_MAX];
	/* What counts is how old it was when the host was used. */
	int days = h->has_price
			   ? price_age_days(h->price.as_of, h->windows[h->n_windows - 1].end_ns)
			   : -1;

	if (h->unpriced_ns)
		note(n, "unpriced: %s of host %s: %s", human_duration(wall, h->unpriced_ns),
		     h->name, h->why);
	if (days > PRICE_STALE_DAYS && h->priced_ns)
		note(n,
		     "the price of %s %s is of %s, %d days before the end of the run: import a "
		     "newer "
		     "one with `tracer prices import`",
		     h->id.provider, h->id.type, h->price.as_of, days);
	if (h->price.builtin && h->lifecycle == LIFECYCLE_SPOT && h->priced_ns)
		note(n,
		     "the spot price of %s is a month's average of its region, not the price of "
		     "the zone at the time: import the spot price history",
		     h->id.type);
	if (h->machine.gpus_milli && !h->pools.capacity[POOL_GPU])
		return;
	if (h->machine.gpus_milli) {
		bool known, seen = false;

		(void)gpu_vcpus(h->machine.gpu_model, h->machine.gpu_memory_gib, &known);
		for (size_t i = 0; i < h->n_leaves; i++)
			seen |= h->leaves[i].used[POOL_GPU] > 0;
		if (!known)
			note(n,
			     "GPU `%s` of host %s has no weight of its own: it counts as 10 vCPUs",
			     h->machine.gpu_model, h->name);
		if (!seen)
			note(n, "no process of host %s was seen to open a GPU: its part is idle",
			     h->name);
	}
}

static const char *owner_word(enum who_owner owner)
{
	return owner == WHO_PROJECT ? "project" : owner == WHO_GRANT ? "grant" : "cost center";
}

static money_sum spent(const struct cost_book *b, const struct budget *budget)
{
	money_sum sum = 0;

	for (size_t i = 0; i < b->n_leaves; i++) {
		const struct book_leaf *l = &b->leaves[i];
		const struct who_rule *who = b->runs[l->run].who;
		const char *owner = who ? who->owner[budget->owner] : NULL;

		if (!owner || strcmp(owner, budget->name) || !b->runs[l->run].selected)
			continue;
		sum += (money_sum)l->overhead + l->idle;
		for (int p = 0; p < COST_POOLS; p++)
			sum += (money_sum)l->used[p] + l->unused[p];
	}
	return sum;
}

static void note_budgets(struct notes *n, const struct cost_book *b)
{
	for (size_t i = 0; i < b->config->n_budgets; i++) {
		const struct budget *g = &b->config->budgets[i];
		money_sum sum = spent(b, g);
		char have[MONEY_MAX], may[MONEY_MAX];

		if (sum * 100 < (money_sum)g->usd * g->warn_percent)
			continue;
		note(n, "budget of %s %s: %s of %s USD (%d %%)%s", owner_word(g->owner), g->name,
		     money_round(have, sum, 2), money_round(may, g->usd, 2),
		     (int)(sum * 100 / g->usd), sum > g->usd ? ": exceeded" : "");
	}
}

static void note_bills(struct notes *n, const struct cost_book *b)
{
	const struct bill_book *bills = &b->bills;
	char x[MONEY_MAX], y[MONEY_MAX], z[MONEY_MAX];

	if (!b->has_bills)
		return;
	note(n,
	     "bill: %" PRIu64 " lines, %s USD; %zu lines are of these hosts, %s USD; %" PRIu64
	     " of other resources, %s USD",
	     bills->lines, money_text(x, bills->total), bills->n, money_text(y, bills->matched),
	     bills->n_unmatched, money_text(z, bills->unmatched));
	if (bills->n_other || bills->unused)
		note(n,
		     "bill: unused commitments %s USD, taxes, credits and fees %s USD: charged to "
		     "nobody",
		     money_text(x, bills->unused), money_text(y, bills->other));
	if (bills->duplicates)
		note(n, "bill: lines that were there twice and count once: %" PRIu64,
		     bills->duplicates);
	if (bills->changed)
		note(n, "bill: lines that a later file changed: %" PRIu64 ", by %s USD in all",
		     bills->changed, money_text(x, bills->change));
}

static void notes_of(struct notes *n, const struct cost_book *b)
{
	for (size_t i = 0; i < b->n_hosts; i++)
		if (b->hosts[i]->n_windows)
			note_host(n, b->hosts[i]);
	if (b->clock_steps)
		note(n,
		     "tasks that end before they start, so that no time can be charged to them "
		     "(was "
		     "the clock set back?): %" PRIu64,
		     b->clock_steps);
	if (b->no_time)
		note(n, "tasks of no measurable time, which pay for none: %" PRIu64, b->no_time);
	for (size_t i = 0; i < b->n_runs; i++)
		if (b->runs[i].selected && b->runs[i].interrupted_ns)
			note(n, "run %s: the notice came that its machine is taken away",
			     b->runs[i].s.run.uid);
	for (size_t i = 0; i < b->n_runs; i++)
		if (b->runs[i].selected && !b->runs[i].s.run.end_ns)
			note(n, "run %s has not ended: it counts until its last known event",
			     b->runs[i].s.run.uid);
		else if (b->runs[i].selected && !run_is_complete(&b->runs[i].s.run))
			note(n, "run %s was not observed completely: see tracer report %s",
			     b->runs[i].s.run.uid, b->runs[i].s.run.uid);
	note_bills(n, b);
	note_budgets(n, b);
}

static int to_stderr(void *ctx, const char *line)
{
	log_warning("%s", line);
	return 0;
}

static int to_stdout(void *ctx, const char *line)
{
	return printf("note: %s\n", line) < 0 ? -EIO : 0;
}

static int to_array(void *ctx, const char *line)
{
	return json_array_append_new(ctx, json_out_text(line, strlen(line))) < 0 ? -ENOMEM : 0;
}

/* Who said what the machine is. */
static const char *known_from(const struct book_host *h, char *buf, size_t size)
{
	if (!h->id.from || !h->stored)
		return h->id.from;
	snprintf(buf, size, "run (%s)", h->id.from);
	return buf;
}

static void print_host(const struct cost_book *b, const struct book_host *h)
{
	char wall[HUMAN_MAX], usd[MONEY_MAX];

	printf("host %s: ", h->name);
	if (h->id.provider || h->id.type)
		printf("%s %s%s%s %s, ", h->id.provider ? h->id.provider : "?",
		       h->id.type ? h->id.type : "?", h->id.region ? " " : "",
		       h->id.region ? h->id.region : "", lifecycle_name(h->lifecycle));
	printf("%s", human_duration(wall, h->wall_ns));
	if (h->has_price)
		printf(", %s USD/h (%s%s%s)", money_text(usd, h->price.usd_per_hour),
		       h->price.source, *h->price.as_of ? ", " : "", h->price.as_of);
	else if (!h->billed_ns)
		printf(", unpriced");
	if (h->billed_ns)
		printf(", billed for %s", human_duration(wall, h->billed_ns));
	putchar('\n');
}

static void print_sums(const struct cost_report *r, const struct sums *s)
{
	const struct cost_book *b = r->book;
	char x[MONEY_MAX], y[MONEY_MAX], z[MONEY_MAX], w[MONEY_MAX];

	putchar('\n');
	if (has_money(s)) {
		printf("attributed %s + overhead %s + idle %s = %s %s USD\n",
		       money_round(x, s->direct, 6), money_round(y, s->overhead, 6),
		       money_round(z, s->idle_all, 6),
		       s->billed_ns && !s->priced_ns ? "billed"
		       : s->billed_ns		     ? "billed and estimated"
						     : "estimated",
		       money_round(w, s->billed, 6));
		if (b->has_bills && s->has_price)
			printf("by prices alone %s USD, residual %s USD\n",
			       money_round(x, s->estimated, 6),
			       money_round(y, s->billed - s->estimated, 6));
	}
	for (int c = 0, n = 0; c < IDLE_CAUSES; c++) {
		if (s->idle[c])
			printf("%s %s %s", n ? "," : "idle:", idle_cause_name((enum idle_cause)c),
			       money_round(x, s->idle[c], 6));
		n += s->idle[c] != 0;
		if (c + 1 == IDLE_CAUSES && n)
			putchar('\n');
	}
	for (size_t i = 0; i < b->n_hosts; i++)
		if (b->hosts[i]->n_windows)
			print_host(b, b->hosts[i]);
	printf("policy %s; energy and CO2 are modelled, see tracer-cost(1)\n", r->policy);
}

static int print_rows(const struct cost_report *r)
{
	struct sheet *sheet;
	int error = 0, rc = sheet_new(stdout, r->sheet, r->options, &sheet);

	if (rc)
		return rc;
	for (size_t i = 0; i < r->rows->n && error == 0; i++) {
		struct record record = { 0 };

		error = cost_row_record(r->rows->list[i], r->book->has_bills, &record);
		if (error == 0)
			error = sheet_add(sheet, &record);
	}
	if (error >= 0)
		error = sheet_end(sheet);
	sheet_free(sheet);
	if (error < 0)
		log_error("cannot print the costs: %s",
			  error == -ERANGE ? "a sum is beyond 9.2 million USD" : strerror(-error));
	return error < 0 ? EXIT_ERROR : EXIT_OK;
}

static void set_money(json_t *object, const char *name, money_sum m)
{
	char buf[MONEY_MAX];

	(void)json_out_set(object, name, json_string(money_text(buf, m)));
}

static void set_text(json_t *object, const char *name, const char *text)
{
	(void)json_out_set(object, name, json_out_text(text, text ? strlen(text) : 0));
}

static json_t *json_sums(const struct cost_report *r, const struct sums *s)
{
	json_t *o = json_object();
	char name[40];

	if (has_money(s)) {
		set_money(o, "cost_usd", s->billed);
		set_money(o, "attributed_usd", s->direct);
		set_money(o, "overhead_usd", s->overhead);
		set_money(o, "idle_usd", s->idle_all);
		for (int c = 0; c < IDLE_CAUSES; c++) {
			snprintf(name, sizeof(name), "idle_by_cause.%s",
				 idle_cause_name((enum idle_cause)c));
			set_money(o, name, s->idle[c]);
		}
	} else {
		(void)json_out_set(o, "cost_usd", json_null());
	}
	if (s->has_price)
		set_money(o, "estimate_usd", s->estimated);
	if (r->book->has_bills && s->has_price)
		set_money(o, "residual_usd", s->billed - s->estimated);
	(void)json_out_set(o, "priced_ns", json_out_time(s->priced_ns));
	(void)json_out_set(o, "billed_ns", json_out_time(s->billed_ns));
	(void)json_out_set(o, "unpriced_ns", json_out_time(s->unpriced_ns));
	(void)json_out_set(o, "energy_kwh_modelled", json_real((double)s->energy / 1e9));
	return o;
}

static json_t *json_host(const struct book_host *h)
{
	static const char *const pools[] = { "cpu", "memory", "gpu" };
	weight_sum all = 0, weight[TIME_POOLS];
	json_t *o = json_object();
	char name[40], from[80];

	set_text(o, "host", h->name);
	set_text(o, "provider", h->id.provider);
	set_text(o, "type", h->id.type);
	set_text(o, "region", h->id.region);
	set_text(o, "zone", h->id.zone);
	set_text(o, "lifecycle", h->id.provider ? lifecycle_name(h->lifecycle) : NULL);
	set_text(o, "resource", h->id.resource);
	set_text(o, "known_from", known_from(h, from, sizeof(from)));
	if (h->has_price)
		set_money(o, "usd_per_hour", h->price.usd_per_hour);
	else
		(void)json_out_set(o, "usd_per_hour", json_null());
	set_text(o, "price_source", h->has_price ? h->price.source : NULL);
	set_text(o, "price_as_of", h->has_price && *h->price.as_of ? h->price.as_of : NULL);
	set_text(o, "unpriced_because", h->unpriced_ns ? h->why : NULL);
	(void)json_out_set(o, "wall_ns", json_out_time(h->wall_ns));
	(void)json_out_set(o, "unpriced_ns", json_out_time(h->unpriced_ns));
	if (h->priced_ns || h->billed_ns)
		set_money(o, "cost_usd", h->billed);
	for (int p = 0; p < TIME_POOLS; p++)
		all += weight[p] = (weight_sum)h->pools.weight[p] * h->pools.capacity[p];
	for (int p = 0; p < TIME_POOLS; p++) {
		snprintf(name, sizeof(name), "price_split.%s", pools[p]);
		(void)json_out_set(o, name, json_real(all ? (double)weight[p] / (double)all : 0));
	}
	set_text(o, "carbon_model", h->carbon.source);
	return o;
}

static json_t *json_bill(const struct bill_book *bills)
{
	json_t *o = json_object();

	(void)json_out_set(o, "lines", json_out_uint(bills->lines));
	set_money(o, "total_usd", bills->total);
	set_money(o, "matched_usd", bills->matched);
	set_money(o, "unmatched_usd", bills->unmatched);
	set_money(o, "unused_commitment_usd", bills->unused);
	set_money(o, "other_usd", bills->other);
	(void)json_out_set(o, "duplicates", json_out_uint(bills->duplicates));
	(void)json_out_set(o, "changed", json_out_uint(bills->changed));
	set_money(o, "change_usd", bills->change);
	return o;
}

/* Rows may be many: one at a time in memory. */
static int print_json_rows(const struct cost_report *r)
{
	int e = fputs(",\n\"rows\": [", stdout) < 0 ? -EIO : 0;
	const char *comma = "\n";

	for (size_t i = 0; i < r->rows->n && e == 0; i++) {
		struct record record = { 0 };
		json_t *object;

		e = cost_row_record(r->rows->list[i], r->book->has_bills, &record);
		object = e == 0 ? sheet_object(r->sheet->all, &record) : NULL;
		fputs(comma, stdout);
		if (e == 0 && (!object || json_dumpf(object, stdout,
						     JSON_COMPACT | JSON_REAL_PRECISION(6)) < 0))
			e = -EIO;
		json_decref(object);
		comma = ",\n";
	}
	fputs("\n]", stdout);
	return e;
}

static int print_member(const char *name, json_t *value)
{
	int e = 0;

	printf(",\n\"%s\": ", name);
	if (!value || json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) < 0)
		e = -EIO;
	json_decref(value);
	return e;
}

static int print_json(const struct cost_report *r, const struct sums *s)
{
	json_t *hosts = json_array(), *lines = json_array();
	struct notes n = { .add = to_array, .ctx = lines };
	int e;

	printf("{\"by\": \"%s\", \"policy\": \"%s\", \"currency\": \"USD\"", r->by, r->policy);
	e = print_member("totals", json_sums(r, s));
	if (e == 0)
		e = print_json_rows(r);
	for (size_t i = 0; i < r->book->n_hosts; i++)
		if (r->book->hosts[i]->n_windows)
			json_array_append_new(hosts, json_host(r->book->hosts[i]));
	e |= print_member("hosts", hosts);
	if (r->book->has_bills)
		e |= print_member("bill", json_bill(&r->book->bills));
	notes_of(&n, r->book);
	e |= print_member("notes", lines);
	puts("}");
	if (e || n.r || fflush(stdout) || ferror(stdout)) {
		log_error("cannot print the costs: %s",
			  e == -ERANGE ? "a sum is beyond 9.2 million USD" : "no space or memory");
		return EXIT_ERROR;
	}
	return EXIT_OK;
}

/* A table of nothing but unknowns tells less than the reason. */
static bool all_unknown(const struct cost_report *r, const struct sums *s)
{
	if (has_money(s) || r->options->columns)
		return false;
	for (size_t i = 0; i < r->rows->n; i++) {
		if (r->rows->list[i]->carbon_known)
			return false;
	}
	return true;
}

int cost_print(const struct cost_report *r)
{
	struct sums s = sums_of(r->book);
	bool is_table = sheet_format(r->options) == FORMAT_TABLE;
	struct notes n = { .add = is_table ? to_stdout : to_stderr };
	int rc;

	if (sheet_format(r->options) == FORMAT_JSON)
		return print_json(r, &s);
	if (is_table && all_unknown(r, &s)) {
		rc = EXIT_OK;
		fputs("no price is known: nothing can be attributed (--json lists the rows)\n",
		      stdout);
	} else {
		rc = print_rows(r);
	}
	if (!rc && is_table)
		print_sums(r, &s);
	if (!rc)
		notes_of(&n, r->book);
	return rc;
}
