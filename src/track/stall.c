/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who makes no progress. Each process has the time of its last progress, from samples:
 * bytes that moved, or CPU worth a hundredth of the time looked at. A walk over all
 * processes adds them up for tasks and for the run. What it is that they wait for is
 * found by who is told (src/agent/stall_watch.c).
 */
#include <string.h>

#include "src/track/tracker.h"

#define BUSY_PPM 10000 /* a runtime that idles (a JVM, an engine's loop) uses less */

/* A wait for a file system that has ended moved something, too: names, not bytes. */
static uint64_t moved(const struct wire_ledger *l)
{
	return l->disk_waits + l->read_bytes + l->write_bytes + l->rchar_bytes + l->wchar_bytes +
	       l->net_rx_bytes + l->net_tx_bytes;
}

static void rebase(struct live *l, uint64_t now_ns)
{
	l->base_ns = now_ns;
	l->base_cpu_ns = l->ledger.state_ns[LEDGER_CPU];
	l->base_moved = moved(&l->ledger);
}

/* CPU by time since the base, once that is half of what is asked for: of less a first
 * millisecond would be a load. */
static void measure_cpu(struct live *l, uint64_t after, uint64_t span)
{
	uint64_t cpu = l->ledger.state_ns[LEDGER_CPU] - l->base_cpu_ns;

	if ((int64_t)cpu < 0) /* of ended threads, for a moment in no record */
		cpu = 0;
	if (span >= after / 2)
		l->cpu_ppm = cpu / (span / 1000000 + 1);
	else if (l->cpu_ppm < cpu / (after / 1000000))
		l->cpu_ppm = cpu / (after / 1000000);
}

void stall_sample(struct tracker *t, struct process *p, uint64_t now_ns)
{
	uint64_t after = t->options.stall_after_ns, span;
	struct live *l = p->live;
	bool first = !l->sampled_ns;

	if (!after)
		return;
	l->sampled_ns = now_ns;
	if (first) { /* what it was before is not known, or was its birth */
		rebase(l, now_ns);
		l->blocked = l->blocked_now;
		if (p->joined)
			p->progress_ns = now_ns;
		return;
	}
	span = now_ns > l->base_ns ? now_ns - l->base_ns : 0;
	measure_cpu(l, after, span);
	if (moved(&l->ledger) != l->base_moved || (l->cpu_ppm >= BUSY_PPM && span >= after / 2)) {
		p->progress_ns = now_ns > p->progress_ns ? now_ns : p->progress_ns;
		l->blocked = l->blocked_now;
		rebase(l, now_ns);
	} else if (span >= after) {
		rebase(l, now_ns);
	}
	l->blocked &= l->blocked_now;
}

/* ---- a walk over all ---- */

static void clear(struct task *task)
{
	bool refused = task->progress.refused;

	task->progress = (struct progress){ .last_ns = task->progress_ns, .refused = refused };
}

static void add(struct task *task, struct process *p)
{
	struct progress *g = &task->progress;

	g->alive++;
	g->cpu_ppm += p->live->cpu_ppm;
	if (g->last_ns < p->progress_ns)
		g->last_ns = p->progress_ns;
	if (!g->first || (task->id && p->number == task->root) || (!task->id && p->root))
		g->first = p;
}

static bool is_looked_at(const struct process *p)
{
	return !p->ended && !p->foreign && !p->kthread && p->live && p->live->sampled_ns;
}

/* The time of the last sample. */
static uint64_t add_all(struct tracker *t)
{
	struct process *p, *tmp;
	uint64_t now = 0;

	clear(&t->run);
	for (struct task *task = t->open_first; task; task = task->next)
		clear(task);
	HASH_ITER (hh, t->processes, p, tmp) {
		if (!is_looked_at(p))
			continue;
		now = now > p->live->sampled_ns ? now : p->live->sampled_ns;
		for (struct task *task = p->scope->task; task; task = task->up)
			add(task, p);
	}
	return now;
}

static bool is_idle(const struct tracker *t, uint64_t last_ns, uint64_t now_ns)
{
	return now_ns > last_ns && now_ns - last_ns >= t->options.stall_after_ns;
}

static void judge(const struct tracker *t, struct task *task, uint64_t now_ns)
{
	struct progress *g = &task->progress;

	g->stalled = g->alive && g->cpu_ppm < BUSY_PPM && is_idle(t, g->last_ns, now_ns);
	for (struct task *up = task->up; up && g->stalled; up = up->up)
		up->progress.inner = true;
}

/* ---- what goes on ---- */

static struct stall *slot_of(struct tracker *t, uint32_t unit, uint64_t key, bool *ret_new)
{
	struct stall *room = NULL;

	for (unsigned i = 0; i < STALLS_MAX; i++) {
		struct stall *s = &t->stalls[i];

		*ret_new = false;
		if (s->used && s->unit == unit && s->key == key)
			return s;
		if (!s->used && !room)
			room = s;
	}
	*ret_new = true;
	return room;
}

/* False: no room for another. */
static bool note(struct tracker *t, uint32_t unit, uint64_t key, const struct stall_state *state)
{
	bool is_new;
	struct stall *s = slot_of(t, unit, key, &is_new);

	if (!s)
		return false;
	if (is_new)
		*s = (struct stall){ .used = true, .unit = unit, .key = key };
	s->seen = true;
	if (!s->told)
		s->state = *state;
	s->state.now_ns = state->now_ns;
	return true;
}

static void fill(struct stall_state *s, const struct process *p, const struct task *task)
{
	s->id = p->id;
	s->state = p->live->state;
	s->task = task->id ? task->name : NULL;
	memcpy(s->comm, p->comm, sizeof(s->comm));
}

static void note_task(struct tracker *t, struct task *task, uint64_t now_ns)
{
	struct progress *g = &task->progress;
	struct stall_state s = { .unit = task->id ? STALL_TASK : STALL_RUN,
				 .processes = g->alive,
				 .since_ns = g->last_ns,
				 .now_ns = now_ns };

	if (!g->stalled || g->inner) {
		g->refused = false;
		return;
	}
	fill(&s, g->first, task);
	if (!note(t, s.unit, (uint64_t)task->id, &s) && !g->refused) {
		g->refused = true;
		t->stalls_refused++;
	}
}

/* Stopped, or in a file system or the kernel, while others of its task go on. */
static void note_process(struct tracker *t, struct process *p, uint64_t now_ns)
{
	struct task *task = p->scope->task;
	struct stall_state s = {
		.unit = STALL_PROCESS, .processes = 1, .since_ns = p->progress_ns, .now_ns = now_ns
	};

	for (struct task *up = task; up; up = up->up)
		if (up->progress.stalled && (up->id || !t->facts.all_processes))
			p->covered_ns = now_ns;
	if (!p->live->blocked || !is_idle(t, p->progress_ns, now_ns)) {
		p->stall_refused = false;
		return;
	}
	if (p->covered_ns && !is_idle(t, p->covered_ns, now_ns))
		return;
	/* of a whole host: what somebody stopped in a shell is nobody's work */
	if (t->facts.all_processes && p->live->state == LEDGER_STOPPED && !task->id)
		return;
	fill(&s, p, task);
	if (!note(t, STALL_PROCESS, p->number, &s) && !p->stall_refused) {
		p->stall_refused = true;
		t->stalls_refused++;
	}
}

static bool is_alive(struct tracker *t, struct wire_id id)
{
	const struct process *p = process_find(t, id);

	return p && !p->ended;
}

static void tell(struct tracker *t, stall_fn fn, void *ctx)
{
	for (unsigned i = 0; i < STALLS_MAX; i++) {
		struct stall *s = &t->stalls[i];

		if (!s->used || (s->seen && s->told))
			continue;
		if (s->seen) {
			s->told = true;
		} else {
			s->used = false;
			s->state.now_ns = t->now_ns;
			s->state.end = is_alive(t, s->state.id) ? STALL_RESUMED : STALL_EXITED;
			s->state.task = NULL; /* it may have gone */
		}
		fn(ctx, i, &s->state);
	}
}

void tracker_stalls(struct tracker *t, stall_fn fn, void *ctx)
{
	struct process *p, *tmp;
	uint64_t now;

	if (!t->options.stall_after_ns)
		return;
	for (unsigned i = 0; i < STALLS_MAX; i++)
		t->stalls[i].seen = false;
	now = add_all(t);
	judge(t, &t->run, now);
	for (struct task *task = t->open_first; task; task = task->next)
		judge(t, task, now);
	if (!t->facts.all_processes) /* a host that idles is none */
		note_task(t, &t->run, now);
	for (struct task *task = t->open_first; task; task = task->next)
		note_task(t, task, now);
	HASH_ITER (hh, t->processes, p, tmp) {
		if (is_looked_at(p))
			note_process(t, p, now);
	}
	tell(t, fn, ctx);
}
