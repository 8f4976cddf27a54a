/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The exec record: everything that correlation needs, complete in itself, so
 * that nothing depends on /proc being there later. Also changes of title.
 */
#ifndef TRACER_EXEC_BPF_H
#define TRACER_EXEC_BPF_H

#include "bpf/process.bpf.h"

#define ENV_VARS_MAX 1024
#define TITLE_MAX    4096

/* Allow-listed names: no other variable's value leaves the kernel. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, struct env_name);
	__type(value, u8);
} env_names SEC(".maps");

/* Daemons start work for others: `docker run` asks, a containerd-shim does it. Once
 * somebody in the tree has asked (its bits in `asked`), programs that daemons start and
 * that bear one of them are taken into the tree; not where the daemon itself is in it
 * (`served`), as then its children are anyway. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct comm_key);
	__type(value, u32);
} client_comms SEC(".maps"), adopt_comms SEC(".maps"), server_comms SEC(".maps");

volatile __u32 asked, served;

struct env_walk {
	struct record *r;
	u64 from, to;
	u32 off, start;
	bool truncated, inside; /* inside: in the middle of an over-long variable */
};

/* The NAME of NAME=value at `at` is on the list. */
__noinline int is_allowed(struct record *r, u32 at)
{
	struct env_name name = {};
	u8 c;

	if (!r)
		return 0;
	at &= RECORD_MASK;
	for (int i = 0; i < ENV_NAME_MAX; i++) {
		c = r->data[at + i];
		if (c == '=' || !c)
			break;
		name.name[i] = c;
	}
	return bpf_map_lookup_elem(&env_names, &name) != NULL;
}

static long read_variable(u32 index, void *ctx)
{
	struct env_walk *w = ctx;
	u32 at = w->off & RECORD_MASK;
	bool was_inside = w->inside;
	long len;

	if (w->from >= w->to)
		return 1;
	len = bpf_probe_read_user_str(w->r->data + at, ENV_PAIR_MAX, (void *)w->from);
	if (len <= 0)
		return 1;
	w->inside = len == ENV_PAIR_MAX;
	w->from += w->inside ? len - 1 : len;
	if (was_inside || !is_allowed(w->r, at))
		return 0;
	if (w->inside)
		w->truncated = true;
	if (at + len - w->start > WIRE_ENV_MAX) {
		w->truncated = true;
		return 1;
	}
	w->off = at + len;
	return 0;
}

#define ENV_CUT 0x80000000u

/* Written at `start`; returns the end, with ENV_CUT if not all could be kept. */
__noinline int walk_environment(struct record *r, u32 start, u64 from, u64 to)
{
	struct env_walk w = { .r = r, .from = from, .to = to, .off = start, .start = start };

	if (!r)
		return start;
	bpf_loop(ENV_VARS_MAX, read_variable, &w, 0);
	return w.off | (w.truncated ? ENV_CUT : 0);
}

static __always_inline void put_environment(struct record *r, u32 *off, struct wire_exec *e,
					    struct mm_struct *mm)
{
	u32 end = walk_environment(r, *off, mm->env_start, mm->env_end);

	if (end & ENV_CUT)
		e->h.flags |= WIRE_F_ENV_TRUNCATED;
	end &= ~ENV_CUT;
	if (end == *off)
		return;
	e->env.off = *off;
	e->env.len = end - *off;
	*off = end;
}

static __always_inline void fill_namespaces(struct wire_exec *e, struct task_struct *task)
{
	struct pid *pid = plain(task)->thread_pid;
	struct nsproxy *nsproxy = plain(task)->nsproxy;
	struct upid upid = {};
	u32 level = pid->level;

	/* a plain number: Linux 6.1 adds no variable to a typed pointer */
	bpf_probe_read_kernel(&upid, sizeof(upid),
			      (void *)(address(pid) + bpf_core_field_offset(struct pid, numbers) +
				       (level & 31) * bpf_core_type_size(struct upid)));
	e->nspid = upid.nr;
	e->pid_ns = PEEK(pid_namespace, upid.ns, ns.inum);
	e->mnt_ns = nsproxy->mnt_ns->ns.inum;
	e->uts_ns = nsproxy->uts_ns->ns.inum;
	e->user_ns = plain(task)->real_cred->user_ns->ns.inum;
}

static __always_inline void fill_exec(struct wire_exec *e, struct task_struct *task,
				      struct thread *t, u64 now)
{
	const struct cred *cred = plain(task)->real_cred;

	fill_header(&e->h, 0, WIRE_EXEC, now);
	fill_id(&e->id, task);
	e->parent.start_ns = t->parent_start_ns;
	e->parent.pid = t->parent_pid;
	e->parent.pad = 0;
	e->uid = cred->uid.val;
	e->gid = cred->gid.val;
	e->real_ppid = plain(task)->real_parent->tgid;
	e->maxrss_bytes = plain(task)->signal->maxrss * cfg_page_bytes;
	put_comm(e->comm, task->comm);
	fill_namespaces(e, task);
}

/* Totals so far: of this thread, and of those that ended before. */
static __noinline void exec_ledger(struct task_struct *task, struct thread *t,
				   struct wire_ledger *l, u64 now)
{
	u64 key = group_key(task);
	struct group *g;

	live_states(task, t, clock_now(now), l);
	add_counters(task, t, l);
	subtract_baseline(task, t, l);
	if (!(t->flags & THREAD_GROUPED))
		return;
	g = bpf_map_lookup_elem(&groups, &key);
	if (g)
		add_ledger(l, &g->sum);
}

static __always_inline void put_exec_strings(struct record *r, u32 *off, struct wire_exec *e,
					     struct task_struct *task, struct linux_binprm *bprm)
{
	struct mm_struct *mm = plain(task)->mm;
	struct file *exe = mm->exe_file;
	struct fs_struct *fs = plain(task)->fs;
	const char *filename = bprm->filename, *interp = bprm->interp;

	e->file = put_kernel_text(r, off, filename, 1024);
	e->interp = (struct wire_string){};
	if (interp != filename)
		e->interp = put_kernel_text(r, off, interp, 256);
	put_path(r, off, exe->f_path.dentry, exe->f_path.mnt, &e->exe);
	put_path(r, off, fs->pwd.dentry, fs->pwd.mnt, &e->cwd);
	e->argv_len = mm->arg_end - mm->arg_start;
	e->argc = bprm->argc;
	e->argv = put_user_block(r, off, mm->arg_start, mm->arg_end, WIRE_ARGV_MAX);
	if (e->argv_len > WIRE_ARGV_MAX)
		e->h.flags |= WIRE_F_ARGV_TRUNCATED;
	e->nodename = (struct wire_string){};
	if (e->uts_ns != cfg_host_uts_ns)
		e->nodename =
			put_kernel_text(r, off, &plain(task)->nsproxy->uts_ns->name.nodename, 65);
}

static __always_inline void put_host_directory(struct record *r, u32 *off, struct task_struct *task,
					       struct wire_string *ret)
{
	u32 end = walk_fs_path(r, *off, address(plain(task)->fs->pwd.dentry));

	ret->off = *off;
	ret->len = end - *off;
	*off = end;
}

static __always_inline bool wants_environment(struct thread *t, struct wire_exec *e, u64 cgroup)
{
	return (t->flags & THREAD_READ_ENV) || cgroup != t->cgroup_id ||
	       (e->nspid == 1 && e->pid_ns != cfg_host_pid_ns);
}

static __always_inline void note_program(struct thread *t, struct wire_exec *e)
{
	t->flags &= ~(THREAD_ENV_PARENT | THREAD_READ_ENV);
	if (is_env_parent(e->comm))
		t->flags |= THREAD_ENV_PARENT;
	t->execs++;
	t->lib_opens = 0;
}

static __always_inline void note_client(const char *comm)
{
	struct comm_key key;
	u32 *bits;

	__builtin_memcpy(key.comm, comm, sizeof(key.comm));
	bits = bpf_map_lookup_elem(&client_comms, &key);
	if (bits)
		__sync_fetch_and_or(&asked, *bits);
	bits = bpf_map_lookup_elem(&server_comms, &key);
	if (bits)
		__sync_fetch_and_or(&served, *bits);
}

/* A program that a daemon outside of the tree starts because the tree asked for it.
 * It has just become that program: what it was before is the daemon's. Daemons are root's:
 * anybody can give a program such a name. */
static __noinline struct thread *adopt(struct task_struct *task)
{
	struct comm_key key = {};
	struct thread *t;
	u32 *bits;

	if (plain(task)->real_parent->real_cred->uid.val)
		return NULL;
	bpf_probe_read_kernel_str(key.comm, sizeof(key.comm), task->comm);
	bits = bpf_map_lookup_elem(&adopt_comms, &key);
	if (!bits || !(*bits & asked & ~served) || !join_thread(task, bpf_ktime_get_boot_ns()))
		return NULL;
	t = bpf_task_storage_get(&threads, task, NULL, 0);
	if (!t)
		return NULL;
	t->flags |= THREAD_READ_ENV;
	send_fork(task, t, WIRE_F_ADOPTED);
	return t;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct thread *t = bpf_task_storage_get(&threads, task, NULL, 0);
	u32 off = sizeof(struct wire_exec);
	struct cgroup *cgroup;
	struct wire_exec *e;
	struct record *r;
	u64 now, id;

	if (!t && asked)
		t = adopt(task);
	if (!t || (t->flags & THREAD_SPAWNER))
		return 0;
	r = scratch_record(RECORD_MAIN);
	if (!r)
		return 0;
	now = bpf_ktime_get_boot_ns();
	cgroup = telling_cgroup(task);
	id = cgroup_id(cgroup);
	announce_cgroup(address(cgroup), id, now, address(task));
	e = (struct wire_exec *)r->data;
	fill_exec(e, task, t, now);
	if (old_pid != task->pid)
		e->h.flags |= WIRE_F_THREAD_EXEC;
	e->cgroup_id = id;
	e->cgroup2_id = cgroup_id(plain(task)->cgroups->dfl_cgrp);
	put_exec_strings(r, &off, e, task, bprm);
	e->env = (struct wire_string){};
	e->cwd_host = (struct wire_string){};
	if (e->mnt_ns != cfg_host_mnt_ns)
		put_host_directory(r, &off, task, &e->cwd_host);
	if (wants_environment(t, e, id))
		put_environment(r, &off, e, plain(task)->mm);
	exec_ledger(task, t, &e->ledger, now);
	t->cgroup_id = id;
	note_program(t, e);
	if (!cfg_all)
		note_client(e->comm);
	send_record(r, off, LOSS_EXEC);
	if (cfg_files)
		files_at_exec(task, t);
	return 0;
}

static __always_inline bool in_exec(struct task_struct *task)
{
	long nr;

	if (bpf_core_field_exists(struct task_struct, in_execve))
		return BPF_CORE_READ_BITFIELD(task, in_execve);
	nr = SYSCALL_NR((struct pt_regs *)bpf_task_pt_regs(task));
	return cfg_syscall_class[nr & (SYSCALL_CLASSES - 1)] == SYSCALL_EXEC;
}

/* A title that ends at `end`, its NUL included, lies over the environment: whoever moves
 * that away and writes there fills what is left with zeroes. In an environment as it was
 * at exec another variable follows a NUL, or nothing. */
static __always_inline bool is_over_environment(struct mm_struct *mm, u64 end)
{
	u64 env_end = mm->env_end;
	u16 behind, last;

	if (end >= env_end)
		return false;
	if (bpf_probe_read_user(&behind, sizeof(behind), (void *)(end - 1)) ||
	    bpf_probe_read_user(&last, sizeof(last), (void *)(env_end - 2)))
		return false;
	return !behind && !last;
}

/* The arguments as they are now. setproctitle() may have written over their end and
 * on into the environment's place: the kernel then shows one text, up to its NUL
 * (get_mm_cmdline() in fs/proc/base.c), and what lies behind it is not read. Values
 * of the environment never leave: a title that may end in them is cut before them. */
static __always_inline void put_title(struct record *r, u32 *off, struct wire_rename *e,
				      struct mm_struct *mm)
{
	u32 at = *off & RECORD_MASK;
	u64 start = mm->arg_start, arg_end = mm->arg_end;
	char last = 0;
	long len;

	e->argv_len = arg_end - start;
	e->argv = (struct wire_string){};
	bpf_probe_read_user(&last, 1, (void *)(arg_end - 1));
	if (!last || mm->env_start != arg_end) {
		e->argv = put_user_block(r, off, start, arg_end, WIRE_ARGV_MAX);
		return;
	}
	len = bpf_probe_read_user_str(r->data + at, TITLE_MAX, (void *)start);
	if (len <= 0 || len > TITLE_MAX) {
		count_loss(LOSS_ARGV);
		return;
	}
	if (start + len > arg_end && !is_over_environment(mm, start + len)) {
		e->argv = put_user_block(r, off, start, arg_end, WIRE_ARGV_MAX);
		return;
	}
	e->argv_len = len;
	e->argv.off = at;
	e->argv.len = len;
	*off = at + len;
}

/* A title: prctl(PR_SET_NAME) of the main thread, or setproctitle() writing over
 * argv. exec renames too, but has its own record. */
SEC("tp_btf/task_rename")
int BPF_PROG(on_rename, struct task_struct *task, const char *comm)
{
	struct thread *t;
	u32 off = sizeof(struct wire_rename);
	struct task_struct *current = bpf_get_current_task_btf();
	struct wire_rename *e;
	struct mm_struct *mm;
	struct record *r;

	if (in_exec(task) || task != task->group_leader || task != current)
		return 0;
	t = bpf_task_storage_get(&threads, task, NULL, 0);
	if (!t || (t->flags & THREAD_SPAWNER))
		return 0;
	r = scratch_record(RECORD_MAIN);
	mm = plain(task)->mm;
	if (!r || !mm)
		return 0;
	e = (struct wire_rename *)r->data;
	fill_header(&e->h, 0, WIRE_RENAME, bpf_ktime_get_boot_ns());
	fill_id(&e->id, task);
	put_comm(e->comm, comm);
	put_title(r, &off, e, mm);
	exec_ledger(task, t, &e->ledger, e->h.time_ns);
	send_record(r, off, LOSS_RENAME);
	return 0;
}

#endif
