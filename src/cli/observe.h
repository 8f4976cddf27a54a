/* SPDX-License-Identifier: Apache-2.0 */
/* What `run` and `record` share: options of an observation (their table is in
 * observe_options.def), rules, the report. */
#ifndef TRACER_CLI_OBSERVE_H
#define TRACER_CLI_OBSERVE_H

#include "src/agent/session.h"
#include "src/cli/options.h"

struct observe_options {
	const char *db, *log, *name, *user, *stall_after;
	const char *provider, *type, *region, *zone, *lifecycle, *resource, *metadata;
	struct option_list labels, rules;
	bool quiet, verbose, strict, no_files, files, no_engine_files, all, detect;
	bool log_only; /* no database unless one is named */
	unsigned ring_kib, sample_ms, duration_s;
};

/* Runs it and returns the exit code. argv NULL: the whole host. */
int observe(const struct observe_options *o, char *const *argv);

#endif
