/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/where.h"

#include "src/base/human.h"

#define SUPERVISOR_SHARE 4  /* 1/4 of its thread time */
#define WAIT_SHARE_MIN	 20 /* 1/20: smaller waits say nothing in a table */

static bool is_denial(enum ledger_state state)
{
	return state == LEDGER_CPU || state == LEDGER_RUNQ || state == LEDGER_DISK ||
	       state == LEDGER_RECLAIM || state == LEDGER_OTHER;
}

static void add_states(struct where *w, const struct wire_ledger *l, bool denials_only)
{
	for (unsigned i = 0; i < LEDGER_STATES; i++) {
		if (i == LEDGER_CHILD || (denials_only && !is_denial(i)))
			continue;
		w->ns[i] += l->state_ns[i];
		w->total_ns += l->state_ns[i];
	}
}

void where_add_tool(struct where *w, const struct wire_ledger *l)
{
	bool supervisor = l->state_ns[LEDGER_CHILD] &&
			  l->state_ns[LEDGER_CHILD] >= l->thread_ns / SUPERVISOR_SHARE;

	add_states(w, l, supervisor);
}

void where_add_task(struct where *w, const struct task_entry *task)
{
	struct wire_ledger rest = task->row.ledger;

	if (!task->tools) {
		where_add_tool(w, &rest);
		return;
	}
	for (const struct tool_entry *t = task->tools; t; t = t->next) {
		where_add_tool(w, &t->row.ledger);
		for (unsigned i = 0; i < LEDGER_STATES; i++) {
			uint64_t part = t->row.ledger.state_ns[i];

			rest.state_ns[i] -= part < rest.state_ns[i] ? part : rest.state_ns[i];
		}
	}
	add_states(w, &rest, true);
}

void where_add(struct where *to, const struct where *more)
{
	for (unsigned i = 0; i < LEDGER_STATES; i++)
		to->ns[i] += more->ns[i];
	to->total_ns += more->total_ns;
}

unsigned where_order(const struct where *w, enum ledger_state order[LEDGER_STATES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < LEDGER_STATES; i++) {
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

static void add_share(struct str *out, const struct where *w, enum ledger_state state)
{
	char buf[HUMAN_MAX];

	str_addf(out, "%s%s %s", out->len ? ", " : "", state_word(state),
		 human_percent(buf, w->ns[state], w->total_ns));
}

void where_short(struct str *out, const struct where *w, unsigned max_waits)
{
	enum ledger_state order[LEDGER_STATES];
	unsigned n = where_order(w, order), waits = 0;

	if (!w->total_ns) {
		str_add(out, HUMAN_UNKNOWN);
		return;
	}
	add_share(out, w, LEDGER_CPU);
	for (unsigned i = 0; i < n && waits < max_waits; i++) {
		if (order[i] == LEDGER_CPU || w->ns[order[i]] < w->total_ns / WAIT_SHARE_MIN)
			continue;
		add_share(out, w, order[i]);
		waits++;
	}
}

const char *state_word(enum ledger_state state)
{
	static const char *const words[] = {
		[LEDGER_CPU] = "CPU",	     [LEDGER_RUNQ] = "queue",	   [LEDGER_DISK] = "disk",
		[LEDGER_NET] = "network",    [LEDGER_PIPE] = "pipe",	   [LEDGER_LOCK] = "lock",
		[LEDGER_CHILD] = "child",    [LEDGER_SLEEP] = "sleep",	   [LEDGER_POLL] = "poll",
		[LEDGER_RECLAIM] = "memory", [LEDGER_STOPPED] = "stopped", [LEDGER_OTHER] = "other",
	};

	return words[state];
}

const char *state_sentence(enum ledger_state state)
{
	static const char *const sentences[] = {
		[LEDGER_CPU] = "on a CPU",
		[LEDGER_RUNQ] = "waiting for a free CPU",
		[LEDGER_DISK] = "waiting for the disk",
		[LEDGER_NET] = "waiting on the network",
		[LEDGER_PIPE] = "waiting for the other end of a pipe",
		[LEDGER_LOCK] = "waiting for another thread",
		[LEDGER_CHILD] = "waiting for a child",
		[LEDGER_SLEEP] = "sleeping",
		[LEDGER_POLL] = "waiting for events (poll)",
		[LEDGER_RECLAIM] = "waiting for free memory",
		[LEDGER_STOPPED] = "stopped",
		[LEDGER_OTHER] = "blocked in the kernel",
	};

	return sentences[state];
}
