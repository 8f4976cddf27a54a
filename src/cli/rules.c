/* SPDX-License-Identifier: Apache-2.0 */
/* tracer rules list|check|test: what rules there are, and whether they hold. */
#include "src/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/sheet.h"
#include "src/track/rules.h"

#define FILES_MAX 256

struct rules_options {
	struct reader_options reader;
};

static const struct option_spec options[] = {
	JSON_OPTION(struct rules_options, reader),
	FORMAT_OPTION(struct rules_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "rules",
	.words = "list|check|test [FILE...]",
	.about =
		"Rules say what workflow engines, tasks and wrappers look like. `list` shows "
		"those\n"
		"in effect, `check` reads files and says all that is wrong with them, `test` runs\n"
		"the tests that every rule carries. FILEs are merged over the built-in rules by\n"
		"id.",
	.options = options,
};

static const enum field_id list_fields[] = { FIELD_RULE, FIELD_KIND, FIELD_CONFIDENCE,
					     FIELD_PATH, FIELD_LINE, FIELD_COUNT };
static const enum field_id mistake_fields[] = { FIELD_PATH, FIELD_LINE, FIELD_COLUMN, FIELD_MESSAGE,
						FIELD_COUNT };
static const enum field_id failure_fields[] = { FIELD_MESSAGE, FIELD_COUNT };

static const struct sheet_spec list_sheet = { &spec, list_fields, NULL, list_fields };
static const struct sheet_spec mistake_sheet = { &spec, mistake_fields, NULL, mistake_fields };
static const struct sheet_spec failure_sheet = { &spec, failure_fields, NULL, failure_fields };

static int load(char **files, int n, struct rules **ret)
{
	struct rules_error e = { 0 };
	int rc = rules_load((const char *const *)files, (unsigned)n, ret, &e);

	if (rc >= 0)
		return EXIT_OK;
	if (*e.text && e.line)
		log_error("%s:%u:%u: %s", e.file, e.line, e.column, e.text);
	else if (*e.text)
		log_error("%s: %s", e.file, e.text);
	else
		log_error("cannot load rules: %s", strerror(-rc));
	return EXIT_ERROR;
}

static int list(const struct rules *r, const struct reader_options *o)
{
	const struct rule *rule;
	struct sheet *sheet;
	int error = 0, rc = sheet_new(stdout, &list_sheet, o, &sheet);

	if (rc)
		return rc;
	for (unsigned i = 0; (rule = rules_at(r, i)) && error == 0; i++) {
		struct record record = { 0 };
		unsigned line;

		record_text(&record, FIELD_PATH, rule_origin(rule, &line));
		record_text(&record, FIELD_RULE, rule_id(rule));
		record_text(&record, FIELD_KIND, rule_kind_name(rule_kind_of(rule)));
		record_number(&record, FIELD_CONFIDENCE, rule_confidence(rule));
		record_number(&record, FIELD_LINE, line);
		error = sheet_add(sheet, &record);
	}
	if (error >= 0)
		error = sheet_end(sheet);
	sheet_free(sheet);
	return error < 0 ? EXIT_ERROR : EXIT_OK;
}

struct check {
	enum format format;
	struct sheet *sheet; /* jsonl, csv */
	json_t *mistakes;    /* json */
	int error;
};

static void on_mistake(void *ctx, const struct rules_error *e)
{
	struct check *c = ctx;
	struct record record = { 0 };

	if (c->format == FORMAT_TABLE && e->line)
		log_error("%s:%u:%u: %s", e->file, e->line, e->column, e->text);
	else if (c->format == FORMAT_TABLE)
		log_error("%s: %s", e->file, e->text);
	record_text(&record, FIELD_PATH, e->file);
	record_nonzero(&record, FIELD_LINE, e->line);
	record_nonzero(&record, FIELD_COLUMN, e->column);
	record_text(&record, FIELD_MESSAGE, e->text);
	if (c->mistakes)
		json_array_append_new(c->mistakes, sheet_object(mistake_fields, &record));
	if (c->sheet && c->error >= 0)
		c->error = sheet_add(c->sheet, &record);
}

static json_t *files_array(char **files, int n, const unsigned *n_rules)
{
	json_t *array = json_array();

	for (int i = 0; i < n; i++) {
		json_t *object = json_object();

		json_object_set_new(object, "path", json_out_text(files[i], strlen(files[i])));
		json_object_set_new(object, "rules", json_integer(n_rules[i]));
		json_array_append_new(array, object);
	}
	return array;
}

static int end_check(struct check *c, char **files, int n, const unsigned *n_rules, int mistakes)
{
	json_t *object;
	unsigned rules = 0;

	for (int i = 0; i < n; i++)
		rules += n_rules[i];
	if (c->format == FORMAT_TABLE && mistakes)
		printf("%d file%s read, %d mistake%s\n", n, n == 1 ? "" : "s", mistakes,
		       mistakes == 1 ? "" : "s");
	else if (c->format == FORMAT_TABLE)
		printf("%d file%s read, %u rule%s, no mistakes\n", n, n == 1 ? "" : "s", rules,
		       rules == 1 ? "" : "s");
	if (c->sheet && c->error >= 0)
		c->error = sheet_end(c->sheet);
	if (!c->mistakes)
		return c->error;
	object = json_object();
	json_object_set_new(object, "files", files_array(files, n, n_rules));
	json_object_set(object, "mistakes", c->mistakes);
	c->error = json_out_write(object, stdout, JSON_PRETTY);
	json_decref(object);
	return c->error;
}

static int check(char **files, int n, const struct reader_options *o)
{
	struct check c = { .format = sheet_format(o) };
	unsigned n_rules[FILES_MAX] = { 0 };
	int rc, mistakes;

	if (!n)
		return options_misuse(&spec, "which files should be checked?");
	if (n > FILES_MAX)
		return options_misuse(&spec, "at most %d files at a time", FILES_MAX);
	if (c.format == FORMAT_JSONL || c.format == FORMAT_CSV) {
		rc = sheet_new(stdout, &mistake_sheet, o, &c.sheet);
		if (rc)
			return rc;
	}
	c.mistakes = c.format == FORMAT_JSON ? json_array() : NULL;
	mistakes = rules_check((const char *const *)files, (unsigned)n, on_mistake, &c, n_rules);
	if (mistakes < 0)
		log_error("cannot load rules: %s", strerror(-mistakes));
	else if (end_check(&c, files, n, n_rules, mistakes) < 0)
		mistakes = -EIO;
	json_decref(c.mistakes);
	sheet_free(c.sheet);
	return mistakes ? EXIT_ERROR : EXIT_OK;
}

static int print_failures(char *text, unsigned run, int failed, const struct reader_options *o)
{
	bool document = sheet_format(o) == FORMAT_JSON;
	json_t *object = json_object(), *lines = json_array();
	struct sheet *sheet = NULL;
	int error = 0, rc = document ? 0 : sheet_new(stdout, &failure_sheet, o, &sheet);

	for (char *line; (line = strsep(&text, "\n")) && error >= 0 && !rc;) {
		struct record record = { 0 };

		if (!*line)
			continue;
		record_text(&record, FIELD_MESSAGE, line);
		json_array_append_new(lines, json_out_text(line, strlen(line)));
		error = sheet ? sheet_add(sheet, &record) : 0;
	}
	json_object_set_new(object, "tests", json_integer(run));
	json_object_set_new(object, "failed", json_integer(failed));
	json_object_set_new(object, "failures", lines);
	if (document)
		error = json_out_write(object, stdout, JSON_PRETTY);
	else if (!rc && error >= 0)
		error = sheet_end(sheet);
	sheet_free(sheet);
	json_decref(object);
	return rc ? rc : failed || error < 0 ? EXIT_ERROR : EXIT_OK;
}

static int test(const struct rules *r, const struct reader_options *o)
{
	bool table = sheet_format(o) == FORMAT_TABLE;
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = table ? stderr : open_memstream(&text, &size);
	unsigned run;
	int failed;

	if (!out) {
		log_error("out of memory");
		return EXIT_ERROR;
	}
	failed = rules_selftest(r, out, &run);
	if (!table)
		fclose(out);
	if (!table)
		return print_failures(text, run, failed, o);
	printf("%u tests, %d failed\n", run, failed);
	return failed ? EXIT_ERROR : EXIT_OK;
}

int cmd_rules(int argc, char **argv)
{
	struct rules_options o = { 0 };
	struct rules *r = NULL;
	const char *verb;
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	if (first >= argc)
		return options_misuse(&spec, "say list, check or test");
	verb = argv[first++];
	if (!strcmp(verb, "check"))
		return check(argv + first, argc - first, &o.reader);
	if (strcmp(verb, "list") != 0 && strcmp(verb, "test") != 0)
		return options_misuse(&spec, "'%s' is none of list, check, test", verb);
	rc = load(argv + first, argc - first, &r);
	if (rc)
		return rc;
	rc = !strcmp(verb, "list") ? list(r, &o.reader) : test(r, &o.reader);
	rules_free(r);
	return rc;
}
