/* SPDX-License-Identifier: Apache-2.0 */
/* tracer redact: what would be stored of a command line, and why. */
#include "src/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/str.h"
#include "src/cli/options.h"
#include "src/track/redact.h"

struct values {
	bool test;
};

static const struct option_spec options[] = {
	{ "test", 't', OPTION_FLAG, offsetof(struct values, test), NULL,
	  "exit with 1 if something had to be redacted" },
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "redact",
	.words = "[-- COMMAND [ARG...]]",
	.about = "Shows a command line as tracer would store it, and on stderr the rule behind "
		 "each\n"
		 "replacement. Without a command it reads lines from standard input.",
	.options = options,
	.in_order = true,
};

static unsigned show(struct bytes argv, char *out, size_t size)
{
	struct redact_hits hits = { 0 };
	size_t len;
	unsigned n = redact_argv_explain(argv, out, size, &len, &hits);

	for (size_t i = 0; i < len; i++)
		putchar(out[i] ? out[i] : i + 1 < len ? ' ' : '\n');
	if (len && out[len - 1])
		putchar('\n');
	for (unsigned i = 0; i < hits.n && i < ARRAY_SIZE(hits.rules); i++)
		fprintf(stderr, "redacted by rule: %s\n", hits.rules[i]);
	return n;
}

static int show_text(struct bytes text, unsigned *n)
{
	size_t size = text.len * 11 + 16; /* each byte could become a mark at worst */
	_cleanup_free_ char *out = malloc(size);

	if (!out) {
		log_error("out of memory");
		return -ENOMEM;
	}
	*n += show(text, out, size);
	return 0;
}

int cmd_redact(int argc, char **argv)
{
	struct values v = { 0 };
	_cleanup_(str_fini) struct str packed = STR_INIT;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t len;
	unsigned n = 0;
	int rc, first = options_parse(&spec, &v, argc, argv, &rc);

	if (first < 0)
		return rc;
	for (int i = first; i < argc; i++)
		str_addn(&packed, argv[i], strlen(argv[i]) + 1);
	if (packed.failed)
		return EXIT_ERROR;
	if (first < argc) {
		if (show_text((struct bytes){ packed.data, packed.len }, &n) < 0)
			return EXIT_ERROR;
	} else {
		while ((len = getline(&line, &size, stdin)) > 0) {
			len -= line[len - 1] == '\n';
			if (show_text((struct bytes){ line, (size_t)len }, &n) < 0)
				return EXIT_ERROR;
		}
	}
	return v.test && n ? EXIT_ERROR : EXIT_OK;
}
