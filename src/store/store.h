/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: rows in, queries out. One writer, many readers. Driver: sqlite*.c.
 * The schema (src/store/sql/) is documented in docs/database.md; its views are a
 * public API. Not thread-safe: one handle per thread. A handle does not survive
 * fork().
 */
#ifndef TRACER_STORE_H
#define TRACER_STORE_H

#include "src/model/rows.h"

struct store;

enum store_mode { STORE_READ, STORE_WRITE };

/* Opens (STORE_WRITE: creates with mode 0600 in directories of 0700, migrates)
 * the database at path; STORE_READ creates nothing and works beside a writer.
 * Errors: -ENOENT no such database, or nothing recorded in it yet, -EACCES,
 * -EBUSY locked beyond the time-out (5 s), -EPROTO written by a newer version,
 * -ESTALE read of an older one, -EUCLEAN damaged or not a database of tracer,
 * -ENOSPC, -EIO, -ENOMEM, -EROFS. A refused database is left as it was. */
int store_open(const char *path, enum store_mode mode, struct store **ret);
void store_close(struct store *s); /* commits: call store_commit() first to learn of losses */
/* Of any error of this interface, what it means and what to do, as the end of a
 * message that names the database: "no space left for the database; make room ...". */
const char *store_strerror(int error);

/*
 * Writing. Rows are upserts by their ids: a resend is harmless. They wait in a
 * bounded batch in memory, so that the database is locked for milliseconds only
 * and several recorders may share it; when the batch is full it is written, and
 * store_commit() writes what there is. Readers, this handle's too, see only what
 * is written. What is written survives the end of this process, killed or not; a
 * power cut may take what was written since the last checkpoint (8 MiB of log).
 *
 * store_put_*() return 0 or, for a caller's mistake, -EINVAL (an id <= 0, a
 * process whose id is not run_id << 32 | n, a NULL uid, path or kind), -EROFS on a
 * handle for reading. Trouble of the disk is told by the next store_commit(): the
 * first error, and in *ret_rows_lost (written always) how many rows were lost.
 *  - -ENOSPC, -EIO, -EUCLEAN, -ENOMEM: the batch was rolled back, its rows are lost.
 *  - -EBUSY: the database stayed locked for 5 s. The batch is kept (0 lost) and
 *    tried again, until it is full: then its rows are lost and counted.
 *  - -EINVAL, -E2BIG: single rows that contradict another (the uid of another
 *    run) or are larger than 128 KiB were lost; the rest is written.
 * Later commits work again as soon as the cause is gone.
 */
int store_run_new(struct store *s, const char *uid,
		  int64_t *ret_run_id); /* existing uid: its id, rows cleared */
int store_put_run(struct store *s, const struct run_row *row);
int store_put_process(struct store *s, const struct process_row *row);
int store_put_exec(struct store *s, const struct exec_row *row);
int store_put_task(struct store *s, const struct task_row *row);
int store_put_scope(struct store *s, const struct scope_row *row);
int store_put_tool(struct store *s, const struct tool_row *row);
int store_put_file(struct store *s, const struct file_row *row);
int store_put_cgroup(struct store *s, const struct cgroup_row *row);
int store_put_incident(struct store *s, const struct incident_row *row);
int store_put_text(struct store *s, const struct text_row *row);
int store_commit(struct store *s, uint64_t *ret_rows_lost);

/* Reading: visitors see one row at a time, borrowed. A visitor's non-zero return
 * stops the walk and is returned. Order: as documented for each. */
/* selector: uid, unique prefix of one, name (its newest run) or "latest".
 * -ENOENT none, -ENOTUNIQ a prefix of several. */
int store_find_run(struct store *s, const char *selector, int64_t *ret_run_id);
int store_get_run(struct store *s, int64_t run_id,
		  int (*visit)(void *ctx, const struct run_row *row), void *ctx);
int store_each_run(struct store *s, unsigned limit, /* newest first; 0: all */
		   int (*visit)(void *ctx, const struct run_row *row), void *ctx);
int store_each_task(struct store *s, int64_t run_id, /* by start */
		    int (*visit)(void *ctx, const struct task_row *row), void *ctx);
int store_each_scope(struct store *s, int64_t run_id, /* by id: parents first */
		     int (*visit)(void *ctx, const struct scope_row *row), void *ctx);
int store_each_tool(struct store *s, int64_t run_id, /* by task, then CPU descending */
		    int (*visit)(void *ctx, const struct tool_row *row), void *ctx);
/* By id, which is the order of creation. exec is the last one, or NULL for a
 * fork that never ran another program; parent is NULL when outside the run. */
struct process_view {
	const struct process_row *process;
	const struct exec_row *exec;
	const char *task_name, *tool_name;
	uint32_t parent_pid;
	uint64_t parent_start_boot_ns; /* 0: no parent */
};
int store_each_process(struct store *s, int64_t run_id,
		       int (*visit)(void *ctx, const struct process_view *row), void *ctx);
int store_each_exec(struct store *s, int64_t run_id, /* by process, n */
		    int (*visit)(void *ctx, const struct exec_row *row), void *ctx);
int store_each_file(struct store *s, int64_t run_id, /* by process, path */
		    int (*visit)(void *ctx, const struct file_row *row,
				 const struct process_view *process),
		    void *ctx);
/* Those with an error only, by process and path; their processes are not looked up. */
int store_each_file_error(struct store *s, int64_t run_id,
			  int (*visit)(void *ctx, const struct file_row *row), void *ctx);
int store_each_pipe(struct store *s, int64_t run_id, /* by process */
		    int (*visit)(void *ctx, const struct file_row *row), void *ctx);
/* Whether its process opened a file of the same name in another directory: 1, 0, < 0. */
int store_found_elsewhere(struct store *s, const struct file_row *row);
/* Sizes of all files that were opened for reading, each once. */
int store_get_read_set(struct store *s, int64_t run_id, uint64_t *ret_bytes);
/* For those who go through all of a large run: of each process only id, parent, task,
 * tool, pid, times, how it ended, comm and file_events_dropped; and the files alone. */
int store_each_process_span(struct store *s, int64_t run_id, /* by id */
			    int (*visit)(void *ctx, const struct process_row *row), void *ctx);
/* Of each process only what it used and whose it is: id, task, tool, pid, uid, times,
 * kernel_thread, both peaks of memory, comm, container, CPU time, bytes of storage and
 * of sockets. */
int store_each_process_use(struct store *s, int64_t run_id, /* by id */
			   int (*visit)(void *ctx, const struct process_row *row), void *ctx);
int store_each_file_row(struct store *s, int64_t run_id, /* by process, path */
			int (*visit)(void *ctx, const struct file_row *row), void *ctx);
int store_each_incident(struct store *s, int64_t run_id,
			int (*visit)(void *ctx, const struct incident_row *row), void *ctx);
int store_each_text(struct store *s, int64_t run_id, /* by n */
		    int (*visit)(void *ctx, const struct text_row *row), void *ctx);
int store_each_cgroup(struct store *s, int64_t run_id,
		      int (*visit)(void *ctx, const struct cgroup_row *row), void *ctx);

/* Forgets the derived columns and tables of a run, for `tracer rebuild`. */
int store_clear_derived(struct store *s, int64_t run_id);

#endif
