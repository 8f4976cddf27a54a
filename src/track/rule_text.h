/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine tells through its own files: names of markers that its head
 * creates (no content is read), and blocks of its log (content tier: the recorder
 * reads the file and keeps what rules_filter_text() lets through). Pure; no I/O.
 *
 * Use: for each file that a process inside an engine's scope creates or renames
 * to, rules_marker(); on 0 keep it with rule_markers_add() on that engine's
 * scope, and drop it with rule_markers_remove() when the name is unlinked. When
 * a task opens, rule_markers_claim() adds the field that the marker stands for.
 * rules_wants_text() says which files to read; with the task's claimed field
 * rule_text_find() then gives its real name.
 */
#ifndef TRACER_TRACK_RULE_TEXT_H
#define TRACER_TRACK_RULE_TEXT_H

#include "src/base/str.h"
#include "src/track/rules.h"

#define RULE_MARKERS_MAX 256

struct rule_marker {
	const struct rule *rule; /* of the task that it announces */
	unsigned field;		 /* index of the field in that rule */
	bool claimed;
	char value[RULE_VALUE_MAX];
};

struct rule_markers { /* start with zeroes */
	unsigned n;
	uint64_t dropped; /* did not fit: the oldest went */
	struct rule_marker *items;
};

enum marker_claim {
	MARKER_NONE,  /* nothing announced this task, or more than one thing could have */
	MARKER_SOLE,  /* the only announcement that no task had claimed */
	MARKER_EXACT, /* its value occurs in argv */
};

/* 0 and *ret, or -ENOENT: path is no marker of any rule. */
int rules_marker(const struct rules *r, const char *path, struct rule_marker *ret);
int rule_markers_add(struct rule_markers *m, const struct rule_marker *marker); /* 0, -ENOMEM */
void rule_markers_remove(struct rule_markers *m, const struct rule_marker *marker);
void rule_markers_fini(struct rule_markers *m);
/* Adds the announced field to the result of rules_match(). */
enum marker_claim rule_markers_claim(struct rule_markers *m, struct bytes argv,
				     struct rule_result *result);

/* What is announced for tasks of that rule and not claimed: how many, or 0 if there
 * are more than max. */
unsigned rule_markers_free(const struct rule_markers *m, const struct rule *rule,
			   const struct rule_marker **ret, unsigned max);
const char *rule_marker_name(const struct rule_marker *m); /* of its field */

/* Whether some rule reads files of that name, and up to how many bytes. */
bool rules_wants_text(const struct rules *r, const char *path, size_t *ret_bytes);
/*
 * Appends to out what rules use of whole lines of that file, so that nothing else
 * of it is ever kept: the line that starts a block, and of its lines those that
 * `match` and `line:` name, without secrets. An empty line ends a block. *state,
 * 0 at the file's beginning, carries a block over from call to call. 0 or -ENOMEM.
 */
#define RULE_LINE_MAX 4096 /* a longer one loses its last items */
int rules_filter_text(const struct rules *r, const char *path, struct bytes lines, unsigned *state,
		      struct str *out);
/* Finds the last block of text that belongs to result's task and puts its name
 * and fields into result. 0, or -ENOENT: no such block (yet), result untouched. */
int rule_text_find(struct bytes text, struct rule_result *result);

#endif
