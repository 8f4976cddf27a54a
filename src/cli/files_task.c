/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/files_task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "src/analysis/file_role.h"

const enum field_id task_files_fields[] = {
	FIELD_TASK,	      FIELD_KEY,	   FIELD_SAMPLE,	FIELD_FILES,
	FIELD_FILES_AT_LEAST, FIELD_FILES_READ,	   FIELD_FILES_WRITTEN, FIELD_FILES_CREATED,
	FIELD_FILES_DELETED,  FIELD_OPENS,	   FIELD_FAILED,	FIELD_BYTES_READ,
	FIELD_BYTES_WRITTEN,  FIELD_SIZES_UNKNOWN, FIELD_COUNT,
};

const enum field_id task_files_table[] = {
	FIELD_TASK,	     FIELD_SAMPLE,	  FIELD_FILES, FIELD_FILES_READ,
	FIELD_FILES_WRITTEN, FIELD_FILES_DELETED, FIELD_OPENS, FIELD_BYTES_READ,
	FIELD_BYTES_WRITTEN, FIELD_COUNT,
};

struct used_file {	   /* by one task */
	UT_hash_handle hh; /* by path */
	struct file_row row;
	char path[];
};

struct one_task {
	UT_hash_handle hh;
	struct task_row row; /* id 0: no task; -1: the run */
	struct used_file *files;
};

struct task_files {
	struct one_task *tasks;
	struct arena arena;
};

static struct one_task *get_task(struct task_files *t, int64_t id)
{
	struct one_task *task = NULL;

	HASH_FIND(hh, t->tasks, &id, sizeof(id), task);
	if (task)
		return task;
	task = arena_alloc(&t->arena, sizeof(*task));
	if (!task)
		return NULL;
	task->row.id = id;
	HASH_ADD(hh, t->tasks, row.id, sizeof(id), task);
	return task;
}

static int visit_task(void *ctx, const struct task_row *row)
{
	struct task_files *t = ctx;
	struct one_task *task = get_task(t, row->id);

	return task ? task_row_copy(&t->arena, row, &task->row) : -ENOMEM;
}

int task_files_new(struct store *store, int64_t run_id, struct task_files **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? store_each_task(store, run_id, visit_task, *ret) : -ENOMEM;
}

void task_files_free(struct task_files *t)
{
	if (!t)
		return;
	for (struct one_task *task = t->tasks; task; task = task->hh.next)
		HASH_CLEAR(hh, task->files);
	HASH_CLEAR(hh, t->tasks);
	arena_fini(&t->arena);
	free(t);
}

static int add_to(struct task_files *t, int64_t id, const struct file_row *row)
{
	const char *path = row->path ? row->path : "";
	struct one_task *task = get_task(t, id);
	struct used_file *f = NULL;
	size_t len = strlen(path);

	if (!task)
		return -ENOMEM;
	HASH_FIND(hh, task->files, path, len, f);
	if (!f) {
		f = arena_alloc(&t->arena, sizeof(*f) + len + 1);
		if (!f)
			return -ENOMEM;
		memcpy(f->path, path, len + 1);
		f->row.size_bytes = -1;
		HASH_ADD_KEYPTR(hh, task->files, f->path, len, f);
	}
	f->row.files_at_least |= row->files_at_least || (row->files > 1 && f->row.files);
	if (row->files > f->row.files)
		f->row.files = row->files;
	if (row->size_bytes >= 0 && row->last_ns >= f->row.last_ns)
		f->row.size_bytes = row->size_bytes;
	if (row->last_ns > f->row.last_ns)
		f->row.last_ns = row->last_ns;
	f->row.opens += row->opens;
	f->row.failed += row->failed;
	f->row.access |= row->access;
	f->row.renamed_to |= row->renamed_to;
	f->row.linked |= row->linked;
	f->row.unlinked |= row->unlinked;
	return 0;
}

int task_files_add(struct task_files *t, int64_t task, const struct file_row *row)
{
	int r = add_to(t, task, row);

	return r < 0 ? r : add_to(t, -1, row);
}

static int print_task(const struct one_task *task, struct sheet *sheet)
{
	uint64_t n[FIELD_COUNT] = { 0 };
	struct record record = { 0 };
	bool more = false;

	for (const struct used_file *f = task->files; f; f = f->hh.next) {
		const struct file_row *row = &f->row;
		bool written = file_got_content(row);

		n[FIELD_OPENS] += row->opens;
		n[FIELD_FAILED] += row->failed;
		if (row->opens && row->opens == row->failed)
			continue; /* it never had that file */
		n[FIELD_FILES] += row->files;
		n[FIELD_FILES_READ] += row->access & WIRE_OPEN_READ ? row->files : 0;
		n[FIELD_FILES_WRITTEN] += row->access & WIRE_OPEN_WRITE ? row->files : 0;
		n[FIELD_FILES_CREATED] +=
			row->access & WIRE_OPEN_CREATED || row->renamed_to || row->linked
				? row->files
				: 0;
		n[FIELD_FILES_DELETED] += row->unlinked ? row->files : 0;
		n[FIELD_SIZES_UNKNOWN] += row->size_bytes < 0 ? row->files : 0;
		if (row->size_bytes >= 0)
			n[written ? FIELD_BYTES_WRITTEN : FIELD_BYTES_READ] +=
				(uint64_t)row->size_bytes;
		more |= row->files_at_least;
	}
	record_text(&record, FIELD_TASK, task->row.id == -1 ? "(run)" : task->row.name);
	record_text(&record, FIELD_KEY, task->row.key);
	record_text(&record, FIELD_SAMPLE, task->row.sample);
	record_number(&record, FIELD_FILES_AT_LEAST, more);
	for (const enum field_id *f = task_files_fields; *f != FIELD_COUNT; f++)
		if (*f != FIELD_TASK && *f != FIELD_KEY && *f != FIELD_SAMPLE &&
		    *f != FIELD_FILES_AT_LEAST)
			record_number(&record, *f, n[*f]);
	return sheet_add(sheet, &record);
}

/* In the order in which the tasks began; then the rest, then the whole. */
int task_files_print(struct task_files *t, struct sheet *sheet)
{
	struct one_task *last[] = { get_task(t, 0), get_task(t, -1) };
	int r = 0;

	for (struct one_task *task = t->tasks; task && r == 0; task = task->hh.next)
		if (task->row.id > 0 && task->files)
			r = print_task(task, sheet);
	for (unsigned i = 0; i < 2 && r == 0; i++)
		if (last[i] && last[i]->files)
			r = print_task(last[i], sheet);
	return r;
}
