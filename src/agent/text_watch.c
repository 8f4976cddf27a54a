/* SPDX-License-Identifier: Apache-2.0 */
/* See text_watch.h. A path comes from the observed program: only regular files
 * are read, without blocking and never through a link at its end. */
#include "src/agent/text_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/io.h"

#define TEXT_BYTES_MAX (4u << 20)

void text_watch_fini(struct text_watch *w)
{
	for (unsigned i = 0; i < w->n; i++)
		free(w->files[i].path);
	w->n = 0;
}

int text_watch_add(struct text_watch *w, const char *path, size_t limit)
{
	struct text_file *f = &w->files[w->n];

	for (unsigned i = 0; i < w->n; i++)
		if (!strcmp(w->files[i].path, path))
			return 0;
	if (w->n == TEXT_FILES_MAX || path[0] != '/') {
		w->refused++;
		return 0;
	}
	f->path = strdup(path);
	if (!f->path)
		return -ENOMEM;
	f->limit = limit < TEXT_BYTES_MAX ? limit : TEXT_BYTES_MAX;
	f->seen = 0;
	w->n++;
	return 0;
}

static void read_one(struct text_file *f, text_fn fn, void *ctx)
{
	_cleanup_close_ int fd =
		open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *data = NULL;
	struct stat st;
	size_t want;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size == f->seen)
		return;
	want = (size_t)st.st_size < f->limit ? (size_t)st.st_size : f->limit;
	data = malloc(want + 1);
	if (!data)
		return;
	n = read_full(fd, data, want);
	if (n <= 0)
		return;
	f->seen = st.st_size;
	fn(ctx, f->path, data, (size_t)n);
}

void text_watch_read(struct text_watch *w, text_fn fn, void *ctx)
{
	for (unsigned i = 0; i < w->n; i++)
		read_one(&w->files[i], fn, ctx);
}
