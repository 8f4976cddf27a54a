/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feature questions to the kernel's type information. A raw tracepoint NAME is
 * described there by the typedef btf_trace_NAME: a pointer to its prototype,
 * whose first argument is private.
 */
#include "src/collect/ebpf_probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "bpf/wire.h"

struct ebpf_probe {
	struct btf *btf;
};

int ebpf_probe_open(struct ebpf_probe **ret, char *why, size_t why_size)
{
	struct ebpf_probe *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->btf = btf__load_vmlinux_btf();
	if (!p->btf) {
		r = -errno;
		snprintf(why, why_size,
			 "this kernel carries no type information (/sys/kernel/btf/vmlinux): it "
			 "needs "
			 "CONFIG_DEBUG_INFO_BTF=y");
		free(p);
		return r ? r : -ENOENT;
	}
	*ret = p;
	return 0;
}

void ebpf_probe_close(struct ebpf_probe *p)
{
	if (!p)
		return;
	btf__free(p->btf);
	free(p);
}

void ebpf_probe_closep(struct ebpf_probe **p)
{
	ebpf_probe_close(*p);
}

static const struct btf_type *prototype(const struct ebpf_probe *p, const char *name)
{
	const struct btf_type *t;
	char typedef_name[96];
	int id;

	snprintf(typedef_name, sizeof(typedef_name), "btf_trace_%s", name);
	id = btf__find_by_name_kind(p->btf, typedef_name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return NULL;
	t = btf__type_by_id(p->btf, btf__type_by_id(p->btf, (uint32_t)id)->type);
	if (!t || !btf_is_ptr(t))
		return NULL;
	t = btf__type_by_id(p->btf, t->type);
	return t && btf_is_func_proto(t) ? t : NULL;
}

int ebpf_probe_tracepoint(const struct ebpf_probe *p, const char *name)
{
	const struct btf_type *t = prototype(p, name);

	return t && btf_vlen(t) ? btf_vlen(t) - 1 : -ENOENT;
}

bool ebpf_probe_takes_task(const struct ebpf_probe *p, const char *name)
{
	const struct btf_type *t = prototype(p, name);

	if (!t || btf_vlen(t) < 2)
		return false;
	t = btf__type_by_id(p->btf, btf_params(t)[1].type);
	if (!t || !btf_is_ptr(t))
		return false;
	t = btf__type_by_id(p->btf, t->type);
	return t && !strcmp(btf__name_by_offset(p->btf, t->name_off), "task_struct");
}

bool ebpf_probe_kfunc(const struct ebpf_probe *p, const char *name)
{
	return btf__find_by_name_kind(p->btf, name, BTF_KIND_FUNC) > 0;
}

bool ebpf_probe_syscall_tracepoint(const char *name)
{
	static const char *const roots[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[128];

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(path, sizeof(path), "%s/events/syscalls/%s/id", roots[i], name);
		if (!access(path, R_OK))
			return true;
	}
	return false;
}

static bool has_member(const struct ebpf_probe *p, const char *type, const char *member)
{
	int id = btf__find_by_name_kind(p->btf, type, BTF_KIND_STRUCT);
	const struct btf_type *t;

	if (id < 0)
		return false;
	t = btf__type_by_id(p->btf, (uint32_t)id);
	for (int i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(p->btf, btf_members(t)[i].name_off), member))
			return true;
	return false;
}

bool ebpf_probe_ring_requests(const struct ebpf_probe *p)
{
	const struct btf_type *t = prototype(p, "io_uring_complete");

	if (!t || btf_vlen(t) < 3)
		return false;
	t = btf__type_by_id(p->btf, btf_params(t)[2].type);
	return t && btf_is_ptr(t) && has_member(p, "io_kiocb", "cqe") &&
	       has_member(p, "io_open", "file_slot");
}

uint64_t ebpf_probe_fields(const struct ebpf_probe *p)
{
	uint64_t features = FEATURE_CPU_EXACT | FEATURE_WAIT_CLASS | FEATURE_ENV;

	if (has_member(p, "task_io_accounting", "read_bytes"))
		features |= FEATURE_IO_BYTES;
	if (has_member(p, "sched_info", "run_delay"))
		features |= FEATURE_RUNQ;
	if (has_member(p, "signal_struct", "oom_mm"))
		features |= FEATURE_OOM;
	return features;
}
