/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine says through its own files: markers that its head creates for
 * the jobs it is about to start, and what rules_filter_text() left of its log.
 * Both give tasks the name that their command line does not tell.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/track/tracker.h"

static struct scope *engine_of(struct scope *s)
{
	for (; s; s = s->up) {
		if (s->match.rule && rule_kind_of(s->match.rule) == RULE_ENGINE)
			return s;
	}
	return NULL;
}

static void drop_first(struct engine_text *text)
{
	struct text_block *block = text->first;

	text->first = block->next;
	if (!text->first)
		text->last = NULL;
	text->bytes -= sizeof(*block) + block->text.len;
	str_fini(&block->text);
	free(block);
}

static void text_free(struct engine_text *text)
{
	while (text->first)
		drop_first(text);
	free(text);
}

/* Forgets the oldest when there are too many: an engine that has gone long ago. */
static struct engine_text *text_get(struct tracker *t, const char *path)
{
	struct engine_text *text, **at = &t->texts;
	size_t len = strlen(path);

	for (text = t->texts; text; text = text->next) {
		if (!strcmp(text->path, path))
			return text;
	}
	text = calloc(1, sizeof(*text) + len + 1);
	if (!text)
		return NULL;
	memcpy(text->path, path, len);
	if (t->n_texts == ENGINE_TEXTS_MAX) {
		while ((*at)->next)
			at = &(*at)->next;
		text_free(*at);
		*at = NULL;
		t->n_texts--;
	}
	text->next = t->texts;
	t->texts = text;
	t->n_texts++;
	return text;
}

/* Nothing in argv says which announcement it is: the log will, by elimination. */
static int claim_any(const struct scope *engine, struct task *task, const struct rule *rule)
{
	const struct rule_marker *found[ENGINE_CLAIMS_MAX];
	unsigned n = rule_markers_free(&engine->markers, rule, found, ENGINE_CLAIMS_MAX), i;
	struct str list = STR_INIT;

	if (!n)
		return 0;
	for (i = 0; i < n; i++)
		str_addf(&list, "%s%s", i ? "\n" : "", found[i]->value);
	if (list.failed) {
		str_fini(&list);
		return -ENOMEM;
	}
	task->claim = list.data;
	task->claim_name = rule_marker_name(found[0]);
	return 0;
}

int engine_claim(struct process *p, struct task *task, const struct rule_input *in,
		 struct rule_result *m)
{
	struct scope *engine = engine_of(p->scope);
	unsigned n = m->n_fields;
	enum marker_claim claim;

	if (!engine)
		return 0;
	task->claim_rule = m->rule;
	task->engine = engine->engine;
	claim = rule_markers_claim(&engine->markers, in->argv, m);
	if (claim == MARKER_NONE)
		return claim_any(engine, task, m->rule);
	if (m->n_fields <= n)
		return 0;
	task->claim = strdup(m->fields[n].value);
	task->claim_name = m->fields[n].name;
	return task->claim ? 0 : -ENOMEM;
}

static bool is_sure(const struct task *task)
{
	return task->claim && !strchr(task->claim, '\n');
}

static struct bytes next_claim(const struct task *task, size_t *at)
{
	struct bytes claim = { task->claim + *at, strcspn(task->claim + *at, "\n") };

	*at += claim.len + (claim.data[claim.len] == '\n');
	return claim;
}

/* What a complete block says about the task of that marker. */
static bool find_name(const struct task *task, const struct engine_text *text,
		      const struct text_block *block, struct bytes claim, struct rule_result *ret)
{
	if ((text->engine && text->engine != task->engine) || (text->open && block == text->last) ||
	    claim.len >= sizeof(ret->fields[0].value) ||
	    !memmem(block->text.data, block->text.len, claim.data, claim.len))
		return false;
	ret->rule = task->claim_rule;
	ret->n_fields = 1;
	ret->fields[0].name = task->claim_name;
	memcpy(ret->fields[0].value, claim.data, claim.len);
	ret->fields[0].value[claim.len] = '\0';
	return rule_text_find((struct bytes){ block->text.data, block->text.len }, ret) >= 0;
}

/* A retry writes a block anew. So one that has already named a task, an earlier
 * attempt or another command of the same job, serves until a newer one comes. */
static void take_name(struct task *task, const struct engine_text *text, struct text_block *block,
		      const struct rule_result *m)
{
	size_t len = strcspn(str_text(&block->text), "\n");

	task_add_evidence(task, "; named by %s: %.*s", text->path, (int)len,
			  str_text(&block->text));
	if (!block->used) {
		free(task->claim);
		task->claim = NULL;
	}
	block->used = true;
	task_fields(task, m);
}

struct choice {
	const struct engine_text *text; /* that the block is of */
	struct text_block *block;
	struct rule_result *result;
	bool found, several; /* any block of the marker; more than one that is not used */
};

static void consider(struct choice *c, const struct engine_text *text, struct text_block *block,
		     const struct rule_result *m)
{
	c->found = true;
	if (!c->block || c->block->used) {
		c->text = text;
		c->block = block;
		*c->result = *m;
	} else if (block != c->block && !block->used) {
		c->several = true;
	}
}

/* The oldest block that has named nobody yet, else the newest one. */
static void choose(struct tracker *t, const struct task *task, struct bytes claim, struct choice *c)
{
	struct rule_result m;
	struct engine_text *text;
	struct text_block *block;

	for (text = t->texts; text; text = text->next) {
		for (block = text->first; block; block = block->next) {
			if (find_name(task, text, block, claim, &m))
				consider(c, text, block, &m);
		}
	}
}

/* One of several markers: sure when all of them are in the log and all blocks but
 * one have named others. */
static bool choose_any(struct tracker *t, const struct task *task, struct choice *c)
{
	size_t at = 0;

	while (task->claim[at]) {
		c->found = false;
		choose(t, task, next_claim(task, &at), c);
		if (!c->found || c->several)
			return false;
	}
	return c->block && !c->block->used;
}

static int send_named(struct tracker *t, struct task *task, struct choice *c)
{
	take_name(task, c->text, c->block, c->result);
	return task->closed ? task_send(t, task) : 0;
}

/* Tasks that wait for what the others leave; each that is named may decide another. */
static int name_rest(struct tracker *t, struct rule_result *result)
{
	struct task *lists[] = { t->closed_first, t->open_first }, *task;
	bool again = true;
	unsigned i;
	int err = 0;

	while (again && !err) {
		again = false;
		for (i = 0; i < 2; i++) {
			for (task = lists[i]; task && !err; task = task->next) {
				struct choice c = { .result = result };

				if (!task->claim || is_sure(task) || !choose_any(t, task, &c))
					continue;
				err = send_named(t, task, &c);
				again = true;
			}
		}
	}
	return err;
}

int engine_name(struct tracker *t, struct task *task)
{
	struct rule_result result;
	struct choice c = { .result = &result };

	if (!task->claim || !t->texts)
		return 0;
	if (is_sure(task)) {
		choose(t, task, (struct bytes){ task->claim, strlen(task->claim) }, &c);
		if (c.block)
			take_name(task, c.text, c.block, &result);
	}
	return name_rest(t, &result);
}

/* The job of that marker has ended while the task runs on: it is another's. */
static int drop_claim(struct tracker *t, uint32_t engine, const char *value)
{
	struct task *task;
	int err = 0;

	for (task = t->open_first; task && !err; task = task->next) {
		size_t at = 0, start = 0;
		struct bytes claim = { 0 };

		if (task->engine != engine || !task->claim || is_sure(task) || !task->alive)
			continue;
		while (task->claim[at] &&
		       (claim.len != strlen(value) || memcmp(claim.data, value, claim.len))) {
			start = at;
			claim = next_claim(task, &at);
		}
		if (claim.len != strlen(value) || memcmp(claim.data, value, claim.len))
			continue;
		if (task->claim[at])
			memmove(task->claim + start, task->claim + at,
				strlen(task->claim + at) + 1);
		else if (start)
			task->claim[start - 1] = '\0';
		err = engine_name(t, task);
	}
	return err;
}

int engine_file(struct tracker *t, struct process *p, const struct wire_file_event *r,
		const char *path)
{
	struct scope *engine = engine_of(p->scope);
	struct engine_text *text;
	struct rule_marker marker;
	size_t bytes;
	int err;

	if (!engine || r->error)
		return 0;
	err = run_scope_file(t, p, r, path);
	if (err)
		return err;
	if (r->op == WIRE_FILE_OPEN && !(r->access & (WIRE_OPEN_WRITE | WIRE_OPEN_CREATED)))
		return 0;
	if (!rules_marker(t->options.rules, path, &marker)) {
		if (r->op != WIRE_FILE_UNLINK)
			return rule_markers_add(&engine->markers, &marker) < 0 ? -ENOMEM : 1;
		rule_markers_remove(&engine->markers, &marker);
		return drop_claim(t, engine->engine, marker.value) < 0 ? -ENOMEM : 1;
	}
	if (r->op != WIRE_FILE_OPEN || !rules_wants_text(t->options.rules, path, &bytes))
		return 0;
	text = text_get(t, path);
	if (!text)
		return -ENOMEM;
	text->engine = engine->engine;
	if (t->sink.want_text && t->sink.want_text(t->sink.ctx, path, bytes) < 0)
		return -ENOMEM;
	return 1;
}

static int end_block(struct tracker *t, struct engine_text *text)
{
	struct task *lists[] = { t->closed_first, t->open_first }, *task;
	struct rule_result result;
	struct choice c = { .text = text, .block = text->last, .result = &result };
	unsigned i;
	int err = 0;

	if (!text->open)
		return 0;
	text->open = false;
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		for (task = lists[i]; task && !err; task = task->next) {
			struct bytes claim = { task->claim, 0 };

			if (!is_sure(task))
				continue;
			claim.len = strlen(task->claim);
			if (find_name(task, text, text->last, claim, &result))
				err = send_named(t, task, &c);
		}
	}
	return err ? err : name_rest(t, &result);
}

static int start_block(struct engine_text *text)
{
	struct text_block *block = calloc(1, sizeof(*block));

	if (!block)
		return -ENOMEM;
	if (text->last)
		text->last->next = block;
	else
		text->first = block;
	text->last = block;
	text->open = true;
	text->bytes += sizeof(*block);
	return 0;
}

static int add_line(struct tracker *t, struct engine_text *text, const char *line, size_t len)
{
	int err = 0;

	if (!len)
		return end_block(t, text);
	if (*line != ' ' && *line != '\t') {
		err = end_block(t, text);
		if (!err)
			err = start_block(text);
	}
	if (err || !text->open || text->last->text.len + len >= ENGINE_BLOCK_BYTES)
		return err;
	str_addn(&text->last->text, line, len);
	str_addc(&text->last->text, '\n');
	if (text->last->text.failed)
		return -ENOMEM;
	text->bytes += len + 1;
	while (text->bytes > ENGINE_TEXT_BYTES && text->first != text->last)
		drop_first(text);
	return 0;
}

static int store_text(struct tracker *t, const struct wire_text *r, const char *path)
{
	struct text_row row = { .run_id = t->options.run_id,
				.n = ++t->n_text_records,
				.time_ns = tracker_unix_ns(t, r->h.time_ns),
				.path = path,
				.data = event_bytes(&r->h, r->text) };

	return t->sink.text ? t->sink.text(t->sink.ctx, &row) : 0;
}

int engine_text(struct tracker *t, const struct wire_text *r)
{
	struct bytes path = event_text(&r->h, r->path), data = event_bytes(&r->h, r->text);
	struct engine_text *text;
	size_t at = 0;
	int err;

	str_reset(&t->scratch);
	str_addn(&t->scratch, path.data, path.len);
	if (t->scratch.failed)
		return -ENOMEM;
	if (!path.len || !data.len)
		return 0;
	if (!strcmp(str_text(&t->scratch), MACHINE_TEXT))
		return run_machine(t, r->h.time_ns, data);
	err = store_text(t, r, str_text(&t->scratch));
	if (err || !t->options.rules)
		return err;
	err = task_heads_take(t, str_text(&t->scratch), data);
	if (err)
		return err < 0 ? err : 0;
	text = text_get(t, str_text(&t->scratch));
	if (!text)
		return -ENOMEM;
	while (at < data.len && !err) {
		const char *line = data.data + at, *nl = memchr(line, '\n', data.len - at);
		size_t len = nl ? (size_t)(nl - line) : data.len - at;

		err = add_line(t, text, line, len);
		at += len + 1;
	}
	return err;
}

int engine_texts_end(struct tracker *t)
{
	struct engine_text *text;
	int err = 0;

	for (text = t->texts; text && !err; text = text->next)
		err = end_block(t, text);
	return err;
}

void engine_texts_free(struct tracker *t)
{
	struct engine_text *text;

	while ((text = t->texts)) {
		t->texts = text->next;
		text_free(text);
	}
}
