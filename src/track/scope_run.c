/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of engines, and what else several branches of the process tree may join by
 * a key (allocations, containers). A run is known by its head process, by the key
 * that its tasks tell, or by a directory that its head has made a file in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/track/tracker.h"

/* ---- by key ---- */

static char *make_key(enum scope_kind kind, const char *key)
{
	struct str text = STR_INIT;

	str_addf(&text, "%u:%s", kind, key);
	return text.failed ? NULL : text.data;
}

struct scope *scope_shared(struct tracker *t, enum scope_kind kind, const char *key)
{
	_cleanup_free_ char *text = make_key(kind, key);
	struct scope *s = NULL;

	if (text)
		HASH_FIND(hh, t->shared, text, strlen(text), s);
	return s && !s->task->sealed ? s : NULL;
}

int scope_share(struct tracker *t, struct scope *s, const char *key)
{
	struct scope *old;

	s->shared_key = make_key(s->kind, key);
	if (!s->shared_key)
		return -ENOMEM;
	HASH_FIND(hh, t->shared, s->shared_key, strlen(s->shared_key), old);
	if (old)
		scope_unshare(t, old); /* it is over: its task has been given up */
	HASH_ADD_KEYPTR(hh, t->shared, s->shared_key, strlen(s->shared_key), s);
	if (s->hh.tbl)
		return 0;
	free(s->shared_key);
	s->shared_key = NULL;
	return -ENOMEM;
}

void scope_unshare(struct tracker *t, struct scope *s)
{
	if (!s->shared_key)
		return;
	HASH_DELETE(hh, t->shared, s);
	free(s->shared_key);
	s->shared_key = NULL;
}

/* ---- runs that their tasks tell of ---- */

static struct scope *run_by_key(struct tracker *t, const struct rule_result *m, uint32_t pid,
				uint64_t now_ns)
{
	struct rule_result about = { .rule = m->rule };
	char text[RULE_VALUE_MAX];
	struct scope *s;

	memcpy(about.key, m->run_key, sizeof(about.key));
	s = scope_push(t, t->top, SCOPE_RUN, &about);
	if (!s)
		return NULL;
	scope_set_task(s, &t->run);
	scope_set_run(t, s, s);
	s->start_ns = now_ns;
	if (rule_run_text(m, pid, "name", text))
		s->name = strdup(text);
	if (rule_run_text(m, pid, "pipeline", text))
		s->pipeline = strdup(text);
	if (rule_traits(m->rule)->run_engine)
		s->engine_name = strdup(rule_traits(m->rule)->run_engine);
	s->evidence = strdup("known from its tasks");
	s->kept = true; /* the reference of scope_push() is the table's */
	t->n_runs++;
	if (scope_share(t, s, m->run_key) < 0 || run_engine(t, s) < 0 || scope_send(t, s) < 0)
		return NULL; /* still in the table, or lost with the tracker */
	return s;
}

/* ---- directories ---- */

static struct owned_dir *find_dir(struct tracker *t, const char *path, size_t len)
{
	struct owned_dir *d;

	while (len > 1 && path[len - 1] == '/')
		len--;
	HASH_FIND(hh, t->owned_dirs, path, len, d);
	return d;
}

static void forget_dir(struct tracker *t, struct owned_dir *d)
{
	HASH_DELETE(hh, t->owned_dirs, d);
	t->n_owned_dirs--;
	scope_unref(t, d->run);
	free(d);
}

static int own_dir(struct tracker *t, struct scope *run, const char *path, size_t len)
{
	struct owned_dir *d = find_dir(t, path, len);

	if (d) { /* resumed: the head that wrote last */
		scope_ref(run);
		scope_unref(t, d->run);
		d->run = run;
		return 0;
	}
	if (t->n_owned_dirs >= OWNED_DIRS_MAX) {
		t->dirs_forgotten++;
		forget_dir(t, t->owned_dirs);
	}
	d = calloc(1, sizeof(*d) + len + 1);
	if (!d)
		return -ENOMEM;
	memcpy(d->path, path, len);
	HASH_ADD_KEYPTR(hh, t->owned_dirs, d->path, len, d);
	if (!d->hh.tbl) {
		free(d);
		return -ENOMEM;
	}
	d->run = scope_ref(run);
	t->n_owned_dirs++;
	return 0;
}

/* The key of a run that its head did not have when it began: its tasks may name it. */
static int learn_key(struct tracker *t, struct scope *s, const struct rule_result *m)
{
	char key[RULE_VALUE_MAX];

	if (s->shared_key || !rule_learned_key(s->match.rule, m, key) ||
	    scope_shared(t, SCOPE_RUN, key))
		return 0;
	return scope_share(t, s, key);
}

/* What a name tells of the run: "index.happy_darwin". */
static int learn(struct tracker *t, struct scope *s, const char *path)
{
	struct rule_result m = { .rule = s->match.rule };
	const char *name;

	if (!rule_learn(s->match.rule, path, &m))
		return 0;
	scope_keep_fields(s, &m);
	name = rule_result_field(&m, "name");
	if (name && (!s->name || strcmp(s->name, name))) {
		free(s->name);
		s->name = strdup(name);
	}
	return learn_key(t, s, &m) < 0 ? -ENOMEM : scope_send(t, s);
}

static bool is_created(const struct wire_file_event *r)
{
	if (r->error || r->op == WIRE_FILE_UNLINK)
		return false;
	return r->op == WIRE_FILE_RENAME || (r->access & (WIRE_OPEN_WRITE | WIRE_OPEN_CREATED));
}

int run_scope_file(struct tracker *t, struct process *p, const struct wire_file_event *r,
		   const char *path)
{
	size_t off, len;
	int err = 0;

	if (!is_created(r))
		return 0;
	for (struct scope *s = p->scope; s && !err; s = s->up) {
		if (s->kind != SCOPE_RUN || !s->match.rule ||
		    rule_kind_of(s->match.rule) != RULE_ENGINE)
			continue;
		if (rule_owns(s->match.rule, path, &off, &len))
			err = own_dir(t, s, path + off, len);
		if (!err)
			err = learn(t, s, path);
	}
	return err;
}

/* ---- which one ---- */

/* Precedence: who made a file in the task's directory (85), what the task itself
 * tells (90 if it names the run), who is around (55). A directory that is only the
 * working directory (40) yields to who is around. */
int run_scope_find(struct tracker *t, struct scope *at, const struct rule_result *m, uint32_t pid,
		   uint64_t now_ns, struct scope **ret)
{
	const char *field = rule_traits(m->rule)->anchor_dir;
	const char *dir = field ? rule_result_field(m, field) : NULL;
	struct scope *around = scope_engine_of(at), *s;
	struct owned_dir *d = dir ? find_dir(t, dir, strlen(dir)) : NULL;

	*ret = around;
	if (*m->run_key) {
		for (s = at; s; s = s->up)
			if (s->kind == SCOPE_RUN && !strcmp(s->key, m->run_key)) {
				*ret = s;
				return 0;
			}
		s = scope_shared(t, SCOPE_RUN, m->run_key);
		if (!s && t->n_runs >= RUNS_MAX)
			t->runs_refused++;
		else if (!s && !(s = run_by_key(t, m, pid, now_ns)))
			return -ENOMEM;
		*ret = s ? s : around;
		return 0;
	}
	if (!d)
		return 0;
	for (unsigned i = 0; i < m->n_fields; i++)
		if (!strcmp(m->fields[i].name, field) && m->fields[i].from == FROM_CWD && around)
			return 0;
	*ret = d->run;
	return 0;
}

/* ---- the end ---- */

int run_scopes_end(struct tracker *t)
{
	struct scope *s, *tmp;
	int err = 0;

	HASH_ITER (hh, t->shared, s, tmp) {
		if (!s->kept || s->ended)
			continue;
		s->ended = true;
		s->end_ns = t->now_ns;
		s->status = s->failed  ? TASK_STATUS_FAILED
			    : s->tasks ? TASK_STATUS_SUCCEEDED
				       : TASK_STATUS_UNKNOWN;
		if (!err)
			err = scope_send(t, s);
	}
	return err;
}

void run_scopes_free(struct tracker *t)
{
	struct owned_dir *d, *d_tmp;
	struct scope *s, *tmp;

	HASH_ITER (hh, t->owned_dirs, d, d_tmp) {
		forget_dir(t, d);
	}
	HASH_ITER (hh, t->shared, s, tmp) {
		if (!s->kept)
			continue;
		s->kept = false;
		s->ended = true; /* said, or nobody to say it to */
		scope_unref(t, s);
	}
}
