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

#define TEXT_BYTES_MAX (64u << 20)
#define BUFFER_BYTES   (64 * 1024)
#define ROUNDS_MAX     16 /* buffers in one call */

void text_watch_fini(struct text_watch *w)
{
	for (unsigned i = 0; i < w->n; i++)
		free(w->files[i].path);
	w->n = 0;
}

static struct text_file *place(struct text_watch *w)
{
	struct text_file *quietest = &w->files[0];

	if (w->n < TEXT_FILES_MAX)
		return &w->files[w->n++];
	for (unsigned i = 1; i < w->n; i++)
		if (w->files[i].quiet > quietest->quiet)
			quietest = &w->files[i];
	free(quietest->path);
	return quietest;
}

int text_watch_add(struct text_watch *w, const char *path, size_t limit)
{
	struct text_file *f;
	char *copy;

	for (unsigned i = 0; i < w->n; i++)
		if (!strcmp(w->files[i].path, path))
			return 0;
	if (path[0] != '/') {
		w->refused++;
		return 0;
	}
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	f = place(w);
	*f = (struct text_file){ .path = copy,
				 .left = limit < TEXT_BYTES_MAX ? limit : TEXT_BYTES_MAX };
	return 0;
}

/* Whole lines of what lies at f->at. 1: there may be more, 0: no, or -errno. */
static int read_some(struct text_file *f, int fd, char *buf, text_fn fn, void *ctx)
{
	size_t want = f->left < BUFFER_BYTES ? f->left : BUFFER_BYTES, len, used;
	ssize_t n = pread(fd, buf, want, f->at);
	char *start = buf, *end;
	int error = 0;

	if (n <= 0)
		return n < 0 ? -errno : 0;
	len = used = (size_t)n;
	if (f->skip) {
		end = memchr(buf, '\n', len);
		f->skip = !end;
		start = end ? end + 1 : buf + len;
		len -= (size_t)(start - buf);
	}
	end = len ? memrchr(start, '\n', len) : NULL;
	if (end) {
		used = (size_t)(end + 1 - buf);
	} else if (len == BUFFER_BYTES) {
		buf[len - 1] = '\n'; /* its beginning may do */
		end = &buf[len - 1];
		f->skip = true;
	} else {
		used = (size_t)(start - buf);
	}
	f->at += (off_t)used;
	f->left -= used;
	if (end)
		error = fn(ctx, f, start, (size_t)(end + 1 - start));
	return error < 0 ? error : used > 0;
}

static void read_one(struct text_file *f, bool all, char *buf, text_fn fn, void *ctx)
{
	_cleanup_close_ int fd =
		open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	f->quiet++;
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	if (f->inode != st.st_ino || f->dev != st.st_dev || st.st_size < f->at) {
		f->inode = st.st_ino; /* another file by that name, or begun anew */
		f->dev = st.st_dev;
		f->at = 0;
		f->skip = false;
		f->state = 0;
	}
	for (unsigned i = 0; f->left && f->at < st.st_size && (all || i < ROUNDS_MAX); i++) {
		int r = read_some(f, fd, buf, fn, ctx);

		if (r <= 0)
			return;
		f->quiet = 0;
	}
}

void text_watch_read(struct text_watch *w, bool all, text_fn fn, void *ctx)
{
	_cleanup_free_ char *buf = w->n ? malloc(BUFFER_BYTES) : NULL;

	for (unsigned i = 0; buf && i < w->n; i++)
		read_one(&w->files[i], all, buf, fn, ctx);
}

ssize_t text_head_read(const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return -EINVAL;
	n = pread(fd, buf, size < TEXT_HEAD_MAX ? size : TEXT_HEAD_MAX, 0);
	return n < 0 ? -errno : n;
}
