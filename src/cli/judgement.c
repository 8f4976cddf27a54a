/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/failure.h"
#include "src/analysis/stall.h"
#include "src/analysis/structure.h"
#include "src/cli/tune.h"
#include "src/cli/tune_facts.h"

int judgement_make(struct judgement *j, struct store *store, int64_t run_id)
{
	int r;

	*j = (struct judgement){ 0 };
	r = tune_facts_load(&j->facts, store, run_id);
	if (r >= 0)
		r = failures_explain(&j->facts, &j->findings);
	if (r >= 0)
		r = stalls_find(&j->facts, &j->findings);
	if (r >= 0 && !run_facts_missing(&j->facts)) {
		r = units_make(&j->units, &j->facts);
		if (r >= 0)
			r = structure_find(&j->facts, &j->units, &j->findings);
		if (r >= 0)
			r = retries_find(&j->facts, &j->findings);
		if (r >= 0)
			r = contention_make(&j->contention, &j->facts, &j->units);
	}
	if (r >= 0)
		r = bottlenecks_find(&j->facts, &j->units, &j->findings);
	findings_sort(&j->findings);
	return r < 0 ? r : 0;
}

void judgement_fini(struct judgement *j)
{
	findings_fini(&j->findings);
	units_fini(&j->units);
	run_facts_fini(&j->facts);
}
