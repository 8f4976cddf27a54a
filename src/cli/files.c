/* SPDX-License-Identifier: Apache-2.0 */
/* tracer files: the files of a run, folded by path or one row a process. */
#include <errno.h>
#include <string.h>
#include <uthash.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/cli.h"
#include "src/cli/process_record.h"
#include "src/cli/sheet.h"

enum by { BY_PATH, BY_PROCESS };

struct files_options {
	struct reader_options reader;
	int by;
	bool written;
};

static const struct option_spec options[] = {
	{ "by", 'b', OPTION_CHOICE, offsetof(struct files_options, by), "path|process",
	  "a row per file, or per process and file" },
	{ "written", 'w', OPTION_FLAG, offsetof(struct files_options, written), NULL,
	  "only files that were written, created, renamed to\nor deleted" },
	READER_OPTIONS(struct files_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "files",
	.words = "[RUN]",
	.about = "Lists the files that a run (default: the latest) opened, with how and by whom.\n"
		 "Shared libraries are counted per process, not listed.",
	.options = options,
	.max_words = 1,
};

static const enum field_id all[] = {
	FIELD_PATH,	 FIELD_ACCESS, FIELD_OPENS, FIELD_FAILED, FIELD_ERROR, FIELD_SIZE,
	FIELD_PROCESSES, FIELD_TASKS,  FIELD_FIRST, FIELD_LAST,	  FIELD_COUNT,
};

static const enum field_id table[] = {
	FIELD_PATH, FIELD_ACCESS,    FIELD_OPENS, FIELD_FAILED,
	FIELD_SIZE, FIELD_PROCESSES, FIELD_TASKS, FIELD_COUNT,
};

static const enum field_id all_by_process[] = {
	FIELD_PROCESS, FIELD_PID,   FIELD_TASK, FIELD_TOOL,  FIELD_PATH, FIELD_ACCESS, FIELD_OPENS,
	FIELD_FAILED,  FIELD_ERROR, FIELD_SIZE, FIELD_FIRST, FIELD_LAST, FIELD_COUNT,
};

static const enum field_id table_by_process[] = {
	FIELD_PID,   FIELD_TASK,   FIELD_TOOL, FIELD_PATH,  FIELD_ACCESS,
	FIELD_OPENS, FIELD_FAILED, FIELD_SIZE, FIELD_COUNT,
};

struct folded_file {
	struct file_row row;
	const char *path; /* key */
	uint64_t processes;
	struct str tasks; /* NUL-ended names, each once */
	UT_hash_handle hh;
};

struct walk {
	const struct files_options *options;
	const struct run_row *run;
	struct sheet *sheet;
	struct arena arena;
	struct folded_file *files;
};

static void access_text(char *out, const struct file_row *row)
{
	static const struct {
		uint16_t bit;
		char letter;
	} letters[] = {
		{ WIRE_OPEN_READ, 'r' },
		{ WIRE_OPEN_WRITE, 'w' },
		{ WIRE_OPEN_CREATED, 'c' },
		{ WIRE_OPEN_TRUNCATED, 't' },
	};

	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (row->access & letters[i].bit)
			*out++ = letters[i].letter;
	if (row->renamed_to)
		*out++ = 'm';
	if (row->unlinked)
		*out++ = 'd';
	*out = '\0';
}

static bool was_written(const struct file_row *row)
{
	return (row->access & (WIRE_OPEN_WRITE | WIRE_OPEN_CREATED | WIRE_OPEN_TRUNCATED)) ||
	       row->renamed_to || row->unlinked;
}

static int print_file(struct walk *w, struct record *record, const struct file_row *row)
{
	char access[8];

	access_text(access, row);
	record_text(record, FIELD_PATH, row->path);
	record_text(record, FIELD_ACCESS, access);
	record_number(record, FIELD_OPENS, row->opens);
	record_number(record, FIELD_FAILED, row->failed);
	record_nonzero(record, FIELD_ERROR, (uint64_t)row->error);
	if (row->opens > row->failed)
		record_number(record, FIELD_SIZE, row->size_bytes);
	record_nonzero(record, FIELD_FIRST, row->first_ns);
	record_nonzero(record, FIELD_LAST, row->last_ns);
	return sheet_add(w->sheet, record);
}

static int visit_by_process(void *ctx, const struct file_row *row,
			    const struct process_view *process)
{
	struct walk *w = ctx;
	struct record record = { 0 };
	char id[PROCESS_ID_MAX];

	if (w->options->written && !was_written(row))
		return 0;
	if (process) {
		process_id(id, w->run, process->process->pid, process->process->start_boot_ns);
		record_text(&record, FIELD_PROCESS, id);
		record_number(&record, FIELD_PID, process->process->pid);
		record_text(&record, FIELD_TASK, process->task_name);
		record_text(&record, FIELD_TOOL, process->tool_name);
	}
	return print_file(w, &record, row);
}

static void add_task(struct str *tasks, const char *name)
{
	for (size_t at = 0; at < tasks->len; at += strlen(tasks->data + at) + 1)
		if (!strcmp(tasks->data + at, name))
			return;
	str_addn(tasks, name, strlen(name) + 1);
}

static struct folded_file *find_or_add(struct walk *w, const struct file_row *row)
{
	const char *path = row->path ? row->path : "";
	struct folded_file *f = NULL;

	HASH_FIND_STR(w->files, path, f);
	if (f)
		return f;
	f = arena_alloc(&w->arena, sizeof(*f));
	if (!f)
		return NULL;
	f->path = arena_text(&w->arena, path);
	if (!f->path)
		return NULL;
	f->row.path = f->path;
	HASH_ADD_KEYPTR(hh, w->files, f->path, strlen(f->path), f);
	return f;
}

static int visit_fold(void *ctx, const struct file_row *row, const struct process_view *process)
{
	struct walk *w = ctx;
	struct folded_file *f = find_or_add(w, row);

	if (!f)
		return -ENOMEM;
	f->processes++;
	f->row.opens += row->opens;
	f->row.failed += row->failed;
	f->row.access |= row->access;
	f->row.renamed_to |= row->renamed_to;
	f->row.unlinked |= row->unlinked;
	if (row->error)
		f->row.error = row->error;
	if (row->first_ns && (!f->row.first_ns || row->first_ns < f->row.first_ns))
		f->row.first_ns = row->first_ns;
	if (row->last_ns >= f->row.last_ns) {
		f->row.last_ns = row->last_ns;
		f->row.size_bytes = row->size_bytes;
	}
	if (process && process->task_name)
		add_task(&f->tasks, process->task_name);
	return f->tasks.failed ? -ENOMEM : 0;
}

static int compare_paths(const struct folded_file *a, const struct folded_file *b)
{
	return strcmp(a->path, b->path);
}

static int print_folded(struct walk *w)
{
	int r = 0;

	HASH_SORT(w->files, compare_paths);
	for (struct folded_file *f = w->files; f && r == 0; f = f->hh.next) {
		struct record record = { 0 };

		if (w->options->written && !was_written(&f->row))
			continue;
		record_number(&record, FIELD_PROCESSES, f->processes);
		record_bytes(&record, FIELD_TASKS, (struct bytes){ f->tasks.data, f->tasks.len });
		r = print_file(w, &record, &f->row);
	}
	return r;
}

static int walk(struct walk *w, struct store *store)
{
	bool fold = w->options->by == BY_PATH;
	int r = store_each_file(store, w->run->id, fold ? visit_fold : visit_by_process, w);

	if (r >= 0 && fold)
		r = print_folded(w);
	for (struct folded_file *f = w->files; f; f = f->hh.next)
		str_fini(&f->tasks);
	HASH_CLEAR(hh, w->files);
	arena_fini(&w->arena);
	return r >= 0 ? sheet_end(w->sheet) : r;
}

int cmd_files(int argc, char **argv)
{
	struct sheet_spec sheet_spec = { &spec, all, NULL, table };
	struct files_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	struct walk w = { .options = &o, .run = &r.run };
	int rc, error, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	if (o.by == BY_PROCESS)
		sheet_spec = (struct sheet_spec){ &spec, all_by_process, NULL, table_by_process };
	rc = reader_open_run(&r, o.reader.db, argv[first]);
	if (!rc)
		rc = sheet_new(stdout, &sheet_spec, &o.reader, &w.sheet);
	if (rc)
		return rc;
	if (!(r.run.features & FEATURE_FILES))
		log_warning("run %s was recorded without file names", r.run.uid);
	error = walk(&w, r.store);
	sheet_free(w.sheet);
	return reader_result(error);
}
