/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/sheet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/cli/cli.h"
#include "src/cli/json_rows.h"
#include "src/cost/money.h"

#define MONEY_DECIMALS 6

struct sheet {
	FILE *out;
	enum format format;
	bool no_header;
	enum field_id columns[FIELD_COUNT + 1];
	size_t n;
	enum field_id sort; /* FIELD_COUNT: as they come */
	bool reverse;
	unsigned limit, rows; /* rows: printed */
	unsigned money_decimals;
	struct table_column table_columns[FIELD_COUNT];
	struct table *table;
	struct arena arena;  /* rows that wait for sorting */
	struct value **kept; /* n + 2 values each: the sort key and the row's number too */
	size_t n_kept, size_kept;
	struct str cells[FIELD_COUNT];
	struct str text;
};

enum format sheet_format(const struct reader_options *options)
{
	return options->json ? FORMAT_JSON : (enum format)options->format;
}

static bool list_has(const enum field_id *list, enum field_id id)
{
	for (; *list != FIELD_COUNT; list++)
		if (*list == id)
			return true;
	return false;
}

static int wrong_column(const struct sheet_spec *spec, const char *name)
{
	const char *names[FIELD_COUNT], *near;
	_cleanup_(str_fini) struct str all = STR_INIT;
	size_t n = 0;

	for (const enum field_id *f = spec->all; *f != FIELD_COUNT; f++) {
		str_addf(&all, "%s%s", n ? ", " : "", field_of(*f)->name);
		names[n++] = field_of(*f)->name;
	}
	near = suggest(name, names, n);
	if (near)
		return options_misuse(spec->command, "no column `%s`; did you mean `%s`?", name,
				      near);
	return options_misuse(spec->command, "no column `%s`; there are: %s", name, str_text(&all));
}

static void add_column(struct sheet *s, enum field_id id)
{
	if (!list_has(s->columns, id)) {
		s->columns[s->n++] = id;
		s->columns[s->n] = FIELD_COUNT;
	}
}

static void add_columns(struct sheet *s, const enum field_id *list)
{
	for (; *list != FIELD_COUNT; list++)
		add_column(s, *list);
}

/* One word of --columns: a field, `all`, or an object such as `states`. */
static int add_named(struct sheet *s, const struct sheet_spec *spec, const char *name)
{
	enum field_id id = field_find(name);
	size_t len = strlen(name), before = s->n;

	if (!strcmp(name, "all")) {
		add_columns(s, spec->all);
		return EXIT_OK;
	}
	if (id != FIELD_COUNT && list_has(spec->all, id)) {
		add_column(s, id);
		return EXIT_OK;
	}
	for (const enum field_id *f = spec->all; len && *f != FIELD_COUNT; f++)
		if (!strncmp(field_of(*f)->name, name, len) && field_of(*f)->name[len] == '.')
			add_column(s, *f);
	return s->n > before ? EXIT_OK : wrong_column(spec, name);
}

static int choose_columns(struct sheet *s, const struct sheet_spec *spec, const char *names)
{
	_cleanup_free_ char *copy = NULL;
	char *rest, *word;

	s->columns[0] = FIELD_COUNT;
	if (!names) {
		const enum field_id *record = spec->record ? spec->record : spec->all;

		add_columns(s, s->format == FORMAT_TABLE ? spec->table : record);
		return EXIT_OK;
	}
	rest = copy = strdup(names);
	if (!copy)
		return EXIT_ERROR;
	while ((word = strsep(&rest, ","))) {
		int rc = add_named(s, spec, word);

		if (rc)
			return rc;
	}
	return EXIT_OK;
}

static bool is_text(enum field_id id)
{
	enum field_type type = field_of(id)->type;

	return type == FIELD_TYPE_TEXT || type == FIELD_TYPE_ARGS;
}

static int choose_sort(struct sheet *s, const struct sheet_spec *spec, const char *name)
{
	s->sort = FIELD_COUNT;
	if (!name)
		return EXIT_OK;
	s->reverse = *name == '-';
	s->sort = field_find(name + s->reverse);
	if (s->sort == FIELD_COUNT || !list_has(spec->all, s->sort))
		return wrong_column(spec, name + s->reverse);
	s->reverse ^= !is_text(s->sort) && field_of(s->sort)->type != FIELD_TYPE_TIME;
	return EXIT_OK;
}

static int new_table(struct sheet *s)
{
	struct table_options o = { .no_header = s->no_header };

	o.width = s->out == stdout ? terminal_width(STDOUT_FILENO) : 0;
	for (size_t i = 0; i < s->n; i++) {
		s->table_columns[i].heading = field_of(s->columns[i])->heading;
		s->table_columns[i].right =
			!is_text(s->columns[i]) && field_of(s->columns[i])->type != FIELD_TYPE_TIME;
		s->table_columns[i].keep = !is_text(s->columns[i]);
	}
	return table_new(s->out, s->table_columns, s->n, &o, &s->table);
}

static void start_output(struct sheet *s)
{
	if (s->format == FORMAT_JSON)
		fputc('[', s->out);
	if (s->format != FORMAT_CSV || s->no_header)
		return;
	for (size_t i = 0; i < s->n; i++)
		fprintf(s->out, "%s%s", i ? "," : "", field_of(s->columns[i])->name);
	fputc('\n', s->out);
}

int sheet_options_check(const struct command_spec *command, const struct reader_options *options)
{
	if (options->json && options->format != FORMAT_TABLE && options->format != FORMAT_JSON)
		return options_misuse(command, "--json and --format say different things");
	return EXIT_OK;
}

int sheet_new(FILE *out, const struct sheet_spec *spec, const struct reader_options *options,
	      struct sheet **ret)
{
	struct sheet *s;
	int rc;

	rc = sheet_options_check(spec->command, options);
	if (rc)
		return rc;
	s = calloc(1, sizeof(*s));
	if (!s)
		return EXIT_ERROR;
	s->out = out;
	s->format = sheet_format(options);
	s->no_header = options->no_header;
	s->limit = options->limit;
	s->money_decimals = MONEY_DECIMALS;
	rc = choose_columns(s, spec, options->columns);
	if (!rc)
		rc = choose_sort(s, spec, options->sort);
	if (!rc && s->format == FORMAT_TABLE && new_table(s) < 0)
		rc = EXIT_ERROR;
	if (rc) {
		sheet_free(s);
		return rc;
	}
	start_output(s);
	*ret = s;
	return EXIT_OK;
}

void sheet_decimals(struct sheet *s, unsigned decimals)
{
	s->money_decimals = decimals;
}

void sheet_free(struct sheet *s)
{
	if (!s)
		return;
	table_free(s->table);
	arena_fini(&s->arena);
	free(s->kept);
	for (size_t i = 0; i < FIELD_COUNT; i++)
		str_fini(&s->cells[i]);
	str_fini(&s->text);
	free(s);
}

static void add_percent(struct str *out, double ratio)
{
	if (ratio > 0 && ratio < 0.005)
		str_add(out, "<1 %");
	else
		str_addf(out, "%.0f %%", ratio * 100);
}

/* From micrograms to tonnes: three digits that say something. */
static void add_grams(struct str *out, double g)
{
	static const struct {
		double g;
		const char *unit;
	} units[] = { { 1e6, "t" }, { 1e3, "kg" }, { 1, "g" }, { 1e-3, "mg" }, { 1e-6, "ug" } };
	size_t i = 0;
	double n;

	if (g < 5e-10) {
		str_add(out, "0 g");
		return;
	}
	while (i + 1 < ARRAY_SIZE(units) && g < 0.9995 * units[i].g)
		i++;
	n = g / units[i].g;
	str_addf(out, "%.*f %s", n < 9.995 ? 2 : n < 99.95 ? 1 : 0, n, units[i].unit);
}

static void cell_number(struct str *out, enum field_type type, uint64_t n)
{
	char buf[HUMAN_MAX];

	switch (type) {
	case FIELD_TYPE_TIME:
		str_add(out, human_time(buf, n));
		break;
	case FIELD_TYPE_DURATION:
		str_add(out, human_duration(buf, n));
		break;
	case FIELD_TYPE_BYTES:
		str_add(out, human_bytes(buf, n));
		break;
	case FIELD_TYPE_BOOL:
		str_add(out, n ? "yes" : "no");
		break;
	default:
		str_addf(out, "%" PRIu64, n);
	}
}

static void cell_value(struct str *out, enum field_id id, const struct value *value,
		       unsigned money_decimals)
{
	enum field_type type = field_of(id)->type;
	char usd[MONEY_MAX];

	if (!value->known)
		str_add(out, HUMAN_UNKNOWN);
	else if (type == FIELD_TYPE_TEXT)
		str_addn(out, value->text.data, value->text.len);
	else if (type == FIELD_TYPE_ARGS)
		text_shell(out, value->text.data, value->text.len);
	else if (id == FIELD_CARBON)
		add_grams(out, value->ratio);
	else if (id == FIELD_VCPUS || id == FIELD_GPUS)
		str_addf(out, "%g", value->ratio); /* rarely a part of one */
	else if (type == FIELD_TYPE_RATIO)
		str_addf(out, "%.2f", value->ratio);
	else if (type == FIELD_TYPE_SHARE)
		add_percent(out, value->ratio);
	else if (type == FIELD_TYPE_MONEY)
		str_add(out, money_round(usd, value->money, money_decimals));
	else
		cell_number(out, type, value->number);
}

void sheet_cell(struct str *out, enum field_id id, const struct value *value)
{
	cell_value(out, id, value, MONEY_DECIMALS);
}

static int row_table(struct sheet *s, const struct value *values)
{
	const char *cells[FIELD_COUNT];

	for (size_t i = 0; i < s->n; i++) {
		str_reset(&s->cells[i]);
		cell_value(&s->cells[i], s->columns[i], &values[i], s->money_decimals);
		if (s->cells[i].failed)
			return -ENOMEM;
		cells[i] = str_text(&s->cells[i]);
	}
	return table_row(s->table, cells);
}

static json_t *json_of(enum field_type type, const struct value *value)
{
	char usd[MONEY_MAX];

	if (!value->known)
		return json_null();
	switch (type) {
	case FIELD_TYPE_TEXT:
		return json_out_text(value->text.data, value->text.len);
	case FIELD_TYPE_ARGS:
		return json_out_args(value->text.data, value->text.len);
	case FIELD_TYPE_TIME:
		return json_out_time(value->number);
	case FIELD_TYPE_RATIO:
	case FIELD_TYPE_SHARE:
		return json_real(value->ratio);
	case FIELD_TYPE_BOOL:
		return json_boolean(value->number);
	case FIELD_TYPE_MONEY:
		return json_string(money_text(usd, value->money));
	default:
		return json_out_uint(value->number);
	}
}

static json_t *object_of(const enum field_id *fields, size_t n, const struct value *values)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < n; i++) {
		const struct field *f = field_of(fields[i]);

		if (json_out_set(object, f->name, json_of(f->type, &values[i])) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

json_t *sheet_object(const enum field_id *fields, const struct record *record)
{
	struct value values[FIELD_COUNT];
	size_t n = 0;

	for (; fields[n] != FIELD_COUNT; n++)
		values[n] = record->v[fields[n]];
	return object_of(fields, n, values);
}

static int row_json(struct sheet *s, const struct value *values)
{
	json_t *object = object_of(s->columns, s->n, values);
	int r;

	if (!object)
		return -ENOMEM;
	if (s->format == FORMAT_JSON)
		fputs(s->rows ? ",\n" : "\n", s->out);
	r = json_dumpf(object, s->out, JSON_COMPACT | JSON_REAL_PRECISION(6)) < 0 ? -EIO : 0;
	if (s->format == FORMAT_JSONL)
		fputc('\n', s->out);
	json_decref(object);
	return r;
}

static void csv_value(struct sheet *s, enum field_type type, const struct value *value)
{
	char usd[MONEY_MAX];

	if (!value->known)
		return;
	if (type == FIELD_TYPE_RATIO || type == FIELD_TYPE_SHARE) {
		fprintf(s->out, "%.6g", value->ratio);
	} else if (type == FIELD_TYPE_BOOL) {
		fputs(value->number ? "true" : "false", s->out);
	} else if (type == FIELD_TYPE_MONEY) {
		fputs(money_text(usd, value->money), s->out);
	} else if (type != FIELD_TYPE_TEXT && type != FIELD_TYPE_ARGS) {
		fprintf(s->out, "%" PRIu64, value->number);
	} else {
		struct str *raw = &s->cells[0];

		str_reset(raw);
		str_reset(&s->text);
		if (type == FIELD_TYPE_ARGS)
			text_shell(raw, value->text.data, value->text.len);
		else
			str_addn(raw, value->text.data, value->text.len);
		text_visible(&s->text, str_text(raw), raw->len);
		csv_text(s->out, str_text(&s->text));
	}
}

static int row_csv(struct sheet *s, const struct value *values)
{
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			fputc(',', s->out);
		csv_value(s, field_of(s->columns[i])->type, &values[i]);
	}
	fputc('\n', s->out);
	return s->text.failed || s->cells[0].failed ? -ENOMEM : 0;
}

/* 1: that was the last one wanted. */
static int print_values(struct sheet *s, const struct value *values)
{
	int r;

	if (s->limit && s->rows >= s->limit)
		return 1;
	if (s->format == FORMAT_TABLE)
		r = row_table(s, values);
	else if (s->format == FORMAT_CSV)
		r = row_csv(s, values);
	else
		r = row_json(s, values);
	s->rows++;
	if (r == 0 && ferror(s->out))
		r = -EIO;
	return r < 0 ? r : s->limit && s->rows >= s->limit;
}

static int keep_value(struct sheet *s, enum field_id id, const struct value *from, struct value *to)
{
	*to = *from;
	if (!from->known || !is_text(id))
		return 0;
	to->text.data = arena_copy(&s->arena, from->text.data, from->text.len);
	return to->text.data ? 0 : -ENOMEM;
}

struct value *sheet_keep(struct sheet *s, const struct record *record)
{
	struct value *row = arena_alloc(&s->arena, (s->n + 2) * sizeof(*row));

	if (!row)
		return NULL;
	for (size_t i = 0; i < s->n; i++)
		if (keep_value(s, s->columns[i], &record->v[s->columns[i]], &row[i]) < 0)
			return NULL;
	return row;
}

int sheet_print(struct sheet *s, const struct value *row, unsigned indent)
{
	_cleanup_(str_fini) struct str text = STR_INIT;
	struct value values[FIELD_COUNT];

	memcpy(values, row, s->n * sizeof(*row));
	for (size_t i = 0; i < s->n; i++) {
		if (s->columns[i] != FIELD_COMMAND || !row[i].known)
			continue;
		str_addf(&text, "%*s", (int)indent, "");
		str_addn(&text, row[i].text.data, row[i].text.len);
		values[i].text = (struct bytes){ str_text(&text), text.len };
	}
	return text.failed ? -ENOMEM : print_values(s, values);
}

static int keep_row(struct sheet *s, const struct record *record)
{
	struct value *row;

	if (s->n_kept == s->size_kept) {
		size_t size = s->size_kept ? 2 * s->size_kept : 256;
		struct value **kept = reallocarray(s->kept, size, sizeof(*kept));

		if (!kept)
			return -ENOMEM;
		s->kept = kept;
		s->size_kept = size;
	}
	row = sheet_keep(s, record);
	if (!row || keep_value(s, s->sort, &record->v[s->sort], &row[s->n]) < 0)
		return -ENOMEM;
	row[s->n + 1].number = s->n_kept;
	s->kept[s->n_kept++] = row;
	return 0;
}

int sheet_add(struct sheet *s, const struct record *record)
{
	struct value values[FIELD_COUNT];

	if (s->sort != FIELD_COUNT)
		return keep_row(s, record);
	for (size_t i = 0; i < s->n; i++)
		values[i] = record->v[s->columns[i]];
	return print_values(s, values);
}

/* Unknown comes last in both directions; rows that are equal keep their order. */
static int compare_rows(const void *a, const void *b, void *ctx)
{
	const struct sheet *s = ctx;
	const struct value *x = *(struct value *const *)a + s->n;
	const struct value *y = *(struct value *const *)b + s->n;
	int r = value_compare(field_of(s->sort)->type, x, y);

	if (s->reverse && x->known && y->known)
		r = -r;
	return r ? r : x[1].number > y[1].number ? 1 : -1;
}

int sheet_end(struct sheet *s)
{
	int r = 0;

	if (s->sort != FIELD_COUNT)
		qsort_r(s->kept, s->n_kept, sizeof(*s->kept), compare_rows, s);
	for (size_t i = 0; r == 0 && i < s->n_kept; i++)
		r = print_values(s, s->kept[i]);
	if (r < 0)
		return r;
	if (s->format == FORMAT_TABLE)
		return table_end(s->table);
	if (s->format == FORMAT_JSON)
		fputs(s->rows ? "\n]\n" : "]\n", s->out);
	return ferror(s->out) ? -EIO : 0;
}
