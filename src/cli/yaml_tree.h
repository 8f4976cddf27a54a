/* SPDX-License-Identifier: Apache-2.0 */
/* A YAML file of the user as a tree of JSON values, for settings: mappings,
 * sequences and texts (numbers stay texts). No anchors, no tags, one document. */
#ifndef TRACER_CLI_YAML_TREE_H
#define TRACER_CLI_YAML_TREE_H

#include <jansson.h>

/* 0 and a new reference, or -errno: -ENOENT no such file (nothing is said), else
 * it has said on stderr what is wrong and where. */
int yaml_tree_load(const char *path, json_t **ret);

#endif
