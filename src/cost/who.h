/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a cost belongs to: rules that map who ran what, and where, to a project, a
 * grant and a cost centre. The first rule whose every condition holds decides;
 * conditions are shell patterns (`*`, `?`, `[...]`). No rule: unknown.
 */
#ifndef TRACER_COST_WHO_H
#define TRACER_COST_WHO_H

#include <stdbool.h>
#include <stddef.h>

enum who_fact {
	WHO_USER,
	WHO_GROUP,
	WHO_ACCOUNT, /* of Slurm */
	WHO_PIPELINE,
	WHO_NAME, /* of the run */
	WHO_PATH, /* directory of the run */
	WHO_HOST,
	WHO_FACTS
};

struct who_label {
	const char *key, *value;
};

#define WHO_LABELS_MAX 64

struct who_facts {
	const char *fact[WHO_FACTS]; /* NULL: unknown, which no pattern matches */
	struct who_label labels[WHO_LABELS_MAX];
	size_t n_labels;
};

enum who_owner { WHO_PROJECT, WHO_GRANT, WHO_COST_CENTER, WHO_OWNERS };

struct who_rule {
	const char *pattern[WHO_FACTS]; /* NULL: anything */
	struct who_label label;		/* key NULL: none; value is a pattern */
	const char *owner[WHO_OWNERS];	/* NULL: says nothing */
};

/* The rule that decides, or NULL. */
const struct who_rule *who_find(const struct who_rule *rules, size_t n,
				const struct who_facts *facts);

#endif
