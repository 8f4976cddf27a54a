/* SPDX-License-Identifier: Apache-2.0 */
/* What the tasks of one unit of a run say of the size they need: nothing of other runs. */
#ifndef TRACER_ANALYSIS_UNIT_SIZE_H
#define TRACER_ANALYSIS_UNIT_SIZE_H

#include "src/analysis/bottleneck.h"
#include "src/analysis/size_advice.h"

/* Name points to that of the unit. 0, -ENOENT: no task of it is over, -ENOMEM. */
int unit_size(const struct run_facts *f, const struct unit *u, struct size_advice *ret);

#endif
