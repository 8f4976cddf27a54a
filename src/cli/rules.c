/* SPDX-License-Identifier: Apache-2.0 */
/* tracer rules list|check|test: what rules there are, and whether they hold. */
#include "src/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/options.h"
#include "src/track/rules.h"

static const struct option_spec options[] = { OPTIONS_END };

static const struct command_spec spec = {
	.name = "rules",
	.words = "list|check|test [FILE...]",
	.about =
		"Rules say what workflow engines, tasks and wrappers look like. `list` shows "
		"those\n"
		"in effect, `check` reads files and says what is wrong with them, `test` runs the\n"
		"tests that every rule carries. FILEs are merged over the built-in rules by id.",
	.options = options,
};

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

static void list(const struct rules *r)
{
	const struct rule *rule;

	printf("%-24s %-10s %10s  %s\n", "RULE", "KIND", "CONFIDENCE", "FROM");
	for (unsigned i = 0; (rule = rules_at(r, i)); i++) {
		unsigned line;
		const char *origin = rule_origin(rule, &line);

		printf("%-24s %-10s %10u  %s:%u\n", rule_id(rule),
		       rule_kind_name(rule_kind_of(rule)), rule_confidence(rule), origin, line);
	}
}

static int test(const struct rules *r)
{
	unsigned run;
	int failed = rules_selftest(r, stderr, &run);

	printf("%u tests, %d failed\n", run, failed);
	return failed ? EXIT_ERROR : EXIT_OK;
}

int cmd_rules(int argc, char **argv)
{
	struct rules *r = NULL;
	const char *verb;
	int rc, first = options_parse(&spec, NULL, argc, argv, &rc);

	if (first < 0)
		return rc;
	if (first >= argc)
		return options_misuse(&spec, "say list, check or test");
	verb = argv[first++];
	if (strcmp(verb, "list") && strcmp(verb, "check") && strcmp(verb, "test"))
		return options_misuse(&spec, "'%s' is none of list, check, test", verb);
	if (!strcmp(verb, "check") && first >= argc)
		return options_misuse(&spec, "which files should be checked?");
	rc = load(argv + first, argc - first, &r);
	if (rc)
		return rc;
	if (!strcmp(verb, "list"))
		list(r);
	else if (!strcmp(verb, "test"))
		rc = test(r);
	else
		printf("%d file%s read, no mistakes\n", argc - first, argc - first == 1 ? "" : "s");
	rules_free(r);
	return rc;
}
