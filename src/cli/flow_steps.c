/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/flow_steps.h"

#include <errno.h>
#include <stdio.h>

static struct flow_process *find(struct flow_process *processes, size_t n, int64_t id)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (processes[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && processes[low].id == id ? &processes[low] : NULL;
}

/* How many children a process has, and the first of them. */
static size_t children(struct flow_process *processes, size_t n, int64_t id,
		       struct flow_process **ret_first)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (processes[i].parent == id && !found++)
			*ret_first = &processes[i];
	return found;
}

/* Whose children are the steps; *ret_self: it has none and is the only one. NULL: there
 * is no one process that all descend from. */
static struct flow_process *find_top(struct flow_process *processes, size_t n, bool *ret_self)
{
	struct flow_process *top = NULL, *child = NULL;
	size_t found = children(processes, n, 0, &top);

	if (found != 1)
		return NULL;
	for (unsigned depth = 0; depth < 8; depth++) { /* wrappers start just one program */
		found = children(processes, n, top->id, &child);
		if (found != 1)
			break;
		top = child;
	}
	*ret_self = found == 0;
	return top;
}

static const char *tool_name(const struct snapshot *s, int64_t tool)
{
	for (const struct tool_entry *t = s->tools; t && tool; t = t->next)
		if (t->row.id == tool)
			return t->row.name;
	return NULL;
}

static int make_row(struct snapshot *s, const struct flow_process *p, struct task_row *ret)
{
	const char *tool = tool_name(s, p->tool), *name = tool ? tool : p->comm;
	char key[32];

	snprintf(key, sizeof(key), "pid:%u", p->pid);
	*ret = (struct task_row){
		.id = p->id,
		.run_id = s->run.id,
		.name = arena_text(&s->arena, name ? name : "?"),
		.key = arena_text(&s->arena, key),
		.attempt = 1,
		.status = !p->end_ns		      ? TASK_STATUS_RUNNING
			  : p->exit_code || p->signal ? TASK_STATUS_FAILED
						      : TASK_STATUS_SUCCEEDED,
		.exit_code = p->exit_code,
		.signal = p->signal,
		.start_ns = p->start_ns,
		.end_ns = p->end_ns,
		.root_process = p->id,
	};
	return ret->name && ret->key ? 0 : -ENOMEM;
}

int flow_steps_make(struct snapshot *s, struct flow_process *processes, size_t n,
		    struct task_row **ret, uint32_t *ret_n)
{
	bool self = false;
	struct flow_process *top = find_top(processes, n, &self);
	struct task_row *rows = arena_alloc(&s->arena, FLOW_STEPS_MAX * sizeof(*rows));
	uint32_t found = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; top && i < n; i++) {
		struct flow_process *p = &processes[i], *parent;

		if ((self ? p == top : p->parent == top->id) && found < FLOW_STEPS_MAX) {
			if (make_row(s, p, &rows[found++]) < 0)
				return -ENOMEM;
			p->task = p->id;
			continue;
		}
		parent = find(processes, i, p->parent); /* older, so it has been seen */
		p->task = parent ? parent->task : 0;
	}
	*ret = rows;
	*ret_n = found;
	return 0;
}
