/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients: commands that ask a daemon to start something (`docker run`, `sbatch`).
 * What then starts is below the daemon; it is moved to where its client was when
 * the two can be told to belong together: by name, by the command that both show,
 * by job name and directory, or because only one is waiting.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/track/tracker.h"

#define WAIT_NS 120000000000ULL /* a container that has not come by then comes for another */

enum { SCORE_NONE, SCORE_ONLY, SCORE_PART, SCORE_COMMAND = 100, SCORE_NAME = 1000 };

static void forget(struct tracker *t, struct client *c)
{
	if (!c->scope)
		return;
	scope_unref(t, c->scope);
	free(c->argv);
	free(c->name);
	free(c->directory);
	*c = (struct client){ 0 };
}

static char *copy_field(const struct rule_result *m, const char *name)
{
	const char *value = rule_result_field(m, name);

	return value && *value ? strdup(value) : NULL;
}

/* The end of the arguments: what the container or the job is to run. */
static int keep_argv(struct client *c, struct bytes argv)
{
	size_t len = argv.len < CLIENT_ARGV_MAX ? argv.len : CLIENT_ARGV_MAX;

	if (!len)
		return 0;
	c->argv = malloc(len);
	if (!c->argv)
		return -ENOMEM;
	memcpy(c->argv, argv.data + argv.len - len, len);
	c->argv_len = len;
	return 0;
}

int client_add(struct tracker *t, struct scope *s, const struct opening *o)
{
	struct client *c = &t->clients[t->next_client++ % CLIENTS_MAX];
	bool job = rule_traits(o->match->rule)->announces_allocation;

	if (!job)
		task_requests(s->task, o->match);
	if (c->scope && !c->claims)
		t->clients_forgotten++;
	forget(t, c);
	c->scope = scope_ref(s);
	c->rule = o->match->rule;
	c->pid = o->in->pid;
	c->time_ns = o->now_ns;
	c->name = copy_field(o->match, job ? "job_name" : "container_name");
	c->directory = copy_field(o->match, "submit_dir");
	if (!c->directory && o->in->cwd)
		c->directory = strdup(o->in->cwd);
	return keep_argv(c, o->in->argv);
}

static bool last_word(struct bytes *left, struct bytes *ret)
{
	size_t end = left->len, start;

	if (!end)
		return false;
	while (end && !left->data[end - 1])
		end--;
	for (start = end; start && left->data[start - 1]; start--)
		;
	*ret = (struct bytes){ left->data + start, end - start };
	left->len = start;
	return end > 0;
}

/* How many of the last arguments are the same; all of the container's: its command. */
static unsigned same_command(const struct client *c, struct bytes argv)
{
	struct bytes left = { c->argv, c->argv_len }, a, b;
	unsigned n = 0;

	while (last_word(&argv, &b)) {
		if (!last_word(&left, &a) || a.len != b.len || memcmp(a.data, b.data, a.len))
			return n ? SCORE_PART + (n < 50 ? n : 50) : SCORE_NONE;
		n++;
	}
	return n ? SCORE_COMMAND + (n < 50 ? n : 50) : SCORE_NONE;
}

/* The word before the command that both show: what the container was made from. */
static void find_image(const struct client *c, struct bytes argv, struct bytes *ret)
{
	struct bytes left = { c->argv, c->argv_len }, a, b;
	unsigned n = 0;

	while (last_word(&left, &a)) {
		if (!last_word(&argv, &b) || a.len != b.len || memcmp(a.data, b.data, a.len))
			break;
		n++;
	}
	if (n && a.len && *a.data != '-')
		*ret = a;
}

static bool is_same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static unsigned score_container(const struct client *c, const struct opening *o)
{
	if (is_same(c->name, rule_result_field(o->match, "container_name")))
		return SCORE_NAME;
	return same_command(c, o->in->argv);
}

/* A job may have one name for many: the directory decides, too. */
static unsigned score_job(const struct client *c, const struct opening *o)
{
	const char *name = rule_result_field(o->match, "job_name");
	const char *directory = rule_result_field(o->match, "submit_dir");
	bool same_name = is_same(c->name, name), same_dir = is_same(c->directory, directory);

	if (c->name && name && !same_name)
		return SCORE_NONE;
	if (same_name)
		return same_dir ? SCORE_NAME : SCORE_COMMAND;
	return same_dir ? SCORE_PART : SCORE_NONE;
}

static bool is_waiting(const struct client *c, bool job, uint64_t now_ns)
{
	if (!c->scope || rule_traits(c->rule)->announces_allocation != job)
		return false;
	return job || (!c->claims && now_ns < c->time_ns + WAIT_NS);
}

static bool is_below(const struct scope *s, const struct scope *above)
{
	for (; s; s = s->up)
		if (s == above)
			return true;
	return false;
}

static void answer(const struct client *c, bool job, const struct opening *o,
		   struct client_answer *ret)
{
	ret->name = job ? NULL : c->name;
	if (!job)
		find_image(c, o->in->argv, &ret->image);
}

struct scope *client_claim(struct tracker *t, struct scope *at, bool job, const struct opening *o,
			   struct client_answer *ret)
{
	struct client *best = NULL, *first = NULL;
	unsigned most = 0, waiting = 0, equal = 0;

	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *c =
			&t->clients[(t->next_client + i) % CLIENTS_MAX]; /* oldest first */
		unsigned score;

		if (!is_waiting(c, job, o->now_ns))
			continue;
		waiting++;
		first = first ? first : c;
		score = job ? score_job(c, o) : score_container(c, o);
		equal = score > most ? 1 : equal + (score && score == most);
		if (score > most) {
			most = score;
			best = c;
		}
	}
	/* an image may have a command of its own; but a daemon outside serves others, too */
	if (!best && !job && !o->process->adopted) {
		best = first;
		most = SCORE_ONLY;
		equal = waiting;
	}
	if (!best)
		return NULL;
	best->claims++;
	answer(best, job, o, ret);
	ret->how = "it descends from its client";
	if (is_below(at, best->scope))
		return NULL;
	ret->how = most >= SCORE_NAME	   ? "by name"
		   : most >= SCORE_COMMAND ? "by its command"
		   : most >= SCORE_PART	   ? "by the end of its command or its directory"
					   : "the only one that was waiting";
	if (equal > 1 && !job) {
		t->ambiguous++;
		ret->how = "one of several alike: the one that waited longest";
		ret->name = NULL;
	}
	return best->scope;
}

void client_note_origin(struct process *p, const struct rule_result *m)
{
	const char *id = p->adopted ? rule_result_field(m, "id") : NULL;
	uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a */

	if (!id)
		return;
	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 0x100000001b3ULL;
	p->origin = hash;
}

static bool origins_have(const struct origins *o, uint64_t origin)
{
	for (unsigned i = 0; origin && i < ORIGINS_MAX; i++)
		if (o->hashes[i] == origin)
			return true;
	return false;
}

static void origins_add(struct origins *o, uint64_t origin)
{
	if (origin && !origins_have(o, origin))
		o->hashes[o->next++ % ORIGINS_MAX] = origin;
}

void client_own(struct tracker *t, struct process *p)
{
	if (!p->foreign)
		return;
	p->foreign = false;
	origins_add(&t->own_origins, p->origin);
}

void client_refuse(struct tracker *t, struct process *p)
{
	p->foreign = p->refused = true;
	t->foreign_starts++;
	origins_add(&t->foreign_origins, p->origin);
}

/* The daemon's helpers around a container go with it. */
void client_check(struct tracker *t, struct process *p)
{
	if (!p->foreign || p->refused)
		return;
	if (origins_have(&t->foreign_origins, p->origin))
		p->refused = true;
	else if (origins_have(&t->own_origins, p->origin))
		p->foreign = false;
}

void clients_free(struct tracker *t)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		forget(t, &t->clients[i]);
}
