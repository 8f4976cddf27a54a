/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine-owned text files that a rule named (docs/privacy.md, content tier):
 * read as the user while they grow, each byte once, in whole lines, and handed
 * on. Nothing of them is kept here.
 */
#ifndef TRACER_AGENT_TEXT_WATCH_H
#define TRACER_AGENT_TEXT_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/agent/text_reader.h"

#define TEXT_FILES_MAX 64

struct text_file {
	char *path;
	size_t left;		 /* bytes that may still be read */
	struct text_place place; /* what lies before has been handed on */
	bool skip;		 /* up to the next line: the rest of one that was too long */
	unsigned quiet;		 /* reads since it last grew */
	unsigned state;		 /* of who gets the lines: 0 at a file's beginning */
};

struct text_watch {
	struct text_file files[TEXT_FILES_MAX];
	unsigned n;
	unsigned refused;
};

/* Lines of f, each ended by '\n'. An error stops the reading of that file. */
typedef int (*text_fn)(void *ctx, struct text_file *f, const char *lines, size_t len);

void text_watch_fini(struct text_watch *w);
/* limit: bytes to read of it in all. Beyond TEXT_FILES_MAX the one that has been
 * quiet for longest makes room. */
int text_watch_add(struct text_watch *w, const char *path, size_t limit);
/* What was added since the last call; `all` without a limit on this one call. */
void text_watch_read(struct text_watch *w, struct text_reader *reader, bool all, text_fn fn,
		     void *ctx);

#define TEXT_HEAD_MAX 4096
/* The first bytes of a regular file into reader->data; how many, or -errno. */
ssize_t text_head_read(struct text_reader *reader, const char *path, size_t size);

#endif
