/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks: what a task or an allocation is called and asked for, which attempt it
 * is, how it ended. A task is open until its root process has ended and no member
 * is alive; survivors of the root keep it open.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/track/tracker.h"

#define EVIDENCE_MAX 4096

void task_unref(struct tracker *t, struct task *task)
{
	struct task *up;

	for (; task && task != &t->run && --task->refs == 0; task = up) {
		up = task->up;
		tools_free(t, task);
		if (task->run_scope)
			scope_unref(t, task->run_scope);
		free(task->name);
		free(task->key);
		free(task->sample);
		free(task->evidence);
		free(task->claim);
		free(task);
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

/* FNV-1a, going on from what came before. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	return hash;
}

/* Room for another: what succeeded first needs no counting any more. */
static void forget_key(struct tracker *t)
{
	struct task_key *k, *tmp, *oldest = t->task_keys;
	unsigned n = 0;

	HASH_ITER (hh, t->task_keys, k, tmp) {
		if (!k->failed || ++n == 64)
			break;
	}
	if (!k || k->failed)
		k = oldest;
	t->keys_forgotten += k->failed;
	HASH_DELETE(hh, t->task_keys, k);
	free(k);
	t->n_task_keys--;
}

static struct task_key *key_get(struct tracker *t, uint64_t hash)
{
	struct task_key *k;

	HASH_FIND(hh, t->task_keys, &hash, sizeof(hash), k);
	if (k)
		return k;
	if (t->n_task_keys >= TASK_KEYS_MAX)
		forget_key(t);
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
void task_members_add(struct tracker *t, struct task *task, uint64_t now_ns)
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

void task_members_remove(struct task *task, uint64_t now_ns)
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

static void replace(char **to, const struct rule_result *m, const char *name)
{
	char *value = copy_field(m, name);

	if (!value)
		return;
	free(*to);
	*to = value;
}

/* "4G", "2.5 GB", "500M", "1024": powers of 1024, as schedulers and docker mean it.
 * 0: not understood. */
static uint64_t memory_text(const char *text)
{
	static const char units[] = "kmgtp";
	const char *unit;
	char *end;
	double n;

	if (!text || *text < '0' || *text > '9')
		return 0;
	n = strtod(text, &end);
	while (*end == ' ')
		end++;
	unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
	for (; unit && unit >= units; unit--)
		n *= 1024;
	return n >= 1 && n < 1e18 ? (uint64_t)n : 0;
}

static uint64_t memory_bytes(const struct rule_result *m, const char **ret_field)
{
	static const struct {
		const char *field;
		uint64_t unit;
	} plain[] = { { "memory_bytes", 1 }, { "memory_mib", 1 << 20 }, { "memory_mb", 1000000 } };
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		n = number_field(m, plain[i].field);
		*ret_field = plain[i].field;
		if (n && n < (uint64_t)INT64_MAX / plain[i].unit)
			return n * plain[i].unit;
	}
	*ret_field = "memory";
	return memory_text(rule_result_field(m, "memory"));
}

static const char *source_of(const struct rule_result *m, const char *field)
{
	for (unsigned i = 0; i < m->n_fields; i++)
		if (!strcmp(m->fields[i].name, field))
			return rule_from_name(m->fields[i].from);
	return NULL;
}

void task_fields(struct task *task, const struct rule_result *m)
{
	const char *field;
	uint64_t cpus = number_field(m, "cpus"), memory = memory_bytes(m, &field);

	replace(&task->name, m, "name");
	if (rule_result_field(m, "name"))
		task->name_guessed = m->name_guessed;
	if (rule_result_field(m, "sample"))
		task->guess = SAMPLE_NONE;
	replace(&task->sample, m, "sample");
	if (cpus && cpus <= UINT32_MAX) {
		task->cpus = (uint32_t)cpus;
		task->cpus_source = source_of(m, "cpus");
	}
	if (memory) {
		task->memory_bytes = memory;
		task->memory_source = source_of(m, field);
	}
	task->dirty = true;
}

static void set_sample(struct task *task, const char *name, enum sample_source from)
{
	free(task->sample);
	task->sample = name ? strdup(name) : NULL;
	task->guess = from;
	task->dirty = true;
}

void task_guess_sample(struct task *task, struct bytes argv)
{
	bool files = task->rule && rule_traits(task->rule)->sample_by_files;
	bool told = task->guess == SAMPLE_FROM_ARGUMENT;
	char name[SAMPLE_MAX];
	enum sample_source from;

	if (!task->up || (task->sample && !task->guess))
		return;
	from = sample_of(argv, files, name);
	if (from == SAMPLE_NONE || (told && from == SAMPLE_FROM_FILES))
		return;
	if (from != task->guess) { /* the first, or better than the names of files */
		task->samples_differ = false;
		set_sample(task, name, from);
	} else if (!task->samples_differ && task->sample && strcmp(task->sample, name)) {
		task->samples_differ = true; /* it is about none of them */
		set_sample(task, NULL, from);
	}
}

/* What a client in it asks for on its behalf; what the task itself said is better. */
void task_requests(struct task *task, const struct rule_result *m)
{
	const char *field;
	uint64_t cpus = number_field(m, "cpus"), memory = memory_bytes(m, &field);

	if (!task->up) /* the recording is nobody's task */
		return;
	if (!task->cpus && cpus && cpus <= UINT32_MAX) {
		task->cpus = (uint32_t)cpus;
		task->cpus_source = "client";
	}
	if (!task->memory_bytes && memory) {
		task->memory_bytes = memory;
		task->memory_source = "client";
	}
	task->dirty = true;
}

void task_limits(struct tracker *t, struct task *task, uint64_t cgroup_id)
{
	uint64_t memory, cpu_milli;

	if (!task->up || !cgroup_limits(t, cgroup_id, &memory, &cpu_milli))
		return;
	if (memory && !task->memory_bytes) {
		task->memory_bytes = memory;
		task->memory_source = "cgroup";
	}
	if (cpu_milli >= 1000 && !task->cpus) {
		task->cpus = (uint32_t)(cpu_milli / 1000);
		task->cpus_source = "cgroup";
	}
	task->dirty = true;
}

char *task_evidence(const struct rule_result *m, const struct rule_input *in)
{
	struct str text = STR_INIT;
	struct bytes arg;
	size_t pos = 0;

	str_addf(&text, "rule %s:", rule_id(m->rule));
	if (in->title)
		str_addf(&text, " title %s", in->title);
	while (text.len < TASK_TEXT_MAX && (arg = event_next(in->argv, &pos)).data) {
		str_addc(&text, ' ');
		str_addn(&text, arg.data, arg.len);
	}
	if (text.len > TASK_TEXT_MAX) {
		text.data[TASK_TEXT_MAX] = '\0';
		text.len = TASK_TEXT_MAX;
	}
	for (unsigned i = 0; in->cgroup && i < m->n_fields; i++)
		if (m->fields[i].from == FROM_CGROUP) {
			str_addf(&text, " [cgroup %s]", in->cgroup);
			break;
		}
	if (!text.failed)
		return text.data;
	str_fini(&text);
	return NULL;
}

void task_add_evidence(struct task *task, const char *format, ...)
{
	size_t len = task->evidence ? strlen(task->evidence) : 0;
	char more[TASK_TEXT_MAX], *text;
	va_list ap;

	va_start(ap, format);
	vsnprintf(more, sizeof(more), format, ap);
	va_end(ap);
	if (len + strlen(more) > EVIDENCE_MAX || (len && strstr(task->evidence, more)))
		return;
	text = realloc(task->evidence, len + strlen(more) + 1);
	if (!text)
		return;
	memcpy(text + len, more, strlen(more) + 1);
	task->evidence = text;
	task->dirty = true;
}

/* The same in the same run again is another attempt if the one before failed. What
 * the engine itself says is better; its file may say it, or what to count by, later. */
void task_count_attempt(struct tracker *t, struct task *task, const struct rule_result *m)
{
	const char *by = rule_traits(m->rule)->attempt_by,
		   *what = by ? rule_result_field(m, by) : m->key;
	const char *restarts = rule_result_field(m, "restarts");
	uint64_t given = number_field(m, "attempt");
	uint64_t hash = 0xcbf29ce484222325ULL ^ (uint64_t)task->of_run * 0x9e3779b97f4a7c15ULL;
	struct task_key *k;

	if (what && *what) {
		hash = hash_text(hash_text(hash, rule_id(m->rule)), what);
		k = task->key_hash == hash ? NULL : key_get(t, hash);
		task->key_hash = hash;
		if (k) {
			task->attempt = k->attempts = k->failed ? k->attempts + 1 : 1;
			if (k->failed)
				task_add_evidence(task,
						  "; attempt %u: one with %s %s failed before",
						  k->attempts, by ? by : "key", what);
			if (k->failed && task->run_scope && task->run_scope->failed)
				task->run_scope->failed--;
			k->failed = false;
		}
	}
	if (!given && restarts && *restarts >= '0' && *restarts <= '9')
		given = number_field(m, "restarts") + 1;
	if (given && given <= UINT32_MAX) {
		task->attempt = (uint32_t)given;
		if (given > 1)
			task_add_evidence(task, "; attempt %u by its own word", task->attempt);
	}
}

/* The key of the row must be unique, so each gets its number. */
static int set_key(struct tracker *t, struct task *task, const struct rule_result *m)
{
	struct task_key *k;
	struct str key = STR_INIT;
	bool again;

	str_add(&key, *m->key ? m->key : rule_id(m->rule));
	if (*m->key) {
		k = key_get(t, hash_text(0x84222325cbf29ce4ULL, m->key));
		again = k && k->attempts++;
		if (again)
			str_addf(&key, "#%u", k->attempts);
	}
	if (!*m->key)
		str_addf(&key, "#%u", t->next_task);
	if (key.failed) {
		str_fini(&key);
		return -ENOMEM;
	}
	task->key = key.data;
	return 0;
}

static int fill_task(struct tracker *t, struct task *task, const struct opening *o)
{
	const struct rule_result *m = o->match;

	task->rule = m->rule;
	task->confidence = rule_confidence(m->rule);
	task_fields(task, m);
	if (!task->name) {
		task->name = strdup(rule_id(m->rule));
		task->name_guessed = true;
	}
	task->evidence = task_evidence(m, o->in);
	task->attempt = 1;
	if (!task->name || engine_name(t, task) < 0 || set_key(t, task, m) < 0)
		return -ENOMEM;
	task_count_attempt(t, task, m);
	return 0;
}

struct task *task_open(struct tracker *t, struct scope *up, struct scope *run, enum task_kind kind,
		       const struct opening *o)
{
	struct process *p = o->process;
	struct task *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->refs = 1; /* of the list */
	task->kind = kind;
	task->up = up->task;
	if (task->up != &t->run)
		task->up->refs++;
	if (run) {
		task->run_scope = scope_ref(run);
		task->of_run = run->id;
		run->tasks++;
	}
	task->id = tracker_row_id(t, ++t->next_task);
	task->root = p->number;
	task->start_ns = opening_ns(p, o->in, o->now_ns);
	task->exit_code = -1;
	list_add(&t->open_first, &t->open_last, task);
	t->n_open++;
	if (!o->in->title && engine_claim(p, task, o->in, o->match) < 0)
		return NULL; /* the open list owns the task */
	return fill_task(t, task, o) < 0 ? NULL : task;
}

void task_root_ended(struct task *task, const struct process *p, const struct wire_exit *r)
{
	unsigned signal = r->status & 0x7f;

	if (task->root != p->number || task->root_ended)
		return;
	task->root_ended = true;
	task->signal = (int)signal;
	task->exit_code = signal ? -1 : (int)(r->status >> 8 & 0xff);
	task->oom |= p->oom;
	if (task->end_ns < r->h.time_ns)
		task->end_ns = r->h.time_ns;
}

static bool is_cancelled(const struct tracker *t, const struct task *task)
{
	return t->cancelled || (task->run_scope && task->run_scope->cancelled) ||
	       task->signal == SIGINT || task->signal == SIGTERM || task->signal == SIGHUP;
}

static enum task_status status_of(const struct tracker *t, const struct task *task)
{
	if (!task->root_ended || task->left)
		return TASK_STATUS_UNKNOWN;
	/* a scheduler's limit was hit: the job is that, whatever its script says */
	if (task->oom && task->kind == TASK_ALLOCATION)
		return TASK_STATUS_OOM;
	if (!task->signal && !task->exit_code)
		return TASK_STATUS_SUCCEEDED;
	if (task->oom)
		return TASK_STATUS_OOM;
	return is_cancelled(t, task) ? TASK_STATUS_CANCELLED : TASK_STATUS_FAILED;
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

/* What the run that has no head of its own will be said to have ended as. */
static void tell_key(struct tracker *t, struct task *task)
{
	bool failed = task->status != TASK_STATUS_SUCCEEDED;
	struct task_key *k;

	if (!task->key_hash || task->status == TASK_STATUS_UNKNOWN)
		return;
	HASH_FIND(hh, t->task_keys, &task->key_hash, sizeof(task->key_hash), k);
	if (!k || k->failed == failed)
		return;
	k->failed = failed;
	if (task->run_scope && failed)
		task->run_scope->failed++;
	else if (task->run_scope && task->run_scope->failed)
		task->run_scope->failed--;
}

void task_told_exit(struct tracker *t, struct task *task, const struct rule_result *m)
{
	const char *text = rule_result_field(m, "exit_code");
	uint64_t code = number_field(m, "exit_code");

	if (!text || !task->root_ended || code > 255 || (task->signal && !code))
		return;
	task->signal = 0;
	task->exit_code = (int)code;
	if (!task->closed)
		return;
	task->status = status_of(t, task);
	tell_key(t, task);
}

static int close_task(struct tracker *t, struct task *task)
{
	int err;

	if (task->name_guessed && name_by_tool(task) < 0)
		return -ENOMEM;
	task->status = status_of(t, task);
	task->closed = true;
	list_remove(&t->open_first, &t->open_last, task);
	t->n_open--;
	list_add(&t->closed_first, &t->closed_last, task);
	t->n_closed++;
	tell_key(t, task);
	err = task_send(t, task);
	if (!err)
		err = tools_send(t, task, true);
	if (t->n_closed > t->options.limits.closed_tasks)
		seal_oldest(t);
	return err;
}

int scope_close_idle(struct tracker *t, struct scope *s)
{
	struct task *task, *up;
	int err = 0, failed;

	for (task = s->task; task != &t->run; task = up) {
		up = task->up; /* s holds it */
		if (task->alive || task->closed || !(task->root_ended || task->left))
			continue;
		failed = close_task(t, task);
		if (!err)
			err = failed;
	}
	return err;
}

int tasks_finish(struct tracker *t)
{
	int err = 0, failed;

	while (t->open_first) {
		failed = close_task(t, t->open_first);
		if (!err)
			err = failed;
	}
	return err;
}

static void free_list(struct tracker *t, struct task *task)
{
	struct task *next;

	for (; task; task = next) {
		next = task->next;
		task_unref(t, task);
	}
}

void tasks_free(struct tracker *t)
{
	free_list(t, t->open_first);
	free_list(t, t->closed_first);
}
