/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel offers to BPF, asked of its BTF and of tracefs; never of a
 * version number. */
#ifndef TRACER_COLLECT_EBPF_PROBE_H
#define TRACER_COLLECT_EBPF_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ebpf_probe;

/* -ENOENT: no BTF. why gets one sentence. */
int ebpf_probe_open(struct ebpf_probe **ret, char *why, size_t why_size);
void ebpf_probe_close(struct ebpf_probe *p);
void ebpf_probe_closep(struct ebpf_probe **p);

/* Number of arguments of a BTF tracepoint, or -ENOENT. */
int ebpf_probe_tracepoint(const struct ebpf_probe *p, const char *name);
/* Its first argument is a pointer to task_struct (mark_victim since 6.8). */
bool ebpf_probe_takes_task(const struct ebpf_probe *p, const char *name);
/* This process has it (feature.c). */
bool feature_capability(int cap);
bool ebpf_probe_kfunc(const struct ebpf_probe *p, const char *name);
/* "sys_exit_openat" can be attached. */
bool ebpf_probe_syscall_tracepoint(const char *name);
/* io_uring_complete passes the request, and its opens can be read. */
bool ebpf_probe_ring_requests(const struct ebpf_probe *p);
/* FEATURE_* bits that hang on struct members. */
uint64_t ebpf_probe_fields(const struct ebpf_probe *p);

#endif
