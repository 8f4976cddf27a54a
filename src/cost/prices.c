/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/prices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/cost/tables.h"

#define PRICE_HIGHEST (100000 * USD)
#define REGIONS_MAX   24
#define SOURCES_MAX   16

static const struct {
	const char *provider, *text;
} builtin[] = {
	{ "aws", price_table_aws },
	{ "gcp", price_table_gcp },
	{ "azure", price_table_azure },
};

const char *lifecycle_name(enum lifecycle lifecycle)
{
	return lifecycle == LIFECYCLE_SPOT ? "spot" : "on-demand";
}

int lifecycle_parse(const char *text, enum lifecycle *ret)
{
	if (!strcmp(text, "on-demand") || !strcmp(text, "ondemand") || !strcmp(text, "regular"))
		*ret = LIFECYCLE_ON_DEMAND;
	else if (!strcmp(text, "spot") || !strcmp(text, "preemptible"))
		*ret = LIFECYCLE_SPOT;
	else
		return -EINVAL;
	return 0;
}

int price_table_add(struct price_table *t, const struct price_row *row)
{
	if (!*row->provider || !*row->type)
		return -EINVAL;
	if (row->usd_per_hour < 0 || row->usd_per_hour > PRICE_HIGHEST)
		return -ERANGE;
	if (t->n == PRICE_ROWS_MAX)
		return -E2BIG;
	if (t->n == t->size) {
		size_t size = t->size ? t->size * 2 : 64;
		struct price_row *rows = realloc(t->rows, size * sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		t->rows = rows;
		t->size = size;
	}
	t->rows[t->n++] = *row;
	t->sorted = false;
	return 0;
}

void price_table_fini(struct price_table *t)
{
	free(t->rows);
	*t = (struct price_table){ 0 };
}

static int compare_place(const struct price_row *a, const char *provider, const char *type,
			 enum lifecycle lifecycle)
{
	int r = strcmp(a->provider, provider);

	if (!r)
		r = strcmp(a->type, type);
	return r ? r : (int)a->lifecycle - (int)lifecycle;
}

static int by_place_and_time(const void *a, const void *b)
{
	const struct price_row *x = a, *y = b;
	int r = compare_place(x, y->provider, y->type, y->lifecycle);

	if (!r)
		r = strcmp(x->region, y->region);
	if (!r)
		r = strcmp(x->zone, y->zone);
	if (!r && x->since_ns != y->since_ns)
		r = x->since_ns < y->since_ns ? -1 : 1;
	return r ? r : strcmp(x->as_of, y->as_of);
}

void price_table_sort(struct price_table *t)
{
	if (t->n)
		qsort(t->rows, t->n, sizeof(*t->rows), by_place_and_time);
	t->sorted = true;
}

/* How well a row's place fits: 3 zone, 2 region, 1 anywhere, 0 not at all. */
static int fit(const struct price_row *row, const struct price_query *q)
{
	if (*row->zone)
		return q->zone && !strcmp(row->zone, q->zone) ? 3 : 0;
	if (*row->region)
		return q->region && !strcmp(row->region, q->region) ? 2 : 0;
	return 1;
}

static size_t first_of(const struct price_table *t, const struct price_query *q, const char *type)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_place(&t->rows[mid], q->provider, type, q->lifecycle) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int find_user(const struct price_table *t, const struct price_query *q, const char *type,
		     struct price *ret)
{
	const struct price_row *best = NULL;
	uint64_t until = UINT64_MAX;
	int best_fit = 0;

	if (!t || !t->sorted)
		return -ENOENT;
	for (size_t i = first_of(t, q, type); i < t->n; i++) {
		const struct price_row *row = &t->rows[i];
		int f;

		if (compare_place(row, q->provider, type, q->lifecycle))
			break;
		f = fit(row, q);
		if (!f || f < best_fit)
			continue;
		if (row->since_ns > q->time_ns) { /* the next step of the same place */
			if (f == best_fit && row->since_ns < until)
				until = row->since_ns;
			continue;
		}
		if (f > best_fit)
			until = UINT64_MAX;
		best = row;
		best_fit = f;
	}
	if (!best)
		return -ENOENT;
	*ret = (struct price){ .usd_per_hour = best->usd_per_hour, .until_ns = until };
	str_copy(ret->as_of, sizeof(ret->as_of), best->as_of);
	str_copy(ret->source, sizeof(ret->source), best->source);
	return 0;
}

/* A line of the built-in table: @region or @source, as a row's date and source. */
struct origin {
	char name[40], as_of[12], source[40], spot_as_of[12];
};

struct builtin_table {
	const char *provider, *at; /* at: the first line about a machine */
	struct origin regions[REGIONS_MAX], sources[SOURCES_MAX];
	size_t n_regions;
};

static void read_origin(const struct table_line *line, struct origin *ret)
{
	table_copy(&line->field[1], ret->name, sizeof(ret->name));
	table_copy(&line->field[2], ret->as_of, sizeof(ret->as_of));
	table_copy(&line->field[3], ret->source, sizeof(ret->source));
	table_copy(&line->field[4], ret->spot_as_of, sizeof(ret->spot_as_of));
}

static void builtin_open(struct builtin_table *t, size_t i)
{
	const char *at = builtin[i].text;
	struct table_line line;

	*t = (struct builtin_table){ .provider = builtin[i].provider, .at = at };
	while (table_next(&at, &line) && *line.field[0].text == '@') {
		struct origin o;

		t->at = at;
		read_origin(&line, &o);
		if (table_is(&line.field[0], "@region") && t->n_regions < REGIONS_MAX)
			t->regions[t->n_regions++] = o;
		else if (table_is(&line.field[0], "@source"))
			t->sources[(unsigned)strtoul(o.name, NULL, 10) % SOURCES_MAX] = o;
	}
}

static int64_t number(const struct table_field *f, unsigned decimals)
{
	char text[40];
	int64_t n;

	return decimal_parse(table_copy(f, text, sizeof(text)), decimals, &n) < 0 ? 0 : n;
}

static void read_machine(const struct table_line *line, struct machine *ret)
{
	*ret = (struct machine){ .vcpus_milli = (uint32_t)number(&line->field[1], 3),
				 .gpus_milli = (uint32_t)number(&line->field[3], 3),
				 .gpu_memory_gib = (uint32_t)number(&line->field[5], 0),
				 .arm = table_is(&line->field[6], "a") };
	ret->memory_bytes = (uint64_t)number(&line->field[2], 3) * (GIB / 1000);
	if (number(&line->field[2], 3) % 1000 == 0)
		ret->memory_bytes = (uint64_t)number(&line->field[2], 0) * GIB;
	table_copy(&line->field[4], ret->gpu_model, sizeof(ret->gpu_model));
}

/* "0.34" or ".34" as in the cells. */
static money cell_price(const char *text)
{
	char padded[40];
	money m;

	snprintf(padded, sizeof(padded), "%s%.30s", *text == '.' ? "0" : "", text);
	return *text && money_parse(padded, &m) >= 0 ? m : -1;
}

/* The cell of one region as a row; false: no such price. */
static bool read_cell(const struct builtin_table *t, const struct table_line *line, size_t region,
		      struct price_row *ret)
{
	const struct origin *o = &t->regions[region];
	char cell[60], *rest = cell, *source, *spot;

	if (7 + region >= line->n)
		return false;
	table_copy(&line->field[7 + region], cell, sizeof(cell));
	source = strchr(cell, '!');
	if (source) {
		*source = '\0';
		o = &t->sources[(unsigned)strtoul(source + 1, NULL, 10) % SOURCES_MAX];
	}
	spot = strchr(cell, '/');
	if (spot)
		*spot++ = '\0';
	if (ret->lifecycle == LIFECYCLE_SPOT)
		rest = spot ? spot : cell + strlen(cell);
	ret->usd_per_hour = cell_price(rest);
	str_copy(ret->provider, sizeof(ret->provider), t->provider);
	str_copy(ret->region, sizeof(ret->region), t->regions[region].name);
	table_copy(&line->field[0], ret->type, sizeof(ret->type));
	str_copy(ret->source, sizeof(ret->source), o->source);
	str_copy(ret->as_of, sizeof(ret->as_of),
		 ret->lifecycle == LIFECYCLE_SPOT ? o->spot_as_of : o->as_of);
	return ret->usd_per_hour >= 0;
}

static bool find_line(const struct builtin_table *t, const char *type, struct table_line *ret)
{
	const char *at = t->at;

	while (table_next(&at, ret))
		if (table_is(&ret->field[0], type))
			return true;
	return false;
}

static int open_provider(struct builtin_table *t, const char *provider)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtin); i++)
		if (!strcmp(builtin[i].provider, provider)) {
			builtin_open(t, i);
			return 0;
		}
	return -ENOENT;
}

static int find_builtin(const struct price_query *q, struct price *ret)
{
	struct price_row row = { .lifecycle = q->lifecycle };
	struct builtin_table t;
	struct table_line line;

	if (open_provider(&t, q->provider) < 0 || !q->region || !find_line(&t, q->type, &line))
		return -ENOENT;
	for (size_t i = 0; i < t.n_regions; i++) {
		if (strcmp(t.regions[i].name, q->region) || !read_cell(&t, &line, i, &row))
			continue;
		*ret = (struct price){ .usd_per_hour = row.usd_per_hour,
				       .until_ns = UINT64_MAX,
				       .builtin = true };
		str_copy(ret->as_of, sizeof(ret->as_of), row.as_of);
		str_copy(ret->source, sizeof(ret->source), row.source);
		return 0;
	}
	return -ENOENT;
}

/* GCP's catalogue has prices per vCPU and per GiB of a family, not per type. */
static int find_parts(const struct price_table *user, const struct price_query *q,
		      struct price *ret)
{
	struct machine m;
	struct price core, ram;
	char type[64];
	size_t len = strcspn(q->type, "-");
	weight_sum sum;

	if (strcmp(q->provider, "gcp") || !user || !user->n ||
	    machine_find("gcp", q->type, &m) < 0 || m.gpus_milli)
		return -ENOENT;
	snprintf(type, sizeof(type), "%.*s:core", (int)(len < 32 ? len : 32), q->type);
	if (find_user(user, q, type, &core) < 0)
		return -ENOENT;
	snprintf(type, sizeof(type), "%.*s:ram", (int)(len < 32 ? len : 32), q->type);
	if (find_user(user, q, type, &ram) < 0)
		return -ENOENT;
	sum = (weight_sum)core.usd_per_hour * m.vcpus_milli / 1000;
	sum += (weight_sum)ram.usd_per_hour * m.memory_bytes / GIB;
	if (sum > (weight_sum)PRICE_HIGHEST)
		return -ENOENT;
	*ret = core;
	ret->usd_per_hour = (money)sum;
	if (ram.until_ns < ret->until_ns)
		ret->until_ns = ram.until_ns;
	return 0;
}

int price_find_own(const struct price_table *user, const struct price_query *q, struct price *ret)
{
	if (!q->provider || !q->type)
		return -ENOENT;
	return find_user(user, q, q->type, ret) == 0 ? 0 : find_parts(user, q, ret);
}

int price_find(const struct price_table *user, const struct price_query *q, struct price *ret)
{
	if (!q->provider || !q->type)
		return -ENOENT;
	return price_find_own(user, q, ret) == 0 ? 0 : find_builtin(q, ret);
}

int machine_find(const char *provider, const char *type, struct machine *ret)
{
	struct builtin_table t;
	struct table_line line;

	if (!provider || !type || open_provider(&t, provider) < 0 || !find_line(&t, type, &line))
		return -ENOENT;
	read_machine(&line, ret);
	return 0;
}

static int each_cell(const struct builtin_table *t, const struct table_line *line,
		     int (*visit)(void *ctx, const struct price_row *row,
				  const struct machine *machine),
		     void *ctx)
{
	struct machine m;
	int r = 0;

	read_machine(line, &m);
	for (size_t i = 0; i < t->n_regions && !r; i++)
		for (int l = 0; l < LIFECYCLES && !r; l++) {
			struct price_row row = { .lifecycle = (enum lifecycle)l };

			if (read_cell(t, line, i, &row))
				r = visit(ctx, &row, &m);
		}
	return r;
}

int price_each_builtin(int (*visit)(void *ctx, const struct price_row *row,
				    const struct machine *machine),
		       void *ctx)
{
	struct builtin_table t;
	struct table_line line;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(builtin) && !r; i++) {
		builtin_open(&t, i);
		for (const char *at = t.at; !r && table_next(&at, &line);)
			r = each_cell(&t, &line, visit, ctx);
	}
	return r;
}

/* The next row of the table of services about that item. */
static bool next_service(const char **at, const char *const place[2], const char *item,
			 struct price *ret)
{
	struct table_line line;
	char text[40];

	while (table_next(at, &line)) {
		*ret = (struct price){ .until_ns = UINT64_MAX, .builtin = true };
		if (!table_is(&line.field[0], place[0]) || !table_is(&line.field[1], place[1]) ||
		    !table_is(&line.field[2], item))
			continue;
		if (money_parse(table_copy(&line.field[3], text, sizeof(text)),
				&ret->usd_per_hour) < 0)
			continue;
		table_copy(&line.field[4], ret->as_of, sizeof(ret->as_of));
		table_copy(&line.field[5], ret->source, sizeof(ret->source));
		return true;
	}
	return false;
}

int price_volume(const char *provider, const char *region, const char *type, struct price *ret)
{
	const char *at = service_table, *const place[2] = { provider, region };
	struct price p;
	char item[64];

	snprintf(item, sizeof(item), "block_%s_gb_month", type);
	if (!next_service(&at, place, item, &p))
		return -ENOENT;
	*ret = p;
	return 0;
}

int price_transfer(const char *provider, const char *region, struct price *ret)
{
	const char *at = service_table, *const place[2] = { provider, region };
	struct price p;
	int r = -ENOENT;

	while (next_service(&at, place, "transfer_inter_region_gb", &p)) {
		if (r < 0 || p.usd_per_hour > ret->usd_per_hour)
			*ret = p;
		r = 0;
	}
	return r;
}

int price_age_days(const char *as_of, uint64_t time_ns)
{
	uint64_t then;

	if (!*as_of || time_parse(as_of, &then) < 0 || then > time_ns)
		return -1;
	return (int)((time_ns - then) / 86400000000000ULL);
}

bool rates_given(const struct rates *r)
{
	return r->core_hour >= 0 || r->gib_hour >= 0 || r->gpu_hour >= 0 || r->kwh >= 0;
}

int rates_price(const struct rates *r, const struct machine *m, money *ret_usd_per_hour)
{
	money core = r->core_hour > 0 ? r->core_hour : 0;
	money gib = r->gib_hour > 0 ? r->gib_hour : 0;
	money gpu = r->gpu_hour > 0 ? r->gpu_hour : 0;
	weight_sum sum = (weight_sum)core * m->vcpus_milli / 1000;

	sum += (weight_sum)gib * m->memory_bytes / GIB;
	sum += (weight_sum)gpu * m->gpus_milli / 1000;
	if (sum > (weight_sum)PRICE_HIGHEST)
		return -ERANGE;
	*ret_usd_per_hour = (money)sum;
	return 0;
}
