/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of an engine tell beyond their use.
 *
 * Content tier: a rule may name one file of a task by a template (`head:`), of
 * which lines in the first few hundred bytes tell its name or what it asked for.
 * The tracker asks for it (track_sink.want_head); whoever may read files gives
 * rule_head_filter()'s result back as a WIRE_TEXT record. No other line is kept.
 *
 * Names: directories that belong to a run because its head made a file in them
 * (`owns:`), and what a run is called by the path of a file (`learn:`).
 */
#ifndef TRACER_TRACK_RULE_HEAD_H
#define TRACER_TRACK_RULE_HEAD_H

#include "src/base/str.h"
#include "src/track/rules.h"

unsigned rule_heads(const struct rule *rule); /* how many files it may ask for */
/* Path of the i-th for a matched task; false: not known. */
bool rule_head_path(const struct rule_result *m, unsigned i, uint32_t pid, const char *cwd,
		    struct str *ret);
bool rule_head_at_exit(const struct rule *rule, unsigned i); /* else when the task opens */
size_t rule_head_bytes(const struct rule *rule, unsigned i);
/* Appends the lines that a field of the rule matches, without secrets. 0 or -ENOMEM. */
int rule_head_filter(const struct rule *rule, unsigned i, struct bytes text, struct str *out);
/* Sets the fields that those lines give; returns how many. */
unsigned rule_head_fields(const struct rule *rule, unsigned i, struct bytes text,
			  struct rule_result *ret);
/* Makes fields anew whose source is `from:` another. */
void rule_refresh(const struct rule *rule, struct rule_result *ret);

/* Whether a file that the engine created makes a directory its run's: a slice of path. */
bool rule_owns(const struct rule *engine, const char *path, size_t *ret_off, size_t *ret_len);
/* Sets what the path of a file tells about the engine's run; returns how much. */
unsigned rule_learn(const struct rule *engine, const char *path, struct rule_result *ret);
/* The key that what was learned at once gives; false: none. */
bool rule_learned_key(const struct rule *engine, const struct rule_result *learned,
		      char ret[RULE_VALUE_MAX]);

#endif
