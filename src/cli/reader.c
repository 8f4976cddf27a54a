/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/reader.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "src/base/human.h"
#include "src/base/log.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/cli/cli.h"

#define NEAR_MAX 5

int run_row_copy(struct arena *a, const struct run_row *row, struct run_row *ret)
{
	const char *argv = row->argv.data ? arena_copy(a, row->argv.data, row->argv.len) : NULL;

	*ret = *row;
	ret->argv.data = argv;
	ret->uid = arena_text(a, row->uid);
	ret->name = arena_text(a, row->name);
	ret->pipeline = arena_text(a, row->pipeline);
	ret->engine = arena_text(a, row->engine);
	ret->cwd = arena_text(a, row->cwd);
	ret->user = arena_text(a, row->user);
	ret->labels = arena_text(a, row->labels);
	ret->boot_id = arena_text(a, row->boot_id);
	ret->hostname = arena_text(a, row->hostname);
	ret->kernel = arena_text(a, row->kernel);
	ret->arch = arena_text(a, row->arch);
	ret->notes = arena_text(a, row->notes);
	ret->machine = arena_text(a, row->machine);
	return ret->uid ? 0 : -ENOMEM;
}

int task_row_copy(struct arena *a, const struct task_row *row, struct task_row *ret)
{
	*ret = *row;
	ret->name = arena_text(a, row->name ? row->name : "");
	ret->key = arena_text(a, row->key);
	ret->sample = arena_text(a, row->sample);
	ret->rule = arena_text(a, row->rule);
	ret->evidence = arena_text(a, row->evidence);
	ret->cpus_source = arena_text(a, row->cpus_source);
	ret->memory_source = arena_text(a, row->memory_source);
	ret->detail = arena_text(a, row->detail);
	return ret->name ? 0 : -ENOMEM;
}

int scope_row_copy(struct arena *a, const struct scope_row *row, struct scope_row *ret)
{
	*ret = *row;
	ret->key = arena_text(a, row->key);
	ret->name = arena_text(a, row->name);
	ret->engine = arena_text(a, row->engine);
	ret->pipeline = arena_text(a, row->pipeline);
	ret->rule = arena_text(a, row->rule);
	ret->evidence = arena_text(a, row->evidence);
	ret->fields = arena_text(a, row->fields);
	return !row->key || ret->key ? 0 : -ENOMEM;
}

int tool_row_copy(struct arena *a, const struct tool_row *row, struct tool_row *ret)
{
	*ret = *row;
	ret->name = arena_text(a, row->name ? row->name : "");
	ret->component = arena_text(a, row->component);
	ret->path = arena_text(a, row->path);
	return ret->name ? 0 : -ENOMEM;
}

static int exit_code_of(int error)
{
	switch (error) {
	case -ENOENT:
		return EXIT_NOT_FOUND;
	case -EACCES:
	case -EPERM:
		return EXIT_PERMISSION;
	default:
		return EXIT_ERROR;
	}
}

int reader_result(int r)
{
	if (r >= 0)
		return EXIT_OK;
	log_error("cannot read the database: %s", store_strerror(r));
	return exit_code_of(r);
}

int reader_open(struct reader *r, const char *db)
{
	char path[PATH_MAX];
	int error;

	*r = (struct reader){ 0 };
	if (!db) {
		error = db_default_path(path, sizeof(path));
		if (error < 0) {
			log_error("no place for a database: set HOME or TRACER_DB, or use --db");
			return EXIT_ERROR;
		}
	}
	error = store_open(db ? db : path, STORE_READ, &r->store);
	if (error == -ENOENT && !db)
		log_error("no runs recorded yet: try `tracer run -- CMD` (%s %s)", path,
			  access(path, F_OK) == 0 ? "is empty" : "does not exist");
	else if (error < 0)
		log_error("cannot open %s: %s", db ? db : path, store_strerror(error));
	return error < 0 ? exit_code_of(error) : EXIT_OK;
}

void reader_close(struct reader *r)
{
	if (r->store)
		store_close(r->store);
	arena_fini(&r->arena);
	r->store = NULL;
}

struct near_runs {
	const char *selector;
	bool by_prefix;
	unsigned n, all;
	struct str text;
};

static void add_near(struct near_runs *near, const struct run_row *row)
{
	char when[HUMAN_MAX];
	const char *name = row->name ? row->name : "";

	str_addf(&near->text, "\n  %s  %s  ", row->uid, human_time(when, row->start_ns));
	text_visible(&near->text, name, strlen(name));
	near->n++;
}

static int visit_near(void *ctx, const struct run_row *row)
{
	struct near_runs *near = ctx;
	const char *names[] = { row->uid, row->name ? row->name : row->uid };

	near->all++;
	if (near->by_prefix ? !strncmp(row->uid, near->selector, strlen(near->selector))
			    : suggest(near->selector, names, 2) != NULL)
		add_near(near, row);
	return near->n == NEAR_MAX;
}

static int visit_latest(void *ctx, const struct run_row *row)
{
	add_near(ctx, row);
	return 0;
}

static void say_not_found(struct store *s, const char *selector)
{
	struct near_runs near = { .selector = selector };
	const char *what = "did you mean:";

	store_each_run(s, 0, visit_near, &near);
	if (!near.all) {
		log_error("no runs recorded yet: try `tracer run -- CMD`");
		return;
	}
	if (!near.n) {
		what = "the latest are:";
		store_each_run(s, 3, visit_latest, &near);
	}
	log_error("no run `%s`; %s%s", selector, what, str_text(&near.text));
	str_fini(&near.text);
}

static void say_ambiguous(struct store *s, const char *selector)
{
	struct near_runs near = { .selector = selector, .by_prefix = true };

	store_each_run(s, 0, visit_near, &near);
	log_error("`%s` is the beginning of several runs:%s", selector, str_text(&near.text));
	str_fini(&near.text);
}

static int visit_run(void *ctx, const struct run_row *row)
{
	struct reader *r = ctx;

	return run_row_copy(&r->arena, row, &r->run);
}

int reader_open_run(struct reader *r, const char *db, const char *selector)
{
	int rc = reader_open(r, db), error;
	int64_t id;

	if (rc)
		return rc;
	if (!selector)
		selector = "latest";
	error = store_find_run(r->store, selector, &id);
	if (error == -ENOENT) {
		say_not_found(r->store, selector);
		return EXIT_NOT_FOUND;
	}
	if (error == -ENOTUNIQ) {
		say_ambiguous(r->store, selector);
		return EXIT_NOT_FOUND;
	}
	if (error >= 0)
		error = store_get_run(r->store, id, visit_run, r);
	return reader_result(error);
}
