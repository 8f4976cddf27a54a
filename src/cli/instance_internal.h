/* SPDX-License-Identifier: Apache-2.0 */
/* What the subjects of instance_subject.c and instance_whole.c share. */
#ifndef TRACER_CLI_INSTANCE_INTERNAL_H
#define TRACER_CLI_INSTANCE_INTERNAL_H

#include "src/cli/instance_subject.h"

/* Cores that tasks of its run kept busy while each task of history ran, in the mean: others of
 * the host are not known. NULL: no memory. */
double *busy_cores_make(const struct history *h);
/* Did tasks wait for CPUs that they did not use themselves? Their times then say little. */
bool subject_held_up(const struct inquiry *q, const struct where *w, double busy_cores);
double run_seconds(const struct run_row *run);		 /* 0: not ended, or the clock went back */
double task_queue_seconds(const struct history_task *t); /* waits for a CPU */
double task_work_seconds(const struct history_task *t);	 /* without them; > 0 */
double task_cpu_share(const struct history_task *t);	 /* of task_work_seconds() */
double subject_share(const struct where *w, unsigned part);
void subject_need_machine(const struct inquiry *q, struct instance_need *need);
/* What the machine had matters where tasks waited for it. */
void subject_need_bandwidth(const struct inquiry *q, const struct where *w,
			    struct instance_need *need);
/* Why prices are no candidates, from q->outcomes. */
void subject_count(struct subject *s, const struct inquiry *q);
void subject_choose(const struct inquiry *q, struct subject *s);
/* What is not known of interruptions widens the range of spot. */
void subject_widen(const struct inquiry *q, const struct instance *i, double hours,
		   const struct instance_outcome *o, struct instance_range *range);
int subject_judge_run(struct inquiry *q); /* adds the run as a subject; 0 or -errno */

#endif
