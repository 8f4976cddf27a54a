/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracer rebuild: tasks, tools and who belongs where, anew from the stored facts
 * with the rules of today. Facts are not changed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/paths.h"
#include "src/base/str.h"
#include "src/cli/cli.h"
#include "src/cli/rebuild_facts.h"
#include "src/cli/sheet.h"
#include "src/track/rules.h"

struct rebuild_options {
	struct reader_options reader;
	bool all;
	struct option_list rules;
};

static const struct option_spec options[] = {
	{ "all", 'a', OPTION_FLAG, offsetof(struct rebuild_options, all), NULL,
	  "every run of the database" },
	{ "rules", 0, OPTION_LIST, offsetof(struct rebuild_options, rules), "FILE",
	  "rules of your own, over the built-in ones" },
	DB_OPTION(struct rebuild_options, reader),
	JSON_OPTION(struct rebuild_options, reader),
	FORMAT_OPTION(struct rebuild_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "rebuild",
	.words = "[RUN...]",
	.about = "Derives tasks and tools of runs (default: the latest) again from what was\n"
		 "observed, with the rules of this version or of your own.",
	.options = options,
};

static const enum field_id fields[] = { FIELD_ID, FIELD_TASK_COUNT, FIELD_TOOL_COUNT,
					FIELD_PROCESSES, FIELD_COUNT };
static const struct sheet_spec sheet_spec = { &spec, fields, NULL, fields };

struct rebuild {
	struct store *store;
	struct facts facts;
	size_t *order; /* index of the k-th process of the tracker */
	uint64_t tasks, tools;
};

/* The stored process of a tracker's process id; NULL if there is none. */
static struct process_row *stored(struct rebuild *b, int64_t id)
{
	uint64_t number = (uint64_t)id & UINT32_MAX;

	if (!number || number > b->facts.n_processes)
		return NULL;
	return &b->facts.processes[b->order[number - 1]];
}

static int on_run(void *ctx, const struct run_row *row)
{
	struct rebuild *b = ctx;
	struct run_row *run = &b->facts.run;

	run->engine = arena_text(&b->facts.arena, row->engine);
	run->pipeline = arena_text(&b->facts.arena, row->pipeline);
	return 0;
}

static int on_process(void *ctx, const struct process_row *row)
{
	struct process_row *p = stored(ctx, row->id);

	if (!p || p->pid != row->pid || p->start_boot_ns != row->start_boot_ns)
		return -EUCLEAN;
	p->task = row->task;
	p->tool = row->tool;
	p->scope = row->scope;
	return 0;
}

static int on_exec(void *ctx, const struct exec_row *row)
{
	struct rebuild *b = ctx;
	struct process_row *p = stored(b, row->process);
	size_t process, at;

	if (!p)
		return -EUCLEAN;
	process = (size_t)(p - b->facts.processes);
	at = b->facts.first_exec[process] + row->n - 1;
	if (row->n && at < b->facts.first_exec[process + 1])
		b->facts.execs[at].tool = row->tool;
	return 0;
}

static int on_task(void *ctx, const struct task_row *row)
{
	struct rebuild *b = ctx;
	struct process_row *root = stored(b, row->root_process);
	struct task_row task = *row;

	task.root_process = root ? root->id : 0;
	if (b->tasks < (uint32_t)row->id) /* a row may come again */
		b->tasks = (uint32_t)row->id;
	return store_put_task(b->store, &task);
}

static int on_scope(void *ctx, const struct scope_row *row)
{
	struct rebuild *b = ctx;
	struct process_row *root = stored(b, row->root_process);
	struct scope_row scope = *row;

	scope.root_process = root ? root->id : 0;
	return store_put_scope(b->store, &scope);
}

static int on_tool(void *ctx, const struct tool_row *row)
{
	struct rebuild *b = ctx;

	if (b->tools < (uint32_t)row->id)
		b->tools = (uint32_t)row->id;
	return store_put_tool(b->store, row);
}

static int ignore_file(void *ctx, const struct file_row *row)
{
	return 0;
}

static int ignore_cgroup(void *ctx, const struct cgroup_row *row)
{
	return 0;
}

static int ignore_incident(void *ctx, const struct incident_row *row)
{
	return 0;
}

static int ignore_text(void *ctx, const struct text_row *row)
{
	return 0;
}

static int put_placement(struct rebuild *b)
{
	size_t i;
	int err = store_put_run(b->store, &b->facts.run);

	for (i = 0; i < b->facts.n_processes && !err; i++)
		err = store_put_process(b->store, &b->facts.processes[i]);
	for (i = 0; i < b->facts.n_execs && !err; i++)
		err = store_put_exec(b->store, &b->facts.execs[i]);
	return err;
}

static int derive(struct rebuild *b, const struct rules *rules)
{
	struct track_sink sink = {
		.ctx = b,
		.run = on_run,
		.process = on_process,
		.exec = on_exec,
		.task = on_task,
		.scope = on_scope,
		.tool = on_tool,
		.file = ignore_file,
		.cgroup = ignore_cgroup,
		.incident = ignore_incident,
		.text = ignore_text,
	};
	struct tracker_options track = { .run_id = b->facts.run.id, .rules = rules };
	struct tracker *t = NULL;
	uint64_t lost = 0;
	int err;

	/* every process ends by its own record: nothing may be given up before */
	track.limits.live_processes = UINT32_MAX;
	err = tracker_new(&track, &sink, &t);
	if (!err)
		err = store_clear_derived(b->store, b->facts.run.id);
	if (!err)
		err = facts_feed(b->store, &b->facts, t, b->order);
	if (!err)
		err = tracker_finish(t, true, 0, 0);
	tracker_free(t);
	if (!err)
		err = put_placement(b);
	if (!err)
		err = store_commit(b->store, &lost);
	return !err && lost ? -EIO : err;
}

/* sheet NULL: a line of text */
static int print_rebuilt(const struct rebuild *b, struct sheet *sheet)
{
	struct record record = { 0 };

	if (!sheet)
		return printf("%s: %llu tasks, %llu tools, %zu processes\n", b->facts.run.uid,
			      (unsigned long long)b->tasks, (unsigned long long)b->tools,
			      b->facts.n_processes) < 0
			       ? -EIO
			       : 0;
	record_text(&record, FIELD_ID, b->facts.run.uid);
	record_number(&record, FIELD_TASK_COUNT, b->tasks);
	record_number(&record, FIELD_TOOL_COUNT, b->tools);
	record_number(&record, FIELD_PROCESSES, b->facts.n_processes);
	return sheet_add(sheet, &record);
}

static int rebuild_run(struct store *s, int64_t run_id, const struct rules *rules,
		       struct sheet *sheet)
{
	struct rebuild b = { .store = s };
	int err = facts_read(s, run_id, &b.facts);

	if (!err) {
		b.order = calloc(b.facts.n_processes + 1, sizeof(*b.order));
		err = b.order ? derive(&b, rules) : -ENOMEM;
	}
	if (!err)
		err = print_rebuilt(&b, sheet);
	free(b.order);
	facts_fini(&b.facts);
	return err;
}

struct run_ids {
	int64_t *ids;
	size_t n;
};

static int on_run_id(void *ctx, const struct run_row *row)
{
	struct run_ids *list = ctx;
	int64_t *more = reallocarray(list->ids, list->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	list->ids = more;
	list->ids[list->n++] = row->id;
	return 0;
}

static int find_runs(struct store *s, const char *const *names, size_t n, struct run_ids *list)
{
	static const char *const latest[] = { "latest" };
	size_t i;
	int err = 0;

	if (!n) {
		names = latest;
		n = 1;
	}
	for (i = 0; i < n && !err; i++) {
		struct run_row row = { 0 };

		err = store_find_run(s, names[i], &row.id);
		if (err) {
			log_error("no such run: %s", names[i]);
			return EXIT_NOT_FOUND;
		}
		err = on_run_id(list, &row);
	}
	return reader_result(err);
}

static int rebuild_runs(struct store *s, const struct run_ids *list, const struct rules *rules,
			const struct reader_options *o)
{
	struct sheet *sheet = NULL;
	size_t i;
	int err = 0, rc = 0;

	if (sheet_format(o) != FORMAT_TABLE || o->format != FORMAT_TABLE)
		rc = sheet_new(stdout, &sheet_spec, o, &sheet);
	if (rc)
		return rc;
	for (i = 0; i < list->n && !err; i++)
		err = rebuild_run(s, list->ids[i], rules, sheet);
	if (!err && sheet)
		err = sheet_end(sheet);
	sheet_free(sheet);
	if (err)
		log_error("cannot rebuild: %s", store_strerror(err));
	return err ? EXIT_ERROR : EXIT_OK;
}

int cmd_rebuild(int argc, char **argv)
{
	struct rebuild_options o = { 0 };
	struct run_ids list = { 0 };
	struct rules_error error = { 0 };
	struct rules *rules = NULL;
	struct store *s = NULL;
	char path[4096];
	int rc = EXIT_OK, words = options_parse(&spec, &o, argc, argv, &rc), err;

	if (words < 0)
		return rc;
	if (rules_load(o.rules.items, o.rules.n, &rules, &error) < 0) {
		log_error("%s:%u: %s", error.file, error.line, error.text);
		return EXIT_ERROR;
	}
	if (o.reader.db)
		str_copy(path, sizeof(path), o.reader.db);
	err = o.reader.db ? 0 : db_default_path(path, sizeof(path));
	if (!err)
		err = store_open(path, STORE_WRITE, &s);
	if (err) {
		log_error("cannot open %s: %s", path, store_strerror(err));
		rc = EXIT_ERROR;
	} else if (o.all) {
		rc = reader_result(store_each_run(s, 0, on_run_id, &list));
	} else {
		rc = find_runs(s, (const char *const *)argv + words, (size_t)(argc - words), &list);
	}
	if (!rc)
		rc = rebuild_runs(s, &list, rules, &o.reader);
	free(list.ids);
	if (s)
		store_close(s);
	rules_free(rules);
	return rc;
}
