/* SPDX-License-Identifier: Apache-2.0 */
/* tracer files: the files of a run, folded by path or one row a process. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <uthash.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/log.h"
#include "src/cli/cli.h"
#include "src/analysis/file_role.h"
#include "src/cli/process_record.h"
#include "src/cli/sheet.h"

enum by { BY_PATH, BY_PROCESS };

struct files_options {
	struct reader_options reader;
	int by;
	bool written, all;
};

static const struct option_spec options[] = {
	{ "by", 'b', OPTION_CHOICE, offsetof(struct files_options, by), "path|process",
	  "a row per file, or per process and file" },
	{ "written", 'w', OPTION_FLAG, offsetof(struct files_options, written), NULL,
	  "only files that were written, created, renamed to\nor deleted" },
	{ "all", 'a', OPTION_FLAG, offsetof(struct files_options, all), NULL,
	  "each file of programs for themselves, too (Python\nmodules, locales, ...); without "
	  "it, a table has one\nline a directory of them" },
	READER_OPTIONS(struct files_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "files",
	.words = "[RUN]",
	.about = "Lists the files that a run (default: the latest) opened: inputs, intermediates,\n"
		 "outputs and so on, with how and by whom. Shared libraries are counted per\n"
		 "process, not listed.",
	.options = options,
	.max_words = 1,
};

static const enum field_id all[] = {
	FIELD_ROLE, FIELD_PATH,	     FIELD_ACCESS, FIELD_OPENS, FIELD_FAILED, FIELD_ERROR,
	FIELD_SIZE, FIELD_PROCESSES, FIELD_TASKS,  FIELD_FIRST, FIELD_LAST,   FIELD_COUNT,
};

static const enum field_id table[] = {
	FIELD_ROLE, FIELD_PATH, FIELD_SIZE, FIELD_ACCESS, FIELD_PROCESSES, FIELD_TASKS, FIELD_COUNT,
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
	const char *path;   /* key */
	uint64_t processes; /* 0: of several files, not known */
	uint64_t files;	    /* in a place */
	bool read_apart;
	enum file_role role;
	struct str tasks; /* NUL-ended names, each once */
	UT_hash_handle hh;
};

struct walk {
	const struct files_options *options;
	const struct run_row *run;
	struct sheet *sheet;
	struct arena arena;
	struct folded_file *files, *places;
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

/* Sizes are seen when a file is opened: of one that was made then, nothing is known. */
static bool was_emptied(const struct file_row *row)
{
	return row->access & (WIRE_OPEN_CREATED | WIRE_OPEN_TRUNCATED);
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
	if (row->opens > row->failed && (row->size_bytes || !was_emptied(row)))
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

static struct folded_file *find_or_add(struct walk *w, struct folded_file **into, const char *path,
				       size_t len)
{
	struct folded_file *f = NULL;
	char *copy;

	HASH_FIND(hh, *into, path, len, f);
	if (f)
		return f;
	f = arena_alloc(&w->arena, sizeof(*f));
	copy = f ? arena_alloc(&w->arena, len + 1) : NULL;
	if (!copy)
		return NULL;
	memcpy(copy, path, len);
	f->path = copy;
	f->row.path = copy;
	HASH_ADD_KEYPTR(hh, *into, f->path, len, f);
	return f;
}

static void add_row(struct folded_file *f, const struct file_row *row)
{
	f->row.opens += row->opens;
	f->row.failed += row->failed;
	f->row.access |= row->access;
	f->row.renamed_to |= row->renamed_to;
	f->row.unlinked |= row->unlinked;
	if (row->error)
		f->row.error = row->error;
	if (row->first_ns && (!f->row.first_ns || row->first_ns < f->row.first_ns))
		f->row.first_ns = row->first_ns;
	if (row->last_ns > f->row.last_ns)
		f->row.last_ns = row->last_ns;
}

static int visit_fold(void *ctx, const struct file_row *row, const struct process_view *process)
{
	const char *path = row->path ? row->path : "";
	struct walk *w = ctx;
	struct folded_file *f = find_or_add(w, &w->files, path, strlen(path));

	if (!f)
		return -ENOMEM;
	if (row->last_ns >= f->row.last_ns)
		f->row.size_bytes = row->size_bytes;
	add_row(f, row);
	f->processes++;
	f->read_apart |= (row->access & WIRE_OPEN_READ) && !was_written(row);
	if (process && process->task_name)
		add_task(&f->tasks, process->task_name);
	return f->tasks.failed ? -ENOMEM : 0;
}

static int compare_files(const struct folded_file *a, const struct folded_file *b)
{
	return a->role != b->role ? (int)a->role - (int)b->role : strcmp(a->path, b->path);
}

static void set_role(struct folded_file *f)
{
	const struct file_row *row = &f->row;
	const struct file_use use = {
		.opened = row->opens > row->failed,
		.written = (row->access &
			    (WIRE_OPEN_WRITE | WIRE_OPEN_CREATED | WIRE_OPEN_TRUNCATED)) ||
			   row->renamed_to,
		.read_apart = f->read_apart,
		.deleted = row->unlinked,
	};

	f->role = file_role_of(f->path, &use);
}

static int print_line(struct walk *w, struct folded_file *f)
{
	_cleanup_(str_fini) struct str path = STR_INIT;
	struct record record = { 0 };
	char count[HUMAN_MAX];

	str_add(&path, f->files == 1 ? f->row.path : f->path);
	if (f->files > 1)
		str_addf(&path, " (%s files)", human_count(count, f->files));
	f->row.path = str_text(&path);
	record_text(&record, FIELD_ROLE, file_role_name(f->role));
	record_nonzero(&record, FIELD_PROCESSES, f->processes);
	record_bytes(&record, FIELD_TASKS, (struct bytes){ f->tasks.data, f->tasks.len });
	return path.failed ? -ENOMEM : print_file(w, &record, &f->row);
}

static int add_to_place(struct walk *w, const struct folded_file *f)
{
	struct folded_file *place = find_or_add(w, &w->places, f->path, file_place(f->path));

	if (!place)
		return -ENOMEM;
	place->role = f->role;
	place->files++;
	place->row.path = f->path;
	add_row(place, &f->row);
	place->row.size_bytes += f->row.size_bytes;
	for (size_t at = 0; at < f->tasks.len; at += strlen(f->tasks.data + at) + 1)
		add_task(&place->tasks, f->tasks.data + at);
	return place->tasks.failed ? -ENOMEM : 0;
}

static int print_places(struct walk *w)
{
	int r = 0;

	HASH_SORT(w->places, compare_files);
	for (struct folded_file *f = w->places; f && r == 0; f = f->hh.next)
		r = print_line(w, f);
	return r;
}

static int print_folded(struct walk *w)
{
	bool fold = !w->options->all && sheet_format(&w->options->reader) == FORMAT_TABLE;
	int r = 0;

	for (struct folded_file *f = w->files; f; f = f->hh.next)
		set_role(f);
	HASH_SORT(w->files, compare_files);
	for (struct folded_file *f = w->files; f && r == 0; f = f->hh.next) {
		if (w->options->written && !was_written(&f->row))
			continue;
		if (fold && f->role == FILE_SOFTWARE)
			r = add_to_place(w, f);
		else
			r = print_line(w, f);
	}
	return r == 0 ? print_places(w) : r;
}

static void free_files(struct folded_file *files)
{
	for (struct folded_file *f = files; f; f = f->hh.next)
		str_fini(&f->tasks);
	HASH_CLEAR(hh, files);
}

static int walk(struct walk *w, struct store *store)
{
	bool fold = w->options->by == BY_PATH;
	int r = store_each_file(store, w->run->id, fold ? visit_fold : visit_by_process, w);

	if (r >= 0 && fold)
		r = print_folded(w);
	free_files(w->files);
	free_files(w->places);
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
	if (r.run.completeness.files_folded)
		log_warning("%" PRIu64 " uses of files were counted, not listed: files may be "
			    "missing here and roles incomplete",
			    r.run.completeness.files_folded);
	error = walk(&w, r.store);
	sheet_free(w.sheet);
	return reader_result(error);
}
