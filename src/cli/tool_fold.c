/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/tool_fold.h"

#include <errno.h>
#include <string.h>

#include "src/cli/reader.h"
#include "src/model/ledger.h"

void tool_fold_fini(struct tool_fold *fold)
{
	HASH_CLEAR(hh, fold->tools);
	arena_fini(&fold->arena);
}

static int add_new(struct tool_fold *fold, const struct tool_row *row)
{
	struct folded_tool *f = arena_alloc(&fold->arena, sizeof(*f));

	if (!f || tool_row_copy(&fold->arena, row, &f->row) < 0)
		return -ENOMEM;
	f->name = f->row.name;
	f->tasks = row->task != 0;
	f->row.task = 0;
	HASH_ADD_KEYPTR(hh, fold->tools, f->name, strlen(f->name), f);
	return 0;
}

int tool_fold_add(struct tool_fold *fold, const struct tool_row *row)
{
	const char *name = row->name ? row->name : "";
	struct folded_tool *f = NULL;

	HASH_FIND_STR(fold->tools, name, f);
	if (!f)
		return add_new(fold, row);
	ledger_add(&f->row.ledger, &row->ledger);
	f->tasks += row->task != 0;
	f->row.processes += row->processes;
	f->row.failed += row->failed;
	if (row->start_ns && (!f->row.start_ns || row->start_ns < f->row.start_ns))
		f->row.start_ns = row->start_ns;
	if (row->end_ns > f->row.end_ns)
		f->row.end_ns = row->end_ns;
	if (row->peak_rss_bytes > f->row.peak_rss_bytes)
		f->row.peak_rss_bytes = row->peak_rss_bytes;
	return 0;
}

static int compare(const struct folded_tool *a, const struct folded_tool *b)
{
	uint64_t x = a->row.ledger.state_ns[LEDGER_CPU], y = b->row.ledger.state_ns[LEDGER_CPU];

	return x != y ? (x < y) - (x > y) : strcmp(a->name, b->name);
}

void tool_fold_sort(struct tool_fold *fold)
{
	HASH_SORT(fold->tools, compare);
}
