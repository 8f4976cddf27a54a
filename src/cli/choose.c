/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/choose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/cli/cli.h"
#include "src/cli/snapshot.h"
#include "src/cli/tool_fold.h"

#define OFFERED_MAX 5
#define WORD_MAX    80 /* bytes of a name that are offered */

void task_label(struct str *out, const struct task_row *t)
{
	const char *detail = task_detail(t);

	str_add(out, t->name);
	if (detail)
		str_addf(out, " [%s]", detail);
}

bool task_is_called(const struct task_row *t, const char *word)
{
	_cleanup_(str_fini) struct str label = STR_INIT;

	if ((t->name && !strcmp(t->name, word)) || (t->key && !strcmp(t->key, word)) ||
	    (t->detail && !strcmp(t->detail, word)))
		return true;
	if (!t->name)
		return false;
	task_label(&label, t);
	return !strcmp(str_text(&label), word);
}

int near_add(struct near_names *near, const char *name)
{
	struct near_name *n = NULL;

	if (!name || !*name)
		return 0;
	HASH_FIND_STR(near->names, name, n);
	if (n || HASH_COUNT(near->names) >= NEAR_NAMES_MAX)
		return 0;
	n = arena_alloc(&near->arena, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->name = arena_text(&near->arena, name);
	if (!n->name)
		return -ENOMEM;
	HASH_ADD_KEYPTR(hh, near->names, n->name, strlen(n->name), n);
	return 0;
}

void near_fini(struct near_names *near)
{
	HASH_CLEAR(hh, near->names);
	arena_fini(&near->arena);
}

static bool is_near(const char *name, const char *word)
{
	return (*word && strcasestr(name, word)) || (*name && strcasestr(word, name)) ||
	       suggest(word, &name, 1);
}

static unsigned offer(const struct near_names *near, bool all, struct str *out)
{
	unsigned n = 0;

	for (const struct near_name *name = near->names; name; name = name->hh.next) {
		size_t len = strlen(name->name);

		if (!all && !is_near(name->name, near->word))
			continue;
		if (++n > OFFERED_MAX)
			continue;
		str_add(out, n > 1 ? ", " : "");
		text_visible(out, name->name, len < WORD_MAX ? len : WORD_MAX);
	}
	if (n > OFFERED_MAX)
		str_addf(out, " and %u more", n - OFFERED_MAX);
	return n;
}

int near_say(const struct near_names *near, const struct run_row *run, const char *what,
	     const char *list)
{
	_cleanup_(str_fini) struct str names = STR_INIT;
	const char *words = "did you mean:";

	if (!offer(near, false, &names)) {
		words = "there are:";
		offer(near, true, &names);
	}
	if (!near->names)
		log_error("run %s has no %s `%s`, nor any other", run->uid, what, near->word);
	else
		log_error("run %s has no %s `%s`; %s %s (see `tracer %s %s`)", run->uid, what,
			  near->word, words, str_text(&names), list, run->uid);
	return EXIT_NOT_FOUND;
}

struct task_search {
	struct task_choice *choice;
	struct near_names near;
};

static int consider(struct task_search *s, const struct task_row *row)
{
	struct chosen_task *t;

	if (!task_is_called(row, s->near.word))
		return near_add(&s->near, row->name);
	t = arena_alloc(&s->choice->arena, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->id = row->id;
	HASH_ADD(hh, s->choice->tasks, id, sizeof(t->id), t);
	return 0;
}

int task_choice_make(struct task_choice *c, const struct reader *r, const char *word)
{
	struct task_search s = { .choice = c, .near = { .word = word } };
	struct snapshot shot = { 0 };
	int error, rc;

	c->narrow = word != NULL;
	if (!word)
		return EXIT_OK;
	error = snapshot_load(&shot, r->store, r->run.id);
	for (const struct task_entry *t = shot.tasks; t && error == 0; t = t->hh.next)
		error = consider(&s, &t->row);
	rc = reader_result(error);
	if (!rc && !c->tasks)
		rc = near_say(&s.near, &r->run, "task", "tasks");
	near_fini(&s.near);
	snapshot_fini(&shot);
	return rc;
}

bool task_choice_has(const struct task_choice *c, int64_t task)
{
	struct chosen_task *t = NULL;

	if (!c->narrow)
		return true;
	HASH_FIND(hh, c->tasks, &task, sizeof(task), t);
	return t != NULL;
}

void task_choice_fini(struct task_choice *c)
{
	HASH_CLEAR(hh, c->tasks);
	arena_fini(&c->arena);
}

static int visit_tool(void *ctx, const struct tool_row *row)
{
	return tool_fold_add(ctx, row);
}

static int choose_tools(struct tool_choice *c, const struct tool_fold *fold,
			const struct run_row *run, const char *word)
{
	int r = 0;

	for (const struct folded_tool *f = fold->tools; f && r == 0; f = f->hh.next)
		if (!strcmp(f->name, word) || (tool_row_folds(&f->row, &run->ledger) &&
					       !strcmp(tool_row_folded_name(&f->row), word)))
			r = near_add(&c->names, f->name);
	return r;
}

static int say_no_tool(const struct tool_fold *fold, const struct run_row *run, const char *word)
{
	struct near_names near = { .word = word };
	int rc;

	for (const struct folded_tool *f = fold->tools; f; f = f->hh.next)
		near_add(&near, f->name);
	rc = near_say(&near, run, "tool", "tools --all");
	near_fini(&near);
	return rc;
}

int tool_choice_make(struct tool_choice *c, const struct reader *r, const char *word)
{
	struct tool_fold fold = { 0 };
	int error, rc;

	c->narrow = word != NULL;
	if (!word)
		return EXIT_OK;
	error = store_each_tool(r->store, r->run.id, visit_tool, &fold);
	tool_fold_sort(&fold);
	if (error >= 0)
		error = choose_tools(c, &fold, &r->run, word);
	rc = reader_result(error);
	if (!rc && !c->names.names)
		rc = say_no_tool(&fold, &r->run, word);
	tool_fold_fini(&fold);
	return rc;
}

bool tool_choice_has(const struct tool_choice *c, const char *tool)
{
	struct near_name *n = NULL;

	if (!c->narrow)
		return true;
	if (tool)
		HASH_FIND_STR(c->names.names, tool, n);
	return n != NULL;
}

void tool_choice_fini(struct tool_choice *c)
{
	near_fini(&c->names);
}
