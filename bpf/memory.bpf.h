/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Memory pressure: time inside direct reclaim, and victims of the OOM killer
 * with the limit that was hit. Also deadly signals, to tell a kill from a crash.
 */
#ifndef TRACER_MEMORY_BPF_H
#define TRACER_MEMORY_BPF_H

#include "bpf/process.bpf.h"

#define OOM_LEVELS	12
#define OOM_SLACK_PAGES 512 /* per-CPU charge stock: usage stops a little short of max */

static __always_inline void reclaim_begin(void)
{
	struct thread *t = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);

	if (t)
		t->reclaim_since = bpf_ktime_get_ns();
}

static __always_inline void reclaim_end(void)
{
	struct thread *t = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);

	if (!t || !t->reclaim_since)
		return;
	t->reclaim_ns += bpf_ktime_get_ns() - t->reclaim_since;
	t->reclaim_since = 0;
}

SEC("?tp_btf/mm_vmscan_direct_reclaim_begin")
int BPF_PROG(on_reclaim_begin)
{
	reclaim_begin();
	return 0;
}

SEC("?tp_btf/mm_vmscan_direct_reclaim_end")
int BPF_PROG(on_reclaim_end)
{
	reclaim_end();
	return 0;
}

SEC("?tp_btf/mm_vmscan_memcg_reclaim_begin")
int BPF_PROG(on_memcg_reclaim_begin)
{
	reclaim_begin();
	return 0;
}

SEC("?tp_btf/mm_vmscan_memcg_reclaim_end")
int BPF_PROG(on_memcg_reclaim_end)
{
	reclaim_end();
	return 0;
}

/* The nearest memory cgroup at its limit, from the victim's upwards. */
static __always_inline void fill_limit(struct wire_oom *e, struct cgroup_subsys_state *css)
{
	for (int i = 0; i < OOM_LEVELS && css; i++) {
		struct mem_cgroup *memcg =
			(void *)css - bpf_core_field_offset(struct mem_cgroup, css);
		u64 max = BPF_CORE_READ(memcg, memory.max);
		u64 usage = BPF_CORE_READ(memcg, memory.usage.counter);

		if (usage + OOM_SLACK_PAGES >= max) {
			e->limit_cgroup_id = cgroup_id(BPF_CORE_READ(css, cgroup));
			e->limit_bytes = max * cfg_page_bytes;
			e->usage_bytes = usage * cfg_page_bytes;
			return;
		}
		css = BPF_CORE_READ(css, parent);
	}
}

static __always_inline int handle_victim(struct task_struct *victim)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct cgroup_subsys_state *css;
	struct wire_oom *e;

	if (!cfg_all && !bpf_task_storage_get(&threads, victim, NULL, 0))
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count_loss(LOSS_INCIDENT);
		return 0;
	}
	fill_header(&e->h, sizeof(*e), WIRE_OOM, bpf_ktime_get_boot_ns());
	fill_id(&e->victim, victim);
	css = memory_css(victim->cgroups);
	e->cgroup_id = css ? cgroup_id(BPF_CORE_READ(css, cgroup)) : 0;
	e->limit_cgroup_id = 0;
	e->limit_bytes = 0;
	e->usage_bytes = 0;
	fill_limit(e, css);
	e->rss_bytes = victim->mm ? mm_rss_pages(victim->mm) * cfg_page_bytes : 0;
	e->trigger_pid = current->tgid;
	e->uid = victim->real_cred->uid.val;
	put_comm(e->comm, victim->comm);
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

SEC("?tp_btf/mark_victim")
int BPF_PROG(on_victim, struct task_struct *victim, u32 uid)
{
	return handle_victim(victim);
}

/* ---- signals ---- */

#define DEADLY_SIGNALS                                                                             \
	((1ULL << 1) | (1ULL << 2) | (1ULL << 3) | (1ULL << 4) | (1ULL << 6) | (1ULL << 7) |       \
	 (1ULL << 8) | (1ULL << 9) | (1ULL << 11) | (1ULL << 15) | (1ULL << 24) | (1ULL << 25) |   \
	 (1ULL << 31))
#define SEND_SIG_NOINFO 0
#define SEND_SIG_PRIV	1

SEC("?tp_btf/signal_generate")
int BPF_PROG(on_signal, int sig, struct kernel_siginfo *info, struct task_struct *target, int group,
	     int result)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct wire_signal *e;
	struct thread *t;
	bool from_user;

	if (sig < 1 || sig > 31 || !((1ULL << sig) & DEADLY_SIGNALS))
		return 0;
	t = bpf_task_storage_get(&threads, target, NULL, 0);
	if (!t || (t->flags & THREAD_SPAWNER))
		return 0;
	from_user = (u64)info == SEND_SIG_NOINFO;
	if ((u64)info > SEND_SIG_PRIV)
		from_user = BPF_CORE_READ(info, si_code) <= 0;
	if (from_user)
		t->killer_pid = current->tgid;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count_loss(LOSS_INCIDENT);
		return 0;
	}
	fill_header(&e->h, sizeof(*e), WIRE_SIGNAL, bpf_ktime_get_boot_ns());
	fill_id(&e->target, target);
	e->sender_pid = from_user ? current->tgid : 0;
	e->signal = sig;
	put_comm(e->sender_comm, current->comm);
	if (!from_user)
		e->sender_comm[0] = 0;
	bpf_ringbuf_submit(e, wakeup_flags());
	return 0;
}

#endif
