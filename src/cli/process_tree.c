/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/process_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <stdint.h>

#define NONE	   SIZE_MAX
#define INDENT_MAX 60 /* deeper levels stay at this column */

void process_tree_fini(struct process_tree *t)
{
	free(t->nodes);
	*t = (struct process_tree){ 0 };
}

int process_tree_add(struct process_tree *t, const struct process_row *row,
		     const struct record *record)
{
	struct tree_node *node;

	if (t->n == t->size) {
		size_t size = t->size ? 2 * t->size : 256;
		struct tree_node *nodes = reallocarray(t->nodes, size, sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		t->nodes = nodes;
		t->size = size;
	}
	node = &t->nodes[t->n];
	*node = (struct tree_node){ row->id, row->parent, NONE, NONE, NONE, NULL };
	node->row = sheet_keep(t->sheet, record);
	if (!node->row)
		return -ENOMEM;
	t->n++;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const struct tree_node *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Links each node under its parent, earlier siblings first. A parent is always
 * older: a link to a younger one (a damaged database) would make a circle. */
static void link_nodes(struct process_tree *t, size_t *ret_root)
{
	*ret_root = NONE;
	for (size_t i = t->n; i-- > 0;) {
		struct tree_node key = { .id = t->nodes[i].parent };
		struct tree_node *up = bsearch(&key, t->nodes, i, sizeof(key), compare_ids);
		size_t *head = up ? &up->child : ret_root;

		t->nodes[i].up = up ? (size_t)(up - t->nodes) : NONE;
		t->nodes[i].next = *head;
		*head = i;
	}
}

int process_tree_print(struct process_tree *t)
{
	unsigned depth = 0;
	size_t at;

	link_nodes(t, &at);
	while (at != NONE) {
		unsigned indent = depth * 2 < INDENT_MAX ? depth * 2 : INDENT_MAX;
		int r = sheet_print(t->sheet, t->nodes[at].row, indent);

		if (r)
			return r;
		if (t->nodes[at].child != NONE) {
			at = t->nodes[at].child;
			depth++;
			continue;
		}
		while (t->nodes[at].next == NONE && t->nodes[at].up != NONE) {
			at = t->nodes[at].up;
			depth--;
		}
		at = t->nodes[at].next;
	}
	return 0;
}
