/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tool's row is to a reader, from its name alone: work, or what only holds
 * work together. Pure; needs nothing that a store does not have.
 */
#ifndef TRACER_TRACK_TOOL_ROLE_H
#define TRACER_TRACK_TOOL_ROLE_H

#include <stdbool.h>

#define TOOL_PROBE	  "(probe)"
#define TOOL_PROBE_SUFFIX " " TOOL_PROBE

enum tool_role {
	TOOL_ROLE_TOOL,
	TOOL_ROLE_ENGINE,    /* a workflow engine itself */
	TOOL_ROLE_ENV_SETUP, /* package managers: conda create, pip install */
	TOOL_ROLE_GLUE,	     /* cat, mkdir, shells, launchers, staging */
	TOOL_ROLE_PROBE,     /* only asked for a version or for help */
};

/* path: of the program that was loaded, or NULL; a script in Python or R called
 * split is not split(1). */
enum tool_role tool_role(const char *row_name, const char *path);
const char *tool_role_name(enum tool_role role); /* "env_setup" */
/* No row of its own in a table unless it costs enough. */
bool tool_role_is_noise(enum tool_role role);
/* Whether a program (or program and sub-command) of this name is glue. */
bool tool_is_glue(const char *name);

#endif
