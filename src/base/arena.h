/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given back all at once: for copies of borrowed rows. */
#ifndef TRACER_BASE_ARENA_H
#define TRACER_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t used, size; /* of the newest block */
};

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned; NULL: no memory */
void *arena_copy(struct arena *a, const void *data, size_t len); /* and a NUL behind it */
char *arena_text(struct arena *a, const char *text);		 /* NULL stays NULL */
void arena_fini(struct arena *a);

#endif
