/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for parts of a run on a command line (--task, --tool, --why), as the tables
 * print them: which tasks or tools are meant; or, if none, which names are near.
 */
#ifndef TRACER_CLI_CHOOSE_H
#define TRACER_CLI_CHOOSE_H

#include <uthash.h>

#include "src/base/arena.h"
#include "src/base/str.h"
#include "src/cli/reader.h"

/* "align [NA01]": as tables and reports name a task. Raw bytes of others. */
void task_label(struct str *out, const struct task_row *t);
/* By its name, key or label. */
bool task_is_called(const struct task_row *t, const char *word);

#define NEAR_NAMES_MAX 4096 /* different ones; more are not offered */

struct near_name {
	const char *name; /* key */
	UT_hash_handle hh;
};

struct near_names { /* zeroed, then word */
	const char *word;
	struct arena arena;
	struct near_name *names;
};

int near_add(struct near_names *near, const char *name); /* 0 or -ENOMEM; NULL: ignored */
/* Says that run has no such `what`, and which are near or else which there are. `list` is the
 * command that prints all. Returns EXIT_NOT_FOUND. */
int near_say(const struct near_names *near, const struct run_row *run, const char *what,
	     const char *list);
void near_fini(struct near_names *near);

struct chosen_task {
	int64_t id;
	UT_hash_handle hh;
};

struct task_choice { /* zeroed: no word, all are wanted */
	struct arena arena;
	struct chosen_task *tasks;
	bool narrow;
};

/* word NULL: all. An exit code; EXIT_NOT_FOUND was explained. */
int task_choice_make(struct task_choice *c, const struct reader *r, const char *word);
bool task_choice_has(const struct task_choice *c, int64_t task);
void task_choice_fini(struct task_choice *c);

struct tool_choice { /* zeroed: all */
	struct near_names names;
	bool narrow;
};

/* Also (glue) and (probe), which stand for all tools that `tracer tools` folds so. */
int tool_choice_make(struct tool_choice *c, const struct reader *r, const char *word);
bool tool_choice_has(const struct tool_choice *c, const char *tool);
void tool_choice_fini(struct tool_choice *c);

#endif
