/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored facts of one run, in memory and in order of time, and the event
 * records made of them again. What was derived from them is not read.
 */
#ifndef TRACER_CLI_REBUILD_FACTS_H
#define TRACER_CLI_REBUILD_FACTS_H

#include "src/base/arena.h"
#include "src/cli/rebuild_record.h"
#include "src/store/store.h"
#include "src/track/track.h"

enum step_kind {
	STEP_FORK,
	STEP_EXEC,
	STEP_TITLE,
	STEP_FILE,
	STEP_UNLINK,
	STEP_SIGNAL,
	STEP_END,
	STEP_TEXT
};

struct step {
	uint64_t time_ns; /* Unix */
	size_t process;	  /* index; of a text none: after what happened at that time */
	enum step_kind kind;
	size_t index; /* into the rows of its kind */
};

struct file_fact {
	struct file_row row;
	size_t process;
};

struct facts {
	struct arena arena;
	struct run_row run;
	struct process_row *processes; /* by id */
	size_t *first_exec; /* index of a process's first exec; n_processes + 1 of them */
	struct exec_row *execs;
	struct file_fact *files;
	struct signal_fact *signals;
	struct text_row *texts;
	struct step *steps;
	size_t n_processes, n_execs, n_files, n_signals, n_texts, n_steps;
	size_t room_processes, room_execs, room_files, room_signals, room_texts, room_steps;
	int64_t offset_ns; /* Unix time - CLOCK_BOOTTIME */
};

/* 0 or -errno; facts_fini() in any case. */
int facts_read(struct store *s, int64_t run_id, struct facts *ret);
void facts_fini(struct facts *f);
/* Feeds all steps, then RUN_END. *ret_order[k] is the index of the k-th process
 * that the tracker met, from 0. 0 or the first error. */
int facts_feed(struct store *s, const struct facts *f, struct tracker *t, size_t *ret_order);

#endif
