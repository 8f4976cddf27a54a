/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/tune_sizing.h"

#include <stdlib.h>

#include "src/cli/cli.h"

bool tune_number(const char *text, double low, double high, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= low) || !(value <= high))
		return false;
	*ret = value;
	return true;
}

int tune_sizing_costs(const struct tune_sizing_options *o, const struct command_spec *spec,
		      struct sizing_options *ret)
{
	double failure = 0;
	struct sizing_options costs = sizing_defaults;

	if (o->time_to_failure && !tune_number(o->time_to_failure, 0.01, 1, &costs.time_to_failure))
		return options_misuse(spec, "--time-to-failure takes 0.01 to 1, not `%s`",
				      o->time_to_failure);
	if (o->failure_cost && !tune_number(o->failure_cost, 0, 1e6, &failure))
		return options_misuse(spec, "--failure-cost takes 0 to 1000000, not `%s`",
				      o->failure_cost);
	costs.failure_byte_s = failure * GB_H;
	*ret = costs;
	return EXIT_OK;
}
