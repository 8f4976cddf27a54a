/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What all programs share: switches set before loading, maps, per-thread and
 * per-group state, loss counters, the ring. No program is defined here.
 */
#ifndef TRACER_COMMON_BPF_H
#define TRACER_COMMON_BPF_H

#define __bpf__ 1
#include "bpf/kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "bpf/wire.h"
#include "bpf/state.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Set by the loader before loading; the verifier then drops dead branches. */
const volatile bool cfg_all;			 /* whole host, not one process tree */
const volatile __u32 cfg_wakeup_bytes = 1 << 20; /* waiting bytes that wake the reader */
const volatile __u32 cfg_file_events_per_thread = 2000000;
const volatile bool cfg_files; /* file names are asked for */
const volatile bool cfg_failed_opens = true;
const volatile bool cfg_rdonly_cast;
const volatile __u64 cfg_page_bytes = 4096;
const volatile __u32 cfg_host_uts_ns;
const volatile __u32 cfg_host_pid_ns;
const volatile __u32 cfg_host_mnt_ns;
const volatile __u8 cfg_syscall_class[SYSCALL_CLASSES]; /* enum syscall_class by number */
const volatile __u8 cfg_file_call[SYSCALL_CLASSES];	/* enum file_call by number */

/* CLOCK_BOOTTIME + this = the run queue's clock (sched_clock). Kept fresh by
 * on_switch whenever user space asks for it. */
volatile __s64 clock_offset;
volatile __u32 clock_sync = 1;
volatile __u64 begin_clock; /* whole host: when the books begin, in rq->clock */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

/* Processes that ever had a second thread, by the address of their
 * signal_struct: it stays the same when a thread other than the leader execs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 32768);
	__type(key, u64);
	__type(value, struct group);
} groups SEC(".maps");

/* A record being built, with room for one more name behind its end. */
struct record {
	u8 data[2 * WIRE_RECORD_MAX];
};

enum { RECORD_MAIN, RECORD_CGROUP, RECORDS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RECORDS);
	__type(key, u32);
	__type(value, struct record);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOSS_KINDS);
	__type(key, u32);
	__type(value, u64);
} losses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cpu_time);
} cpu_times SEC(".maps");

/* A field of a kernel object whose pointer was read as a number. bpf_rdonly_cast
 * (6.2) makes it a plain load, 2 ns instead of a helper call's 15. */
extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

#define PEEK(type, pointer, field)                                                                 \
	({                                                                                         \
		typeof(((struct type *)0)->field) value_;                                          \
		const void *object_ = (const void *)(pointer);                                     \
                                                                                                   \
		if (cfg_rdonly_cast)                                                               \
			value_ = ((struct type *)bpf_rdonly_cast(                                  \
					  object_, bpf_core_type_id_kernel(struct type)))          \
					 ->field;                                                  \
		else                                                                               \
			value_ = BPF_CORE_READ((struct type *)object_, field);                     \
		value_;                                                                            \
	})

/* A task to follow pointers from. The verifier searches all of the kernel's BTF
 * (0.5 ms) at each pointer that is read from a trusted task, at every visit:
 * half of the time that a start took. */
static __always_inline struct task_struct *plain(struct task_struct *task)
{
	if (cfg_rdonly_cast)
		return bpf_rdonly_cast(task, bpf_core_type_id_kernel(struct task_struct));
	return task;
}

/* A kernel pointer as a plain number, which global functions can take. The
 * verifier forgets a pointer's type when it is negated. */
static __always_inline u64 address(const void *pointer)
{
	u64 value = (u64)pointer;

	asm volatile("%[value] = -%[value]" : [value] "+r"(value));
	return -value;
}

static __always_inline void count_loss(u32 kind)
{
	u64 *count = bpf_map_lookup_elem(&losses, &kind);

	if (count)
		*count += 1;
}

static __always_inline u64 wakeup_flags(void)
{
	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= cfg_wakeup_bytes)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

static __always_inline void fill_header(struct wire_header *h, u32 size, u16 type, u64 now)
{
	h->size = size;
	h->type = type;
	h->flags = 0;
	h->time_ns = now;
}

/* All 16 bytes are written: records lie in memory that was another's, and comms are
 * looked up whole. */
static __always_inline void put_comm(char to[WIRE_COMM_LEN], const void *from)
{
	__builtin_memset(to, 0, WIRE_COMM_LEN);
	bpf_probe_read_kernel_str(to, WIRE_COMM_LEN, from);
}

static __always_inline void fill_id(struct wire_id *id, struct task_struct *task)
{
	id->start_ns = plain(task)->group_leader->start_boottime;
	id->pid = task->tgid;
	id->pad = 0;
}

#endif
