/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which scopes an exec or a change of title opens, joins or leaves. One exec may
 * open several: an allocation, in it a container, in it a task. Rules of later
 * kinds see what the earlier ones opened.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/track/tracker.h"

struct walk {
	struct tracker *tracker;
	struct process *process;
	struct rule_input *in;
	struct scope *scope; /* a reference */
	uint64_t now_ns;
	struct scope *boundary; /* allocation or container that this exec entered */
	struct scope *old;	/* that an earlier title of the process opened */
	bool keep;		/* the new title says the same */
	bool task;		/* a task rule has matched: no engine is asked */
};

/* Takes over the walk's place in the tree; `s` is a reference. */
static void go(struct walk *w, struct scope *s)
{
	scope_unref(w->tracker, w->scope);
	w->scope = s;
	w->in->scope = s == w->tracker->top ? NULL : &s->match;
}

static struct opening opening_of(const struct walk *w, struct rule_result *m)
{
	return (struct opening){ w->process, w->in, m, w->now_ns };
}

static char *copy_field(const struct rule_result *m, const char *name)
{
	const char *value = rule_result_field(m, name);

	return value && *value ? strdup(value) : NULL;
}

static void describe(struct walk *w, struct scope *s, const struct rule_result *m)
{
	s->root = w->process->number;
	s->start_ns = opening_ns(w->process, w->in, w->now_ns);
	s->name = copy_field(m, "name");
	s->pipeline = copy_field(m, "pipeline");
	s->engine_name = copy_field(m, "engine");
	s->evidence = task_evidence(m, w->in);
	s->by_title = w->in->title != NULL;
	scope_keep_fields(s, m);
}

/* The key of a task is its own within its run. False: it has none. */
static bool task_key(const struct rule_result *m, const struct scope *run, struct str *ret)
{
	if (!*m->key)
		return false;
	str_reset(ret);
	str_addf(ret, "%" PRId64 ":%s:%s", run ? run->id : 0, rule_id(m->rule), m->key);
	return !ret->failed;
}

/* The container that this exec has just opened is one of the task's. */
static int move_container(struct walk *w, struct scope *task)
{
	struct scope *c = w->scope, *up = c->up;
	struct task *old = c->task;

	c->up = scope_ref(task);
	c->match.up = &task->match;
	c->depth = task->depth + 1;
	scope_unref(w->tracker, up);
	scope_set_task(c, task->task);
	task_unref(w->tracker, old);
	scope_set_run(w->tracker, c, task->run);
	return scope_send(w->tracker, c);
}

/* The process is of a task that is open in another branch of the tree, as what a
 * daemon starts in a container for it is: 1, 0 if there is none such. */
static int join_task(struct walk *w, const struct rule_result *m, struct scope *run)
{
	struct scope *s =
		task_key(m, run, &w->tracker->scratch2)
			? scope_shared(w->tracker, SCOPE_TASK, str_text(&w->tracker->scratch2))
			: NULL;

	if (!s || s->task->closed || s->task->root_ended || s->task->left)
		return 0;
	if (w->boundary && w->boundary->kind != SCOPE_CONTAINER)
		return 0; /* another job: the same again */
	if (w->boundary && w->boundary == w->scope && !w->scope->alive)
		return move_container(w, s) < 0 ? -ENOMEM : 1;
	go(w, scope_ref(s));
	return 1;
}

/* A task or an allocation, which is one, too. */
static int open_task(struct walk *w, struct rule_result *m, enum scope_kind kind)
{
	struct opening o = opening_of(w, m);
	struct tracker *t = w->tracker;
	struct scope *run, *s;
	struct task *task;
	int joined;

	if (t->n_open >= t->options.limits.open_tasks) {
		t->tasks_refused++;
		return 0;
	}
	if (run_scope_find(t, w->scope, m, w->in->pid, w->now_ns, &run) < 0)
		return -ENOMEM;
	joined = kind == SCOPE_TASK ? join_task(w, m, run) : 0;
	if (joined)
		return joined < 0 ? joined : 0;
	s = scope_push(t, w->scope, kind, m);
	if (!s)
		return -ENOMEM;
	task = task_open(t, w->scope, run, kind == SCOPE_TASK ? TASK_OF_ENGINE : TASK_ALLOCATION,
			 &o);
	scope_set_task(s, task ? task : w->scope->task);
	if (!task) {
		scope_unref(t, s);
		return -ENOMEM;
	}
	task->scope = s->id;
	describe(w, s, m);
	scope_set_run(t, s, run);
	go(w, s);
	if (kind == SCOPE_ALLOCATION && *m->key && scope_share(t, s, m->key) < 0)
		return -ENOMEM;
	if (kind == SCOPE_TASK && task_key(m, run, &t->scratch2) &&
	    scope_share(t, s, str_text(&t->scratch2)) < 0)
		return -ENOMEM;
	if (scope_send(t, s) < 0 || task_heads_want(t, s, &o) < 0)
		return -ENOMEM;
	return 0;
}

/* A task that opened without a name: a program below it tells what it is, and of
 * which run. */
static int name_task(struct walk *w, struct scope *s, struct rule_result *m)
{
	struct tracker *t = w->tracker;
	struct task *task = s->task;
	struct scope *run = NULL;

	if (*m->run_key && !task->run_scope &&
	    run_scope_find(t, w->scope, m, w->in->pid, w->now_ns, &run) < 0)
		return -ENOMEM;
	for (const struct scope *up = run; up && run; up = up->up) {
		if (up == s) /* a run within the task: not the task's */
			run = NULL;
	}
	if (run) {
		task->run_scope = scope_ref(run);
		task->of_run = run->id;
		run->tasks++;
		scope_set_run(t, s, run);
	}
	task_fields(task, m);
	task_count_attempt(t, task, m);
	scope_keep_fields(s, m);
	return scope_send(t, s);
}

static struct scope *named_by(struct walk *w, const struct rule_result *m)
{
	const struct rule *rule = rule_traits(m->rule)->names;
	struct scope *s = rule ? w->scope : NULL;

	while (s && s->match.rule != rule)
		s = s->up;
	return s && !s->task->sealed ? s : NULL;
}

/* Containers, sessions, marks and runs with a head: places, not accounts. */
static int open_place(struct walk *w, struct rule_result *m, enum scope_kind kind)
{
	struct tracker *t = w->tracker;
	struct scope *s = scope_push(t, w->scope, kind, m);

	if (!s)
		return -ENOMEM;
	scope_set_task(s, w->scope->task);
	describe(w, s, m);
	if (kind == SCOPE_RUN)
		s->engine = ++t->n_engines;
	scope_set_run(t, s, kind == SCOPE_RUN ? s : scope_engine_of(w->scope));
	go(w, s);
	if (kind == SCOPE_RUN && run_engine(t, s) < 0)
		return -ENOMEM;
	if (kind != SCOPE_RUN && kind != SCOPE_MARK && *m->key && scope_share(t, s, m->key) < 0)
		return -ENOMEM;
	return scope_send(t, s);
}

/* Another branch of the tree is in it already (ranks, `docker exec`). */
static bool join(struct walk *w, const struct rule_result *m, enum scope_kind kind)
{
	struct scope *s = *m->key ? scope_shared(w->tracker, kind, m->key) : NULL;

	if (!s || s->match.rule != m->rule)
		return false;
	go(w, scope_ref(s));
	return true;
}

/* An identity in variables that a submission copies along is none behind a border:
 * it says who submitted. */
static bool is_leaked(struct walk *w, const struct rule_result *m)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	struct rule_result note = { .rule = m->rule };

	if (!rule_traits(m->rule)->leaks)
		return false;
	for (const char *c = m->key; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3ULL;
	if (w->boundary && !w->boundary->leaked_hash) {
		w->boundary->leaked_hash = hash;
		rule_result_set(&note, "submitted_by", m->key, FROM_ENV);
		scope_keep_fields(w->boundary, &note);
		scope_send(w->tracker, w->boundary);
		return true;
	}
	for (struct scope *s = w->scope; s; s = s->up)
		if (s->leaked_hash == hash)
			return true;
	return false;
}

static enum scope_kind scope_kind_of(const struct rule_result *m)
{
	switch (rule_kind_of(m->rule)) {
	case RULE_ALLOC:
		return SCOPE_ALLOCATION;
	case RULE_CONTAINER:
		return SCOPE_CONTAINER;
	case RULE_SESSION:
		return SCOPE_SESSION;
	case RULE_ENGINE:
		return SCOPE_RUN;
	case RULE_TASK:
		return SCOPE_TASK;
	default:
		return SCOPE_MARK;
	}
}

/* Says what its children's `parent:` sees. */
static void set_rule(struct process *p, const struct rule_result *m)
{
	p->rule = rule_is_transparent(m->rule) ? p->parent_rule : m->rule;
}

/* A container is called what its client called it, not by its number. */
static void tell_client(struct rule_result *m, const struct client_answer *c)
{
	char image[RULE_VALUE_MAX];

	if (c->name)
		rule_result_set(m, "name", c->name, FROM_ARGV);
	if (!c->image.len || c->image.len >= sizeof(image) || rule_result_field(m, "image"))
		return;
	memcpy(image, c->image.data, c->image.len);
	image[c->image.len] = '\0';
	rule_result_set(m, "image", image, FROM_ARGV);
}

/* What a daemon starts belongs where it was asked for. */
static int join_client(struct walk *w, struct rule_result *m, enum scope_kind kind)
{
	struct opening o = opening_of(w, m);
	struct client_answer c = { 0 };
	struct scope *s = client_claim(w->tracker, w->scope, kind == SCOPE_ALLOCATION, &o, &c);

	if (!s && !c.how && w->process->adopted) { /* the daemon serves others, too */
		client_refuse(w->tracker, w->process);
		return 1;
	}
	client_own(w->tracker, w->process);
	tell_client(m, &c);
	if (!s || s->task->sealed)
		return 0;
	go(w, scope_ref(s));
	return rule_result_set(m, "asked_by", c.how, FROM_RULE) ? 0 : -ENOMEM;
}

/* The login shell of a job's script is nobody's session. */
static bool is_at_work(const struct scope *s)
{
	for (; s; s = s->up)
		if (s->kind == SCOPE_ALLOCATION || s->kind == SCOPE_TASK)
			return s->id != 0;
	return false;
}

static int take(void *ctx, struct rule_result *m)
{
	struct walk *w = ctx;
	enum scope_kind kind = scope_kind_of(m);
	bool border = kind == SCOPE_ALLOCATION || kind == SCOPE_CONTAINER;
	struct scope *before = w->scope;
	int err = 0;

	client_note_origin(w->process, m);
	if (w->process->foreign && !border) {
		set_rule(w->process, m);
		return 0;
	}
	w->keep = w->old && w->old->match.rule == m->rule && !strcmp(w->old->key, m->key);
	if (w->keep)
		return 1;
	if ((kind == SCOPE_RUN && w->task) || (kind == SCOPE_SESSION && is_at_work(w->scope)))
		return 0;
	if (rule_kind_of(m->rule) == RULE_CLIENT) {
		struct opening o = opening_of(w, m);

		return client_add(w->tracker, w->scope, &o);
	}
	if (kind == SCOPE_MARK && w->process->rule && !rule_traits(m->rule)->opens_mark)
		return 0; /* what it opened says more */
	if ((kind == SCOPE_TASK || kind == SCOPE_ALLOCATION) && is_leaked(w, m))
		return 0;
	w->task |= kind == SCOPE_TASK;
	if (named_by(w, m))
		return name_task(w, named_by(w, m), m);
	set_rule(w->process, m);
	if ((kind == SCOPE_MARK && !rule_traits(m->rule)->opens_mark) ||
	    scope_already_in(w->scope, m))
		return 0;
	if (kind != SCOPE_TASK && kind != SCOPE_RUN && kind != SCOPE_MARK && join(w, m, kind)) {
		client_own(w->tracker, w->process);
		return 0;
	}
	if (w->scope->depth >= SCOPE_DEPTH_MAX) {
		w->tracker->tasks_refused++;
		return 0;
	}
	err = border ? join_client(w, m, kind) : 0;
	if (err)
		return err;
	if (kind == SCOPE_TASK || kind == SCOPE_ALLOCATION)
		err = open_task(w, m, kind);
	else
		err = open_place(w, m, kind);
	if (border && w->scope != before && !err) {
		w->boundary = w->scope;
		task_limits(w->tracker, w->scope->task, w->process->cgroup_id);
	}
	return err;
}

struct scope *scope_match(struct tracker *t, struct process *p, struct rule_input *in,
			  uint64_t now_ns)
{
	static const enum rule_kind kinds[] = { RULE_ALLOC, RULE_CONTAINER, RULE_SESSION,
						RULE_TASK,  RULE_ENGINE,    RULE_WRAPPER,
						RULE_CLIENT };
	struct walk w = { .tracker = t, .process = p, .in = in, .now_ns = now_ns };

	client_check(t, p);
	w.scope = scope_ref(p->scope);
	if (!t->options.rules || p->refused)
		return w.scope;
	if (rules_match_each(t->options.rules, kinds, sizeof(kinds) / sizeof(*kinds), in, take,
			     &w) >= 0)
		return w.scope;
	scope_unref(t, w.scope);
	return NULL;
}

/* The scope that an earlier title of this very process opened, or NULL. */
static struct scope *titled(struct process *p)
{
	return p->scope->by_title && p->scope->root == p->number ? p->scope : NULL;
}

int scope_match_title(struct tracker *t, struct process *p, struct rule_input *in, uint64_t now_ns,
		      struct scope **ret)
{
	static const enum rule_kind kinds[] = { RULE_SESSION, RULE_TASK, RULE_ENGINE };
	struct scope *old = titled(p), *start = old ? old->up : p->scope;
	struct walk w = { .tracker = t, .process = p, .in = in, .now_ns = now_ns, .old = old };
	const struct rule *rule = p->rule;

	w.scope = scope_ref(start);
	in->scope = start == t->top ? NULL : &start->match;
	if (rules_match_each(t->options.rules, kinds, sizeof(kinds) / sizeof(*kinds), in, take,
			     &w) < 0) {
		scope_unref(t, w.scope);
		return -ENOMEM;
	}
	if (w.keep || w.scope == p->scope ||
	    (w.scope == start && !rule_pops(old->match.rule, in->title))) {
		p->rule = rule; /* a title that tells nothing new */
		scope_unref(t, w.scope);
		w.scope = NULL;
	} else if (old) {
		old->task->left = true;
	}
	*ret = w.scope;
	return 0;
}
