/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuild-check LOG...: stores what the tracker makes of each log, writes down all
 * that is derived, runs `tracer rebuild` and compares. Also that it was not empty,
 * and that a rebuild repairs a database whose derived rows are gone.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/cli/cli.h"
#include "src/model/event.h"
#include "src/store/store.h"
#include "src/track/rules.h"
#include "src/track/track.h"

#define LOG_MAX (8u << 20)

static int put_run(void *ctx, const struct run_row *r)
{
	return store_put_run(ctx, r);
}

static int put_process(void *ctx, const struct process_row *r)
{
	return store_put_process(ctx, r);
}

static int put_exec(void *ctx, const struct exec_row *r)
{
	return store_put_exec(ctx, r);
}

static int put_task(void *ctx, const struct task_row *r)
{
	return store_put_task(ctx, r);
}

static int put_scope(void *ctx, const struct scope_row *r)
{
	return store_put_scope(ctx, r);
}

static int put_tool(void *ctx, const struct tool_row *r)
{
	return store_put_tool(ctx, r);
}

static int put_file(void *ctx, const struct file_row *r)
{
	return store_put_file(ctx, r);
}

static int put_cgroup(void *ctx, const struct cgroup_row *r)
{
	return store_put_cgroup(ctx, r);
}

static int put_incident(void *ctx, const struct incident_row *r)
{
	return store_put_incident(ctx, r);
}

static int put_text(void *ctx, const struct text_row *r)
{
	return store_put_text(ctx, r);
}

static int feed(struct tracker *t, const char *log, size_t size)
{
	size_t pos = sizeof(struct wire_file);
	int err = 0;

	while (!err && pos + sizeof(struct wire_header) <= size) {
		const struct wire_header *h = (const struct wire_header *)(log + pos);

		err = tracker_feed(t, h);
		pos += h->size;
	}
	return err ? err : tracker_finish(t, true, 0, 0);
}

static int import(const char *path, struct store *s, const struct rules *rules)
{
	struct track_sink sink = { s,	      put_run,	put_process, put_exec,	 put_task,
				   put_scope, put_tool, put_file,    put_cgroup, put_incident,
				   put_text,  NULL,	NULL };
	struct tracker_options options = { .rules = rules };
	_cleanup_free_ char *log = malloc(LOG_MAX);
	_cleanup_fclose_ FILE *f = fopen(path, "rb");
	struct tracker *t = NULL;
	uint64_t lost = 0;
	size_t size;
	int err;

	if (!log || !f)
		return -ENOENT;
	size = fread(log, 1, LOG_MAX, f);
	err = store_run_new(s, "0badcafe", &options.run_id);
	if (!err)
		err = tracker_new(&options, &sink, &t);
	if (!err)
		err = feed(t, log, size);
	tracker_free(t);
	return err ? err : store_commit(s, &lost);
}

static void add_ledger(struct str *out, const struct wire_ledger *l)
{
	unsigned i;

	for (i = 0; i < LEDGER_STATES; i++)
		str_addf(out, " %" PRIu64, l->state_ns[i]);
	str_addf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", l->thread_ns, l->read_bytes,
		 l->minor_faults);
}

static int see_run(void *ctx, const struct run_row *r)
{
	str_addf(ctx, "run %s %s %s\n", r->name, r->engine ? r->engine : "-",
		 r->pipeline ? r->pipeline : "-");
	return 0;
}

static int see_scope(void *ctx, const struct scope_row *r)
{
	str_addf(ctx, "scope %" PRId64 " %" PRId64 " %" PRId64 " %d %s %s %s %s %d %d %s\n", r->id,
		 r->parent, r->task, r->kind, r->key ? r->key : "-", r->name ? r->name : "-",
		 r->engine ? r->engine : "-", r->rule ? r->rule : "-", r->status, r->exit_code,
		 r->fields ? r->fields : "-");
	return 0;
}

static int see_task(void *ctx, const struct task_row *r)
{
	str_addf(ctx, "task %" PRId64 " %s %s %s %u %d %d %" PRIu64 " %" PRIu64 " %" PRIu64, r->id,
		 r->name, r->key, r->sample ? r->sample : "-", r->attempt, r->status, r->exit_code,
		 r->start_ns, r->end_ns, r->busy_ns);
	str_addf(ctx, " %" PRId64 " %" PRIu64 " %" PRIu64, r->root_process, r->processes,
		 r->peak_rss_bytes);
	add_ledger(ctx, &r->ledger);
	return 0;
}

static int see_tool(void *ctx, const struct tool_row *r)
{
	str_addf(ctx, "tool %" PRId64 " %s %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
		 r->task, r->name, r->component ? r->component : "-", r->processes, r->failed,
		 r->start_ns, r->end_ns);
	add_ledger(ctx, &r->ledger);
	return 0;
}

static int see_process(void *ctx, const struct process_view *v)
{
	str_addf(ctx, "process %" PRId64 " %s %s %s %d", v->process->id,
		 v->task_name ? v->task_name : "-", v->tool_name ? v->tool_name : "-",
		 v->exec && v->exec->file ? v->exec->file : "-", v->process->exit_code);
	add_ledger(ctx, &v->process->ledger);
	return 0;
}

static int see_exec(void *ctx, const struct exec_row *r)
{
	str_addf(ctx, "exec %" PRId64 " %u %d", r->process, r->n, r->tool != 0);
	add_ledger(ctx, &r->before);
	return 0;
}

static int write_down(struct store *s, int64_t run, struct str *out)
{
	int err = store_get_run(s, run, see_run, out);

	if (!err)
		err = store_each_task(s, run, see_task, out);
	if (!err)
		err = store_each_tool(s, run, see_tool, out);
	if (!err)
		err = store_each_scope(s, run, see_scope, out);
	if (!err)
		err = store_each_process(s, run, see_process, out);
	return err ? err : store_each_exec(s, run, see_exec, out);
}

static int after(const char *db, struct str *out)
{
	struct store *s = NULL;
	int err = store_open(db, STORE_READ, &s);

	if (!err)
		err = write_down(s, 1, out);
	if (s)
		store_close(s);
	return err;
}

static int rebuild(const char *db)
{
	char command[] = "rebuild", option[] = "--db", *path = strdup(db);
	char *argv[] = { command, option, path, NULL };
	int rc = cmd_rebuild(3, argv);

	free(path);
	return rc ? -EIO : 0;
}

static int check(const char *log, const char *db, const struct rules *rules)
{
	_cleanup_(str_fini) struct str live = STR_INIT, bare = STR_INIT, again = STR_INIT;
	struct store *s = NULL;
	int err = store_open(db, STORE_WRITE, &s);

	if (!err)
		err = import(log, s, rules);
	if (!err)
		err = write_down(s, 1, &live);
	if (!err)
		err = store_clear_derived(s, 1);
	if (!err)
		err = write_down(s, 1, &bare);
	if (s)
		store_close(s);
	if (!err)
		err = rebuild(db);
	if (!err)
		err = after(db, &again);
	if (err) {
		fprintf(stderr, "%s: %s\n", log, strerror(-err));
		return 1;
	}
	if (strcmp(str_text(&live), str_text(&again)) || !strstr(str_text(&live), "\ntool ") ||
	    !strcmp(str_text(&live), str_text(&bare))) {
		fprintf(stderr, "%s: live:\n%s\nrebuilt:\n%s\n", log, str_text(&live),
			str_text(&again));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	char directory[] = "/tmp/rebuild-check-XXXXXX", db[64], extra[80];
	struct rules_error error = { 0 };
	struct rules *rules = NULL;
	int i, failed = argc < 2;

	if (!mkdtemp(directory) || rules_load(NULL, 0, &rules, &error) < 0)
		return 1;
	snprintf(db, sizeof(db), "%s/t.db", directory);
	for (i = 1; i < argc; i++) {
		failed |= check(argv[i], db, rules);
		remove(db);
		snprintf(extra, sizeof(extra), "%s-wal", db);
		remove(extra);
		snprintf(extra, sizeof(extra), "%s-shm", db);
		remove(extra);
	}
	rules_free(rules);
	remove(directory);
	return failed;
}
