/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the parts of tool naming: the scan in progress and its steps. */
#ifndef TRACER_TRACK_TOOL_INTERNAL_H
#define TRACER_TRACK_TOOL_INTERNAL_H

#include "src/track/argv.h"
#include "src/track/tool_name.h"
#include "src/track/tool_table.h"

struct tool_scan {
	struct argv_words argv;
	struct tool_name *t;
	unsigned depth; /* launchers and interpreters so far */
};

void tool_set_name(struct tool_name *t, struct word w);
/* Without temporary prefix, build, extension and version. */
struct word tool_normal(struct word w);
const struct tool_alias *tool_find(struct word w); /* NULL: not in the table */
void tool_add_subcommand(struct tool_name *t, struct word w);
void tool_set_subcommand(struct tool_scan *s, const struct tool_entry *e, unsigned at);
/* Names s->t after what `path` with the arguments from `at` on really runs. */
void tool_resolve(struct tool_scan *s, struct word path, unsigned at);
/* For classes and modules, whose packages the table may know: false if it does not. */
bool tool_package(struct tool_scan *s, struct word name, unsigned at);
/* Names s->t after a program (basename) whose arguments start at word `at`. */
void tool_program(struct tool_scan *s, struct word name, unsigned at);
bool tool_is_task_marker(struct word name);

/* python, perl, java, shells ...: true if name is one; s->t is then filled. */
bool tool_script(struct tool_scan *s, struct word name, unsigned at);
bool tool_is_interpreter(struct word name);

#endif
