/* SPDX-License-Identifier: Apache-2.0 */
/* tracer doctor: what this machine offers, what is missing and what follows. */
#include <jansson.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "src/base/log.h"
#include "src/cli/cli.h"
#include "src/cli/json_rows.h"
#include "src/cli/sheet.h"
#include "src/collect/collect.h"

#define FEATURES_MAX 32

struct doctor_options {
	struct reader_options reader;
};

static const struct option_spec options[] = {
	JSON_OPTION(struct doctor_options, reader),
	FORMAT_OPTION(struct doctor_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "doctor",
	.words = "",
	.about = "Says what observation can rest on here: kernel features, privileges, clocks.\n"
		 "Changes nothing. Exit code 0: `tracer run` can observe; 1: it cannot, and the\n"
		 "list says why.",
	.options = options,
};

static bool can_observe(const struct feature *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (f[i].required && !f[i].available)
			return false;
	return true;
}

static json_t *features_array(const struct feature *f, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:b,s:b,s:s}", "name", f[i].name,
						      "purpose", f[i].purpose, "available",
						      f[i].available, "required", f[i].required,
						      "detail", f[i].detail));
	return list;
}

static int print_rows(const struct feature *f, unsigned n, enum format format)
{
	json_t *list = features_array(f, n);
	int r = json_rows_print(list, format, stdout);

	json_decref(list);
	return r < 0 ? EXIT_ERROR : EXIT_OK;
}

static int print_json(const struct feature *f, unsigned n, const struct utsname *u)
{
	json_t *list = features_array(f, n), *root;

	root = json_pack("{s:s,s:s,s:s,s:b,s:o}", "version", TRACER_VERSION, "kernel", u->release,
			 "arch", u->machine, "can_observe", can_observe(f, n), "features", list);
	if (!root)
		return EXIT_ERROR;
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
	return EXIT_OK;
}

static void print_text(const struct feature *f, unsigned n, const struct utsname *u)
{
	bool good = can_observe(f, n);

	printf("tracer %s on Linux %s, %s\n\n", TRACER_VERSION, u->release, u->machine);
	for (unsigned i = 0; i < n; i++)
		printf("  %-8s %-32s %s%s%s\n",
		       f[i].available  ? "ok"
		       : f[i].required ? "MISSING"
				       : "absent",
		       f[i].name, f[i].purpose, f[i].detail[0] ? ": " : "", f[i].detail);
	printf("\n%s\n",
	       good ? "tracer run can observe here."
		    : "tracer run cannot observe here: it would run commands unobserved.");
}

int cmd_doctor(int argc, char **argv)
{
	struct feature features[FEATURES_MAX];
	struct doctor_options o = { 0 };
	struct utsname u;
	enum format format;
	unsigned n;
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	if (first < argc)
		return options_misuse(&spec, "one word too many: `%s`", argv[first]);
	rc = sheet_options_check(&spec, &o.reader);
	if (rc)
		return rc;
	if (uname(&u)) {
		log_error("uname fails");
		return EXIT_ERROR;
	}
	n = feature_probe(features, FEATURES_MAX);
	format = sheet_format(&o.reader);
	if (format == FORMAT_TABLE)
		print_text(features, n, &u);
	else if (format == FORMAT_JSON)
		rc = print_json(features, n, &u);
	else
		rc = print_rows(features, n, format);
	if (rc)
		return rc;
	return can_observe(features, n) ? EXIT_OK : EXIT_ERROR;
}
