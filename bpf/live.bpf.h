/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Iterators: what is alive, read in one pass over all threads. on_sample gives
 * totals so far; on_join takes in what existed before observation began.
 */
#ifndef TRACER_LIVE_BPF_H
#define TRACER_LIVE_BPF_H

#include "bpf/exec.bpf.h"

volatile __u32 sweep; /* number of the walk, set by user space before each */
volatile bool sweep_last;

static __always_inline void fill_sample(struct wire_sample *e, struct task_struct *task,
					struct thread *t, u64 now)
{
	struct signal_struct *signal = plain(task)->signal;
	struct mm_struct *mm = plain(task)->mm;
	const struct cred *cred = plain(task)->real_cred;
	u64 maxrss = signal->maxrss, peak;

	fill_header(&e->h, sizeof(*e), WIRE_SAMPLE, now);
	e->h.flags = (sweep_last ? WIRE_F_LAST : 0) |
		     (t->flags & THREAD_JOINED ? WIRE_F_JOINED : 0) |
		     (task->flags & PF_KTHREAD ? WIRE_F_KTHREAD : 0);
	fill_id(&e->id, task);
	e->parent.start_ns = t->parent_start_ns;
	e->parent.pid = t->parent_pid;
	e->tid = task->pid;
	e->sweep = sweep;
	e->threads = signal->nr_threads;
	e->threads_peak = e->threads_total = 1;
	e->uid = cred->uid.val;
	e->gid = cred->gid.val;
	e->state = task->on_cpu ? LEDGER_CPU : t->wait;
	e->cgroup_id = t->cgroup_id;
	if (mm) {
		e->rss_bytes = mm_rss_pages(mm) * cfg_page_bytes;
		peak = mm_peak_pages(mm);
		maxrss = peak > maxrss ? peak : maxrss;
	}
	e->maxrss_bytes = maxrss * cfg_page_bytes;
	put_comm(e->comm, plain(task)->group_leader->comm);
}

/* The leader's record carries what the process's ended threads left; a leader
 * that ended first has put its own share there too. */
static __always_inline void fill_sample_ledger(struct wire_sample *e, struct task_struct *task,
					       struct thread *t, u64 now)
{
	u64 key = group_key(task);
	struct group *g;

	if (!(t->flags & THREAD_DONE)) {
		live_states(task, t, clock_now(now), &e->ledger);
		add_counters(task, t, &e->ledger);
		subtract_baseline(task, t, &e->ledger);
	}
	if (!(t->flags & THREAD_GROUPED) || task != task->group_leader)
		return;
	g = bpf_map_lookup_elem(&groups, &key);
	if (!g)
		return;
	e->threads_peak = g->peak;
	e->threads_total = g->total;
	add_ledger(&e->ledger, &g->sum);
}

SEC("iter/task")
int on_sample(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct wire_sample e = {};
	struct thread *t;
	u64 now;

	if (!task)
		return 0;
	t = bpf_task_storage_get(&threads, task, NULL, 0);
	if (!t || (t->flags & THREAD_SPAWNER))
		return 0;
	if ((t->flags & THREAD_DONE) && task != task->group_leader)
		return 0;
	if ((t->flags & THREAD_DONE) && !(t->flags & THREAD_GROUPED))
		return 0; /* a zombie: its record has been sent */
	now = bpf_ktime_get_boot_ns();
	fill_sample(&e, task, t, now);
	fill_sample_ledger(&e, task, t, now);
	bpf_seq_write(ctx->meta->seq, &e, sizeof(e));
	return 0;
}

static __always_inline void join_process(struct task_struct *task, struct thread *t,
					 struct seq_file *seq, u64 now)
{
	const struct cred *cred = task->real_cred;
	struct wire_fork e = {};

	fill_header(&e.h, sizeof(e), WIRE_FORK, now);
	e.h.flags = WIRE_F_JOINED | (task->flags & PF_KTHREAD ? WIRE_F_KTHREAD : 0);
	fill_id(&e.id, task);
	e.parent.start_ns = t->parent_start_ns;
	e.parent.pid = t->parent_pid;
	e.uid = cred->uid.val;
	e.gid = cred->gid.val;
	e.cgroup_id = t->cgroup_id;
	put_comm(e.comm, task->comm);
	bpf_seq_write(seq, &e, sizeof(e));
}

SEC("iter/task")
int on_join(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct group fresh = {};
	struct thread *t;
	u64 now, key;

	if (!task || bpf_task_storage_get(&threads, task, NULL, 0))
		return 0;
	now = bpf_ktime_get_boot_ns();
	if (!join_thread(task, now))
		return 0;
	t = bpf_task_storage_get(&threads, task, NULL, 0);
	if (!t)
		return 0;
	if (task->signal->nr_threads > 1) {
		key = group_key(task);
		t->flags |= THREAD_GROUPED;
		fresh.live = fresh.peak = fresh.total = task->signal->nr_threads;
		bpf_map_update_elem(&groups, &key, &fresh, BPF_NOEXIST);
	}
	if (task == task->group_leader)
		join_process(task, t, ctx->meta->seq, now);
	return 0;
}

#endif
