/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/tool_fold.h"

#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/cli/reader.h"
#include "src/model/ledger.h"
#include "src/track/tool_role.h"

#define GLUE "(glue)"

#define CPU_NS		UINT64_C(1000000000) /* and a hundredth of the run's */
#define CPU_SMALL_NS	UINT64_C(100000000)  /* and a tenth of the run's */
#define STORAGE_MIN	(UINT64_C(64) << 20)
#define MEMORY_MIN	(UINT64_C(512) << 20)
#define PROBE_MAX_NS	UINT64_C(2000000000)
#define GLUE_SHARE	4   /* a quarter of the run's CPU is not noise */
#define COMPONENTS_MAX	120 /* bytes of their names in one row */
#define COMPONENTS_MORE ", ..."

const char *tool_row_folded_name(const struct tool_row *row)
{
	return tool_role(row->name, row->path) == TOOL_ROLE_PROBE ? TOOL_PROBE : GLUE;
}

static bool costs_enough(const struct tool_row *row, const struct wire_ledger *total)
{
	uint64_t cpu = row->ledger.state_ns[LEDGER_CPU], all = total->state_ns[LEDGER_CPU];
	uint64_t bytes = row->ledger.read_bytes + row->ledger.write_bytes;

	return (cpu >= CPU_SMALL_NS && cpu >= all / 10) || (cpu >= CPU_NS && cpu >= all / 100) ||
	       (bytes >= STORAGE_MIN && bytes >= (total->read_bytes + total->write_bytes) / 10) ||
	       row->peak_rss_bytes >= MEMORY_MIN;
}

bool tool_row_launched(const struct tool_row *row)
{
	return row->task && !row->processes;
}

bool tool_row_folds(const struct tool_row *row, const struct wire_ledger *total)
{
	enum tool_role role = tool_role(row->name, row->path);

	if (tool_row_launched(row))
		return !costs_enough(row, total);
	if (!tool_role_is_noise(role) || costs_enough(row, total))
		return false;
	return role != TOOL_ROLE_PROBE || !row->processes ||
	       ledger_states_sum(&row->ledger) / row->processes < PROBE_MAX_NS;
}

void record_tool_role(struct record *r, const struct tool_row *row)
{
	enum tool_role role = tool_role(row->name, row->path);

	record_text(r, FIELD_ROLE, tool_role_name(role));
	record_number(r, FIELD_NOISE, tool_role_is_noise(role));
}

void tool_fold_fini(struct tool_fold *fold)
{
	HASH_CLEAR(hh, fold->tools);
	arena_fini(&fold->arena);
}

static int make_key(const struct tool_fold *fold, const struct tool_row *row, struct str *ret)
{
	str_add(ret, row->name ? row->name : "");
	if (fold->by_component && row->component) {
		str_addc(ret, '\n'); /* no name has one */
		str_add(ret, row->component);
	}
	return ret->failed ? -ENOMEM : 0;
}

static int add_new(struct tool_fold *fold, const struct tool_row *row, const char *key,
		   struct folded_tool **ret)
{
	struct folded_tool *f = arena_alloc(&fold->arena, sizeof(*f));

	if (!f || tool_row_copy(&fold->arena, row, &f->row) < 0)
		return -ENOMEM;
	f->name = arena_text(&fold->arena, key);
	if (!f->name)
		return -ENOMEM;
	f->tasks = row->task && row->processes;
	f->row.task = 0;
	HASH_ADD_KEYPTR(hh, fold->tools, f->name, strlen(f->name), f);
	*ret = f;
	return 0;
}

static bool names_component(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (list) {
		if (!strncmp(list, name, len) && (!list[len] || list[len] == ','))
			return true;
		list = strstr(list, ", ");
		list += list ? 2 : 0;
	}
	return false;
}

static int add_component(struct tool_fold *fold, struct folded_tool *f, const char *component)
{
	_cleanup_(str_fini) struct str list = STR_INIT;
	const char *old = f->row.component;

	if (!component || names_component(old, component) || (old && strstr(old, COMPONENTS_MORE)))
		return 0;
	if (old)
		str_add(&list, old);
	if (list.len + strlen(component) > COMPONENTS_MAX)
		str_add(&list, COMPONENTS_MORE);
	else
		str_addf(&list, "%s%s", old ? ", " : "", component);
	f->row.component = arena_text(&fold->arena, str_text(&list));
	return list.failed || !f->row.component ? -ENOMEM : 0;
}

static void add_numbers(struct folded_tool *f, const struct tool_row *row)
{
	ledger_add(&f->row.ledger, &row->ledger);
	f->row.processes += row->processes;
	f->row.failed += row->failed;
	if (row->start_ns && (!f->row.start_ns || row->start_ns < f->row.start_ns))
		f->row.start_ns = row->start_ns;
	if (row->end_ns > f->row.end_ns)
		f->row.end_ns = row->end_ns;
	if (row->peak_rss_bytes > f->row.peak_rss_bytes)
		f->row.peak_rss_bytes = row->peak_rss_bytes;
}

static int add(struct tool_fold *fold, const struct tool_row *row, struct folded_tool **ret)
{
	_cleanup_(str_fini) struct str key = STR_INIT;
	struct folded_tool *f = NULL;
	int r = make_key(fold, row, &key);

	if (r < 0)
		return r;
	HASH_FIND_STR(fold->tools, str_text(&key), f);
	if (!f)
		return add_new(fold, row, str_text(&key), ret);
	*ret = f;
	f->tasks += row->task && row->processes;
	add_numbers(f, row);
	return add_component(fold, f, row->component);
}

int tool_fold_add(struct tool_fold *fold, const struct tool_row *row)
{
	struct folded_tool *f;

	return add(fold, row, &f);
}

/* A script may be made of nothing else: then its helpers are what it did. */
static bool glue_is_all(const struct tool_fold *fold, const struct wire_ledger *total)
{
	uint64_t cpu = 0;

	for (const struct folded_tool *f = fold->tools; f; f = f->hh.next)
		if (tool_row_folds(&f->row, total) && !strcmp(tool_row_folded_name(&f->row), GLUE))
			cpu += f->row.ledger.state_ns[LEDGER_CPU];
	return cpu >= total->state_ns[LEDGER_CPU] / GLUE_SHARE;
}

int tool_fold_noise(const struct tool_fold *fold, const struct wire_ledger *total,
		    struct tool_fold *ret)
{
	bool keep_glue = glue_is_all(fold, total);
	int r = 0;

	ret->by_component = fold->by_component;
	for (const struct folded_tool *f = fold->tools; f && r == 0; f = f->hh.next) {
		struct tool_row row = f->row;
		struct folded_tool *into;
		bool folds = tool_row_folds(&row, total) &&
			     !(keep_glue && !strcmp(tool_row_folded_name(&row), GLUE));

		if (folds) {
			row.name = tool_row_folded_name(&row);
			row.component = row.path = NULL;
		}
		r = add(ret, &row, &into);
		if (r == 0) {
			into->tasks = f->tasks;
			into->folded = folds;
		}
	}
	return r;
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
