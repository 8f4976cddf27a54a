/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that run another program named in their own argv: wrappers and
 * launchers. Knows their options that take a value; decides nothing else. */
#ifndef TRACER_TRACK_TOOL_LAUNCH_H
#define TRACER_TRACK_TOOL_LAUNCH_H

#include "src/track/argv.h"

struct launch {
	unsigned inner;	  /* index of what it runs, or argv->n if not named */
	struct word word; /* that makes it one: "run" of docker run, or empty */
	bool stays;	  /* as the parent of what it runs */
};

/* Whether program (a basename) with the arguments from word `at` on is a launcher. */
bool tool_launch(struct word program, const struct argv_words *argv, unsigned at,
		 struct launch *ret);
/* Whether a tool of this name, and `word` as its sub-command, is one. */
bool tool_is_launcher(struct word program, struct word word);
/* Whether list, words apart by single spaces, holds w. */
bool tool_list_has(const char *list, struct word w);

#endif
