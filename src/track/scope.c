/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes and tasks. A scope is one matched rule on the way from the run to a
 * process; children get their parent's. A task is open until its root process has
 * ended and no member is alive; survivors of the root keep it open.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/track/tracker.h"

int scope_init(struct tracker *t)
{
	t->top = calloc(1, sizeof(*t->top) + 1);
	if (!t->top)
		return -ENOMEM;
	t->top->task = &t->run;
	t->top->refs = 1;
	t->run.refs = 1;
	return 0;
}

static void task_unref(struct tracker *t, struct task *task)
{
	struct task *up;

	for (; task != &t->run && --task->refs == 0; task = up) {
		up = task->up;
		tools_free(t, task);
		free(task->name);
		free(task->key);
		free(task->sample);
		free(task->evidence);
		free(task->claim);
		free(task);
	}
}

struct scope *scope_ref(struct scope *s)
{
	s->refs++;
	return s;
}

void scope_unref(struct tracker *t, struct scope *s)
{
	struct scope *up;

	for (; s && --s->refs == 0; s = up) {
		up = s->up;
		task_unref(t, s->task);
		rule_markers_fini(&s->markers);
		free(s);
	}
}

static void list_add(struct task **first, struct task **last, struct task *task)
{
	task->next = NULL;
	task->prev = *last;
	if (*last)
		(*last)->next = task;
	else
		*first = task;
	*last = task;
}

static void list_remove(struct task **first, struct task **last, struct task *task)
{
	if (task->prev)
		task->prev->next = task->next;
	else
		*first = task->next;
	if (task->next)
		task->next->prev = task->prev;
	else
		*last = task->prev;
}

void scope_fini(struct tracker *t)
{
	struct task *task, *next;

	for (task = t->open_first; task; task = next) {
		next = task->next;
		task_unref(t, task);
	}
	for (task = t->closed_first; task; task = next) {
		next = task->next;
		task_unref(t, task);
	}
	tools_free(t, &t->run);
	free(t->top);
}

static uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	return hash;
}

static struct task_key *key_get(struct tracker *t, uint64_t hash)
{
	struct task_key *k;

	HASH_FIND(hh, t->task_keys, &hash, sizeof(hash), k);
	if (k || t->n_task_keys >= TASK_KEYS_MAX)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->hash = hash;
	HASH_ADD(hh, t->task_keys, hash, sizeof(k->hash), k);
	if (!k->hh.tbl) {
		free(k);
		return NULL;
	}
	t->n_task_keys++;
	return k;
}

/* A member more, from here up to the run. */
static void members_add(struct tracker *t, struct task *task, uint64_t now_ns)
{
	for (; task; task = task->up) {
		if (task->alive++ == 0) /* a late child may have begun before the last end */
			task->busy_since_ns = now_ns > task->end_ns ? now_ns : task->end_ns;
		task->dirty = true;
		if (!task->closed || task->sealed)
			continue;
		task->closed = false; /* a child that came late */
		list_remove(&t->closed_first, &t->closed_last, task);
		t->n_closed--;
		list_add(&t->open_first, &t->open_last, task);
		t->n_open++;
	}
}

static void members_remove(struct task *task, uint64_t now_ns)
{
	for (; task; task = task->up) {
		task->dirty = true;
		if (--task->alive)
			continue;
		if (now_ns > task->busy_since_ns)
			task->busy_ns += now_ns - task->busy_since_ns;
		if (task->end_ns < now_ns)
			task->end_ns = now_ns;
	}
}

void scope_enter(struct tracker *t, struct process *p, struct scope *s, uint64_t now_ns)
{
	struct scope *old = p->scope;

	p->scope = scope_ref(s);
	members_add(t, s->task, now_ns);
	s->task->processes++;
	if (!old)
		return;
	old->task->processes--;
	members_remove(old->task, now_ns);
	scope_unref(t, old);
}

void scope_leave(struct tracker *t, struct process *p, uint64_t now_ns)
{
	struct task *task;

	for (task = p->scope->task; p->oom && task; task = task->up)
		task->oom = true;
	members_remove(p->scope->task, now_ns);
}

static bool already_in(const struct scope *s, const struct rule_result *m)
{
	for (; s; s = s->up) {
		if (s->match.rule == m->rule && !strcmp(s->key, m->key))
			return true;
	}
	return false;
}

static struct scope *push(struct tracker *t, struct scope *up, struct task *task,
			  const struct rule_result *m)
{
	size_t len = strlen(m->key);
	struct scope *s = calloc(1, sizeof(*s) + len + 1);

	if (!s)
		return NULL;
	memcpy(s->key, m->key, len);
	s->match.rule = m->rule;
	s->match.up = up == t->top ? NULL : &up->match;
	s->up = scope_ref(up);
	s->task = task;
	s->refs = 1;
	if (task != &t->run)
		task->refs++;
	return s;
}

static char *copy_field(const struct rule_result *m, const char *name)
{
	const char *value = rule_result_field(m, name);

	return value && *value ? strdup(value) : NULL;
}

static uint64_t number_field(const struct rule_result *m, const char *name)
{
	const char *value = rule_result_field(m, name);
	char *end;
	unsigned long long n;

	if (!value || *value < '0' || *value > '9')
		return 0;
	errno = 0;
	n = strtoull(value, &end, 10);
	return errno || *end ? 0 : n;
}

/* The same key again is another attempt if the one before failed. The key of the
 * row must be unique, so a repeated one gets a number. */
static int name_task(struct tracker *t, struct task *task, const struct rule_result *m)
{
	uint64_t hash = hash_text(m->key);
	struct task_key *k = *m->key ? key_get(t, hash) : NULL;
	uint64_t given = number_field(m, "attempt");
	struct str key = STR_INIT;

	task->attempt = 1;
	str_add(&key, *m->key ? m->key : rule_id(m->rule));
	if (k) {
		task->key_hash = hash;
		task->attempt = k->attempts = k->failed ? k->attempts + 1 : 1;
		if (++k->instances > 1)
			str_addf(&key, "#%u", k->instances);
		k->failed = false;
	} else {
		str_addf(&key, "#%u", t->next_task);
	}
	if (given && given <= UINT32_MAX)
		task->attempt = (uint32_t)given;
	if (key.failed) {
		str_fini(&key);
		return -ENOMEM;
	}
	task->key = key.data;
	return 0;
}

static char *evidence_of(const struct rule_result *m, const struct rule_input *in)
{
	struct str text = STR_INIT;
	struct bytes arg;
	size_t pos = 0;

	str_addf(&text, "rule %s:", rule_id(m->rule));
	while (text.len < TASK_TEXT_MAX && (arg = event_next(in->argv, &pos)).data) {
		str_addc(&text, ' ');
		str_addn(&text, arg.data, arg.len);
	}
	if (text.len > TASK_TEXT_MAX) {
		text.data[TASK_TEXT_MAX] = '\0';
		text.len = TASK_TEXT_MAX;
	}
	if (!text.failed)
		return text.data;
	str_fini(&text);
	return NULL;
}

static void replace(char **to, const struct rule_result *m, const char *name)
{
	char *value = copy_field(m, name);

	if (!value)
		return;
	free(*to);
	*to = value;
}

void task_fields(struct task *task, const struct rule_result *m)
{
	uint64_t cpus = number_field(m, "cpus"), memory_mb = number_field(m, "memory_mb");

	replace(&task->name, m, "name");
	if (rule_result_field(m, "name"))
		task->name_guessed = m->name_guessed;
	replace(&task->sample, m, "sample");
	if (cpus && cpus <= UINT32_MAX)
		task->cpus = (uint32_t)cpus;
	if (memory_mb && memory_mb < INT64_MAX / 1000000)
		task->memory_bytes = memory_mb * 1000000;
	task->dirty = true;
}

static void fill_task(struct task *task, const struct rule_result *m, const struct rule_input *in)
{
	task_fields(task, m);
	if (!task->name) {
		task->name = strdup(rule_id(m->rule));
		task->name_guessed = true;
	}
	task->evidence = evidence_of(m, in);
	task->rule = rule_id(m->rule);
	task->confidence = rule_confidence(m->rule);
}

static struct scope *open_task(struct tracker *t, struct process *p, struct rule_result *m,
			       const struct rule_input *in, uint64_t now_ns)
{
	struct task *task;

	if (t->n_open >= t->options.limits.open_tasks) {
		t->tasks_refused++;
		return scope_ref(p->scope);
	}
	task = calloc(1, sizeof(*task));
	if (!task)
		return NULL;
	task->refs = 1; /* of the list */
	task->up = p->scope->task;
	if (task->up != &t->run)
		task->up->refs++;
	task->id = tracker_row_id(t, ++t->next_task);
	task->root = p->number;
	task->start_ns = p->execs > 1 ? now_ns : p->id.start_ns;
	task->exit_code = -1;
	list_add(&t->open_first, &t->open_last, task);
	t->n_open++;
	if (engine_claim(p, task, in, m) < 0)
		return NULL; /* the open list owns the task */
	fill_task(task, m, in);
	if (engine_name(t, task) < 0 || name_task(t, task, m) < 0 || !task->name)
		return NULL;
	return push(t, p->scope, task, m);
}

struct scope *scope_match(struct tracker *t, struct process *p, const struct rule_input *in,
			  uint64_t now_ns)
{
	struct rule_result m;
	struct scope *s;

	if (!t->options.rules)
		return scope_ref(p->scope);
	if (!rules_match(t->options.rules, RULE_TASK, in, &m)) {
		p->rule = m.rule;
		if (already_in(p->scope, &m))
			return scope_ref(p->scope);
		return open_task(t, p, &m, in, now_ns);
	}
	if (!rules_match(t->options.rules, RULE_ENGINE, in, &m)) {
		p->rule = m.rule;
		if (already_in(p->scope, &m))
			return scope_ref(p->scope);
		if (run_engine(t, &m) < 0)
			return NULL;
		s = push(t, p->scope, p->scope->task, &m);
		if (s)
			s->engine = ++t->n_engines;
		return s;
	}
	return scope_ref(p->scope);
}

void scope_root_ended(struct tracker *t, struct process *p, const struct wire_exit *r)
{
	struct task *task;
	unsigned signal = r->status & 0x7f;

	for (task = p->scope->task; task != &t->run; task = task->up) {
		if (task->root != p->number)
			continue;
		task->root_ended = true;
		task->signal = (int)signal;
		task->exit_code = signal ? -1 : (int)(r->status >> 8 & 0xff);
		task->oom |= p->oom;
		if (task->end_ns < r->h.time_ns)
			task->end_ns = r->h.time_ns;
	}
}

static enum task_status status_of(const struct tracker *t, const struct task *task)
{
	if (!task->root_ended)
		return TASK_STATUS_UNKNOWN;
	if (!task->signal && !task->exit_code)
		return TASK_STATUS_SUCCEEDED;
	if (task->oom)
		return TASK_STATUS_OOM;
	if (t->cancelled || task->signal == SIGINT || task->signal == SIGTERM ||
	    task->signal == SIGHUP)
		return TASK_STATUS_CANCELLED;
	return TASK_STATUS_FAILED;
}

static void seal_oldest(struct tracker *t)
{
	struct task *task = t->closed_first;

	list_remove(&t->closed_first, &t->closed_last, task);
	t->n_closed--;
	task->sealed = true;
	tools_free(t, task);
	task_unref(t, task);
}

static bool is_shell(const char *name)
{
	static const char *const shells[] = { "sh", "bash", "dash", "zsh", "ksh", "busybox" };

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
		if (!strcmp(name, shells[i]))
			return true;
	return false;
}

/* Nobody said what it is called: the tool that used the most CPU is what people
 * would call it, and by its end that is known. */
static int name_by_tool(struct task *task)
{
	struct tool *tool, *next, *most = NULL;
	char *name;

	HASH_ITER (hh, task->tools, tool, next) {
		if (!tool->processes || is_shell(tool->key))
			continue;
		if (!most || tool->ledger.state_ns[LEDGER_CPU] > most->ledger.state_ns[LEDGER_CPU])
			most = tool;
	}
	if (!most)
		return 0;
	name = strdup(most->key);
	if (!name)
		return -ENOMEM;
	free(task->name);
	task->name = name;
	return 0;
}

static int close_task(struct tracker *t, struct task *task)
{
	struct task_key *k;
	int err;

	if (task->name_guessed && name_by_tool(task) < 0)
		return -ENOMEM;

	task->status = status_of(t, task);
	task->closed = true;
	list_remove(&t->open_first, &t->open_last, task);
	t->n_open--;
	list_add(&t->closed_first, &t->closed_last, task);
	t->n_closed++;
	if (task->key_hash) {
		HASH_FIND(hh, t->task_keys, &task->key_hash, sizeof(task->key_hash), k);
		if (k)
			k->failed = task->status != TASK_STATUS_SUCCEEDED;
	}
	err = task_send(t, task);
	if (!err)
		err = tools_send(t, task, true);
	if (t->n_closed > t->options.limits.closed_tasks)
		seal_oldest(t);
	return err;
}

int scope_close_idle(struct tracker *t, struct process *p, uint64_t now_ns)
{
	struct task *task, *up;
	int err = 0, failed;

	for (task = p->scope->task; task != &t->run; task = up) {
		up = task->up; /* p's scope holds it */
		if (task->alive || !task->root_ended || task->closed)
			continue;
		failed = close_task(t, task);
		if (!err)
			err = failed;
	}
	return err;
}

int scope_finish(struct tracker *t)
{
	int err = 0, failed;

	while (t->open_first) {
		failed = close_task(t, t->open_first);
		if (!err)
			err = failed;
	}
	return err;
}
