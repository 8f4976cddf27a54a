/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which cgroup a task is in. On v1 and hybrid hosts schedulers and container
 * runtimes put a job into memory, freezer or pids and often leave the v2
 * hierarchy at its root: take the first hierarchy in which it is not at the top,
 * a cpu cgroup with a quota before all others.
 */
#ifndef TRACER_CGROUP_BPF_H
#define TRACER_CGROUP_BPF_H

#include "bpf/path.bpf.h"

#define CGROUP_DEPTH 16

#define LIMIT_LOOKS 8 /* a runtime's own first programs may be there before the limits are */

struct cgroup_seen {
	u8 looks;
	u8 limits; /* bits: 1 memory, 2 CPU were sent */
};

/* Ids whose path has been sent. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct cgroup_seen);
} cgroups_seen SEC(".maps");

static __always_inline struct cgroup *subsys_cgroup(struct css_set *set, int id)
{
	struct cgroup_subsys_state *css = NULL;

	bpf_probe_read_kernel(&css, sizeof(css),
			      (void *)set + bpf_core_field_offset(struct css_set, subsys) +
				      id * sizeof(void *));
	return css ? PEEK(cgroup_subsys_state, css, cgroup) : NULL;
}

static __always_inline u64 quota_milli(struct task_group *group)
{
	u64 quota = BPF_CORE_READ(group, cfs_bandwidth.quota);
	u64 period = BPF_CORE_READ(group, cfs_bandwidth.period);

	return quota && quota != ~0ULL && period ? quota * 1000 / period : 0;
}

static __always_inline bool has_quotas(void)
{
	return bpf_core_field_exists(struct task_struct, sched_task_group) &&
	       bpf_core_field_exists(struct task_group, cfs_bandwidth);
}

static __always_inline bool own_quota(struct task_struct *task)
{
	return has_quotas() && quota_milli(BPF_CORE_READ(task, sched_task_group));
}

static __always_inline struct cgroup *memory_cgroup(struct css_set *set)
{
	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return NULL;
	return subsys_cgroup(set, bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));
}

static __always_inline bool below_root(struct cgroup *cgroup)
{
	return cgroup && PEEK(cgroup, cgroup, level) > 0;
}

/* v1: a cpu cgroup with a quota of its own; it need not be in the other hierarchies. */
static __always_inline struct cgroup *quota_cgroup(struct task_struct *task, struct css_set *set)
{
	struct cgroup *cgroup;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, cpu_cgrp_id))
		return NULL;
	cgroup = subsys_cgroup(set, bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id));
	return below_root(cgroup) && own_quota(task) ? cgroup : NULL;
}

static __always_inline struct cgroup *telling_cgroup(struct task_struct *task)
{
	struct css_set *set = plain(task)->cgroups;
	struct cgroup *dfl = set->dfl_cgrp, *cgroup;

	if (below_root(dfl))
		return dfl;
	cgroup = quota_cgroup(task, set);
	if (cgroup)
		return cgroup;
	cgroup = memory_cgroup(set);
	if (below_root(cgroup))
		return cgroup;
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, freezer_cgrp_id)) {
		cgroup = subsys_cgroup(set,
				       bpf_core_enum_value(enum cgroup_subsys_id, freezer_cgrp_id));
		if (below_root(cgroup))
			return cgroup;
	}
	return dfl;
}

static __always_inline u64 cgroup_id(struct cgroup *cgroup)
{
	return cgroup ? PEEK(kernfs_node, PEEK(cgroup, cgroup, kn), id) : 0;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___before_6_15 *old = (void *)kn;

	if (bpf_core_field_exists(old->parent))
		return BPF_CORE_READ(old, parent);
	return BPF_CORE_READ(kn, __parent);
}

static __always_inline u32 walk_cgroup(struct record *r, u32 off, struct kernfs_node *kn)
{
	struct kernfs_node *parent;

	for (int i = 0; i < CGROUP_DEPTH; i++) {
		parent = kn ? kernfs_parent(kn) : NULL;
		if (!parent || off > 4096 - NAME_LEN)
			break;
		put_kernel_text(r, &off, BPF_CORE_READ(kn, name), NAME_LEN);
		kn = parent;
	}
	return off;
}

static __always_inline struct cgroup_subsys_state *memory_css(struct css_set *set)
{
	struct cgroup_subsys_state *css = NULL;
	int id;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return NULL;
	id = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	bpf_probe_read_kernel(&css, sizeof(css),
			      (void *)set + bpf_core_field_offset(struct css_set, subsys) +
				      id * sizeof(void *));
	return css;
}

#define LIMIT_LEVELS 4 /* Slurm limits a job, three levels above its tasks */

/* The nearest limit; a v1 kernel has LONG_MAX rounded to pages where there is none. */
static __always_inline u64 memory_limit_pages(struct css_set *set)
{
	struct cgroup_subsys_state *css = memory_css(set);

	for (int i = 0; i < LIMIT_LEVELS && css; i++) {
		struct mem_cgroup *memcg =
			(void *)css - bpf_core_field_offset(struct mem_cgroup, css);
		u64 max = BPF_CORE_READ(memcg, memory.max);

		if (max && max < 1ULL << 50)
			return max;
		css = BPF_CORE_READ(css, parent);
	}
	return 0;
}

static __always_inline u64 cpu_limit_milli(struct task_struct *task)
{
	struct task_group *group;

	if (!has_quotas())
		return 0;
	group = BPF_CORE_READ(task, sched_task_group);
	for (int i = 0; i < LIMIT_LEVELS && group; i++) {
		u64 milli = quota_milli(group);

		if (milli)
			return milli;
		group = BPF_CORE_READ(group, parent);
	}
	return 0;
}

/* Sends the path of a cgroup the first time that it is seen, and again if limits have
 * come since. A buffer of its own: another record may be half built. */
__noinline int announce_cgroup(u64 cgroup_address, u64 id, u64 now, u64 task_address)
{
	struct task_struct *task = (void *)task_address;
	struct cgroup *cgroup = (void *)cgroup_address;
	struct record *r = scratch_record(RECORD_CGROUP);
	u32 off = sizeof(struct wire_cgroup);
	struct cgroup_seen *before, seen = {};
	u64 memory, cpu;
	struct wire_cgroup *e;

	before = r && id ? bpf_map_lookup_elem(&cgroups_seen, &id) : NULL;
	if (!r || !id || (before && before->looks >= LIMIT_LOOKS))
		return 0;
	memory = memory_limit_pages(BPF_CORE_READ(task, cgroups)) * cfg_page_bytes;
	cpu = cpu_limit_milli(task);
	seen.limits = (memory ? 1 : 0) | (cpu ? 2 : 0);
	if (before) {
		before->looks++;
		if (!(seen.limits & ~before->limits))
			return 0;
		seen.looks = before->looks;
		seen.limits |= before->limits;
	}
	e = (struct wire_cgroup *)r->data;
	fill_header(&e->h, 0, WIRE_CGROUP, now);
	e->cgroup_id = id;
	e->hierarchy = BPF_CORE_READ(cgroup, root, hierarchy_id);
	e->memory_limit_bytes = memory;
	e->cpu_limit_milli = cpu;
	off = walk_cgroup(r, off, BPF_CORE_READ(cgroup, kn));
	if (off == sizeof(*e))
		r->data[off++ & RECORD_MASK] = 0;
	e->path.off = sizeof(*e);
	e->path.len = off - sizeof(*e);
	send_record(r, off, LOSS_CGROUP);
	bpf_map_update_elem(&cgroups_seen, &id, &seen, BPF_ANY);
	return 0;
}

#endif
