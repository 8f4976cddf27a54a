/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Text into records: paths by walking dentries (bpf_d_path is not allowed in
 * tracepoint programs), strings and blocks from user memory. All write into a
 * scratch buffer at *off and move it on.
 */
#ifndef TRACER_PATH_BPF_H
#define TRACER_PATH_BPF_H

#include "bpf/common.bpf.h"

#define PATH_DEPTH 40
#define NAME_LEN 256 /* NAME_MAX + 1 */

/* A record being built: sizes are masked so that the verifier sees a bound. */
#define RECORD_MASK (WIRE_RECORD_MAX - 1)

struct dentry_step { /* d_parent and d_name lie side by side in struct dentry */
	struct dentry *parent;
	u64 hash_len;
	const unsigned char *name;
};

static __always_inline void read_dentry(struct dentry *dentry, struct dentry_step *step)
{
	if (bpf_core_field_offset(struct dentry, d_name) ==
	    bpf_core_field_offset(struct dentry, d_parent) + sizeof(void *)) {
		bpf_probe_read_kernel(step, sizeof(*step),
				      (void *)dentry + bpf_core_field_offset(struct dentry, d_parent));
		return;
	}
	step->parent = BPF_CORE_READ(dentry, d_parent);
	step->name = BPF_CORE_READ(dentry, d_name.name);
}

/* Components from the leaf to the root, each ended by NUL; "/" itself is one
 * empty component. Cut at WIRE_PATH_MAX. */
static noinline int put_path(u8 *record, u32 *off, struct dentry *dentry,
			     struct vfsmount *vfsmount, struct wire_string *ret)
{
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	struct dentry *mnt_root = BPF_CORE_READ(vfsmount, mnt_root);
	u32 start = *off, at = *off;
	struct dentry_step step;
	long len;

	for (int i = 0; i < PATH_DEPTH; i++) {
		if (!dentry)
			break;
		if (dentry == mnt_root) {
			struct mount *parent = BPF_CORE_READ(mount, mnt_parent);

			if (parent == mount)
				break;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mnt_root = BPF_CORE_READ(parent, mnt.mnt_root);
			mount = parent;
			continue;
		}
		read_dentry(dentry, &step);
		if (step.parent == dentry)
			break;
		at &= RECORD_MASK;
		len = bpf_probe_read_kernel_str(record + at, NAME_LEN, step.name);
		if (len <= 0)
			break;
		at += len;
		if (at - start > WIRE_PATH_MAX)
			break;
		dentry = step.parent;
	}
	if (at == start) {
		record[at & RECORD_MASK] = 0;
		at++;
	}
	ret->off = start;
	ret->len = at - start;
	*off = at;
	return 0;
}

static __always_inline struct wire_string put_kernel_text(u8 *record, u32 *off, const void *text,
							  u32 max)
{
	struct wire_string s = {};
	u32 at = *off & RECORD_MASK;
	long len = bpf_probe_read_kernel_str(record + at, max, text);

	if (len > 0) {
		s.off = at;
		s.len = len;
		*off = at + len;
	}
	return s;
}

static __always_inline struct wire_string put_user_text(u8 *record, u32 *off, const void *text,
							u32 max)
{
	struct wire_string s = {};
	u32 at = *off & RECORD_MASK;
	long len = bpf_probe_read_user_str(record + at, max, text);

	if (len > 0) {
		s.off = at;
		s.len = len;
		*off = at + len;
	}
	return s;
}

/* A block of user memory, at most `max` (a power of two) bytes. */
static __always_inline struct wire_string put_user_block(u8 *record, u32 *off, u64 from, u64 to,
							 u32 max)
{
	struct wire_string s = {};
	u32 at = *off & RECORD_MASK;
	u64 len = to > from ? to - from : 0;

	if (len > max)
		len = max;
	if (!len)
		return s;
	len = ((len - 1) & (max - 1)) + 1;
	if (bpf_probe_read_user(record + at, len, (void *)from)) {
		count_loss(LOSS_ARGV);
		return s;
	}
	s.off = at;
	s.len = len;
	*off = at + len;
	return s;
}

/* Sends the first *off bytes of a scratch record, rounded up to 8. */
static __always_inline void send_record(u8 *record, u32 size, u32 loss)
{
	struct wire_header *h = (void *)record;

	size = (size + 7) & ~7u;
	if (size > WIRE_RECORD_MAX)
		size = WIRE_RECORD_MAX;
	h->size = size;
	if (bpf_ringbuf_output(&events, record, size, wakeup_flags()))
		count_loss(loss);
}

static __always_inline u8 *scratch_record(void)
{
	u32 zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);

	return scratch ? scratch->data : NULL;
}

#endif
