/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Life of a process: fork, exec, the last switch-out, renames. The final record
 * is taken when the last thread leaves its CPU for good: sched_process_exit
 * fires before the address space is torn down (6.18), so a 1 ms process would
 * miss 4-7 % of its CPU there.
 */
#ifndef TRACER_PROCESS_BPF_H
#define TRACER_PROCESS_BPF_H

#include "bpf/cgroup.bpf.h"
#include "bpf/file_use.bpf.h"
#include "bpf/sched.bpf.h"

#define SIGNAL_GROUP_EXIT 0x4
#define MM_FILEPAGES	  0
#define MM_ANONPAGES	  1
#define MM_SHMEMPAGES	  3

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct comm_key);
	__type(value, u8);
} env_parents SEC(".maps");

/* A program, or by its title what became of one, whose children's environment tells
 * what they are. */
static __always_inline bool is_env_parent(const void *comm)
{
	struct comm_key key;

	put_comm(key.comm, comm);
	return bpf_map_lookup_elem(&env_parents, &key) != NULL;
}

static __always_inline u64 group_key(struct task_struct *task)
{
	return (u64)plain(task)->signal;
}

/* ---- totals ---- */

static __always_inline void add_counters(struct task_struct *task, struct thread *t,
					 struct wire_ledger *l)
{
	l->utime_ns = task->utime;
	l->stime_ns = task->stime;
	l->minor_faults = task->min_flt;
	l->major_faults = task->maj_flt;
	l->switches_voluntary = task->nvcsw;
	l->switches_involuntary = task->nivcsw;
	if (bpf_core_field_exists(struct task_io_accounting, rchar)) {
		l->rchar_bytes = task->ioac.rchar;
		l->wchar_bytes = task->ioac.wchar;
		l->read_calls = task->ioac.syscr;
		l->write_calls = task->ioac.syscw;
	}
	if (bpf_core_field_exists(struct task_io_accounting, read_bytes)) {
		l->read_bytes = task->ioac.read_bytes;
		l->write_bytes = task->ioac.write_bytes;
		l->cancelled_write_bytes = task->ioac.cancelled_write_bytes;
	}
	l->net_rx_bytes = t->net_rx_bytes;
	l->net_tx_bytes = t->net_tx_bytes;
	l->direct_reclaim_ns = t->reclaim_ns;
	l->disk_waits = t->disk_waits;
}

#define LEDGER_WORDS (sizeof(struct wire_ledger) / sizeof(u64))

/* What it had used before we joined it is not ours to report. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct baseline);
} baselines SEC(".maps");

static __always_inline void subtract_baseline(struct task_struct *task, struct thread *t,
					      struct wire_ledger *l)
{
	struct baseline *b;
	u64 *to = (u64 *)l, *from;

	if (!(t->flags & THREAD_JOINED))
		return;
	b = bpf_task_storage_get(&baselines, task, NULL, 0);
	if (!b)
		return;
	from = (u64 *)&b->ledger;
	for (int i = 0; i < LEDGER_WORDS; i++)
		to[i] -= from[i];
}

static __always_inline void final_ledger(struct task_struct *task, struct thread *t,
					 struct wire_ledger *l)
{
	__builtin_memcpy(l->state_ns, t->state_ns, sizeof(l->state_ns));
	l->thread_ns = t->off_clock - t->born_clock;
	add_counters(task, t, l);
	subtract_baseline(task, t, l);
}

static __always_inline void add_ledger(struct wire_ledger *sum, const struct wire_ledger *l)
{
	u64 *to = (u64 *)sum;
	const u64 *from = (const u64 *)l;

	for (int i = 0; i < LEDGER_WORDS; i++)
		to[i] += from[i];
}

static __always_inline void add_ledger_atomic(struct wire_ledger *sum, const struct wire_ledger *l)
{
	u64 *to = (u64 *)sum;
	const u64 *from = (const u64 *)l;

	for (int i = 0; i < LEDGER_WORDS; i++)
		__sync_fetch_and_add(&to[i], from[i]);
}

/* Takes in a thread that had run before: what it used until now is not ours. */
static __always_inline bool join_thread(struct task_struct *task, u64 now)
{
	struct baseline *b;
	struct thread *t;

	t = bpf_task_storage_get(&threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	b = bpf_task_storage_get(&baselines, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t || !b) {
		count_loss(LOSS_THREAD_STATE);
		return false;
	}
	add_counters(task, t, &b->ledger);
	t->born_clock = t->off_clock = clock_now(now);
	t->run_delay = task->sched_info.run_delay;
	t->runtime = task->se.sum_exec_runtime;
	t->wait = task->__state ? LEDGER_OTHER : LEDGER_RUNQ;
	t->parent_pid = task->real_parent->tgid;
	t->parent_start_ns = task->real_parent->group_leader->start_boottime;
	t->cgroup_id = cgroup_id(telling_cgroup(task));
	t->flags = THREAD_JOINED;
	if (is_env_parent(plain(task)->group_leader->comm))
		t->flags |= THREAD_ENV_PARENT;
	return true;
}

/* ---- threads of one process ---- */

/* A thread more; `others` live in it already if the group is not known. */
static __noinline int enter_group(u64 key, u32 others)
{
	struct group *g = bpf_map_lookup_elem(&groups, &key);
	u32 live;

	if (!g) {
		struct group fresh = {};

		fresh.live = fresh.peak = fresh.total = others + 1;
		if (!bpf_map_update_elem(&groups, &key, &fresh, BPF_NOEXIST))
			return 0;
		g = bpf_map_lookup_elem(&groups, &key); /* made on another CPU just now */
		if (!g) {
			count_loss(LOSS_GROUP_STATE);
			return 0;
		}
	}
	live = __sync_fetch_and_add(&g->live, 1) + 1;
	__sync_fetch_and_add(&g->total, 1);
	if (live > g->peak)
		g->peak = live;
	return 0;
}

/* ---- the end ---- */

/* As wait4 gives it (kernel/exit.c, wait_task_zombie). */
static __always_inline u32 wait_status(struct task_struct *task)
{
	struct signal_struct *signal = plain(task)->signal;

	if (signal->flags & SIGNAL_GROUP_EXIT)
		return signal->group_exit_code;
	return plain(task)->group_leader->exit_code;
}

static __always_inline void fill_exit(struct wire_exit *e, struct task_struct *task,
				      struct thread *t)
{
	struct signal_struct *signal = plain(task)->signal;
	const struct cred *cred = plain(task)->real_cred;

	fill_header(&e->h, sizeof(*e), WIRE_EXIT, bpf_ktime_get_boot_ns());
	if (t->flags & THREAD_JOINED)
		e->h.flags |= WIRE_F_JOINED;
	if (task->flags & PF_KTHREAD)
		e->h.flags |= WIRE_F_KTHREAD;
	if (t->flags & THREAD_INCOMPLETE)
		e->h.flags |= WIRE_F_INCOMPLETE;
	fill_id(&e->id, task);
	e->parent.start_ns = t->parent_start_ns;
	e->parent.pid = t->parent_pid;
	e->parent.pad = 0;
	e->uid = cred->uid.val;
	e->gid = cred->gid.val;
	e->status = wait_status(task);
	e->oom_killed = signal->oom_mm != NULL;
	e->execs = t->execs;
	e->cgroup_id = t->cgroup_id;
	e->maxrss_bytes = signal->maxrss * cfg_page_bytes;
	put_comm(e->comm, plain(task)->group_leader->comm);
}

/* The machine's books count a process here, or in a sample while it lives. */
static __always_inline void count_ended(u64 cpu_ns)
{
	u32 zero = 0;
	struct cpu_time *c = bpf_map_lookup_elem(&cpu_times, &zero);

	if (c)
		c->ended_cpu_ns += cpu_ns;
}

static __always_inline void send_exit(struct task_struct *task, struct thread *t, struct group *g)
{
	struct wire_exit *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (cfg_all)
		count_ended(g ? g->sum.state_ns[LEDGER_CPU] : t->state_ns[LEDGER_CPU]);
	if (!e) {
		count_loss(LOSS_EXIT);
		return;
	}
	fill_exit(e, task, t);
	e->threads_peak = g ? g->peak : 1;
	e->threads_total = g ? g->total : 1;
	e->file_events_dropped = g ? g->file_events_dropped : t->file_events_dropped;
	e->lib_opens = g ? g->lib_opens : t->lib_opens;
	e->killer_pid = g ? g->killer_pid : t->killer_pid;
	e->mm_peak_bytes = g ? g->mm_peak_bytes : t->mm_peak_bytes;
	if (g)
		__builtin_memcpy(&e->ledger, &g->sum, sizeof(e->ledger));
	else
		final_ledger(task, t, &e->ledger);
	bpf_ringbuf_submit(e, wakeup_flags());
}

static __noinline void fold_thread(struct task_struct *task, struct thread *t, struct group *g)
{
	struct wire_ledger l = {};

	final_ledger(task, t, &l);
	add_ledger_atomic(&g->sum, &l);
	if (t->lib_opens)
		__sync_fetch_and_add(&g->lib_opens, t->lib_opens);
	if (t->file_events_dropped)
		__sync_fetch_and_add(&g->file_events_dropped, t->file_events_dropped);
	if (t->killer_pid)
		g->killer_pid = t->killer_pid;
	if (t->mm_peak_bytes) /* the one that found the process dead */
		g->mm_peak_bytes = t->mm_peak_bytes;
}

/* Its last switch-out, after account(). Threads leave their sums in the group;
 * the last one of the process sends the record. */
static __always_inline void end_thread(struct task_struct *task, struct thread *t)
{
	u64 key = group_key(task);
	struct group *g;

	if (t->flags & THREAD_DONE)
		return;
	t->flags |= THREAD_DONE;
	/* the flag may have been lost to a worker that joined at the same time */
	if (!(t->flags & THREAD_GROUPED) && plain(task)->signal->nr_threads <= 1) {
		send_exit(task, t, NULL);
		return;
	}
	g = bpf_map_lookup_elem(&groups, &key);
	if (!g) { /* counted when it could not be made */
		t->flags |= THREAD_INCOMPLETE;
		if (task == plain(task)->group_leader)
			send_exit(task, t, NULL);
		return;
	}
	fold_thread(task, t, g);
	if (__sync_fetch_and_sub(&g->live, 1) > 1)
		return;
	send_exit(task, t, g);
	bpf_map_delete_elem(&groups, &key);
}

/* ---- sched_switch ---- */

/* io_uring's workers are made without the fork tracepoint. */
static __noinline struct thread *adopt_worker(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	struct thread *of_leader = bpf_task_storage_get(&threads, leader, NULL, 0), *t;
	u64 key = group_key(task);

	if (!of_leader)
		return NULL;
	/* the record of its process has been sent */
	if ((of_leader->flags & THREAD_DONE) && !bpf_map_lookup_elem(&groups, &key)) {
		count_loss(LOSS_THREAD_STATE);
		return NULL;
	}
	t = bpf_task_storage_get(&threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t) {
		count_loss(LOSS_THREAD_STATE);
		return NULL;
	}
	t->parent_pid = of_leader->parent_pid;
	t->parent_start_ns = of_leader->parent_start_ns;
	t->cgroup_id = of_leader->cgroup_id;
	t->execs = of_leader->execs;
	t->flags = (of_leader->flags & THREAD_SPAWNER) | THREAD_GROUPED;
	of_leader->flags |= THREAD_GROUPED;
	enter_group(key, 1);
	return t;
}

/* How long this CPU has been idle when its idle task switches out. Not every
 * kernel tells of every switch (seen: tasks of a hypervisor's agent on 6.18): if
 * the switch to idle was not told, it is the time since the last one that was,
 * less what the task that was switched to has run. */
static __always_inline u64 idle_until(struct cpu_time *c, u64 clock)
{
	u64 since = c->idle_since, ran = 0;

	if (!since && c->switched) {
		since = c->last_clock;
		if (PEEK(task_struct, c->last_task, pid) == c->last_pid)
			ran = PEEK(task_struct, c->last_task, se.sum_exec_runtime) -
			      c->last_runtime;
	}
	if (since < begin_clock)
		since = begin_clock;
	return clock > since + ran ? clock - since - ran : 0;
}

/* The machine's books: time in which a CPU had nothing to run, and time that the
 * scheduler's clock for tasks leaves out (stolen by the hypervisor, interrupts).
 * An idle task may point at another CPU's run queue: ask the other task. */
static __noinline void account_cpu(struct task_struct *prev, struct task_struct *next)
{
	struct task_struct *task = prev->pid ? prev : next;
	u64 clock = switch_clock(task);
	u32 zero = 0;
	struct cpu_time *c;

	if (clock_sync) {
		clock_offset = clock - bpf_ktime_get_boot_ns();
		clock_sync = 0;
	}
	c = bpf_map_lookup_elem(&cpu_times, &zero);
	if (!cfg_all || !c)
		return;
	if (bpf_core_field_exists(struct sched_entity, cfs_rq)) {
		c->stolen_ns = clock - plain(task)->se.cfs_rq->rq->clock_task;
		if (!c->switched)
			c->stolen_before = c->stolen_ns;
	}
	if (!prev->pid && begin_clock)
		c->idle_ns += idle_until(c, clock);
	c->idle_since = next->pid ? 0 : clock;
	c->last_clock = clock;
	c->last_task = address(next);
	c->last_pid = next->pid;
	c->last_runtime = next->se.sum_exec_runtime;
	c->switched = 1;
}

static __always_inline int handle_switch(bool preempt, struct task_struct *prev,
					 struct task_struct *next, u32 state)
{
	struct thread *t = bpf_task_storage_get(&threads, prev, NULL, 0);
	u64 clock;

	if (cfg_all || unlikely(clock_sync))
		account_cpu(prev, next);
	if (!t) {
		if (likely(!(prev->flags & (PF_IO_WORKER | PF_USER_WORKER))))
			return 0;
		t = adopt_worker(prev);
		if (!t)
			return 0;
	}
	if (t->flags & THREAD_SPAWNER)
		return 0;
	clock = switch_clock(prev);
	account(prev, t, clock);
	if (preempt || !state)
		t->wait = LEDGER_RUNQ;
	else if (state & TASK_DEAD)
		end_thread(prev, t);
	else
		t->wait = classify(prev, state, &t->last_wait);
	return 0;
}

/* Two shapes of one tracepoint; the loader picks by its BTF. Without prev_state
 * (before 5.18, fa2c3254d7cf) the task's own state may already say WAKING. */
SEC("?tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	return handle_switch(preempt, prev, next, prev_state);
}

SEC("?tp_btf/sched_switch")
int BPF_PROG(on_switch_before_5_18, bool preempt, struct task_struct *prev,
	     struct task_struct *next)
{
	return handle_switch(preempt, prev, next, prev->__state & ~0x200);
}

/* ---- fork ---- */

/* Of the threads that the kernel counts, io_uring's workers enter by themselves,
 * later: a process without a group has one thread of its own. */
static __always_inline void join_group(struct task_struct *parent, struct thread *of_parent)
{
	u32 others = 1;

	if (of_parent->flags & THREAD_GROUPED) /* its group may have been refused: a guess */
		others = plain(parent)->signal->nr_threads - 1;
	of_parent->flags |= THREAD_GROUPED;
	enter_group(group_key(parent), others);
}

static __always_inline void send_fork(struct task_struct *child, struct thread *t, u16 flags)
{
	struct wire_fork *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	const struct cred *cred = plain(child)->real_cred;

	if (!e) {
		count_loss(LOSS_FORK);
		return;
	}
	fill_header(&e->h, sizeof(*e), WIRE_FORK, bpf_ktime_get_boot_ns());
	e->h.flags = flags;
	fill_id(&e->id, child);
	e->parent.start_ns = t->parent_start_ns;
	e->parent.pid = t->parent_pid;
	e->parent.pad = 0;
	e->uid = cred->uid.val;
	e->gid = cred->gid.val;
	e->cgroup_id = t->cgroup_id;
	put_comm(e->comm, child->comm);
	bpf_ringbuf_submit(e, wakeup_flags());
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct thread *of_parent = bpf_task_storage_get(&threads, parent, NULL, 0), *t;
	bool thread = child->tgid == parent->tgid;

	if (!of_parent && !cfg_all)
		return 0;
	if (thread && of_parent && (of_parent->flags & THREAD_SPAWNER))
		return 0;
	t = bpf_task_storage_get(&threads, child, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t) {
		count_loss(LOSS_THREAD_STATE);
		if (!thread)
			count_loss(LOSS_FORK);
		return 0;
	}
	if (thread) {
		if (!of_parent)
			return 0;
		t->parent_pid = of_parent->parent_pid;
		t->parent_start_ns = of_parent->parent_start_ns;
		t->cgroup_id = of_parent->cgroup_id;
		t->execs = of_parent->execs;
		t->own_files = of_parent->own_files;
		join_group(parent, of_parent);
		t->flags =
			THREAD_GROUPED | (of_parent->flags & (THREAD_ENV_PARENT | THREAD_READ_ENV));
		return 0;
	}
	t->parent_pid = parent->tgid;
	t->parent_start_ns = plain(parent)->group_leader->start_boottime;
	if (of_parent) {
		t->cgroup_id = of_parent->cgroup_id;
		/* also a fork of a fork that has not executed yet: still that program */
		if (of_parent->flags & (THREAD_ENV_PARENT | THREAD_SPAWNER | THREAD_READ_ENV))
			t->flags = THREAD_READ_ENV;
	}
	send_fork(child, t, of_parent && (of_parent->flags & THREAD_SPAWNER) ? WIRE_F_ROOT : 0);
	return 0;
}

/* ---- exit: only what is gone at the last switch-out ---- */

static __always_inline s64 rss_counter(struct mm_struct *mm, int member)
{
	struct mm_struct___before_6_2 *old = (void *)mm;
	s64 pages = 0;

	if (bpf_core_type_exists(struct mm_rss_stat))
		return BPF_CORE_READ(old, rss_stat.count[member].counter);
	bpf_probe_read_kernel(&pages, sizeof(pages),
			      (void *)mm + bpf_core_field_offset(struct mm_struct, rss_stat) +
				      member * bpf_core_type_size(struct percpu_counter) +
				      bpf_core_field_offset(struct percpu_counter, count));
	return pages > 0 ? pages : 0;
}

static __always_inline u64 mm_rss_pages(struct mm_struct *mm)
{
	return rss_counter(mm, MM_FILEPAGES) + rss_counter(mm, MM_ANONPAGES) +
	       rss_counter(mm, MM_SHMEMPAGES);
}

/* get_mm_hiwater_rss(): hiwater_rss alone is stale between updates. */
static __always_inline u64 mm_peak_pages(struct mm_struct *mm)
{
	u64 now = mm_rss_pages(mm);
	u64 peak = mm->hiwater_rss;

	return now > peak ? now : peak;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct thread *t = bpf_task_storage_get(&threads, task, NULL, 0);
	struct mm_struct *mm;

	if (!t || plain(task)->signal->live.counter > 0)
		return 0;
	mm = plain(task)->mm;
	if (mm)
		t->mm_peak_bytes = mm_peak_pages(mm) * cfg_page_bytes;
	if (cfg_files && !(task->flags & PF_KTHREAD) && !(t->flags & THREAD_SPAWNER))
		files_at_exit(task, t);
	return 0;
}

#endif
