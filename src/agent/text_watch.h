/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine-owned text files that a rule named (docs/privacy.md, content tier):
 * their beginning is read as the user, while they grow, and handed on. Nothing
 * of it is kept here.
 */
#ifndef TRACER_AGENT_TEXT_WATCH_H
#define TRACER_AGENT_TEXT_WATCH_H

#include <stddef.h>
#include <sys/types.h>

#define TEXT_FILES_MAX 64

struct text_file {
	char *path;
	size_t limit;
	off_t seen; /* size when it was last read */
};

struct text_watch {
	struct text_file files[TEXT_FILES_MAX];
	unsigned n;
	unsigned refused; /* beyond the limit */
};

typedef int (*text_fn)(void *ctx, const char *path, const char *data, size_t len);

void text_watch_fini(struct text_watch *w);
int text_watch_add(struct text_watch *w, const char *path, size_t limit);
/* Those that have grown since the last call. */
void text_watch_read(struct text_watch *w, text_fn fn, void *ctx);

#endif
