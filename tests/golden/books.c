/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/golden/books.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "src/model/ledger.h"

struct entry {
	UT_hash_handle hh;
	int64_t id;
	int64_t task;
	uint64_t count, expected;
	struct wire_ledger ledger, sum;
};

struct books {
	struct entry *processes, *tasks, *tools;
	struct wire_ledger run;
	uint64_t run_processes;
	unsigned unbalanced; /* rows whose states do not sum to their thread time */
};

struct books *books_new(void)
{
	return calloc(1, sizeof(struct books));
}

static void free_entries(struct entry **table)
{
	struct entry *e, *tmp;

	HASH_ITER (hh, *table, e, tmp) {
		HASH_DELETE(hh, *table, e);
		free(e);
	}
}

void books_free(struct books *b)
{
	free_entries(&b->processes);
	free_entries(&b->tasks);
	free_entries(&b->tools);
	free(b);
}

static struct entry *put(struct books *b, struct entry **table, int64_t id,
			 const struct wire_ledger *ledger)
{
	struct entry *e;

	HASH_FIND(hh, *table, &id, sizeof(id), e);
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			abort();
		e->id = id;
		HASH_ADD(hh, *table, id, sizeof(e->id), e);
	}
	e->ledger = *ledger;
	if (ledger_states_sum(ledger) != ledger->thread_ns)
		b->unbalanced++;
	return e;
}

void books_run(struct books *b, const struct run_row *r)
{
	b->run = r->ledger;
	b->run_processes = r->processes;
	if (ledger_states_sum(&r->ledger) != r->ledger.thread_ns)
		b->unbalanced++;
}

void books_process(struct books *b, const struct process_row *r)
{
	put(b, &b->processes, r->id, &r->ledger)->task = r->task;
}

void books_task(struct books *b, const struct task_row *r)
{
	put(b, &b->tasks, r->id, &r->ledger)->expected = r->processes;
}

void books_tool(struct books *b, const struct tool_row *r)
{
	struct entry *e = put(b, &b->tools, r->id, &r->ledger);

	e->task = r->task;
	e->count = r->processes;
}

static int compare(FILE *out, const char *what, int64_t id, const struct wire_ledger *a,
		   const struct wire_ledger *b)
{
	const uint64_t *words[2] = { (const uint64_t *)a, (const uint64_t *)b };
	unsigned i;

	if (!memcmp(a, b, sizeof(*a)))
		return 0;
	for (i = 0; words[0][i] == words[1][i];)
		i++;
	fprintf(out, "UNBALANCED %s %" PRId64 ": member %u is %" PRIu64 " against %" PRIu64 "\n",
		what, id & 0xffffffff, i, words[0][i], words[1][i]);
	return 1;
}

int books_check(struct books *b, FILE *out)
{
	struct wire_ledger processes = { 0 }, tools = { 0 };
	struct entry *e, *tmp, *task;
	uint64_t members = 0, n = 0;
	int wrong = (int)b->unbalanced;

	if (wrong)
		fprintf(out, "UNBALANCED %d rows: states do not sum to thread time\n", wrong);
	HASH_ITER (hh, b->processes, e, tmp) {
		ledger_add(&processes, &e->ledger);
		n++;
	}
	HASH_ITER (hh, b->tools, e, tmp) {
		ledger_add(&tools, &e->ledger);
		members += e->count;
		HASH_FIND(hh, b->tasks, &e->task, sizeof(e->task), task);
		if (!task)
			continue;
		ledger_add(&task->sum, &e->ledger);
		task->count += e->count;
	}
	HASH_ITER (hh, b->tasks, e, tmp) {
		wrong += compare(out, "tools of task", e->id, &e->sum, &e->ledger);
		if (e->count == e->expected)
			continue;
		fprintf(out, "UNBALANCED members of task %" PRId64 "\n", e->id & 0xffffffff);
		wrong++;
	}
	wrong += compare(out, "processes", 0, &processes, &b->run);
	wrong += compare(out, "tools", 0, &tools, &b->run);
	if (n == b->run_processes && members == n)
		return wrong;
	fprintf(out, "UNBALANCED processes %" PRIu64 ", of tools %" PRIu64 ", of run %" PRIu64 "\n",
		n, members, b->run_processes);
	return wrong + 1;
}
