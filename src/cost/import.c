/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cost/import_internal.h"

#define BOM "\xef\xbb\xbf"

/* Where lists of prices have their elements. */
static const struct {
	const char *list, *format;
	int (*element)(struct price_import *i, const json_t *object);
} lists[] = {
	{ "SpotPriceHistory", "AWS spot price history", import_spot },
	{ "skus", "GCP catalogue", import_gcp },
	{ "Items", "Azure retail prices", import_azure },
	{ "products", "AWS price list", import_aws_product },
};

#define N_LISTS (sizeof(lists) / sizeof(lists[0]))

int import_fail(struct price_import *i, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(i->error, sizeof(i->error), format, args);
	va_end(args);
	return error;
}

const char *price_import_error(const struct price_import *i)
{
	return i->error;
}

const char *import_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

int import_row(struct price_import *i, const struct price_row *row)
{
	int r = i->sink.row(i->sink.ctx, row);

	i->result.rows++;
	if (r == -E2BIG)
		return import_fail(i, r, "more than %d prices: import fewer regions or types",
				   PRICE_ROWS_MAX);
	return r < 0 ? import_fail(i, r, "%s: %s", row->type, strerror(-r)) : r;
}

int import_price(struct price_import *i, const char *what, const char *text, const char *currency,
		 money *ret)
{
	money m;
	int r = money_parse(text, &m);

	if (strcmp(currency, "USD"))
		return import_fail(i, -EINVAL, "the price of %s is in %s; only USD can be used",
				   what, *currency ? currency : "no currency");
	if (r == -EINVAL)
		return import_fail(i, -EINVAL, "the price of %s is not a number: `%.40s`", what,
				   text);
	if (r < 0 || m < 0 || m > 100000 * USD)
		return import_fail(i, -ERANGE,
				   "the price of %s is %.40s USD an hour, which cannot be", what,
				   text);
	*ret = m;
	return 0;
}

static enum json_choice choose(void *ctx, const struct json_path *path)
{
	struct price_import *i = ctx;

	if (path->depth == 1 && !strcmp(path->key[0], "terms"))
		return JSON_INSIDE;
	for (size_t k = 0; k < N_LISTS; k++)
		if (!strcmp(path->key[0], lists[k].list)) {
			str_copy(i->result.format, sizeof(i->result.format), lists[k].format);
			return path->depth == 1 ? JSON_INSIDE : JSON_KEEP;
		}
	if (strcmp(path->key[0], "terms"))
		return JSON_SKIP;
	if (path->depth == 2)
		return !strcmp(path->key[1], "OnDemand") ? JSON_INSIDE : JSON_SKIP;
	return JSON_KEEP;
}

static int take(struct price_import *i, const struct json_path *path, const json_t *object)
{
	if (!strcmp(path->key[0], "terms"))
		return import_aws_term(i, path->key[2], object);
	for (size_t k = 0; k < N_LISTS; k++)
		if (!strcmp(path->key[0], lists[k].list))
			return lists[k].element(i, object);
	return 0;
}

static int scalar(struct price_import *i, const struct json_path *path, const char *text,
		  size_t len)
{
	const char *key = path->key[0];

	if (path->depth != 1)
		return 0;
	if (!strcmp(key, "publicationDate") && len > 11) {
		memcpy(i->published, text + 1, 10);
		i->published[10] = '\0';
	}
	if ((!strcmp(key, "nextPageToken") || !strcmp(key, "NextPageLink") ||
	     !strcmp(key, "NextToken")) &&
	    *text == '"')
		i->result.more_pages = len > 2;
	if (!strcmp(key, "BillingCurrency") && strncmp(text, "\"USD\"", len))
		return import_fail(i, -EINVAL, "the prices are in %.*s; only USD can be used",
				   (int)(len < 20 ? len : 20), text);
	return 0;
}

static int value(void *ctx, const struct json_path *path, const char *text, size_t len)
{
	struct price_import *i = ctx;
	json_error_t error;
	json_t *object;
	int r;

	if (*text != '{' && *text != '[')
		return scalar(i, path, text, len);
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		return import_fail(i, -EINVAL, "not valid JSON before byte %" PRIu64 ": %s",
				   i->json.bytes, error.text);
	r = json_is_object(object) ? take(i, path, object) : 0;
	json_decref(object);
	return r;
}

struct price_import *price_import_new(const struct import_sink *sink)
{
	static const struct json_visitor visitor = { .choose = choose, .value = value };
	struct price_import *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->sink = *sink;
	json_split_init(&i->json, &visitor);
	i->json.visitor.ctx = i;
	csv_init(&i->csv, import_csv_record, i);
	return i;
}

void price_import_free(struct price_import *i)
{
	if (!i)
		return;
	json_split_fini(&i->json);
	csv_fini(&i->csv);
	import_skus_free(i);
	free(i);
}

/* Where it was, before what was said. */
static int add_place(struct price_import *i, int r)
{
	char said[sizeof(i->error)];

	if (!strncmp(i->error, "line ", 5) || !strncmp(i->error, "byte ", 5))
		return r;
	str_copy(said, sizeof(said), i->error);
	if (i->kind == IMPORT_CSV)
		return import_fail(i, r, "line %" PRIu64 ": %s", i->csv.record_line, said);
	return import_fail(i, r, "byte %" PRIu64 ": %s", i->json.bytes, said);
}

static int explain(struct price_import *i, int r)
{
	if (r >= 0)
		return r;
	if (*i->error)
		return add_place(i, r);
	if (i->kind == IMPORT_CSV)
		return import_fail(i, r, "line %" PRIu64 ": %s", i->csv.line,
				   r == -EPROTO	  ? "the file is cut off (it ends inside quotes)"
				   : r == -E2BIG  ? "a record of more than 1 MiB or 1024 columns"
				   : r == -EILSEQ ? "a NUL byte: not a text"
						  : strerror(-r));
	return import_fail(i, r, "byte %" PRIu64 ": %s", i->json.bytes,
			   r == -EPROTO	  ? "the file is cut off"
			   : r == -E2BIG  ? "a value of more than 256 KiB, or nested too deep"
			   : r == -EINVAL ? "not valid JSON"
					  : strerror(-r));
}

int price_import_feed(struct price_import *i, const char *data, size_t len)
{
	if (i->kind == IMPORT_UNKNOWN) {
		size_t skip = len >= 3 && !memcmp(data, BOM, 3) ? 3 : 0;

		while (skip < len && strchr(" \t\r\n", data[skip]) && data[skip])
			skip++;
		if (skip == len)
			return 0;
		i->kind = data[skip] == '{' || data[skip] == '[' ? IMPORT_JSON : IMPORT_CSV;
		data += skip;
		len -= skip;
	}
	if (i->kind == IMPORT_JSON)
		return explain(i, json_split_feed(&i->json, data, len));
	return explain(i, csv_feed(&i->csv, data, len));
}

int price_import_end(struct price_import *i, struct import_result *ret)
{
	int r = 0;

	if (i->kind == IMPORT_UNKNOWN)
		return import_fail(i, -EPROTO, "the file is empty");
	r = i->kind == IMPORT_JSON ? json_split_end(&i->json) : csv_end(&i->csv);
	if (r < 0)
		return explain(i, r);
	if (!*i->result.format)
		return import_fail(i, -EINVAL,
				   "not a price list that is known (EC2 price list, spot price "
				   "history, GCP catalogue, Azure retail prices, or a CSV "
				   "with the columns %s)",
				   PRICE_COLUMNS);
	if (!strcmp(i->result.format, "AWS price list") && !i->terms)
		return import_fail(i, -EPROTO,
				   "it has products but no prices (no `terms.OnDemand`)");
	*ret = i->result;
	return 0;
}
