/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds arbitrary bytes as a stream of records: nothing may crash, every row must
 * balance and the run must be the sum of its processes. With clang's libFuzzer
 * (-fsanitize=fuzzer) or, by driver.c, over files and random changes of them.
 */
#include <stdlib.h>
#include <string.h>

#include "src/model/event.h"
#include "src/model/ledger.h"
#include "src/track/rules.h"
#include "src/track/track.h"
#include "tests/fuzz/fuzz.h"
#include "tests/golden/books.h"

static int on_run(void *ctx, const struct run_row *r)
{
	books_run(ctx, r);
	return 0;
}

static int on_process(void *ctx, const struct process_row *r)
{
	books_process(ctx, r);
	return strlen(r->comm) > WIRE_COMM_LEN ? abort(), 0 : 0;
}

static int on_exec(void *ctx, const struct exec_row *r)
{
	return r->argv.len && r->argv.data[r->argv.len - 1] ? abort(), 0 : 0;
}

static int on_task(void *ctx, const struct task_row *r)
{
	books_task(ctx, r);
	return 0;
}

static int on_scope(void *ctx, const struct scope_row *row)
{
	return 0;
}

static int on_tool(void *ctx, const struct tool_row *r)
{
	books_tool(ctx, r);
	return 0;
}

static int on_file(void *ctx, const struct file_row *r)
{
	return r->path[0] ? 0 : (abort(), 0);
}

static int on_cgroup(void *ctx, const struct cgroup_row *row)
{
	return row->path[0] ? 0 : (abort(), 0);
}

static int on_incident(void *ctx, const struct incident_row *r)
{
	return r->detail ? 0 : (abort(), 0);
}

static void on_stall(void *ctx, unsigned slot, const struct stall_state *state)
{
	if (slot >= STALLS_MAX || state->end > STALL_EXITED || state->unit > STALL_PROCESS ||
	    (state->task && strlen(state->task) > 4096))
		abort();
}

/* Records are framed here as the recorder does it; the copy makes them aligned
 * and lets the sanitizer see any step beyond them. */
static void feed(struct tracker *t, const uint8_t *data, size_t size)
{
	struct wire_header h, *copy;
	unsigned n = 0;

	while (size >= sizeof(h)) {
		memcpy(&h, data, sizeof(h));
		if (h.size < sizeof(h) || h.size > size || h.size > WIRE_RECORD_MAX)
			return;
		copy = malloc(h.size);
		if (!copy)
			return;
		memcpy(copy, data, h.size);
		tracker_feed(t, copy);
		free(copy);
		if (n % 8 == 0)
			tracker_stalls(t, on_stall, NULL);
		if (++n % 16 == 0)
			tracker_flush(t, 1000);
		data += h.size;
		size -= h.size;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rules *rules;
	struct rules_error error;
	struct books *books = books_new();
	struct track_sink sink = { .ctx = books,
				   .run = on_run,
				   .process = on_process,
				   .exec = on_exec,
				   .task = on_task,
				   .scope = on_scope,
				   .tool = on_tool,
				   .file = on_file,
				   .cgroup = on_cgroup,
				   .incident = on_incident };
	struct tracker_options options = {
		.run_id = 1,
		.stall_after_ns = 50000000,
		.limits = { .live_processes = 32,
			    .ended_processes = 8,
			    .open_tasks = 8,
			    .tools = 16,
			    .files_per_process = 8 },
	};
	struct tracker *t;

	if (!rules && rules_load(NULL, 0, &rules, &error) < 0)
		abort();
	options.rules = rules;
	if (!books || tracker_new(&options, &sink, &t) < 0)
		abort();
	feed(t, data, size);
	if (tracker_finish(t, size % 2, 0, 0) < 0 || books_check(books, stderr))
		abort();
	tracker_free(t);
	books_free(books);
	return 0;
}
