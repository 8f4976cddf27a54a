/* SPDX-License-Identifier: Apache-2.0 */
/* tracer redact: what would be stored of a command line, and why. */
#include "src/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/str.h"
#include "src/base/text.h"
#include "src/cli/sheet.h"
#include "src/track/redact.h"

struct values {
	struct reader_options reader;
	bool test;
};

static const struct option_spec options[] = {
	{ "test", 't', OPTION_FLAG, offsetof(struct values, test), NULL,
	  "exit with 1 if something had to be redacted" },
	JSON_OPTION(struct values, reader),
	FORMAT_OPTION(struct values, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "redact",
	.words = "[-- COMMAND [ARG...]]",
	.about = "Shows a command line as tracer would store it, and on stderr the rule behind "
		 "each\n"
		 "replacement. Without a command it reads lines from standard input. With --json\n"
		 "or --format: an object a command line, with argv and redacted_by.",
	.options = options,
	.in_order = true,
};

static const enum field_id fields[] = { FIELD_ARGV, FIELD_REDACTED_BY, FIELD_COUNT };
static const struct sheet_spec sheet_spec = { &spec, fields, NULL, fields };

/* To a terminal made visible; elsewhere the bytes, for it is a filter, too. */
static void print_plain(const char *out, size_t len)
{
	_cleanup_(str_fini) struct str line = STR_INIT, safe = STR_INIT;

	for (size_t i = 0; i < len; i++)
		if (out[i] || i + 1 < len)
			str_addc(&line, out[i] ? out[i] : ' ');
	if (isatty(STDOUT_FILENO))
		text_visible(&safe, str_text(&line), line.len);
	fwrite(safe.len ? safe.data : str_text(&line), 1, safe.len ? safe.len : line.len, stdout);
	if (len)
		putchar('\n');
}

static int print_record(struct sheet *sheet, struct bytes argv, const struct redact_hits *hits)
{
	_cleanup_(str_fini) struct str rules = STR_INIT, ended = STR_INIT;
	struct record record = { 0 };

	str_addn(&ended, argv.data, argv.len);
	if (argv.len && argv.data[argv.len - 1])
		str_addc(&ended, '\0');
	for (unsigned i = 0; i < hits->n && i < ARRAY_SIZE(hits->rules); i++)
		str_addn(&rules, hits->rules[i], strlen(hits->rules[i]) + 1);
	record_bytes(&record, FIELD_ARGV, (struct bytes){ str_text(&ended), ended.len });
	record_bytes(&record, FIELD_REDACTED_BY, (struct bytes){ str_text(&rules), rules.len });
	return rules.failed || ended.failed ? -ENOMEM : sheet_add(sheet, &record);
}

/* sheet NULL: as text */
static int show_text(struct sheet *sheet, struct bytes text, unsigned *n)
{
	size_t size = text.len * 11 + 16, len; /* each byte could become a mark at worst */
	_cleanup_free_ char *out = malloc(size);
	struct redact_hits hits = { 0 };

	if (!out) {
		log_error("out of memory");
		return -ENOMEM;
	}
	*n += redact_argv_explain(text, out, size, &len, &hits);
	if (sheet)
		return print_record(sheet, (struct bytes){ out, len }, &hits);
	print_plain(out, len);
	for (unsigned i = 0; i < hits.n && i < ARRAY_SIZE(hits.rules); i++)
		fprintf(stderr, "redacted by rule: %s\n", hits.rules[i]);
	return 0;
}

static int show_lines(struct sheet *sheet, unsigned *n)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int r = 0;

	while (r == 0 && (len = getline(&line, &size, stdin)) > 0) {
		len -= line[len - 1] == '\n';
		r = show_text(sheet, (struct bytes){ line, (size_t)len }, n);
	}
	return r;
}

int cmd_redact(int argc, char **argv)
{
	struct values v = { 0 };
	_cleanup_(str_fini) struct str packed = STR_INIT;
	struct sheet *sheet = NULL;
	unsigned n = 0;
	int rc, r, first = options_parse(&spec, &v, argc, argv, &rc);

	if (first < 0)
		return rc;
	for (int i = first; i < argc; i++)
		str_addn(&packed, argv[i], strlen(argv[i]) + 1);
	if (packed.failed)
		return EXIT_ERROR;
	if (v.reader.json || v.reader.format != FORMAT_TABLE) {
		rc = sheet_new(stdout, &sheet_spec, &v.reader, &sheet);
		if (rc)
			return rc;
	}
	if (first < argc)
		r = show_text(sheet, (struct bytes){ packed.data, packed.len }, &n);
	else
		r = show_lines(sheet, &n);
	if (r == 0 && sheet)
		r = sheet_end(sheet);
	sheet_free(sheet);
	return r < 0 || (v.test && n) ? EXIT_ERROR : EXIT_OK;
}
