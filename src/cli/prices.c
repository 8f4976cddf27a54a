/* SPDX-License-Identifier: Apache-2.0 */
/* tracer prices: what is known of prices, and bringing in newer ones. */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/cli.h"
#include "src/cli/price_files.h"
#include "src/cli/price_near.h"
#include "src/cli/sheet.h"

struct prices_options {
	struct reader_options reader;
	const char *provider, *region, *type, *lifecycle;
	bool replace, own;
};

#define AT(member) offsetof(struct prices_options, member)

static const struct option_spec options[] = {
	{ "provider", 0, OPTION_TEXT, AT(provider), "NAME", "show: only of this one" },
	{ "region", 0, OPTION_TEXT, AT(region), "PATTERN", "only of these regions" },
	{ "type", 0, OPTION_TEXT, AT(type), "PATTERN", "only of these machine types" },
	{ "lifecycle", 0, OPTION_TEXT, AT(lifecycle), "WORD", "show: only on-demand or spot" },
	{ "own", 0, OPTION_FLAG, AT(own), NULL, "show: only what was imported" },
	{ "replace", 0, OPTION_FLAG, AT(replace), NULL, "import: forget what was imported before" },
	JSON_OPTION(struct prices_options, reader),
	{ "format", 'f', OPTION_CHOICE, AT(reader.format), "table|json|jsonl|csv", "how to print" },
	{ "columns", 'c', OPTION_TEXT, AT(reader.columns), "NAME,...",
	  "these columns, in this order; `all` for all" },
	{ "no-header", 0, OPTION_FLAG, AT(reader.no_header), NULL, "no line of column names" },
	{ "sort", 's', OPTION_TEXT, AT(reader.sort), "NAME",
	  "sort by this column: numbers largest first,\ntexts by letter; -NAME reverses" },
	{ "limit", 'n', OPTION_COUNT, AT(reader.limit), "N", "print at most N rows" },
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "prices",
	.words = "show | import FILE...",
	.about = "Shows the prices of machines that `tracer cost` knows, or imports newer ones: "
		 "price\n"
		 "lists of EC2 (JSON, CSV), spot price history, GCP's catalogue, Azure's retail "
		 "prices\n"
		 "(JSON) and tables of your own (CSV). Nothing is fetched: FILE is a file.",
	.options = options,
};

static const enum field_id all[] = {
	FIELD_PROVIDER, FIELD_REGION, FIELD_ZONE,	  FIELD_MACHINE,   FIELD_LIFECYCLE,
	FIELD_VCPUS,	FIELD_MEMORY, FIELD_GPUS,	  FIELD_GPU_MODEL, FIELD_USD_PER_HOUR,
	FIELD_SINCE,	FIELD_AS_OF,  FIELD_PRICE_SOURCE, FIELD_COUNT,
};
static const enum field_id table[] = {
	FIELD_PROVIDER, FIELD_REGION,	    FIELD_MACHINE, FIELD_LIFECYCLE,
	FIELD_VCPUS,	FIELD_MEMORY,	    FIELD_GPUS,	   FIELD_USD_PER_HOUR,
	FIELD_AS_OF,	FIELD_PRICE_SOURCE, FIELD_COUNT,
};

struct show {
	const struct prices_options *o;
	struct sheet *sheet;
	uint64_t shown, stale, now_ns;
};

static bool wanted(const struct prices_options *o, const struct price_row *row)
{
	enum lifecycle l;

	return (!o->provider || !strcmp(o->provider, row->provider)) &&
	       (!o->region || fnmatch(o->region, row->region, 0) == 0) &&
	       (!o->type || fnmatch(o->type, row->type, 0) == 0) &&
	       (!o->lifecycle || (lifecycle_parse(o->lifecycle, &l) == 0 && l == row->lifecycle));
}

static void text_or_unknown(struct record *r, enum field_id id, const char *text)
{
	record_text(r, id, *text ? text : NULL);
}

static int show_row(void *ctx, const struct price_row *row, const struct machine *m)
{
	struct show *s = ctx;
	struct record r = { 0 };

	if (!wanted(s->o, row))
		return 0;
	s->shown++;
	s->stale += price_age_days(row->as_of, s->now_ns) > PRICE_STALE_DAYS;
	record_text(&r, FIELD_PROVIDER, row->provider);
	text_or_unknown(&r, FIELD_REGION, row->region);
	text_or_unknown(&r, FIELD_ZONE, row->zone);
	record_text(&r, FIELD_MACHINE, row->type);
	record_text(&r, FIELD_LIFECYCLE, lifecycle_name(row->lifecycle));
	record_money(&r, FIELD_USD_PER_HOUR, row->usd_per_hour);
	record_nonzero(&r, FIELD_SINCE, row->since_ns);
	text_or_unknown(&r, FIELD_AS_OF, row->as_of);
	text_or_unknown(&r, FIELD_PRICE_SOURCE, row->source);
	if (m && m->vcpus_milli) {
		record_ratio(&r, FIELD_VCPUS, m->vcpus_milli / 1000.0);
		record_nonzero(&r, FIELD_MEMORY, m->memory_bytes);
		record_ratio(&r, FIELD_GPUS, m->gpus_milli / 1000.0);
		text_or_unknown(&r, FIELD_GPU_MODEL, m->gpu_model);
	}
	return sheet_add(s->sheet, &r);
}

static int show_own(struct show *s, const struct price_table *t)
{
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++) {
		struct machine m;
		bool known = machine_find(t->rows[i].provider, t->rows[i].type, &m) == 0;

		r = show_row(s, &t->rows[i], known ? &m : NULL);
	}
	return r;
}

static int say_none(const struct prices_options *o, const struct price_table *t)
{
	struct price_near near = { .provider = o->provider, .type = o->type, .region = o->region };
	char text[256];

	price_near_find(&near, t);
	if (o->own && !t->n)
		log_error("no prices were imported: see `tracer prices import`");
	else if (price_near_text(&near, text, sizeof(text)))
		log_error("%s", text);
	else
		log_error("no price fits all of what was asked for");
	return EXIT_NOT_FOUND;
}

static int show(const struct prices_options *o)
{
	static const struct sheet_spec sheet_spec = { &spec, all, NULL, table };
	struct price_table t = { 0 };
	struct show s = { .o = o, .now_ns = (uint64_t)time(NULL) * 1000000000ULL };
	enum lifecycle l;
	int r, rc;

	if (o->lifecycle && lifecycle_parse(o->lifecycle, &l) < 0)
		return options_misuse(&spec, "--lifecycle %s: must be on-demand or spot",
				      o->lifecycle);
	rc = price_file_load_own(&t);
	price_table_sort(&t);
	if (!rc)
		rc = sheet_new(stdout, &sheet_spec, &o->reader, &s.sheet);
	if (rc) {
		price_table_fini(&t);
		return rc;
	}
	r = show_own(&s, &t);
	if (r == 0 && !o->own)
		r = price_each_builtin(show_row, &s);
	if (r >= 0)
		r = sheet_end(s.sheet);
	sheet_free(s.sheet);
	fflush(stdout);
	rc = r >= 0 && !s.shown ? say_none(o, &t) : EXIT_OK;
	price_table_fini(&t);
	if (s.stale)
		log_warning("%" PRIu64 " of these prices are older than %d days", s.stale,
			    PRICE_STALE_DAYS);
	if (r < 0)
		log_error("cannot print the prices: %s", strerror(-r));
	return r < 0 ? EXIT_ERROR : rc;
}

/* A row that says the same place, type and time as one before replaces it. */
static void drop_replaced(struct price_table *t)
{
	size_t n = 0;

	price_table_sort(t);
	for (size_t i = 0; i < t->n; i++) {
		struct price_row *a = &t->rows[i], *b = i + 1 < t->n ? a + 1 : NULL;

		if (b && !strcmp(a->provider, b->provider) && !strcmp(a->type, b->type) &&
		    !strcmp(a->region, b->region) && !strcmp(a->zone, b->zone) &&
		    a->lifecycle == b->lifecycle && a->since_ns == b->since_ns)
			continue;
		t->rows[n++] = *a;
	}
	t->n = n;
}

static int import(const struct prices_options *o, int n, char **files)
{
	struct price_filter filter = { o->region, o->type };
	struct price_table t = { 0 };
	const char *path = NULL;
	int rc;

	if (!n)
		return options_misuse(&spec, "import what? give a FILE");
	rc = o->replace ? EXIT_OK : price_file_load_own(&t);
	for (int i = 0; i < n && !rc; i++) {
		struct import_result result;

		rc = price_file_import(files[i], &filter, &t, &result);
		if (rc)
			break;
		printf("%s: %s, %" PRIu64 " prices, %" PRIu64 " others left out\n", files[i],
		       result.format, result.rows, result.skipped);
		if (result.more_pages)
			log_warning("%s: the list goes on in another file", files[i]);
	}
	if (!rc) {
		drop_replaced(&t);
		rc = price_file_save_own(&t, &path);
	}
	if (!rc)
		printf("%zu prices in %s\n", t.n, path);
	free((char *)path);
	price_table_fini(&t);
	return rc;
}

int cmd_prices(int argc, char **argv)
{
	struct prices_options o = { 0 };
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);
	const char *what;

	if (first < 0)
		return rc;
	what = first < argc ? argv[first] : "show";
	if (!strcmp(what, "show") && argc - first <= 1)
		return show(&o);
	if (!strcmp(what, "import"))
		return import(&o, argc - first - 1, argv + first + 1);
	return options_misuse(&spec, "`%s`: must be show, or import FILE...", what);
}
