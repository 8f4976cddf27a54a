/* SPDX-License-Identifier: Apache-2.0 */
/* tracer files: the files of a run, folded by path or one row a process. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <uthash.h>

#include "src/analysis/file_role.h"
#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/log.h"
#include "src/cli/choose.h"
#include "src/cli/cli.h"
#include "src/cli/files_task.h"
#include "src/cli/process_record.h"
#include "src/cli/sheet.h"

enum by { BY_PATH, BY_PROCESS, BY_TASK };

struct files_options {
	struct reader_options reader;
	int by;
	const char *task;
	bool written, all;
};

static const struct option_spec options[] = {
	{ "by", 'b', OPTION_CHOICE, offsetof(struct files_options, by), "path|process|task",
	  "a row per file, per process and file, or per task" },
	{ "task", 't', OPTION_TEXT, offsetof(struct files_options, task), "NAME",
	  "only files of the tasks of this name, key or label" },
	{ "written", 'w', OPTION_FLAG, offsetof(struct files_options, written), NULL,
	  "only files that were written, created, renamed to\nor deleted" },
	{ "all", 'a', OPTION_FLAG, offsetof(struct files_options, all), NULL,
	  "each file of programs for themselves, too (Python\nmodules, locales, ...); without "
	  "it, a table has one\nline a directory of them. Also pipes, directories\nand symbolic "
	  "links" },
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
	FIELD_ROLE,	 FIELD_PATH,   FIELD_KIND,  FIELD_FILES, FIELD_FILES_AT_LEAST, FIELD_ACCESS,
	FIELD_OPENS,	 FIELD_FAILED, FIELD_ERROR, FIELD_SIZE,	 FIELD_INODE,	       FIELD_DEV,
	FIELD_PROCESSES, FIELD_TASKS,  FIELD_FIRST, FIELD_LAST,	 FIELD_COUNT,
};

static const enum field_id table[] = {
	FIELD_ROLE, FIELD_PATH, FIELD_SIZE, FIELD_ACCESS, FIELD_PROCESSES, FIELD_TASKS, FIELD_COUNT,
};

static const enum field_id all_by_process[] = {
	FIELD_PROCESS,	 FIELD_PID,	    FIELD_TASK,	      FIELD_TOOL,	    FIELD_PATH,
	FIELD_KIND,	 FIELD_SOURCE,	    FIELD_FILES,      FIELD_FILES_AT_LEAST, FIELD_ACCESS,
	FIELD_INHERITED, FIELD_DESCRIPTORS, FIELD_OPENS,      FIELD_FAILED,	    FIELD_ERROR,
	FIELD_SIZE,	 FIELD_READ_TO,	    FIELD_WRITTEN_TO, FIELD_INODE,	    FIELD_DEV,
	FIELD_FIRST,	 FIELD_LAST,	    FIELD_COUNT,
};

static const enum field_id table_by_process[] = {
	FIELD_PID,   FIELD_TASK,   FIELD_TOOL, FIELD_PATH,  FIELD_ACCESS,
	FIELD_OPENS, FIELD_FAILED, FIELD_SIZE, FIELD_COUNT,
};

struct folded_file {
	struct file_row row;
	const char *path;   /* key */
	uint64_t processes; /* 0: of several files, not known */
	uint64_t files;	    /* in a place, or in a fold */
	bool read_apart;
	uint64_t made_ns, gone_ns; /* when it last got the name, and lost it */
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
	struct task_files *tasks;
	struct task_choice chosen;
	struct old_name *old_names;
	uint64_t unnamed; /* used through io_uring */
};

struct old_name { /* that a rename took away, perhaps in another process */
	struct old_name *next;
	const char *path;
	uint64_t gone_ns;
};

static int print_file(struct walk *w, struct record *record, const struct file_row *row)
{
	char access[FILE_ACCESS_MAX];

	file_access_text(access, row);
	record_text(record, FIELD_PATH, row->path);
	record_text(record, FIELD_KIND, file_kind_name(row->kind));
	record_text(record, FIELD_ACCESS, access);
	record_number(record, FIELD_FILES, row->files);
	record_number(record, FIELD_FILES_AT_LEAST, row->files_at_least);
	record_number(record, FIELD_OPENS, row->opens);
	record_number(record, FIELD_FAILED, row->failed);
	record_nonzero(record, FIELD_ERROR, (uint64_t)row->error);
	if (row->size_bytes >= 0)
		record_number(record, FIELD_SIZE, (uint64_t)row->size_bytes);
	record_nonzero(record, FIELD_INODE, row->inode);
	if (row->inode)
		record_number(record, FIELD_DEV, row->dev);
	record_nonzero(record, FIELD_FIRST, row->first_ns);
	record_nonzero(record, FIELD_LAST, row->last_ns);
	return sheet_add(w->sheet, record);
}

/* Of the tasks that were asked for, and of a kind that is a file to people. */
static bool is_wanted(struct walk *w, const struct file_row *row,
		      const struct process_view *process)
{
	if (!task_choice_has(&w->chosen, process ? process->process->task : 0))
		return false;
	if (row->kind == FILE_KIND_RING)
		w->unnamed += row->opens;
	if (row->inherited && !row->access && !row->opens && !file_was_written(row))
		return w->options->all; /* handed over, not used */
	return w->options->all || row->kind == FILE_KIND_REGULAR || row->kind == FILE_KIND_FIFO ||
	       row->kind == FILE_KIND_FOLD;
}

static int visit_by_process(void *ctx, const struct file_row *row,
			    const struct process_view *process)
{
	struct walk *w = ctx;
	struct record record = { 0 };
	char id[PROCESS_ID_MAX];

	if (!is_wanted(w, row, process) || (w->options->written && !file_was_written(row)))
		return 0;
	record_text(&record, FIELD_SOURCE, row->source);
	record_number(&record, FIELD_INHERITED, row->inherited);
	record_number(&record, FIELD_DESCRIPTORS, row->descriptors);
	if (row->read_to_bytes >= 0)
		record_number(&record, FIELD_READ_TO, (uint64_t)row->read_to_bytes);
	if (row->written_to_bytes >= 0)
		record_number(&record, FIELD_WRITTEN_TO, (uint64_t)row->written_to_bytes);
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
	f->row.size_bytes = -1;
	HASH_ADD_KEYPTR(hh, *into, f->path, len, f);
	return f;
}

/* A name that was removed may have been given again, by another process. */
static void note_times(struct folded_file *f, const struct file_row *row)
{
	bool named = row->renamed_to || row->linked;
	uint64_t made = named ? row->last_ns : row->first_ns;

	if (row->unlinked && row->last_ns > f->gone_ns)
		f->gone_ns = row->last_ns;
	if (!row->unlinked && (named || row->access & WIRE_OPEN_CREATED) && made > f->made_ns)
		f->made_ns = made;
}

static void add_row(struct folded_file *f, const struct file_row *row)
{
	note_times(f, row);
	f->row.kind = row->kind;
	f->row.linked |= row->linked;
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

static int add_old_name(struct walk *w, const struct file_row *row)
{
	struct old_name *old;

	if (!row->renamed_to || !row->source)
		return 0;
	old = arena_alloc(&w->arena, sizeof(*old));
	if (!old)
		return -ENOMEM;
	old->path = arena_text(&w->arena, row->source);
	old->gone_ns = row->last_ns;
	old->next = w->old_names;
	w->old_names = old;
	return old->path ? 0 : -ENOMEM;
}

static void mark_old_names(struct walk *w)
{
	for (const struct old_name *old = w->old_names; old; old = old->next) {
		struct folded_file *f = NULL;

		HASH_FIND(hh, w->files, old->path, strlen(old->path), f);
		if (f && f->row.last_ns <= old->gone_ns) {
			f->row.unlinked = true;
			f->gone_ns = old->gone_ns;
		}
	}
}

static int visit_fold(void *ctx, const struct file_row *row, const struct process_view *process)
{
	const char *path = row->path ? row->path : "";
	struct walk *w = ctx;
	struct folded_file *f;

	if (!is_wanted(w, row, process))
		return 0;
	f = find_or_add(w, &w->files, path, strlen(path));
	if (!f)
		return -ENOMEM;
	if (!f->processes || (row->last_ns >= f->row.last_ns && row->size_bytes >= 0)) {
		f->row.size_bytes = row->size_bytes;
		f->row.inode = row->inode;
		f->row.dev = row->dev;
	}
	/* folds of several processes may be of the same files */
	f->row.files_at_least |= row->files_at_least || (row->files > 1 && f->processes);
	if (row->files > f->row.files)
		f->row.files = row->files;
	add_row(f, row);
	f->processes++;
	f->read_apart |= (row->access & WIRE_OPEN_READ) && !file_was_written(row);
	if (process && process->task_name)
		add_task(&f->tasks, process->task_name);
	return f->tasks.failed ? -ENOMEM : add_old_name(w, row);
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
		.written = file_got_content(row),
		.read_apart = f->read_apart,
		.deleted = row->unlinked && f->made_ns <= f->gone_ns,
	};

	f->role = file_role_of(f->path, &use);
}

static int print_line(struct walk *w, struct folded_file *f)
{
	_cleanup_(str_fini) struct str path = STR_INIT;
	struct record record = { 0 };
	char count[HUMAN_MAX];

	str_add(&path, f->files == 1 ? f->row.path : f->path);
	if (!f->files)
		f->files = f->row.files;
	if (f->files > 1 && sheet_format(&w->options->reader) == FORMAT_TABLE)
		str_addf(&path, " (%s%s files)", f->row.files_at_least ? "at least " : "",
			 human_count(count, f->files));
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
	place->files += f->row.files;
	place->row.files = place->files;
	place->row.files_at_least |= f->row.files_at_least;
	place->row.path = f->path;
	add_row(place, &f->row);
	place->row.kind = place->files > 1 ? FILE_KIND_FOLD : f->row.kind;
	if (f->row.size_bytes >= 0)
		place->row.size_bytes =
			f->row.size_bytes + (place->row.size_bytes > 0 ? place->row.size_bytes : 0);
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

	mark_old_names(w);
	for (struct folded_file *f = w->files; f; f = f->hh.next)
		set_role(f);
	HASH_SORT(w->files, compare_files);
	for (struct folded_file *f = w->files; f && r == 0; f = f->hh.next) {
		if (w->options->written && !file_was_written(&f->row))
			continue;
		if (fold && f->role == FILE_SOFTWARE)
			r = add_to_place(w, f);
		else
			r = print_line(w, f);
	}
	return r == 0 ? print_places(w) : r;
}

static int visit_by_task(void *ctx, const struct file_row *row, const struct process_view *process)
{
	struct walk *w = ctx;

	if (!is_wanted(w, row, process) || (w->options->written && !file_was_written(row)))
		return 0;
	return task_files_add(w->tasks, process ? process->process->task : 0, row);
}

static void free_files(struct folded_file *files)
{
	for (struct folded_file *f = files; f; f = f->hh.next)
		str_fini(&f->tasks);
	HASH_CLEAR(hh, files);
}

static int walk(struct walk *w, struct store *store)
{
	static int (*const visits[])(void *, const struct file_row *,
				     const struct process_view *) = {
		[BY_PATH] = visit_fold,
		[BY_PROCESS] = visit_by_process,
		[BY_TASK] = visit_by_task,
	};
	int r = task_files_new(store, w->run->id, &w->tasks);

	if (r >= 0)
		r = store_each_file(store, w->run->id, visits[w->options->by], w);
	if (r >= 0 && w->options->by == BY_PATH)
		r = print_folded(w);
	if (r >= 0 && w->options->by == BY_TASK)
		r = task_files_print(w->tasks, w->sheet);
	task_files_free(w->tasks);
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
	if (o.by == BY_TASK)
		sheet_spec =
			(struct sheet_spec){ &spec, task_files_fields, NULL, task_files_table };
	rc = reader_open_run(&r, o.reader.db, argv[first]);
	if (!rc)
		rc = task_choice_make(&w.chosen, &r, o.task);
	if (!rc)
		rc = sheet_new(stdout, &sheet_spec, &o.reader, &w.sheet);
	if (rc) {
		task_choice_fini(&w.chosen);
		return rc;
	}
	if (!(r.run.features & FEATURE_FILES))
		log_warning("run %s was recorded without file names", r.run.uid);
	if (r.run.completeness.files_folded)
		log_warning("%" PRIu64 " uses of files were counted, not listed: files may be "
			    "missing here and roles incomplete",
			    r.run.completeness.files_folded);
	error = walk(&w, r.store);
	task_choice_fini(&w.chosen);
	if (w.unnamed)
		log_warning("files used through io_uring without a name, not listed: %" PRIu64,
			    w.unnamed);
	sheet_free(w.sheet);
	return reader_result(error);
}
