/* SPDX-License-Identifier: Apache-2.0 */
/* Event records made of rows: the way back from the store to the event stream. */
#ifndef TRACER_CLI_REBUILD_RECORD_H
#define TRACER_CLI_REBUILD_RECORD_H

#include "src/model/rows.h"

struct draft { /* one under construction; texts follow the fixed part */
	union {
		struct wire_header header;
		struct wire_run_begin run;
		struct wire_host host;
		struct wire_fork fork;
		struct wire_exec exec;
		struct wire_exit exit;
		struct wire_sample sample;
		struct wire_file_event file;
		struct wire_cgroup cgroup;
		struct wire_signal signal;
		struct wire_rename rename;
		struct wire_text text;
		struct wire_run_end run_end;
		char bytes[WIRE_RECORD_MAX];
	};
	size_t used;
	bool overflow;
};

struct record_place {
	const struct process_row *process, *parent; /* parent NULL: outside */
	int64_t offset_ns;
};

/* A signal that it was sent, or a title that it took. */
struct signal_fact {
	uint64_t time_ns;
	size_t process;
	uint32_t signal;
	const char *title;	      /* NULL: it is a signal */
	const struct wire_ledger *by; /* what it had used by then; NULL: not known */
};

/* Each starts a record anew; record_end() completes it: its size or -E2BIG. */
void synthesise_run(struct draft *r, const struct run_row *run);
void record_host(struct draft *r, const struct run_row *run, int64_t offset_ns);
void record_cgroup(struct draft *r, const struct cgroup_row *row);
void record_fork(struct draft *r, const struct record_place *at);
void record_exec(struct draft *r, const struct record_place *at, const struct exec_row *x);
void record_exit(struct draft *r, const struct record_place *at);
void record_sample(struct draft *r, const struct record_place *at, uint64_t time_ns);
void record_file(struct draft *r, const struct record_place *at, const struct file_row *f);
void record_unlink(struct draft *r, const struct record_place *at, const struct file_row *f);
void record_signal(struct draft *r, const struct record_place *at, uint32_t signal,
		   uint64_t time_ns);
void record_title(struct draft *r, const struct record_place *at, const struct signal_fact *title);
void record_lines(struct draft *r, const struct text_row *row, int64_t offset_ns);
void record_run_end(struct draft *r, const struct run_row *run, int64_t offset_ns);
int record_end(struct draft *r);

#endif
