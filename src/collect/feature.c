/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `tracer doctor` reports: each thing that observation rests on, whether
 * this machine has it, and what follows if not. Asks only; loads nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "src/base/cleanup.h"
#include "src/base/io.h"
#include "src/base/str.h"
#include "src/collect/collect.h"
#include "src/collect/ebpf_probe.h"

struct list {
	struct feature *items;
	unsigned n, max;
};

static void add(struct list *l, struct feature f)
{
	if (l->n < l->max)
		l->items[l->n++] = f;
}

bool feature_capability(int cap)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data))
		return false;
	return data[cap / 32].effective & (1u << (cap % 32));
}

static void probe_privilege(struct list *l)
{
	bool admin = feature_capability(CAP_SYS_ADMIN);
	struct feature f = { .name = "privilege",
			     .purpose = "load BPF programs",
			     .required = true };

	f.available = admin || (feature_capability(38) && feature_capability(39));
	str_copy(f.detail, sizeof(f.detail),
		 f.available ? (admin ? "root" : "CAP_BPF and CAP_PERFMON")
			     : "needs CAP_BPF and CAP_PERFMON: sudo tracer run, or once: "
			       "sudo setcap cap_bpf,cap_perfmon+ep TRACER");
	add(l, f);
}

static void probe_tracepoint(struct list *l, const struct ebpf_probe *p, const char *name,
			     const char *purpose, bool required)
{
	struct feature f = { .name = name, .purpose = purpose, .required = required };

	f.available = p && ebpf_probe_tracepoint(p, name) >= 0;
	if (!f.available)
		str_copy(f.detail, sizeof(f.detail),
			 p ? "not in this kernel: the fields are unknown (null)" : "no BTF");
	add(l, f);
}

static void probe_victims(struct list *l, const struct ebpf_probe *p)
{
	struct feature f = { .name = "mark_victim",
			     .purpose = "out-of-memory kills and whose limit" };

	f.available = p && ebpf_probe_takes_task(p, "mark_victim");
	if (!f.available)
		str_copy(f.detail, sizeof(f.detail),
			 "victims are still marked in their own record, without the limit");
	add(l, f);
}

static void probe_files(struct list *l)
{
	struct feature f = { .name = "sys_exit_openat", .purpose = "names of opened files" };

	f.available = ebpf_probe_syscall_tracepoint("sys_exit_openat") ||
		      feature_capability(CAP_SYS_ADMIN);
	str_copy(f.detail, sizeof(f.detail),
		 f.available ? "system-call tracepoints: 40-90 ns on every call while observing"
			     : "tracefs is not readable: file names are unknown");
	add(l, f);
}

static void probe_rings(struct list *l, const struct ebpf_probe *p)
{
	struct feature f = { .name = "io_uring_complete",
			     .purpose = "names of files that io_uring opens" };

	f.available = p && ebpf_probe_ring_requests(p);
	if (!f.available)
		str_copy(f.detail, sizeof(f.detail),
			 "files that programs open through io_uring are not listed");
	add(l, f);
}

static void probe_clock(struct list *l, const struct ebpf_probe *p)
{
	char source[64] = "";
	struct feature f = { .name = "clock", .purpose = "times that agree across CPUs" };
	ssize_t n = read_text("/sys/devices/system/clocksource/clocksource0/current_clocksource",
			      source, sizeof(source));

	if (n > 0 && source[n - 1] == '\n')
		source[n - 1] = '\0';
	f.available = !strcmp(source, "tsc") || !strcmp(source, "arch_sys_counter") ||
		      !strcmp(source, "kvm-clock");
	snprintf(f.detail, sizeof(f.detail), "clocksource %s%s", source[0] ? source : "unknown",
		 f.available ? "" : ": intervals that do not fit are clamped and counted");
	add(l, f);
}

unsigned feature_probe(struct feature *ret, unsigned max)
{
	_cleanup_(ebpf_probe_closep) struct ebpf_probe *p = NULL;
	struct list l = { ret, 0, max };
	struct feature btf = { .name = "BTF",
			       .purpose = "kernel types for CO-RE",
			       .required = true };

	btf.available = ebpf_probe_open(&p, btf.detail, sizeof(btf.detail)) >= 0;
	add(&l, btf);
	probe_privilege(&l);
	probe_tracepoint(&l, p, "sched_process_fork", "processes and threads", true);
	probe_tracepoint(&l, p, "sched_process_exec", "programs", true);
	probe_tracepoint(&l, p, "sched_switch", "the ledger of every nanosecond", true);
	probe_tracepoint(&l, p, "task_rename", "titles that engines give themselves", false);
	probe_tracepoint(&l, p, "sock_send_length", "network bytes", false);
	probe_tracepoint(&l, p, "mm_vmscan_direct_reclaim_begin", "memory pressure", false);
	probe_tracepoint(&l, p, "signal_generate", "who killed whom", false);
	probe_victims(&l, p);
	probe_files(&l);
	probe_rings(&l, p);
	probe_clock(&l, p);
	return l.n;
}
