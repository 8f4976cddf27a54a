/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ledger: one task-storage lookup and no clock read a switch.
 *
 * At a switch-out all three parts of the time since the previous switch-out are
 * known from numbers that the scheduler keeps in the run queue's clock:
 *   cpu     = growth of se.sum_exec_runtime
 *   runq    = growth of sched_info.run_delay
 *   blocked = sched_info.last_arrival - previous switch-out - runq
 * and they add up to now - previous switch-out. Interrupt and stolen time, if
 * the kernel keeps them apart, is the rest: the thread had a CPU but could not
 * use it, so it is booked under runq. `blocked` goes to what the thread was
 * waiting for, decided by classify() when it switched out.
 */
#ifndef TRACER_SCHED_BPF_H
#define TRACER_SCHED_BPF_H

#include "bpf/wait.bpf.h"

#define TASK_DEAD      0x80
#define PF_IO_WORKER   0x00000010
#define PF_USER_WORKER 0x00004000

/* Fresh inside __schedule(), where sched_switch fires. Without group scheduling
 * there is no way from a task to its run queue: read the clock (+80 ns). */
static __always_inline u64 switch_clock(struct task_struct *prev)
{
	if (bpf_core_field_exists(struct sched_entity, cfs_rq))
		return plain(prev)->se.cfs_rq->rq->clock;
	return bpf_ktime_get_ns();
}

static __always_inline u64 clock_now(u64 boot_ns)
{
	return boot_ns + clock_offset;
}

/* The thread's first switch-out: its life began when it was first queued. */
static __always_inline void begin_thread(struct task_struct *task, struct thread *t, u64 clock)
{
	u64 arrival = task->sched_info.last_arrival;

	if (!bpf_core_field_exists(struct sched_entity, cfs_rq))
		arrival = clock - task->se.sum_exec_runtime; /* other clock: not comparable */
	t->born_clock = arrival - task->sched_info.run_delay;
	t->off_clock = t->born_clock;
	t->wait = LEDGER_RUNQ;
}

/* Splits [t->off_clock, clock] into state_ns: `ran` ns of CPU, `delay` ns in the
 * run queue; `arrival` is when it last got a CPU. */
static __always_inline void split(struct thread *t, u64 *state_ns, u64 clock, u64 ran, u64 delay,
				  u64 arrival)
{
	u64 span = clock - t->off_clock;
	u64 off, blocked;

	if (unlikely(ran > span)) {
		if (!(t->flags & THREAD_JOINED))
			count_loss(LOSS_CLOCK);
		ran = span;
	}
	off = arrival > t->off_clock ? arrival - t->off_clock : 0;
	if (!bpf_core_field_exists(struct sched_entity, cfs_rq))
		off = span - ran;
	blocked = off > delay ? off - delay : 0;
	if (unlikely(blocked > span - ran))
		blocked = span - ran;
	state_ns[LEDGER_CPU] += ran;
	state_ns[LEDGER_RUNQ] += span - ran - blocked;
	state_ns[t->wait < LEDGER_STATES ? t->wait : LEDGER_OTHER] += blocked;
}

static __always_inline void account(struct task_struct *task, struct thread *t, u64 clock)
{
	u64 runtime = task->se.sum_exec_runtime;
	u64 run_delay = task->sched_info.run_delay;

	if (unlikely(!t->off_clock))
		begin_thread(task, t, clock);
	if (unlikely((s64)(clock - t->off_clock) < 0))
		clock = t->off_clock;
	split(t, t->state_ns, clock, runtime - t->runtime, run_delay - t->run_delay,
	      task->sched_info.last_arrival);
	if (t->wait == LEDGER_DISK)
		t->disk_waits++;
	t->off_clock = clock;
	t->runtime = runtime;
	t->run_delay = run_delay;
}

/* Its states and lifetime up to `clock`, with the open interval closed: it is on
 * a CPU, queued for one, or still waiting. Changes nothing in *t. */
static __always_inline void live_states(struct task_struct *task, struct thread *t, u64 clock,
					struct wire_ledger *l)
{
	u64 arrival = task->sched_info.last_arrival;
	u64 queued = task->sched_info.last_queued;
	u64 delay = task->sched_info.run_delay - t->run_delay;
	u64 since = t->off_clock, span, ran, blocked = 0;

	if (!since)
		since = arrival	 ? arrival - task->sched_info.run_delay
			: queued ? queued /* for its first CPU, all its life */
				 : clock;
	span = clock > since ? clock - since : 0;
	ran = task->se.sum_exec_runtime - t->runtime; /* as of the last tick */
	if (task->on_cpu && arrival && clock > arrival && clock - arrival > ran)
		ran = clock - arrival;
	else if (!task->on_cpu && queued && clock > queued)
		delay += clock - queued;
	if (ran > span)
		ran = span;
	blocked = span - ran > delay ? span - ran - delay : 0;
	__builtin_memcpy(l->state_ns, t->state_ns, sizeof(l->state_ns));
	l->state_ns[LEDGER_CPU] += ran;
	l->state_ns[LEDGER_RUNQ] += span - ran - blocked;
	l->state_ns[t->wait < LEDGER_STATES ? t->wait : LEDGER_OTHER] += blocked;
	l->thread_ns = t->off_clock ? t->off_clock - t->born_clock + span : span;
}

#endif
