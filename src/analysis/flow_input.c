/* SPDX-License-Identifier: Apache-2.0 */
/* Rows become small numbers: tasks by index, paths interned. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "src/analysis/flow.h"
#include "src/analysis/flow_path.h"

struct flow_paths {
	uint32_t number;
	UT_hash_handle hh;
};

struct flow_tasks_by_id {
	int64_t id;
	uint32_t number;
	UT_hash_handle hh;
};

int flow_input_init(struct flow_input *in, const char *cwd, bool all)
{
	*in = (struct flow_input){ .all = all };
	in->cwd = arena_text(&in->arena, cwd);
	return cwd && !in->cwd ? -ENOMEM : 0;
}

void flow_input_fini(struct flow_input *in)
{
	HASH_CLEAR(hh, in->by_text);
	HASH_CLEAR(hh, in->by_id);
	free(in->tasks);
	free(in->uses);
	free(in->engine);
	free(in->paths);
	free(in->hidden);
	arena_fini(&in->arena);
	*in = (struct flow_input){ 0 };
}

/* Room for one more item, or -ENOMEM; *size is the room that there is. */
static int grow(void *array, size_t item, size_t n, size_t *size)
{
	void **items = array;
	size_t wanted = *size ? *size * 2 : 256;
	void *more;

	if (n < *size)
		return 0;
	more = reallocarray(*items, wanted, item);
	if (!more)
		return -ENOMEM;
	*items = more;
	*size = wanted;
	return 0;
}

uint32_t flow_task_of(const struct flow_input *in, int64_t task_id)
{
	struct flow_tasks_by_id *entry = NULL;

	HASH_FIND(hh, in->by_id, &task_id, sizeof(task_id), entry);
	return entry ? entry->number : FLOW_ENGINE;
}

int flow_add_task(struct flow_input *in, const struct task_row *row)
{
	struct flow_tasks_by_id *entry = arena_alloc(&in->arena, sizeof(*entry));
	struct flow_task *t;

	if (!entry || grow(&in->tasks, sizeof(*in->tasks), in->n_tasks, &in->size_tasks) < 0)
		return -ENOMEM;
	t = &in->tasks[in->n_tasks];
	*t = (struct flow_task){
		.id = row->id,
		.parent = row->parent ? flow_task_of(in, row->parent) : FLOW_ENGINE,
		.name = arena_text(&in->arena, row->name ? row->name : ""),
		.start_ns = row->start_ns,
		.end_ns = row->end_ns,
		.requested_cpus = row->requested_cpus,
	};
	if (!t->name)
		return -ENOMEM;
	if (t->parent != FLOW_ENGINE) {
		in->tasks[t->parent].encloses = true;
		t->depth = in->tasks[t->parent].depth + 1;
	}
	entry->id = row->id;
	entry->number = in->n_tasks++;
	HASH_ADD(hh, in->by_id, id, sizeof(entry->id), entry);
	return entry->hh.tbl ? 0 : -ENOMEM;
}

int flow_add_process(struct flow_input *in, int64_t task_id, uint64_t start_ns, uint64_t end_ns)
{
	if (task_id && flow_task_of(in, task_id) != FLOW_ENGINE)
		return 0;
	if (grow(&in->engine, sizeof(*in->engine), in->n_engine, &in->size_engine) < 0)
		return -ENOMEM;
	in->engine[in->n_engine++] = (struct flow_span){ start_ns, end_ns ? end_ns : UINT64_MAX };
	return 0;
}

static int add_path(struct flow_input *in, const char *path, size_t len, unsigned hash,
		    uint32_t *ret)
{
	struct flow_paths *entry = arena_alloc(&in->arena, sizeof(*entry));
	const char *copy = entry ? arena_copy(&in->arena, path, len) : NULL;
	size_t size = in->size_paths;

	if (!copy || grow(&in->paths, sizeof(*in->paths), in->n_paths, &size) < 0 ||
	    grow(&in->hidden, sizeof(*in->hidden), in->n_paths, &in->size_paths) < 0)
		return -ENOMEM;
	in->paths[in->n_paths] = copy;
	in->hidden[in->n_paths] = flow_path_is_private(path, in->cwd);
	entry->number = in->n_paths;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, in->by_text, copy, len, hash, entry);
	if (!entry->hh.tbl)
		return -ENOMEM;
	*ret = in->n_paths++;
	return 0;
}

static int path_number(struct flow_input *in, const char *path, uint32_t *ret)
{
	struct flow_paths *entry = NULL;
	size_t len = strlen(path);
	unsigned hash;

	HASH_VALUE(path, len, hash);
	HASH_FIND_BYHASHVALUE(hh, in->by_text, path, len, hash, entry);
	if (!entry)
		return add_path(in, path, len, hash, ret);
	*ret = entry->number;
	return 0;
}

static struct flow_use use_of(const struct file_row *row)
{
	return (struct flow_use){
		.process = row->process,
		.inode = row->inode,
		.dev = row->dev,
		.first_ns = row->first_ns,
		.last_ns = row->last_ns,
		.source = FLOW_NO_PATH,
		.opens = row->opens - row->failed,
		.access = row->access,
		.failed = row->failed > 0,
		.renamed_to = row->renamed_to,
		.unlinked = row->unlinked,
	};
}

/* False: it holds no data, or nobody can say which file it was. */
static bool set_kind(struct flow_input *in, struct flow_use *use, const struct file_row *row)
{
	switch ((enum file_kind)row->kind) {
	case FILE_KIND_DIRECTORY:
	case FILE_KIND_SYMLINK:
		return false;
	case FILE_KIND_RING:
		in->nameless += row->opens;
		return false;
	case FILE_KIND_FOLD:
		use->many = true;
		break;
	case FILE_KIND_PIPE:
	case FILE_KIND_FIFO:
		use->stream = true;
		break;
	case FILE_KIND_REGULAR:
		break;
	}
	use->linked = row->linked;
	use->inherited = row->inherited;
	use->size_known = row->size_bytes >= 0;
	use->size_bytes = use->size_known ? (uint64_t)row->size_bytes : 0;
	return true;
}

static int set_source(struct flow_input *in, struct flow_use *use, const struct file_row *row)
{
	return row->source ? path_number(in, row->source, &use->source) : 0;
}

static bool is_use(const struct flow_use *use)
{
	return use->opens || use->renamed_to || use->linked || use->unlinked ||
	       (use->inherited && use->access);
}

int flow_add_file(struct flow_input *in, const struct file_row *row, int64_t task_id)
{
	struct flow_use use = use_of(row);
	int r;

	if (!row->path || !set_kind(in, &use, row) || !is_use(&use))
		return 0;
	if (in->n_uses >= UINT32_MAX / 4) {
		in->overlooked++;
		return 0;
	}
	r = path_number(in, row->path, &use.path);
	if (r == 0)
		r = set_source(in, &use, row);
	if (r < 0 || (in->hidden[use.path] && !in->all))
		return r;
	in->directories += use.many;
	if (grow(&in->uses, sizeof(*in->uses), in->n_uses, &in->size_uses) < 0)
		return -ENOMEM;
	use.task = task_id ? flow_task_of(in, task_id) : FLOW_ENGINE;
	in->uses[in->n_uses++] = use;
	return 0;
}
