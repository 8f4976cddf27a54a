/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that run another program named in their own argv: wrappers and
 * launchers. Knows their options that take a value; decides nothing else. */
#ifndef TRACER_TRACK_TOOL_LAUNCH_H
#define TRACER_TRACK_TOOL_LAUNCH_H

#include "src/track/argv.h"

/* Whether program (a basename) with the arguments from word `at` on is a
 * launcher; *ret_inner is the index of what it runs, or argv->n if not named. */
bool tool_launch(struct word program, const struct argv_words *argv, unsigned at,
		 unsigned *ret_inner);
/* Whether list, words apart by single spaces, holds w. */
bool tool_list_has(const char *list, struct word w);

#endif
