/* SPDX-License-Identifier: Apache-2.0 */
/* What `run` and `record` share: options of an observation, rules, the report. */
#ifndef TRACER_CLI_OBSERVE_H
#define TRACER_CLI_OBSERVE_H

#include "src/agent/session.h"
#include "src/cli/options.h"

struct observe_options {
	const char *db, *log, *name, *user;
	struct option_list labels, rules;
	bool quiet, verbose, strict, no_files, files, no_engine_files, all;
	bool log_only; /* no database unless one is named */
	unsigned ring_kib, sample_ms, duration_s;
};

#define OBSERVE_OPTIONS(type, m)                                                                        \
	{ "db", 0, OPTION_TEXT, offsetof(type, m.db), "PATH", "the database" },                         \
		{ "name", 'N', OPTION_TEXT, offsetof(type, m.name), "NAME", "name of the run" },        \
		{ "label",     'l',                                                                     \
		  OPTION_LIST, offsetof(type, m.labels),                                                \
		  "KEY=VALUE", "label of the run; may be repeated" },                                   \
		{ "rules",     0,                                                                       \
		  OPTION_LIST, offsetof(type, m.rules),                                                 \
		  "FILE",      "rules of your own, over the built-in ones" },                           \
		{ "user",      'u',                                                                     \
		  OPTION_TEXT, offsetof(type, m.user),                                                  \
		  "USER",      "run the command as this user (root only;\ndefault: who called sudo)" }, \
		{ "no-engine-files",                                                                    \
		  0,                                                                                    \
		  OPTION_FLAG,                                                                          \
		  offsetof(type, m.no_engine_files),                                                    \
		  NULL,                                                                                 \
		  "read nothing of the workflow engine's own\nlog (docs/privacy.md)" },           \
		{ "sample",	0,                                                                      \
		  OPTION_COUNT, offsetof(type, m.sample_ms),                                            \
		  "MS",		"refresh live totals this often (default 2000)" },                      \
		{ "ring",	0,                                                                      \
		  OPTION_COUNT, offsetof(type, m.ring_kib),                                             \
		  "KIB",	"size of the kernel's event buffer, a power\nof two (default 8192)" },  \
	{                                                                                               \
		"verbose", 'v', OPTION_FLAG, offsetof(type, m.verbose), NULL,                           \
			"say when observation has begun"                                                \
	}

/* Runs it and returns the exit code. argv NULL: the whole host. */
int observe(const struct observe_options *o, char *const *argv);

#endif
