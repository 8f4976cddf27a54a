/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes by (pid, start): how they appear, even if their fork was lost, and
 * how they leave. The lately ended ones stay for records that come late.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/track/container.h"
#include "src/track/tracker.h"

static struct wire_id plain_id(struct wire_id id)
{
	id.pad = 0;
	return id;
}

struct process *process_find(struct tracker *t, struct wire_id id)
{
	struct process *p;

	id = plain_id(id);
	HASH_FIND(hh, t->processes, &id, sizeof(id), p);
	return p;
}

static void free_details(struct tracker *t, struct process *p)
{
	files_free(t, p);
	if (p->live)
		free(p->live->partial);
	free(p->live);
	free(p->settled);
	p->live = NULL;
	p->settled = NULL;
}

void process_forget(struct tracker *t, struct process *p)
{
	HASH_DELETE(hh, t->processes, p);
	free_details(t, p);
	scope_unref(t, p->scope);
	free(p);
}

/* From now on it only serves as a parent of late children. */
static void retire(struct tracker *t, struct process *p)
{
	struct process *oldest;

	free_details(t, p);
	p->ended = true;
	t->n_alive--;
	if (p->orphan) {
		p->orphan = false;
		t->n_orphans--;
	}
	p->next_ended = NULL;
	if (t->ended_last)
		t->ended_last->next_ended = p;
	else
		t->ended_first = p;
	t->ended_last = p;
	if (++t->n_ended <= t->options.limits.ended_processes)
		return;
	oldest = t->ended_first;
	t->ended_first = oldest->next_ended;
	if (!t->ended_first)
		t->ended_last = NULL;
	t->n_ended--;
	process_forget(t, oldest);
}

/* A parent is never younger than its child; this also keeps the tree a tree. */
static bool may_be_parent(const struct process *parent, const struct process *child)
{
	return parent != child && parent->id.start_ns <= child->id.start_ns;
}

static void inherit(struct process *p, struct process *parent)
{
	p->parent = parent->number;
	p->rule = p->parent_rule = parent->rule;
	p->facade = parent->facade;
	p->adopted = parent->adopted;
	p->foreign = parent->foreign;
	p->refused = parent->refused;
	p->origin = parent->origin;
	if (!parent->scope->task->sealed)
		p->tool = p->named = parent->tool;
}

static struct scope *usable_scope(struct scope *s)
{
	while (s->task->sealed)
		s = s->up;
	return s;
}

static void count_member(struct process *p)
{
	if (!p->named)
		return;
	p->named->processes++;
	p->named->alive++;
}

static void not_orphan(struct tracker *t, struct process *p)
{
	if (!p->orphan)
		return;
	p->orphan = false;
	t->n_orphans--;
	t->completeness.without_parent--;
}

/* Its parent has just become known: an orphan that did nothing yet moves there. */
static void adopt_orphans(struct tracker *t, struct process *parent)
{
	struct process *p, *tmp;

	HASH_ITER (hh, t->processes, p, tmp) {
		if (!p->orphan || p->ppid != parent->id.pid ||
		    p->parent_start_ns != parent->id.start_ns ||
		    p->id.start_ns <= parent->id.start_ns)
			continue;
		not_orphan(t, p);
		p->parent = parent->number;
		if (p->execs || p->settled || p->scope != t->top || !parent->tool)
			continue;
		inherit(p, parent);
		if (scope_enter(t, p, parent->scope, t->now_ns) < 0)
			return;
		count_member(p);
	}
}

static int make_room(struct tracker *t)
{
	struct process *p, *tmp;

	if (t->n_alive < t->options.limits.live_processes)
		return 0;
	HASH_ITER (hh, t->processes, p, tmp) {
		if (!p->ended && !p->root)
			return process_close_lost(t, p, false);
	}
	return 0;
}

static struct process *allocate(struct tracker *t, struct wire_id id)
{
	struct process *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->id = plain_id(id);
	HASH_ADD(hh, t->processes, id, sizeof(p->id), p);
	if (!p->hh.tbl) {
		free(p);
		return NULL;
	}
	p->number = ++t->next_number;
	t->n_alive++;
	return p;
}

struct process *process_get(struct tracker *t, const struct wire_header *h, struct wire_id id,
			    struct wire_id parent_id)
{
	struct process *p = process_find(t, id), *parent = NULL;

	if (p)
		return p;
	if (make_room(t) < 0)
		return NULL;
	p = allocate(t, id);
	if (!p)
		return NULL;
	p->ppid = parent_id.pid;
	p->parent_start_ns = parent_id.start_ns;
	p->joined = h->flags & WIRE_F_JOINED;
	p->kthread = h->flags & WIRE_F_KTHREAD;
	p->root = h->type == WIRE_FORK && (h->flags & WIRE_F_ROOT);
	p->adopted = h->type == WIRE_FORK && (h->flags & WIRE_F_ADOPTED);
	p->foreign = p->adopted;
	if (parent_id.start_ns)
		parent = process_find(t, parent_id);
	if (parent && may_be_parent(parent, p)) {
		inherit(p, parent);
	} else if (!p->root && !p->joined && !p->kthread && !p->adopted) {
		p->orphan = true;
		t->n_orphans++;
		t->completeness.without_parent++;
	}
	if (p->joined && !p->kthread)
		t->completeness.joined_late++;
	if (scope_enter(t, p, p->parent ? usable_scope(parent->scope) : t->top, id.start_ns) < 0)
		return NULL;
	count_member(p);
	stall_progress(p, h->time_ns);
	if (t->n_orphans)
		adopt_orphans(t, p);
	return p;
}

int process_fork(struct tracker *t, const struct wire_fork *r)
{
	struct process *p = process_get(t, &r->h, r->id, r->parent);

	if (!p)
		return -ENOMEM;
	if (p->ended)
		return 0;
	if (r->h.flags & WIRE_F_ROOT) {
		p->root = true;
		not_orphan(t, p); /* a sample may have overtaken this record */
		t->command = p->id;
	}
	if (p->execs) /* its exec overtook this record and knows better */
		return 0;
	p->uid = r->uid;
	p->gid = r->gid;
	p->cgroup_id = r->cgroup_id;
	memcpy(p->comm, r->comm, sizeof(p->comm));
	return 0;
}

int process_rename(struct tracker *t, const struct wire_rename *r)
{
	struct process *p = process_find(t, r->id);

	if (!p || p->ended || p->foreign)
		return 0;
	memcpy(p->comm, r->comm, sizeof(p->comm));
	return segment_title(t, p, r);
}

/* 1: that was the last thread of the sweep. */
static int sample_thread(struct live *l, const struct wire_sample *r)
{
	if (r->threads <= 1) {
		l->ledger = r->ledger;
		l->any = true;
		return 1;
	}
	if (!l->partial) {
		l->partial = calloc(1, sizeof(*l->partial));
		if (!l->partial)
			return -ENOMEM;
	}
	if (!l->seen)
		*l->partial = r->ledger;
	else
		ledger_add(l->partial, &r->ledger);
	if (++l->seen < l->expected)
		return 0;
	l->ledger = *l->partial;
	l->any = true;
	return 1;
}

/* For what a thread waited when it was joined, and has since, nobody knows. */
static void sample_state(struct live *l, const struct wire_sample *r)
{
	bool unknown = (r->h.flags & WIRE_F_JOINED) && !r->ledger.switches_voluntary;

	if (!unknown &&
	    (r->state == LEDGER_DISK || r->state == LEDGER_OTHER || r->state == LEDGER_STOPPED))
		l->blocked_now = true;
	if (r->tid == r->id.pid)
		l->state = r->state;
}

/* A sweep that met fewer threads than it expected still counts if it tells more. */
static void new_sweep(struct live *l, const struct wire_sample *r)
{
	if (l->seen && l->seen < l->expected && l->partial->thread_ns >= l->ledger.thread_ns) {
		l->ledger = *l->partial;
		l->any = true;
	}
	l->sweep = r->sweep;
	l->expected = r->threads;
	l->seen = 0;
	l->blocked_now = false;
}

int process_sample(struct tracker *t, const struct wire_sample *r)
{
	struct process *p = process_get(t, &r->h, r->id, r->parent);
	struct live *l;
	int whole;

	if (!p)
		return -ENOMEM;
	if (p->ended)
		return 0;
	if (!p->live)
		p->live = calloc(1, sizeof(*p->live));
	l = p->live;
	if (!l)
		return -ENOMEM;
	if (!l->any && !l->seen)
		l->expected = r->threads;
	if (l->sweep != r->sweep)
		new_sweep(l, r);
	l->last = r->h.flags & WIRE_F_LAST;
	if (l->last && !t->last_sample_ns)
		t->last_sample_ns = r->h.time_ns;
	if (r->h.flags & WIRE_F_INCOMPLETE)
		p->incomplete = true;
	l->maxrss_bytes = r->maxrss_bytes;
	p->threads_peak = r->threads_peak;
	p->threads_total = r->threads_total;
	p->uid = r->uid;
	p->gid = r->gid;
	p->cgroup_id = r->cgroup_id;
	memcpy(p->comm, r->comm, sizeof(p->comm));
	sample_state(l, r);
	whole = sample_thread(l, r);
	if (whole > 0)
		stall_sample(t, p, r->h.time_ns);
	return whole < 0 ? whole : 0;
}

bool process_live_piece(const struct process *p, struct wire_ledger *ret_piece)
{
	struct wire_ledger total = { 0 }, excess;

	if (p->ended || !p->live || !p->live->any)
		return false;
	if (p->settled)
		total = *p->settled;
	ledger_advance(&total, &p->live->ledger, ret_piece, &excess);
	return true;
}

static void fill_end(struct process_row *row, const struct tracker *t, const struct wire_exit *r)
{
	unsigned signal = r->status & 0x7f;

	row->end_ns = tracker_unix_ns(t, r->h.time_ns);
	row->signal = (int)signal;
	row->exit_code = signal ? -1 : (int)(r->status >> 8 & 0xff);
	row->core_dumped = r->status & 0x80;
	row->peak_rss_bytes = r->maxrss_bytes;
	row->program_peak_rss_bytes = r->mm_peak_bytes;
	row->killer_pid = r->killer_pid;
	row->lib_opens = r->lib_opens;
	row->file_events_dropped = r->file_events_dropped;
}

static void fill_ledger(struct process_row *row, const struct process *p)
{
	struct wire_ledger piece;

	if (p->settled)
		row->ledger = *p->settled;
	if (process_live_piece(p, &piece))
		ledger_add(&row->ledger, &piece);
	if (p->live)
		row->peak_rss_bytes = p->live->maxrss_bytes;
}

int process_send(struct tracker *t, struct process *p, const struct wire_exit *end)
{
	char container[CONTAINER_ID_SHOWN + 1], comm[WIRE_COMM_LEN + 1] = "";
	const char *cgroup = cgroup_find(t, p->cgroup_id);
	struct process_row row = {
		.id = tracker_row_id(t, p->number),
		.parent = tracker_row_id(t, p->parent),
		.run_id = t->options.run_id,
		.task = p->scope->task->id,
		.tool = p->named ? p->named->id : 0,
		.scope = p->scope->id,
		.pid = p->id.pid,
		.ppid = p->ppid,
		.uid = p->uid,
		.gid = p->gid,
		.start_ns = tracker_unix_ns(t, p->id.start_ns),
		.start_boot_ns = p->id.start_ns,
		.exit_code = -1,
		.oom_killed = p->oom,
		.complete = !p->incomplete,
		.joined_late = p->joined,
		.kernel_thread = p->kthread,
		.thread_exec = p->thread_exec,
		.execs = p->execs,
		.threads_peak = p->threads_peak,
		.threads_total = p->threads_total,
		.cgroup_id = p->cgroup_id,
		.comm = comm,
	};

	memcpy(comm, p->comm, sizeof(p->comm));
	if (cgroup && container_from_cgroup(cgroup, container))
		row.container = container;
	p->sent = true;
	fill_ledger(&row, p);
	if (end)
		fill_end(&row, t, end);
	return t->sink.process(t->sink.ctx, &row);
}

/* The last things said about it: files, its row, and what its end closes. */
static int leave(struct tracker *t, struct process *p, const struct wire_exit *r, uint64_t end_ns)
{
	int err = p->foreign ? 0 : files_end(t, p, r ? r->file_events_dropped : 0);
	int closed;

	if (!err && !p->foreign)
		err = process_send(t, p, r);
	closed = scope_leave(t, p, end_ns);
	if (!err)
		err = closed;
	closed = scope_close_idle(t, p->scope);
	retire(t, p);
	return err ? err : closed;
}

/* It works for somebody else. If something was booked or sent before that was known,
 * its row has just that, so that the books balance. */
static int process_dismiss(struct tracker *t, struct process *p, uint64_t end_ns)
{
	if (p->live)
		p->live->any = false;
	if (!p->named && p->sent && !segment_tool_by_comm(t, p)) /* its row has a tool */
		return -ENOMEM;
	if (p->named)
		p->named->alive--;
	if (p->settled || p->sent) {
		p->incomplete = true;
		p->foreign = false;
		return leave(t, p, NULL, end_ns);
	}
	t->foreign_processes++;
	p->scope->task->processes--;
	if (p->named) {
		p->named->processes--;
		p->named->dirty = true;
	}
	return leave(t, p, NULL, end_ns);
}

/* The last chance to be one of ours: the helper of a container that is. */
static void decide(struct tracker *t, struct process *p)
{
	if (!p->foreign)
		return;
	client_check(t, p);
	p->execs_before = p->execs;
	p->execs = 0; /* no row tells of them */
}

int process_exit(struct tracker *t, const struct wire_exit *r)
{
	uint64_t peak;
	uint32_t execs;
	struct process *p = process_get(t, &r->h, r->id, r->parent);
	int err;

	if (!p)
		return -ENOMEM;
	if (p->ended)
		return 0;
	stall_progress(p, r->h.time_ns);
	p->uid = r->uid;
	p->gid = r->gid;
	p->cgroup_id = r->cgroup_id;
	p->threads_peak = r->threads_peak;
	p->threads_total = r->threads_total;
	p->oom |= r->oom_killed != 0;
	memcpy(p->comm, r->comm, sizeof(p->comm));
	t->ended_at_last += p->live && p->live->last;
	decide(t, p);
	if (p->foreign)
		return process_dismiss(t, p, r->h.time_ns);
	execs = p->execs + p->execs_before;
	if (r->h.flags & WIRE_F_INCOMPLETE || execs < r->execs)
		p->incomplete = true;
	if (execs < r->execs) {
		t->exec_unseen += r->execs - execs;
		p->execs += r->execs - execs;
		if (!segment_tool_by_comm(t, p))
			return -ENOMEM;
	}
	err = segment_settle(t, p, &r->ledger);
	if (err)
		return err;
	if (p->live)
		p->live->any = false; /* an estimate above the exact total ends here */
	peak = r->mm_peak_bytes ? r->mm_peak_bytes : r->maxrss_bytes;
	tool_peak(p->scope->task, p->tool, peak);
	if (t->run.peak_rss_bytes < peak)
		t->run.peak_rss_bytes = peak;
	p->named->alive--;
	if (!p->rule || !rule_traits(p->rule)->answers)
		p->named->failed += (r->status & 0xffff) != 0;
	err = scope_root_ended(t, p, r);
	if (err)
		return err;
	return leave(t, p, r, r->h.time_ns);
}

int process_close_lost(struct tracker *t, struct process *p, bool still_running)
{
	struct wire_ledger last = p->settled ? *p->settled : (struct wire_ledger){ 0 }, piece;
	int err;

	decide(t, p);
	if (p->foreign)
		return process_dismiss(t, p, t->now_ns);
	if (still_running) {
		t->completeness.still_running++;
	} else {
		t->completeness.processes_lost++;
		p->incomplete = true;
	}
	if (process_live_piece(p, &piece)) /* its last sample may be older than its last exec */
		ledger_add(&last, &piece);
	err = segment_settle(t, p, &last);
	if (err)
		return err;
	if (p->live)
		tool_peak(p->scope->task, p->tool, p->live->maxrss_bytes);
	if (!still_running)
		p->named->alive--;
	return leave(t, p, NULL, t->now_ns);
}
