/* SPDX-License-Identifier: Apache-2.0 */
/* The table of tools as rules/generate.py writes it from rules/tools/tools.tsv.
 * Texts are never NULL; lists are separated by single spaces. */
#ifndef TRACER_TRACK_TOOL_TABLE_H
#define TRACER_TRACK_TOOL_TABLE_H

#include <stdbool.h>

enum tool_style {
	TOOL_STYLE_NONE,     /* no sub-command */
	TOOL_STYLE_WORD1,    /* the first word that is no option */
	TOOL_STYLE_WORD2,    /* the first two such words */
	TOOL_STYLE_LISTED,   /* the first word if it is in `words`, else `option` */
	TOOL_STYLE_SCRIPT,   /* basename of the first word: what the tool runs */
	TOOL_STYLE_OPERATOR, /* the first word, without `-` before and `,` after it */
	TOOL_STYLE_FLAG,     /* the first rule in `words` that an option satisfies, else
			      * `option`: OPT its name, OPT=TEXT the text, OPT: its value,
			      * OPT+ both; OP* names any option that starts so */
};

#define TOOL_IS_FACADE 0x1
#define TOOL_IS_ENGINE 0x2

struct tool_entry {
	const char *name, *area, *option, *words, *values;
	enum tool_style style;
	unsigned flags;
};

struct tool_alias {
	const char *key; /* lower case */
	const char *sub; /* sub-command that the name implies, or empty */
	unsigned entry;
};

struct tool_launcher {			   /* one per name */
	const char *name, *words, *values; /* words empty: none needed */
	unsigned positional;
	bool stays; /* as the parent of what it runs; else it becomes that */
};

extern const struct tool_launcher tool_launchers[]; /* sorted by name, bytewise */
extern const unsigned tool_launchers_n;
extern const struct tool_entry tool_entries[];
extern const struct tool_alias tool_aliases[]; /* sorted by key, bytewise */
extern const unsigned tool_aliases_n;
/* Keys are the start of a name; sub "*": the rest is the sub-command. */
extern const struct tool_alias tool_prefixes[];
extern const unsigned tool_prefixes_n;

#endif
