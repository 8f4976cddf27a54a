/* SPDX-License-Identifier: Apache-2.0 */
/* Binding of YAML nodes to the structures of rules_internal.h: shared by
 * rules_yaml.c (rules, simple values) and rules_yaml_when.c (the nested parts).
 * Functions return 0, -ENOMEM, or -EINVAL with the binder's error filled. */
#ifndef TRACER_TRACK_RULES_YAML_H
#define TRACER_TRACK_RULES_YAML_H

#include <yaml.h>

#include "src/track/rules_internal.h"

struct binder {
	struct rules *rules;
	const char *origin; /* file name, for messages */
	struct rules_error *error;
	yaml_document_t *doc;
};

struct yaml_key {
	const char *name;
	int (*bind)(struct binder *b, yaml_node_t *node, void *target);
	size_t offset; /* of the member in the bound structure */
};

struct yaml_texts {
	const char **items;
	unsigned n;
};

int yaml_fail(struct binder *b, const yaml_node_t *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
yaml_node_t *yaml_at(struct binder *b, int id);
const char *yaml_text(const yaml_node_t *node); /* NULL: no scalar */
int yaml_bind(struct binder *b, yaml_node_t *node, const struct yaml_key *keys, void *target);
int yaml_bind_text(struct binder *b, yaml_node_t *node, void *target);	 /* const char * */
int yaml_bind_number(struct binder *b, yaml_node_t *node, void *target); /* unsigned */
int yaml_bind_bool(struct binder *b, yaml_node_t *node, void *target);
int yaml_bind_regex(struct binder *b, yaml_node_t *node, void *target); /* struct pattern * */
int yaml_bind_texts(struct binder *b, yaml_node_t *node, struct yaml_texts *ret);

/* The word that is nearest to a misspelt one, of n that lie `stride` bytes apart; or NULL. */
const char *yaml_nearest(const char *word, const void *first_name, size_t stride, size_t n);
int yaml_check_env(struct binder *b, const yaml_node_t *node, const char *name);

int yaml_bind_when(struct binder *b, yaml_node_t *node, void *target);	 /* struct predicate */
int yaml_bind_fields(struct binder *b, yaml_node_t *node, void *target); /* struct rule */
int yaml_bind_learn(struct binder *b, yaml_node_t *node, void *target);	 /* struct rule */
int yaml_bind_heads(struct binder *b, yaml_node_t *node, void *target);	 /* struct rule */
int yaml_bind_block(struct binder *b, yaml_node_t *node, void *target);	 /* struct rule_block * */
int yaml_bind_tests(struct binder *b, yaml_node_t *node, void *target);	 /* struct rule */

#endif
