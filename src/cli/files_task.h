/* SPDX-License-Identifier: Apache-2.0 */
/* Files by task: what each task of a run, and the run as a whole, used. */
#ifndef TRACER_CLI_FILES_TASK_H
#define TRACER_CLI_FILES_TASK_H

#include "src/cli/sheet.h"
#include "src/store/store.h"

struct task_files;

extern const enum field_id task_files_fields[], task_files_table[];

/* With the tasks of the run. 0 or -errno; free it in either case. */
int task_files_new(struct store *store, int64_t run_id, struct task_files **ret);
void task_files_free(struct task_files *t);
int task_files_add(struct task_files *t, int64_t task, const struct file_row *row);
/* A row a task, one for what no task did, and one for the run ("(run)"). */
int task_files_print(struct task_files *t, struct sheet *sheet);

#endif
