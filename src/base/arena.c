/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 65536
#define ALIGNMENT  16

struct arena_block {
	struct arena_block *next;
	_Alignas(ALIGNMENT) char data[];
};

static int add_block(struct arena *a, size_t size)
{
	struct arena_block *b = calloc(1, sizeof(*b) + size);

	if (!b)
		return -1;
	b->next = a->blocks;
	a->blocks = b;
	a->size = size;
	a->used = 0;
	return 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p;

	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if ((!a->blocks || size > a->size - a->used) &&
	    add_block(a, size > BLOCK_SIZE ? size : BLOCK_SIZE) < 0)
		return NULL;
	p = a->blocks->data + a->used;
	a->used += size;
	return p;
}

void *arena_copy(struct arena *a, const void *data, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	if (p)
		memcpy(p, data, len);
	return p;
}

char *arena_text(struct arena *a, const char *text)
{
	return text ? arena_copy(a, text, strlen(text)) : NULL;
}

void arena_fini(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;

		free(a->blocks);
		a->blocks = next;
	}
	*a = (struct arena){ 0 };
}
