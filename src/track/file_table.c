/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as each process used them: one entry for a process and path, however
 * often it was opened. Entries leave as rows when their process ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/track/tracker.h"

struct file_entry {
	UT_hash_handle hh;			       /* in its process, by path */
	uint64_t inode, size_bytes, first_ns, last_ns; /* CLOCK_BOOTTIME */
	uint32_t dev, opens, failed;
	int error;
	uint16_t access;
	bool renamed_to, unlinked, dirty;
	char path[];
};

#define ACCESS_BITS (WIRE_OPEN_READ | WIRE_OPEN_WRITE | WIRE_OPEN_CREATED | WIRE_OPEN_TRUNCATED)

static struct file_entry *find(struct process *p, const char *path)
{
	struct file_entry *f;

	HASH_FIND_STR(p->files, path, f);
	return f;
}

/* NULL and no error: beyond a limit, counted only. What an engine tells by files is
 * kept beyond that of its process: `tracer rebuild` names tasks by it. */
static struct file_entry *get(struct tracker *t, struct process *p, const char *path, bool engine,
			      int *ret_err)
{
	struct file_entry *f = find(p, path);
	size_t len = strlen(path);

	if (f)
		return f;
	if ((p->n_files >= t->options.limits.files_per_process && !engine) ||
	    t->n_files >= t->options.limits.files_per_run ||
	    t->n_files_memory >= FILES_IN_MEMORY_MAX) {
		t->completeness.files_folded++;
		return NULL;
	}
	f = calloc(1, sizeof(*f) + len + 1);
	if (!f) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	memcpy(f->path, path, len);
	HASH_ADD_KEYPTR(hh, p->files, f->path, len, f);
	if (!f->hh.tbl) {
		free(f);
		*ret_err = -ENOMEM;
		return NULL;
	}
	p->n_files++;
	t->n_files++;
	t->n_files_memory++;
	return f;
}

static bool path_text(struct str *out, const struct wire_file_event *r, bool second)
{
	struct bytes path = event_bytes(&r->h, second ? r->path2 : r->path);
	struct bytes dir = event_bytes(&r->h, second ? r->dir2 : r->dir);
	bool text = r->access & (second ? WIRE_PATH2_IS_TEXT : WIRE_PATH_IS_TEXT);
	bool cut = r->h.flags & WIRE_F_PATH_TRUNCATED;

	str_reset(out);
	return (text ? event_resolve(path, dir, cut, out) : event_path(path, cut, out)) &&
	       !out->failed;
}

static void touch(struct file_entry *f, const struct wire_file_event *r)
{
	if (!f->first_ns)
		f->first_ns = r->h.time_ns;
	f->last_ns = r->h.time_ns;
	f->dirty = true;
	if (r->error) {
		f->failed++;
		f->error = r->error;
		return;
	}
	f->inode = r->inode;
	f->dev = r->dev;
	f->size_bytes = r->size_bytes;
}

static void apply(struct process *p, struct file_entry *f, const struct wire_file_event *r,
		  const char *old_path)
{
	struct file_entry *old;

	touch(f, r);
	if (r->op == WIRE_FILE_OPEN) {
		f->opens++;
		f->access |= r->access & ACCESS_BITS;
	}
	if (r->error)
		return;
	if (r->op == WIRE_FILE_UNLINK)
		f->unlinked = true;
	if (r->op != WIRE_FILE_RENAME)
		return;
	f->renamed_to = true;
	f->unlinked = false;
	old = find(p, old_path);
	if (old && old != f) { /* that name is gone */
		old->unlinked = true;
		old->dirty = true;
	}
}

int file_event(struct tracker *t, const struct wire_file_event *r)
{
	struct process *p = process_find(t, r->id);
	bool rename = r->op == WIRE_FILE_RENAME, old;
	struct file_entry *f;
	int err = 0, engine = 0;

	if (!path_text(rename ? &t->scratch2 : &t->scratch, r, rename))
		return 0;
	old = rename && path_text(&t->scratch, r, false);
	if (!p || p->ended) {
		t->completeness.files_folded++;
		return 0;
	}
	if (t->options.rules)
		engine = engine_file(t, p, r, str_text(rename ? &t->scratch2 : &t->scratch));
	if (engine < 0)
		return engine;
	f = get(t, p, str_text(rename ? &t->scratch2 : &t->scratch), engine, &err);
	if (!f)
		return err;
	apply(p, f, r, old ? str_text(&t->scratch) : "");
	p->files_dirty = true;
	return 0;
}

int files_send(struct tracker *t, struct process *p)
{
	struct file_entry *f, *tmp;
	int err;

	if (!p->files_dirty)
		return 0;
	HASH_ITER (hh, p->files, f, tmp) {
		struct file_row row = {
			.process = tracker_row_id(t, p->number),
			.path = f->path,
			.inode = f->inode,
			.dev = f->dev,
			.opens = f->opens,
			.failed = f->failed,
			.access = f->access,
			.renamed_to = f->renamed_to,
			.unlinked = f->unlinked,
			.error = f->error,
			.first_ns = tracker_unix_ns(t, f->first_ns),
			.last_ns = tracker_unix_ns(t, f->last_ns),
			.size_bytes = f->size_bytes,
		};

		if (!f->dirty)
			continue;
		err = t->sink.file(t->sink.ctx, &row);
		if (err)
			return err;
		f->dirty = false;
	}
	p->files_dirty = false;
	return 0;
}

void files_free(struct tracker *t, struct process *p)
{
	struct file_entry *f, *tmp;

	HASH_ITER (hh, p->files, f, tmp) {
		HASH_DELETE(hh, p->files, f);
		free(f);
		t->n_files_memory--;
	}
}
