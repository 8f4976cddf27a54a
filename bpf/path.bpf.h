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
#define PATH_CUT   0x40000000u /* in the result of walk_path() */
#define NAME_LEN   256	       /* NAME_MAX + 1 */

/* A record being built: sizes are masked so that the verifier sees a bound. */
#define RECORD_MASK (WIRE_RECORD_MAX - 1)

/* Components from the leaf to the root, each ended by NUL; "/" itself is one
 * empty component. Cut at WIRE_PATH_MAX or PATH_DEPTH, and then marked. Written at `start`, returns
 * where the next thing goes. Global functions are verified once, not at every call: with its loop
 * inlined this one alone would add half a second to each start. */
__noinline int walk_path(struct record *r, u32 start, u64 dentry_address, u64 vfsmount_address)
{
	u64 mount_address = vfsmount_address - bpf_core_field_offset(struct mount, mnt);
	u64 mnt_root, parent;
	bool whole = false;
	u32 at = start;
	long len;

	if (!r)
		return start;
	mnt_root = address(PEEK(vfsmount, vfsmount_address, mnt_root));
	for (int i = 0; i < PATH_DEPTH; i++) {
		if (!dentry_address)
			break; /* unreadable: not whole */
		if (dentry_address == mnt_root) {
			parent = address(PEEK(mount, mount_address, mnt_parent));
			if (parent == mount_address) {
				whole = true;
				break;
			}
			dentry_address = address(PEEK(mount, mount_address, mnt_mountpoint));
			mnt_root = address(PEEK(mount, parent, mnt.mnt_root));
			mount_address = parent;
			continue;
		}
		parent = address(PEEK(dentry, dentry_address, d_parent));
		if (parent == dentry_address && at != start) {
			whole = true;
			break;
		}
		at &= RECORD_MASK;
		len = bpf_probe_read_kernel_str(r->data + at, NAME_LEN,
						PEEK(dentry, dentry_address, d_name.name));
		if (len <= 0)
			break;
		at += len;
		if (at - start > WIRE_PATH_MAX || parent == dentry_address)
			break; /* too long, or a nameless file such as a memfd */
		dentry_address = parent;
	}
	if (at == start) {
		r->data[at & RECORD_MASK] = 0;
		at++;
	}
	return whole ? at : at | PATH_CUT;
}

/* The same without crossing mounts: from the root of the file system that the
 * directory lies in, which is what a bind mount into a container leaves as it was. */
__noinline int walk_fs_path(struct record *r, u32 start, u64 dentry_address)
{
	u32 at = start;
	u64 parent;
	long len;

	if (!r)
		return start;
	for (int i = 0; i < PATH_DEPTH && dentry_address; i++) {
		parent = address(PEEK(dentry, dentry_address, d_parent));
		if (parent == dentry_address)
			break;
		at &= RECORD_MASK;
		len = bpf_probe_read_kernel_str(r->data + at, NAME_LEN,
						PEEK(dentry, dentry_address, d_name.name));
		if (len <= 0)
			break;
		at += len;
		if (at - start > WIRE_PATH_MAX)
			break;
		dentry_address = parent;
	}
	return at;
}

static __always_inline void put_path(struct record *r, u32 *off, struct dentry *dentry,
				     struct vfsmount *vfsmount, struct wire_string *ret)
{
	u32 at = walk_path(r, *off, address(dentry), address(vfsmount));

	if (at & PATH_CUT) {
		((struct wire_header *)r->data)->flags |= WIRE_F_PATH_TRUNCATED;
		count_loss(LOSS_PATH);
		at &= ~PATH_CUT;
	}
	ret->off = *off;
	ret->len = at - *off;
	*off = at;
}

static __always_inline struct wire_string put_kernel_text(struct record *r, u32 *off,
							  const void *text, u32 max)
{
	struct wire_string s = {};
	u32 at = *off & RECORD_MASK;
	long len = bpf_probe_read_kernel_str(r->data + at, max, text);

	if (len > 0) {
		s.off = at;
		s.len = len;
		*off = at + len;
	}
	return s;
}

static __always_inline struct wire_string put_user_text(struct record *r, u32 *off,
							const void *text, u32 max)
{
	struct wire_string s = {};
	u32 at = *off & RECORD_MASK;
	long len = bpf_probe_read_user_str(r->data + at, max, text);

	if (len > 0) {
		s.off = at;
		s.len = len;
		*off = at + len;
	}
	return s;
}

/* A block of user memory, at most `max` (a power of two) bytes. */
static __always_inline struct wire_string put_user_block(struct record *r, u32 *off, u64 from,
							 u64 to, u32 max)
{
	struct wire_string s = {};
	u32 at = *off & RECORD_MASK;
	u64 len = to > from ? to - from : 0;

	if (len > max)
		len = max;
	if (!len)
		return s;
	len = ((len - 1) & (max - 1)) + 1;
	if (bpf_probe_read_user(r->data + at, len, (void *)from)) {
		count_loss(LOSS_ARGV);
		return s;
	}
	s.off = at;
	s.len = len;
	*off = at + len;
	return s;
}

/* Sends the first *off bytes of a scratch record, rounded up to 8. */
static __always_inline void send_record(struct record *r, u32 size, u32 loss)
{
	struct wire_header *h = (void *)r->data;

	size = (size + 7) & ~7u;
	if (size > WIRE_RECORD_MAX)
		size = WIRE_RECORD_MAX;
	h->size = size;
	if (bpf_ringbuf_output(&events, r->data, size, wakeup_flags()))
		count_loss(loss);
}

static __always_inline struct record *scratch_record(u32 slot)
{
	return bpf_map_lookup_elem(&scratches, &slot);
}

#endif
