/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Totals: what each tool of a task used, and the rows made of it. Every piece is
 * added to its tool, to its task and to the run at once, so they always agree.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/track/tracker.h"

#define FOLDED_TOOLS "(other tools)" /* beyond the limit; one a task */

static struct tool *tool_new(struct tracker *t, struct task *task, const char *key, size_t key_len)
{
	struct tool *tool = calloc(1, sizeof(*tool) + key_len + 1);

	if (!tool)
		return NULL;
	memcpy(tool->key, key, key_len);
	tool->key_len = (uint16_t)key_len;
	tool->name_len = (uint16_t)strlen(tool->key);
	HASH_ADD(hh, task->tools, key, tool->key_len, tool);
	if (!tool->hh.tbl) {
		free(tool);
		return NULL;
	}
	tool->id = tracker_row_id(t, ++t->next_tool);
	t->n_tools++;
	return tool;
}

static struct tool *find(struct task *task, const char *key, size_t key_len)
{
	struct tool *tool;

	HASH_FIND(hh, task->tools, key, key_len, tool);
	return tool;
}

struct tool *tool_get(struct tracker *t, struct task *task, const char *name, const char *component)
{
	char key[2 * TOOL_TEXT_MAX];
	size_t len;
	struct tool *tool;

	str_copy(key, TOOL_TEXT_MAX, name);
	len = strlen(key);
	if (component) {
		str_copy(key + len + 1, TOOL_TEXT_MAX, component);
		len += 1 + strlen(key + len + 1);
	}
	tool = find(task, key, len);
	if (tool)
		return tool;
	if (t->n_tools < t->options.limits.tools)
		return tool_new(t, task, key, len);
	t->tools_folded++;
	tool = find(task, FOLDED_TOOLS, sizeof(FOLDED_TOOLS) - 1);
	return tool ? tool : tool_new(t, task, FOLDED_TOOLS, sizeof(FOLDED_TOOLS) - 1);
}

bool tool_is_of(struct task *task, const struct tool *tool)
{
	return tool && find(task, tool->key, tool->key_len) == tool;
}

void tool_book(struct tracker *t, struct task *task, struct tool *tool,
	       const struct wire_ledger *piece)
{
	ledger_add(&tool->ledger, piece);
	ledger_add(&t->run.ledger, piece);
	if (task != &t->run)
		ledger_add(&task->ledger, piece);
	tool->dirty = true;
	task->dirty = true;
}

void tool_unbook(struct tracker *t, struct task *task, struct tool *tool,
		 const struct wire_ledger *piece)
{
	ledger_sub(&tool->ledger, piece);
	ledger_sub(&t->run.ledger, piece);
	if (task != &t->run)
		ledger_sub(&task->ledger, piece);
}

void tool_peak(struct task *task, struct tool *tool, uint64_t peak_rss_bytes)
{
	if (tool->peak_rss_bytes < peak_rss_bytes)
		tool->peak_rss_bytes = peak_rss_bytes;
	if (task->up && task->peak_rss_bytes < peak_rss_bytes)
		task->peak_rss_bytes = peak_rss_bytes;
}

int tools_send(struct tracker *t, struct task *task, bool all)
{
	struct tool *tool, *tmp;
	int err;

	HASH_ITER (hh, task->tools, tool, tmp) {
		struct tool_row row = {
			.id = tool->id,
			.run_id = t->options.run_id,
			.task = task->id,
			.name = tool->key,
			.component = tool->key_len > tool->name_len ? tool->key + tool->name_len + 1
								    : NULL,
			.path = tool->path,
			.processes = tool->processes,
			.failed = tool->failed,
			.start_ns = tracker_unix_ns(t, tool->start_ns),
			.end_ns = tool->alive ? 0 : tracker_unix_ns(t, tool->end_ns),
			.peak_rss_bytes = tool->peak_rss_bytes,
			.ledger = tool->ledger,
		};

		if (!all && !tool->dirty)
			continue;
		tool->dirty = false;
		err = t->sink.tool(t->sink.ctx, &row);
		if (err)
			return err;
	}
	return 0;
}

void tools_free(struct tracker *t, struct task *task)
{
	struct tool *tool, *tmp;

	HASH_ITER (hh, task->tools, tool, tmp) {
		HASH_DELETE(hh, task->tools, tool);
		free(tool->path);
		free(tool);
		t->n_tools--;
	}
}

int task_send(struct tracker *t, struct task *task)
{
	uint64_t busy_ns = task->busy_ns;
	struct task_row row = {
		.id = task->id,
		.run_id = t->options.run_id,
		.parent = task->up->id,
		.name = task->name,
		.key = task->key,
		.sample = task->sample,
		.rule = task->rule ? rule_id(task->rule) : NULL,
		.kind = task->kind,
		.scope = task->scope,
		.of_run = task->of_run,
		.cpus_source = task->cpus_source,
		.memory_source = task->memory_source,
		.evidence = task->evidence,
		.attempt = task->attempt,
		.confidence = task->confidence,
		.status = task->closed ? task->status : TASK_STATUS_RUNNING,
		.exit_code = task->root_ended ? task->exit_code : -1,
		.signal = task->signal,
		.start_ns = tracker_unix_ns(t, task->start_ns),
		.end_ns = task->closed ? tracker_unix_ns(t, task->end_ns) : 0,
		.requested_cpus = task->cpus,
		.requested_memory_bytes = task->memory_bytes,
		.root_process = tracker_row_id(t, task->root),
		.processes = task->processes,
		.peak_rss_bytes = task->peak_rss_bytes,
		.ledger = task->ledger,
	};

	if (task->alive && t->now_ns > task->busy_since_ns)
		busy_ns += t->now_ns - task->busy_since_ns;
	row.busy_ns = busy_ns;
	task->dirty = false;
	return t->sink.task(t->sink.ctx, &row);
}
