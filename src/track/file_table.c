/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as each process used them: one entry for a process and path, however
 * often it was opened. Entries leave as rows when their process ends. What is
 * beyond a limit goes into one entry a directory.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/track/file_internal.h"

#define ACCESS_BITS  (WIRE_OPEN_READ | WIRE_OPEN_WRITE | WIRE_OPEN_CREATED | WIRE_OPEN_TRUNCATED)
#define WRITTEN_BITS (WIRE_OPEN_WRITE | WIRE_OPEN_CREATED | WIRE_OPEN_TRUNCATED)
#define RING_PATH    "io_uring"

static struct process_files *files_of(struct process *p)
{
	if (!p->files)
		p->files = calloc(1, sizeof(*p->files));
	return p->files;
}

static struct file_entry *find(const struct process *p, const char *path)
{
	struct file_entry *f = NULL;

	if (p->files)
		HASH_FIND_STR(p->files->by_path, path, f);
	return f;
}

static void unindex(struct process_files *files, struct file_entry *f)
{
	if (f->indexed && f->fold)
		HASH_DELETE(hh_inode, files->folds, f);
	else if (f->indexed)
		HASH_DELETE(hh_inode, files->by_inode, f);
	f->indexed = false;
}

static void index_in(struct file_entry **head, struct file_entry *f)
{
	HASH_ADD(hh_inode, *head, key, sizeof(f->key), f);
	f->indexed = f->hh_inode.tbl != NULL; /* else no sizes: they stay unknown */
}

/* From now on the inode is found under this name. */
static void identify(struct process_files *files, struct file_entry *f, struct inode_key key)
{
	struct file_entry **head = f->fold ? &files->folds : &files->by_inode, *other = NULL;

	if (!key.inode || (f->indexed && !memcmp(&f->key, &key, sizeof(key))))
		return;
	unindex(files, f);
	f->key = key;
	HASH_FIND(hh_inode, *head, &key, sizeof(key), other);
	if (other)
		unindex(files, other);
	index_in(head, f);
}

static struct file_entry *add(struct tracker *t, struct process *p, const char *path, size_t len)
{
	struct file_entry *f = calloc(1, sizeof(*f) + len + 1);

	if (!f)
		return NULL;
	memcpy(f->path, path, len);
	f->size_bytes = f->read_to_bytes = f->written_to_bytes = FILE_UNKNOWN;
	HASH_ADD_KEYPTR(hh, p->files->by_path, f->path, len, f);
	if (!f->hh.tbl) {
		free(f);
		return NULL;
	}
	t->n_files++;
	return f;
}

/* The row of the directory that path is in; NULL and no error: not even that. */
static struct file_entry *get_fold(struct tracker *t, struct process *p, const char *path,
				   int *ret_err)
{
	_cleanup_(str_fini) struct str name = STR_INIT;
	const char *slash = strrchr(path, '/');
	struct file_entry *f;

	if (slash)
		str_addf(&name, "%.*s/*", (int)(slash - path), path);
	if (name.failed) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	f = slash ? find(p, name.data) : NULL;
	if (f)
		return f->fold ? f : NULL; /* a file of that name: leave it alone */
	if (!slash || p->files->n_folds >= FOLDS_PER_PROCESS_MAX ||
	    t->n_folds_memory >= FOLDS_IN_MEMORY_MAX ||
	    t->n_files >= 2ULL * t->options.limits.files_per_run) {
		t->completeness.files_folded++;
		return NULL;
	}
	f = add(t, p, name.data, name.len);
	if (f)
		f->fold = fold_new();
	if (!f || !f->fold) { /* the entry is freed with its process */
		*ret_err = -ENOMEM;
		return NULL;
	}
	f->kind = FILE_KIND_FOLD;
	p->files->n_folds++;
	t->n_folds_memory++;
	return f;
}

/* NULL and no error: beyond all limits, counted only. What an engine tells by files
 * is kept beyond that of its process: `tracer rebuild` names tasks by it. */
static struct file_entry *get(struct tracker *t, struct process *p, const char *path, bool engine,
			      int *ret_err)
{
	const struct tracker_limits *limits = &t->options.limits;
	struct file_entry *f = find(p, path);

	if (f)
		return f;
	if ((p->files->n >= limits->files_per_process && !engine) ||
	    t->n_files >= limits->files_per_run || t->n_files_memory >= FILES_IN_MEMORY_MAX ||
	    (!engine && file_names_beyond(t->file_names, p->scope->task->id, path,
					  limits->files_per_directory)))
		return get_fold(t, p, path, ret_err);
	f = add(t, p, path, strlen(path));
	if (!f) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	p->files->n++;
	t->n_files_memory++;
	return f;
}

/* ---- what a record says ---- */

struct use { /* of one record */
	const struct wire_file_event *r;
	struct process *p;
	const char *path, *source; /* in the tracker's scratch; source NULL: none */
	struct file_known known;   /* inode 0: not known */
};

static bool has_two_names(unsigned op)
{
	return op == WIRE_FILE_RENAME || op == WIRE_FILE_LINK || op == WIRE_FILE_SYMLINK ||
	       op == WIRE_FILE_EXCHANGE;
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

/* Where a symbolic link points: from the directory that it is in. */
static bool target_text(struct str *out, const struct wire_file_event *r, const char *link)
{
	struct bytes target = event_text(&r->h, r->path);
	_cleanup_(str_fini) struct str whole = STR_INIT;
	const char *slash = strrchr(link, '/');

	str_reset(out);
	if (!target.len || !slash)
		return false;
	if (target.data[0] != '/')
		str_addf(&whole, "%.*s/", (int)(slash - link), link);
	str_addn(&whole, target.data, target.len);
	return !whole.failed &&
	       event_resolve((struct bytes){ whole.data, whole.len }, (struct bytes){ 0 }, false,
			     out) &&
	       !out->failed;
}

/* Both names, into the scratch. False: the record names nothing. */
static bool read_names(struct tracker *t, struct use *u)
{
	const struct wire_file_event *r = u->r;
	bool two = has_two_names(r->op), source;

	if (r->access & WIRE_FILE_PIPE) {
		str_reset(&t->scratch2);
		str_addf(&t->scratch2, "pipe:[%" PRIu64 "]", (uint64_t)r->inode);
	} else if (!path_text(&t->scratch2, r, two)) {
		return false;
	}
	u->path = str_text(&t->scratch2);
	source = r->op == WIRE_FILE_SYMLINK ? target_text(&t->scratch, r, u->path)
					    : two && path_text(&t->scratch, r, false);
	u->source = source ? str_text(&t->scratch) : NULL;
	return !t->scratch2.failed;
}

/* Which file a name was of: as this process used it, or as the run remembers it. */
static struct file_known look_up(struct tracker *t, struct process *p, const char *path)
{
	struct file_known known = { .size_bytes = FILE_UNKNOWN };
	struct file_entry *f = find(p, path);

	if (f && f->key.inode)
		return (struct file_known){ f->key, f->size_bytes };
	file_names_get(t->file_names, path, &known);
	return known;
}

/* A call that tells names only: the inode comes from what used them before. */
static void find_inode(struct tracker *t, struct use *u)
{
	const struct wire_file_event *r = u->r;
	bool open = r->op == WIRE_FILE_OPEN || r->op == WIRE_FILE_INHERIT;
	bool by_source = r->op != WIRE_FILE_SYMLINK && has_two_names(r->op);

	if (r->inode) {
		u->known.key = (struct inode_key){ r->inode, r->dev };
		u->known.size_bytes = (int64_t)r->size_bytes;
		if (open && (r->access & (WRITTEN_BITS | WIRE_FILE_PIPE | WIRE_FILE_FIFO)))
			u->known.size_bytes = FILE_UNKNOWN; /* until it is closed */
	} else if (by_source && u->source) {
		u->known = look_up(t, u->p, u->source);
	} else if (r->op == WIRE_FILE_UNLINK || r->op == WIRE_FILE_TRUNCATE) {
		u->known = look_up(t, u->p, u->path);
	}
	if (r->op == WIRE_FILE_TRUNCATE)
		u->known.size_bytes = (int64_t)r->size_bytes;
}

static void remember(struct tracker *t, const struct use *u, bool written)
{
	if (u->known.key.inode && !(u->r->access & WIRE_FILE_PIPE))
		file_names_set(t->file_names, u->path, &u->known, written);
}

/* ---- entries ---- */

static void touch(struct file_entry *f, uint64_t now_ns)
{
	if (!f->first_ns)
		f->first_ns = now_ns;
	f->last_ns = now_ns;
	f->dirty = true;
}

static void set_source(struct file_entry *f, const char *source)
{
	char *copy = source && !f->fold ? strdup(source) : NULL;

	if (!copy)
		return; /* without it the row still tells what happened */
	free(f->source);
	f->source = copy;
}

static void apply_open(struct file_entry *f, const struct wire_file_event *r)
{
	f->opens++;
	if (r->error) {
		f->failed++;
		f->error = r->error;
		return;
	}
	f->access |= r->access & ACCESS_BITS;
	if (r->access & WIRE_OPEN_CREATED)
		f->unlinked = false;
}

/* Who is handed a file has not used it yet; a pipe has no position to tell by. */
static void apply_inherit(struct file_entry *f, const struct wire_file_event *r)
{
	f->descriptors |= r->descriptors & 7;
	if (f->fold || (r->access & (WIRE_FILE_PIPE | WIRE_FILE_FIFO))) {
		f->access |= r->access & ACCESS_BITS;
	} else if (!f->inherited && !f->opens) {
		f->inherited_access = r->access & ACCESS_BITS;
		f->inherited_at_bytes = (int64_t)r->position_bytes;
	}
	f->inherited = true;
}

/* The other name of the same file in this process: it was written under that. */
static void carry_over(struct process *p, struct file_entry *f, const struct use *u)
{
	struct file_entry *old = find(p, u->source);
	const char *base;
	char nameless[32];

	if (!old || old == f)
		return;
	f->access |= old->access & WRITTEN_BITS;
	base = strrchr(old->path, '/');
	snprintf(nameless, sizeof(nameless), "/#%" PRIu64, u->known.key.inode);
	if (u->r->op == WIRE_FILE_LINK && (!base || strcmp(base, nameless)))
		return;
	old->unlinked = true; /* that name is gone, or never was one (O_TMPFILE) */
	old->dirty = true;
}

static void apply_name(struct tracker *t, struct file_entry *f, const struct use *u)
{
	switch (u->r->op) {
	case WIRE_FILE_RENAME:
	case WIRE_FILE_LINK:
		f->renamed_to |= u->r->op == WIRE_FILE_RENAME;
		f->linked |= u->r->op == WIRE_FILE_LINK;
		f->unlinked = false;
		if (!u->source)
			break;
		carry_over(u->p, f, u);
		set_source(f, u->source);
		if (u->r->op == WIRE_FILE_RENAME)
			file_names_forget(t->file_names, u->source);
		break;
	case WIRE_FILE_EXCHANGE:
		f->renamed_to = true;
		set_source(f, u->source);
		break;
	case WIRE_FILE_SYMLINK:
	case WIRE_FILE_MKDIR:
		f->access |= WIRE_OPEN_CREATED;
		f->unlinked = false;
		set_source(f, u->source);
		break;
	case WIRE_FILE_TRUNCATE:
		f->access |= WIRE_OPEN_WRITE | WIRE_OPEN_TRUNCATED;
		break;
	case WIRE_FILE_UNLINK:
	case WIRE_FILE_RMDIR:
		f->unlinked = true;
		file_names_forget(t->file_names, u->path);
		break;
	}
}

static uint8_t kind_of(const struct wire_file_event *r)
{
	if (r->op == WIRE_FILE_MKDIR || r->op == WIRE_FILE_RMDIR)
		return FILE_KIND_DIRECTORY;
	if (r->op == WIRE_FILE_SYMLINK)
		return FILE_KIND_SYMLINK;
	if (r->op == WIRE_FILE_RING)
		return FILE_KIND_RING;
	return r->access & WIRE_FILE_PIPE   ? FILE_KIND_PIPE
	       : r->access & WIRE_FILE_FIFO ? FILE_KIND_FIFO
					    : FILE_KIND_REGULAR;
}

static void describe(struct tracker *t, struct file_entry *f, const struct use *u)
{
	const struct wire_file_event *r = u->r;
	uint64_t inode = u->known.key.inode;
	bool is_new =
		(r->access & WIRE_OPEN_CREATED) || r->op == WIRE_FILE_MKDIR || has_two_names(r->op);

	if (r->error)
		return;
	if (!f->fold) {
		if (r->op != WIRE_FILE_UNLINK || !f->kind)
			f->kind = kind_of(r);
		if (inode || r->op == WIRE_FILE_TRUNCATE)
			f->size_bytes = u->known.size_bytes;
		identify(u->p->files, f, u->known.key);
		return;
	}
	identify(u->p->files, f, (struct inode_key){ r->dir_inode, r->dev });
	if (r->op == WIRE_FILE_UNLINK || r->op == WIRE_FILE_RMDIR)
		return;
	fold_add(t, f->fold, inode, is_new);
	if (u->known.size_bytes != FILE_UNKNOWN)
		fold_size(t, f->fold, inode, (uint64_t)u->known.size_bytes);
}

static void apply(struct tracker *t, struct file_entry *f, const struct use *u)
{
	const struct wire_file_event *r = u->r;

	touch(f, r->h.time_ns);
	if (r->op == WIRE_FILE_INHERIT)
		apply_inherit(f, r);
	describe(t, f, u);
	if (r->op == WIRE_FILE_OPEN || r->op == WIRE_FILE_RING)
		apply_open(f, r);
	else if (!r->error)
		apply_name(t, f, u);
	u->p->files->dirty = true;
}

/* ---- records ---- */

static int64_t further(int64_t so_far, uint64_t position)
{
	return position && (int64_t)position > so_far ? (int64_t)position : so_far;
}

/* Which file it was says its inode; one that this process did not open itself and
 * did not get with its program is its parent's. */
static int on_close(struct tracker *t, struct process *p, const struct wire_file_event *r)
{
	const struct inode_key key = { r->inode, r->dev }, dir = { r->dir_inode, r->dev };
	const unsigned both = WIRE_OPEN_READ | WIRE_OPEN_WRITE;
	struct file_known known = { key, (int64_t)r->size_bytes };
	struct file_entry *f = NULL;

	if (!p->files)
		return 0;
	HASH_FIND(hh_inode, p->files->by_inode, &key, sizeof(key), f);
	if (!f) {
		HASH_FIND(hh_inode, p->files->folds, &dir, sizeof(dir), f);
		if (f)
			fold_size(t, f->fold, r->inode, r->size_bytes);
	} else {
		f->size_bytes = known.size_bytes;
		f->closed = true;
		if ((r->access & both) == WIRE_OPEN_READ)
			f->read_to_bytes = further(f->read_to_bytes, r->position_bytes);
		if ((r->access & both) == WIRE_OPEN_WRITE)
			f->written_to_bytes = further(f->written_to_bytes, r->position_bytes);
		if ((int64_t)r->position_bytes != f->inherited_at_bytes)
			f->access |= f->inherited_access;
		if (t->file_names && (r->access & WIRE_OPEN_WRITE))
			file_names_set(t->file_names, f->path, &known, true);
	}
	if (!f)
		return 0;
	touch(f, r->h.time_ns);
	p->files->dirty = true;
	return 0;
}

/* The other half of an exchange: the first name now is of the second file. */
static int exchange(struct tracker *t, struct use *u, struct file_known second)
{
	struct use back = *u;
	struct file_entry *f;
	int err = 0;

	back.path = u->source;
	back.source = u->path;
	back.known = second;
	f = get(t, u->p, back.path, false, &err);
	if (!f)
		return err;
	apply(t, f, &back);
	remember(t, &back, true);
	return 0;
}

static int on_use(struct tracker *t, struct use *u)
{
	const struct wire_file_event *r = u->r;
	struct file_known second = { .size_bytes = FILE_UNKNOWN };
	int err = 0, engine = 0;
	struct file_entry *f;

	if (t->options.rules &&
	    (r->op == WIRE_FILE_OPEN || r->op == WIRE_FILE_RENAME || r->op == WIRE_FILE_UNLINK))
		engine = engine_file(t, u->p, r, u->path);
	if (engine < 0)
		return engine;
	find_inode(t, u);
	if (r->op == WIRE_FILE_EXCHANGE && u->source)
		second = look_up(t, u->p, u->path);
	f = get(t, u->p, u->path, engine, &err);
	if (!f)
		return err;
	apply(t, f, u);
	if (r->op != WIRE_FILE_UNLINK)
		remember(t, u, has_two_names(r->op) || (r->access & WRITTEN_BITS));
	return r->op == WIRE_FILE_EXCHANGE && u->source ? exchange(t, u, second) : 0;
}

int file_event(struct tracker *t, const struct wire_file_event *r)
{
	struct use u = { .r = r, .p = process_find(t, r->id), .known = { .size_bytes = -1 } };

	if (r->op == WIRE_FILE_RING)
		u.path = RING_PATH;
	else if (r->op != WIRE_FILE_CLOSE && !read_names(t, &u))
		return 0;
	if (!u.p || u.p->ended) {
		t->completeness.files_folded += r->op != WIRE_FILE_CLOSE;
		return 0;
	}
	if (u.p->foreign)
		return 0;
	if (r->op == WIRE_FILE_CLOSE)
		return on_close(t, u.p, r);
	if (!t->file_names && file_names_new(&t->file_names) < 0)
		return -ENOMEM;
	return files_of(u.p) ? on_use(t, &u) : -ENOMEM;
}

/* ---- rows ---- */

static int send_entry(struct tracker *t, const struct process *p, const struct file_entry *f)
{
	struct file_row row = {
		.process = tracker_row_id(t, p->number),
		.path = f->path,
		.source = f->source,
		.inode = f->key.inode,
		.dev = f->key.dev,
		.files = 1,
		.opens = f->opens,
		.failed = f->failed,
		.access = f->access,
		.kind = f->kind,
		.descriptors = f->descriptors,
		.renamed_to = f->renamed_to,
		.unlinked = f->unlinked,
		.linked = f->linked,
		.inherited = f->inherited,
		.error = f->error,
		.first_ns = tracker_unix_ns(t, f->first_ns),
		.last_ns = tracker_unix_ns(t, f->last_ns),
		.size_bytes = f->size_bytes,
		.read_to_bytes = f->read_to_bytes,
		.written_to_bytes = f->written_to_bytes,
	};

	if (f->fold) {
		row.files = fold_files(f->fold, &row.files_at_least);
		row.size_bytes = fold_bytes(f->fold);
	}
	return t->sink.file(t->sink.ctx, &row);
}

int files_send(struct tracker *t, struct process *p)
{
	struct file_entry *f, *tmp;
	int err;

	if (!p->files || !p->files->dirty)
		return 0;
	HASH_ITER (hh, p->files->by_path, f, tmp) {
		if (!f->dirty)
			continue;
		err = send_entry(t, p, f);
		if (err)
			return err;
		f->dirty = false;
	}
	p->files->dirty = false;
	return 0;
}

/* What it was handed and nobody saw it give up, it may have used. A file that was
 * only open for reading and is not told at the end was not read in order. */
static void settle_inherited(struct file_entry *f)
{
	if (f->closed || !f->inherited_access ||
	    (!(f->inherited_access & WIRE_OPEN_WRITE) && !f->inherited_at_bytes))
		return;
	f->access |= f->inherited_access;
	f->dirty = true;
}

int files_end(struct tracker *t, struct process *p, uint32_t events_dropped)
{
	struct file_entry *f, *tmp;

	t->completeness.files_folded += events_dropped;
	if (!p->files)
		return 0;
	HASH_ITER (hh, p->files->by_path, f, tmp) {
		settle_inherited(f);
		p->files->dirty |= f->dirty;
	}
	return files_send(t, p);
}

void files_free(struct tracker *t, struct process *p)
{
	struct file_entry *f, *tmp;

	if (!p->files)
		return;
	HASH_CLEAR(hh_inode, p->files->by_inode);
	HASH_CLEAR(hh_inode, p->files->folds);
	HASH_ITER (hh, p->files->by_path, f, tmp) {
		HASH_DELETE(hh, p->files->by_path, f);
		fold_free(t, f->fold);
		free(f->source);
		free(f);
	}
	t->n_files_memory -= p->files->n;
	t->n_folds_memory -= p->files->n_folds;
	free(p->files);
	p->files = NULL;
}
