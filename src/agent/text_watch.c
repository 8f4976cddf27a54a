/* SPDX-License-Identifier: Apache-2.0 */
/* See text_watch.h. A path comes from the observed program: the reader looks what
 * it is, and nothing here touches the file itself. */
#include "src/agent/text_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX (64u << 20)
#define ROUNDS_MAX     16 /* reads in one call */

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

/* Hands on the whole lines among n bytes that were read at f->at. 1: there may be
 * more, 0: no, or -errno. */
static int take_some(struct text_file *f, char *buf, size_t n, text_fn fn, void *ctx)
{
	size_t len = n, used = n;
	char *start = buf, *end;
	int error = 0;

	if (f->skip) {
		end = memchr(buf, '\n', len);
		f->skip = !end;
		start = end ? end + 1 : buf + len;
		len -= (size_t)(start - buf);
	}
	end = len ? memrchr(start, '\n', len) : NULL;
	if (end) {
		used = (size_t)(end + 1 - buf);
	} else if (len == TEXT_READ_MAX) {
		buf[len - 1] = '\n'; /* its beginning may do */
		end = &buf[len - 1];
		f->skip = true;
	} else {
		used = (size_t)(start - buf);
	}
	f->place.at += (off_t)used;
	f->left -= used;
	if (end)
		error = fn(ctx, f, start, (size_t)(end + 1 - start));
	return error < 0 ? error : used > 0;
}

static void read_one(struct text_file *f, struct text_reader *reader, bool all, text_fn fn,
		     void *ctx)
{
	int64_t size = INT64_MAX; /* when this call began */

	f->quiet++;
	for (unsigned i = 0; f->left && f->place.at < size && (all || i < ROUNDS_MAX); i++) {
		struct text_place before = f->place;
		ssize_t n = text_reader_read(reader, f->path, f->left, &f->place);

		if (n < 0)
			return;
		if (f->place.inode != before.inode || f->place.dev != before.dev ||
		    f->place.at != before.at) {
			f->skip = false; /* another file by that name, or begun anew */
			f->state = 0;
		}
		if (!i)
			size = reader->file_size;
		if (!n || take_some(f, reader->data, (size_t)n, fn, ctx) <= 0)
			return;
		f->quiet = 0;
	}
}

void text_watch_read(struct text_watch *w, struct text_reader *reader, bool all, text_fn fn,
		     void *ctx)
{
	for (unsigned i = 0; i < w->n && !reader->error; i++)
		read_one(&w->files[i], reader, all, fn, ctx);
}

ssize_t text_head_read(struct text_reader *reader, const char *path, size_t size)
{
	struct text_place beginning = { 0 };

	return text_reader_read(reader, path, size < TEXT_HEAD_MAX ? size : TEXT_HEAD_MAX,
				&beginning);
}
