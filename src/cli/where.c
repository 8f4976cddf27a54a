/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/where.h"

#include "src/base/cleanup.h"
#include "src/base/human.h"

#define SUPERVISOR_SHARE 4  /* 1/4 of its thread time */
#define PART_SHARE_MIN	 20 /* 1/20: smaller parts say nothing in a table */

struct unit { /* what is to be explained */
	uint64_t wall_ns;
	uint64_t alive_ns; /* of it, with a process alive */
	const struct wire_ledger *ledger;
	uint64_t working_ns[LEDGER_STATES]; /* waits that explain first ... */
	uint64_t all_ns[LEDGER_STATES];	    /* ... and second */
};

/* Waits for somebody else, those that idle helper threads use least first. */
static const enum ledger_state coordination[] = {
	LEDGER_SLEEP, LEDGER_STOPPED, LEDGER_PIPE, LEDGER_CHILD, LEDGER_POLL, LEDGER_LOCK,
};

static bool is_active(unsigned state)
{
	for (size_t i = 0; i < ARRAY_SIZE(coordination); i++)
		if (coordination[i] == state)
			return false;
	return true;
}

static uint64_t active_ns(const struct wire_ledger *l)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LEDGER_STATES; i++)
		sum += is_active(i) ? l->state_ns[i] : 0;
	return sum;
}

/* The active states in proportion, so that they add up to part_of_wall exactly. */
static void add_active(struct where *w, const struct wire_ledger *l, uint64_t active,
		       uint64_t part_of_wall)
{
	uint64_t left = part_of_wall;
	unsigned largest = LEDGER_CPU;

	for (unsigned i = 0; i < LEDGER_STATES; i++) {
		uint64_t share;

		if (!is_active(i) || !l->state_ns[i])
			continue;
		share = (uint64_t)((unsigned __int128)l->state_ns[i] * part_of_wall / active);
		w->ns[i] += share;
		left -= share;
		if (l->state_ns[i] > l->state_ns[largest])
			largest = i;
	}
	w->ns[largest] += left;
	w->total_ns += part_of_wall;
}

/* The wait that covers half of the rest, or WHERE_PARTS. */
static unsigned covering(const uint64_t waits[LEDGER_STATES], uint64_t rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(coordination); i++)
		if (waits[coordination[i]] && waits[coordination[i]] >= rest / 2)
			return coordination[i];
	return WHERE_PARTS;
}

static unsigned largest_wait(const uint64_t waits[LEDGER_STATES])
{
	unsigned largest = WHERE_PARTS;

	for (size_t i = 0; i < ARRAY_SIZE(coordination); i++) {
		enum ledger_state state = coordination[i];

		if (waits[state] && (largest == WHERE_PARTS || waits[state] > waits[largest]))
			largest = state;
	}
	return largest;
}

static unsigned explains_rest(const struct unit *u, uint64_t rest)
{
	unsigned part = covering(u->working_ns, rest);

	if (part == WHERE_PARTS)
		part = covering(u->all_ns, rest);
	if (part == WHERE_PARTS)
		part = largest_wait(u->all_ns);
	if (part == WHERE_PARTS && u->ledger->state_ns[LEDGER_CHILD])
		part = LEDGER_CHILD;
	return part == WHERE_PARTS ? WHERE_IDLE : part;
}

static void add_unit(struct where *w, const struct unit *u)
{
	uint64_t alive = u->alive_ns < u->wall_ns ? u->alive_ns : u->wall_ns;
	uint64_t active = active_ns(u->ledger);
	uint64_t used = active < alive ? active : alive, rest = alive - used;

	if (!u->ledger->thread_ns)
		return;
	add_active(w, u->ledger, active, used);
	if (rest)
		w->ns[explains_rest(u, rest)] += rest;
	w->ns[WHERE_IDLE] += u->wall_ns - alive;
	w->total_ns += u->wall_ns - used;
}

static void add_waits(uint64_t waits[LEDGER_STATES], const struct wire_ledger *l, bool children)
{
	for (size_t i = 0; i < ARRAY_SIZE(coordination); i++)
		if (coordination[i] != LEDGER_CHILD || children)
			waits[coordination[i]] += l->state_ns[coordination[i]];
}

static bool is_supervisor(const struct wire_ledger *l)
{
	return l->state_ns[LEDGER_CHILD] >= l->thread_ns / SUPERVISOR_SHARE;
}

/* One process or tool: threads are never alive for less than its wall time, but a
 * tool of several processes may have had gaps between them. */
static void add_single(struct where *w, const struct wire_ledger *l, uint64_t wall_ns)
{
	struct unit u = { .ledger = l };

	u.wall_ns = wall_ns && wall_ns < l->thread_ns ? wall_ns : l->thread_ns;
	u.alive_ns = u.wall_ns;
	add_waits(u.working_ns, l, true);
	add_waits(u.all_ns, l, true);
	add_unit(w, &u);
}

static void add_group(struct where *w, struct unit *u, const struct tool_entry *tools)
{
	for (; tools; tools = tools->next)
		if (!is_supervisor(&tools->row.ledger))
			add_waits(u->working_ns, &tools->row.ledger, false);
	add_waits(u->all_ns, u->ledger, false);
	add_unit(w, u);
}

static uint64_t span(uint64_t start_ns, uint64_t end_ns)
{
	return end_ns > start_ns ? end_ns - start_ns : 0;
}

void where_add_process(struct where *w, const struct process_row *process)
{
	add_single(w, &process->ledger, span(process->start_ns, process->end_ns));
}

void where_add_tool(struct where *w, const struct tool_row *tool)
{
	add_single(w, &tool->ledger, span(tool->start_ns, tool->end_ns));
}

uint64_t task_end_ns(const struct task_row *task, const struct run_row *run)
{
	if (task->end_ns >= task->start_ns)
		return task->end_ns;
	return run->end_ns > task->start_ns ? run->end_ns : task->start_ns + task->busy_ns;
}

void where_add_task(struct where *w, const struct task_entry *task, const struct run_row *run)
{
	struct unit u = { .ledger = &task->row.ledger };

	u.wall_ns = span(task->row.start_ns, task_end_ns(&task->row, run));
	u.alive_ns = task->row.busy_ns ? task->row.busy_ns : u.wall_ns;
	add_group(w, &u, task->tools);
}

void where_add_run(struct where *w, const struct snapshot *s)
{
	struct unit u = { .ledger = &s->run.ledger };

	for (const struct task_entry *t = s->tasks; t; t = t->hh.next)
		where_add_task(w, t, &s->run);
	if (s->tasks)
		return;
	u.wall_ns = span(s->run.start_ns, s->run.end_ns);
	if (!u.wall_ns || u.wall_ns > s->run.ledger.thread_ns)
		u.wall_ns = s->run.ledger.thread_ns;
	u.alive_ns = u.wall_ns;
	add_group(w, &u, s->tools);
}

bool where_known(const struct run_row *run)
{
	return run->features & FEATURE_WAIT_CLASS;
}

void where_add(struct where *to, const struct where *more)
{
	for (unsigned i = 0; i < WHERE_PARTS; i++)
		to->ns[i] += more->ns[i];
	to->total_ns += more->total_ns;
}

unsigned where_order(const struct where *w, unsigned order[WHERE_PARTS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < WHERE_PARTS; i++) {
		unsigned at = n;

		if (!w->ns[i])
			continue;
		for (; at && w->ns[order[at - 1]] < w->ns[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
		n++;
	}
	return n;
}

void where_short(struct str *out, const struct where *w, unsigned max_parts)
{
	unsigned order[WHERE_PARTS];
	unsigned n = where_order(w, order);
	char buf[HUMAN_MAX];

	for (unsigned i = 0; i < n && i < max_parts; i++)
		if (!i || w->ns[order[i]] >= w->total_ns / PART_SHARE_MIN)
			str_addf(out, "%s%s %s", i ? ", " : "", where_word(order[i]),
				 human_percent(buf, w->ns[order[i]], w->total_ns));
	if (!n)
		str_add(out, HUMAN_UNKNOWN);
}

const char *where_word(unsigned part)
{
	static const char *const words[WHERE_PARTS] = {
		[LEDGER_CPU] = "CPU",	      [LEDGER_RUNQ] = "CPU queue",
		[LEDGER_DISK] = "disk",	      [LEDGER_NET] = "network",
		[LEDGER_PIPE] = "pipe",	      [LEDGER_LOCK] = "thread",
		[LEDGER_CHILD] = "child",     [LEDGER_SLEEP] = "sleep",
		[LEDGER_POLL] = "event",      [LEDGER_RECLAIM] = "memory",
		[LEDGER_STOPPED] = "stopped", [LEDGER_OTHER] = "kernel",
		[WHERE_IDLE] = "idle",
	};

	return words[part];
}

const char *where_sentence(unsigned part)
{
	static const char *const sentences[WHERE_PARTS] = {
		[LEDGER_CPU] = "on a CPU",
		[LEDGER_RUNQ] = "waiting for a free CPU",
		[LEDGER_DISK] = "waiting for the disk",
		[LEDGER_NET] = "waiting for the network",
		[LEDGER_PIPE] = "waiting for a pipe",
		[LEDGER_LOCK] = "waiting for another thread",
		[LEDGER_CHILD] = "waiting for a child process",
		[LEDGER_SLEEP] = "sleeping",
		[LEDGER_POLL] = "waiting for an event (poll)",
		[LEDGER_RECLAIM] = "waiting for free memory",
		[LEDGER_STOPPED] = "stopped",
		[LEDGER_OTHER] = "blocked in the kernel",
		[WHERE_IDLE] = "without a process",
	};

	return sentences[part];
}
