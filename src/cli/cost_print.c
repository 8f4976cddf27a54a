/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cost_print.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/log.h"
#include "src/cli/cli.h"
#include "src/cli/cost_notes.h"

struct sums {
	money_sum billed, estimated, direct, overhead, idle[IDLE_CAUSES], idle_all;
	uint64_t priced_ns, billed_ns, unpriced_ns;
	int64_t energy;
	bool has_estimate;
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
		s.has_estimate |= h->has_estimate;
	}
	return s;
}

static bool has_money(const struct sums *s)
{
	return s->priced_ns || s->billed_ns || s->billed;
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
	snprintf(buf, size, "recorded: %s", h->id.from);
	return buf;
}

/* At least four digits that are not 0; "0.34" stays as it is listed. */
static const char *price_text(char buf[MONEY_MAX], money usd)
{
	unsigned decimals = 4;
	char *end;

	for (money m = usd; m > 0 && m < USD / 10 && decimals < 12; m *= 10)
		decimals++;
	money_round(buf, usd, decimals);
	end = strchr(buf, '.') ? buf + strlen(buf) : NULL;
	while (end && end[-1] == '0')
		*--end = '\0';
	if (end && end[-1] == '.')
		end[-1] = '\0';
	return buf;
}

static void print_host(const struct cost_book *b, const struct book_host *h)
{
	char wall[HUMAN_MAX], usd[MONEY_MAX], from[80];

	printf("host %s: ", h->name);
	if (h->id.provider || h->id.type)
		printf("%s %s%s%s %s", h->id.provider ? h->id.provider : "?",
		       h->id.type ? h->id.type : "?", h->id.region ? " " : "",
		       h->id.region ? h->id.region : "", lifecycle_name(h->lifecycle));
	if ((h->id.provider || h->id.type) && h->id.from)
		printf(" (%s)", known_from(h, from, sizeof(from)));
	if (h->id.provider || h->id.type)
		printf(", ");
	printf("%s", human_duration(wall, h->wall_ns));
	if (h->has_price)
		printf(", %s USD/h (%s%s%s)", price_text(usd, h->price.usd_per_hour),
		       h->price.source, *h->price.as_of ? ", " : "", h->price.as_of);
	else if (!h->billed_ns)
		printf(", unpriced");
	if (h->billed_ns)
		printf(", billed for %s", human_duration(wall, h->billed_ns));
	putchar('\n');
}

/* Large sums need no millionths. */
static unsigned decimals_for(money_sum total)
{
	return total >= (money_sum)1000 * USD ? 2 : total >= (money_sum)10 * USD ? 4 : 6;
}

/* "idle 0.000622 (59 %)" */
static void print_part(const char *what, money_sum part, money_sum whole, unsigned decimals)
{
	char usd[MONEY_MAX];

	printf("%s %s", what, money_round(usd, part, decimals));
	if (whole > 0 && part > 0 && part * 200 < whole)
		printf(" (<1 %%)");
	else if (whole > 0)
		printf(" (%d %%)", (int)((part * 100 + whole / 2) / whole));
}

static void print_sums(const struct cost_report *r, const struct sums *s)
{
	const struct cost_book *b = r->book;
	unsigned d = decimals_for(s->billed);
	char x[MONEY_MAX], y[MONEY_MAX];

	putchar('\n');
	if (has_money(s)) {
		print_part("attributed", s->direct, s->billed, d);
		print_part(" + overhead", s->overhead, s->billed, d);
		print_part(" + idle", s->idle_all, s->billed, d);
		printf(" = %s %s%s USD\n",
		       s->billed_ns && !s->priced_ns ? "billed"
		       : s->billed_ns		     ? "billed and estimated"
						     : "estimated",
		       cost_is_lower_bound(b) ? "at least " : "", money_round(x, s->billed, d));
		if (book_is_billed(b) && s->has_estimate)
			printf("the same time by prices alone %s USD, residual %s USD\n",
			       money_round(x, s->estimated, d),
			       money_round(y, s->billed - s->estimated, d));
	}
	for (int c = 0, n = 0; c < IDLE_CAUSES; c++) {
		if (s->idle[c])
			printf("%s %s %s", n ? "," : "idle:", idle_cause_name((enum idle_cause)c),
			       money_round(x, s->idle[c], d));
		n += s->idle[c] != 0;
		if (c + 1 == IDLE_CAUSES && n)
			putchar('\n');
	}
	for (size_t i = 0; i < b->n_hosts; i++)
		if (b->hosts[i]->n_windows)
			print_host(b, b->hosts[i]);
	printf("policy %s; energy and CO2 are modelled, see tracer-cost(1)\n", r->policy);
}

static int print_rows(const struct cost_report *r, const struct sums *s)
{
	struct sheet *sheet;
	int error = 0, rc = sheet_new(stdout, r->sheet, r->options, &sheet);

	if (rc)
		return rc;
	sheet_decimals(sheet, decimals_for(s->billed));
	for (size_t i = 0; i < r->rows->n && error == 0; i++) {
		struct record record = { 0 };

		error = cost_row_record(r->rows, r->rows->list[i], &record);
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
	if (s->has_estimate)
		set_money(o, "estimate_usd", s->estimated);
	if (book_is_billed(r->book) && s->has_estimate)
		set_money(o, "residual_usd", s->billed - s->estimated);
	(void)json_out_set(o, "is_lower_bound",
			   json_boolean(!has_money(s) || cost_is_lower_bound(r->book)));
	(void)json_out_set(o, "observed_completely", json_boolean(cost_is_complete(r->book)));
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
	(void)json_out_set(o, "sent_bytes",
			   h->sent_unknown ? json_null() : json_out_uint(h->sent_bytes));
	if (h->id.transfer >= 0)
		set_money(o, "transfer_usd_per_gb", h->id.transfer);
	else
		(void)json_out_set(o, "transfer_usd_per_gb", json_null());
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

		e = cost_row_record(r->rows, r->rows->list[i], &record);
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
	struct cost_notes n = { .add = to_array, .ctx = lines };
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
	cost_notes(&n, r->book);
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

/* Only columns that say something; what is 0 in every row is in the sums. */
static void choose_columns(const struct cost_report *r, const struct sums *s,
			   enum field_id columns[FIELD_COUNT])
{
	const struct cost_rows *rows = r->rows;
	bool unused = false, waste = false, carbon = false, mixed = false, tasks = false;
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct cost_row *row = rows->list[i];

		unused |= row->unused != 0;
		waste |= row->waste != 0;
		tasks |= row->tasks > 1;
		carbon |= row->carbon_known && !row->carbon_unknown;
		mixed |= strcmp(cost_row_pricing(row), cost_row_pricing(rows->list[0])) != 0;
	}
	columns[n++] = FIELD_NAME;
	if (tasks)
		columns[n++] = FIELD_COST_TASKS;
	columns[n++] = FIELD_COST;
	columns[n++] = FIELD_COST_SHARE;
	columns[n++] = FIELD_DIRECT;
	if (s->overhead * 200 > s->billed)
		columns[n++] = FIELD_OVERHEAD;
	columns[n++] = FIELD_IDLE;
	if (unused)
		columns[n++] = FIELD_UNUSED;
	if (waste)
		columns[n++] = FIELD_WASTE;
	if (book_is_billed(r->book)) {
		columns[n++] = FIELD_ESTIMATE;
		columns[n++] = FIELD_RESIDUAL;
	}
	if (mixed)
		columns[n++] = FIELD_PRICING;
	if (carbon && !book_is_billed(r->book))
		columns[n++] = FIELD_CARBON;
	columns[n] = FIELD_COUNT;
}

int cost_print(const struct cost_report *r)
{
	struct sums s = sums_of(r->book);
	enum field_id columns[FIELD_COUNT];
	bool is_table = sheet_format(r->options) == FORMAT_TABLE;
	struct cost_notes n = { .add = is_table ? to_stdout : to_stderr };
	int rc;

	choose_columns(r, &s, columns);
	r->sheet->table = columns;
	if (sheet_format(r->options) == FORMAT_JSON)
		return print_json(r, &s);
	if (is_table && all_unknown(r, &s)) {
		rc = EXIT_OK;
		fputs("no price is known: nothing can be attributed (--json lists the rows)\n",
		      stdout);
	} else {
		rc = print_rows(r, &s);
	}
	if (!rc && is_table)
		print_sums(r, &s);
	if (!rc)
		cost_notes(&n, r->book);
	return rc;
}
