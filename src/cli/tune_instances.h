/* SPDX-License-Identifier: Apache-2.0 */
/* tracer tune --instances: on which machines the tasks of a pipeline, and a run as a whole,
 * would be cheaper or faster. */
#ifndef TRACER_CLI_TUNE_INSTANCES_H
#define TRACER_CLI_TUNE_INSTANCES_H

#include "src/cli/tune_sizing.h"

struct tune_instances_options {
	const char *provider, *type, *region, *zone, *lifecycle, *price, *hosts;
	struct option_list prices;
	int arch, packing;
	const char *interruptions, *restart, *transfer, *gpus;
};

enum { ARCH_SAME, ARCH_ANY };
enum { PACKING_USED, PACKING_REQUESTED };

/* true: one of the options that only --instances knows was given. */
bool tune_instances_asked(const struct tune_instances_options *o);
/* Returns an exit code; it has said what was wrong. */
int tune_instances(const struct tune_sizing_options *o, const struct tune_instances_options *i,
		   const struct command_spec *spec, bool all);

#endif
