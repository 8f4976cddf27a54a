/* SPDX-License-Identifier: Apache-2.0 */
/* See repair.h. */
#include "src/agent/repair.h"

#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#include "src/store/store.h"

struct repair {
	struct store *store;
	const struct command_process *command;
};

static int put_interrupted(void *ctx, const struct run_row *row)
{
	struct repair *repair = ctx;
	struct run_row fixed = *row;
	int status = repair->command->status;
	struct timespec now;

	if (row->status != RUN_RUNNING)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	fixed.status = RUN_INTERRUPTED;
	fixed.end_ns = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
	fixed.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	fixed.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	fixed.notes = "[\"the recorder was killed: what happened after its last batch is "
		      "missing\"]";
	return store_put_run(repair->store, &fixed);
}

int repair_interrupted(const char *db, const char *run_uid, const struct command_process *command)
{
	struct repair repair = { .command = command };
	uint64_t lost;
	int64_t id;
	int r = store_open(db, STORE_WRITE, &repair.store);

	if (r < 0)
		return r;
	r = store_find_run(repair.store, run_uid, &id);
	if (r >= 0)
		r = store_get_run(repair.store, id, put_interrupted, &repair);
	if (r >= 0)
		r = store_commit(repair.store, &lost);
	store_close(repair.store);
	return r;
}
