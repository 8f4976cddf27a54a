/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/rebuild_record.h"

#include <errno.h>
#include <string.h>

#include "src/base/str.h"

static void begin(struct draft *r, unsigned type, size_t size, uint64_t boot_ns)
{
	memset(r, 0, sizeof(*r));
	r->header.type = (uint16_t)type;
	r->header.time_ns = boot_ns;
	r->used = size;
}

int record_end(struct draft *r)
{
	if (r->overflow)
		return -E2BIG;
	r->used = (r->used + 7) & ~(size_t)7;
	r->header.size = (uint32_t)r->used;
	return (int)r->used;
}

static void add(struct draft *r, struct wire_string *at, const void *data, size_t len)
{
	if (!data || !len)
		return;
	if (len > sizeof(r->bytes) - r->used) {
		r->overflow = true;
		return;
	}
	*at = (struct wire_string){ (uint16_t)r->used, (uint16_t)len };
	memcpy(r->bytes + r->used, data, len);
	r->used += len;
}

static void add_text(struct draft *r, struct wire_string *at, const char *text)
{
	if (text)
		add(r, at, text, strlen(text));
}

/* "/a/b" becomes "b\0a\0", the kernel's way; ".../b" had lost its root. */
static void add_path(struct draft *r, struct wire_string *at, const char *path)
{
	struct str out = STR_INIT;
	size_t end, start;

	if (!path)
		return;
	if (!strncmp(path, "...", 3))
		r->header.flags |= WIRE_F_PATH_TRUNCATED;
	for (end = strlen(path); end; end = start ? start - 1 : 0) {
		for (start = end; start && path[start - 1] != '/'; start--)
			;
		if (start < end && (start || strncmp(path, "...", 3))) {
			str_addn(&out, path + start, end - start);
			str_addc(&out, '\0');
		}
	}
	if (!out.len)
		str_addc(&out, '\0');
	r->overflow |= out.failed;
	add(r, at, out.data, out.len);
	str_fini(&out);
}

static void copy_comm(char to[WIRE_COMM_LEN], const char *comm)
{
	if (comm)
		memcpy(to, comm, strnlen(comm, WIRE_COMM_LEN));
}

static uint64_t boot(const struct record_place *at, uint64_t unix_ns)
{
	return unix_ns - (uint64_t)at->offset_ns;
}

static struct wire_id id_of(const struct process_row *p)
{
	return (struct wire_id){ p->start_boot_ns, p->pid, 0 };
}

static struct wire_id parent_of(const struct record_place *at)
{
	return at->parent ? id_of(at->parent) : (struct wire_id){ 0, at->process->ppid, 0 };
}

void synthesise_run(struct draft *r, const struct run_row *run)
{
	begin(r, WIRE_RUN_BEGIN, sizeof(r->run), 0);
	r->run.unix_ns = (int64_t)run->start_ns;
	r->run.uid = run->user_id;
	str_copy(r->run.run_uid, sizeof(r->run.run_uid), run->uid);
	add_text(r, &r->run.name, run->name);
	add(r, &r->run.argv, run->argv.data, run->argv.len);
	add_text(r, &r->run.cwd, run->cwd);
}

void record_host(struct draft *r, const struct run_row *run, int64_t offset_ns)
{
	begin(r, WIRE_HOST, sizeof(r->host), 0);
	r->host.realtime_offset_ns = offset_ns;
	r->host.features = run->features;
	r->host.cpus = run->cpus;
	r->host.collector = run->collector;
}

void record_cgroup(struct draft *r, const struct cgroup_row *row)
{
	begin(r, WIRE_CGROUP, sizeof(r->cgroup), 0);
	r->cgroup.cgroup_id = row->id;
	r->cgroup.memory_limit_bytes = row->memory_limit_bytes;
	r->cgroup.cpu_limit_milli = row->cpu_limit_milli;
	add_path(r, &r->cgroup.path, row->path);
}

static void flags(struct draft *r, const struct process_row *p)
{
	if (p->joined_late)
		r->header.flags |= WIRE_F_JOINED;
	if (p->kernel_thread)
		r->header.flags |= WIRE_F_KTHREAD;
	if (!p->complete)
		r->header.flags |= WIRE_F_INCOMPLETE;
}

void record_fork(struct draft *r, const struct record_place *at)
{
	const struct process_row *p = at->process;

	begin(r, WIRE_FORK, sizeof(r->fork), p->start_boot_ns);
	flags(r, p);
	if ((uint32_t)p->id == 1 && !p->joined_late)
		r->header.flags |= WIRE_F_ROOT;
	r->fork.id = id_of(p);
	r->fork.parent = parent_of(at);
	r->fork.uid = p->uid;
	r->fork.gid = p->gid;
	r->fork.cgroup_id = p->cgroup_id;
	copy_comm(r->fork.comm, p->comm);
}

void record_exec(struct draft *r, const struct record_place *at, const struct exec_row *x)
{
	const struct process_row *p = at->process;

	begin(r, WIRE_EXEC, sizeof(r->exec), boot(at, x->time_ns));
	flags(r, p);
	if (x->argv_truncated)
		r->header.flags |= WIRE_F_ARGV_TRUNCATED;
	r->exec.id = id_of(p);
	r->exec.parent = parent_of(at);
	r->exec.uid = p->uid;
	r->exec.gid = p->gid;
	r->exec.nspid = x->nspid;
	r->exec.cgroup_id = x->cgroup_id;
	r->exec.pid_ns = x->pid_ns;
	r->exec.mnt_ns = x->mnt_ns;
	r->exec.user_ns = x->user_ns;
	r->exec.uts_ns = x->uts_ns;
	r->exec.argv_len = x->argv_len;
	r->exec.maxrss_bytes = x->maxrss_bytes;
	r->exec.ledger = x->before;
	copy_comm(r->exec.comm, x->comm);
	add_text(r, &r->exec.file, x->file);
	add_path(r, &r->exec.exe, x->exe);
	add_path(r, &r->exec.cwd, x->cwd);
	add(r, &r->exec.argv, x->argv.data, x->argv.len);
	add(r, &r->exec.env, x->env.data, x->env.len);
	add_text(r, &r->exec.nodename, x->nodename);
	add_path(r, &r->exec.cwd_host, x->cwd_host);
}

void record_exit(struct draft *r, const struct record_place *at)
{
	const struct process_row *p = at->process;

	begin(r, WIRE_EXIT, sizeof(r->exit), boot(at, p->end_ns));
	flags(r, p);
	r->exit.id = id_of(p);
	r->exit.parent = parent_of(at);
	r->exit.uid = p->uid;
	r->exit.gid = p->gid;
	r->exit.status = p->signal	    ? (uint32_t)p->signal | (p->core_dumped ? 0x80 : 0)
			 : p->exit_code > 0 ? (uint32_t)p->exit_code << 8
					    : 0;
	r->exit.threads_peak = p->threads_peak;
	r->exit.threads_total = p->threads_total;
	r->exit.oom_killed = p->oom_killed;
	r->exit.execs = p->execs;
	r->exit.cgroup_id = p->cgroup_id;
	r->exit.maxrss_bytes = p->peak_rss_bytes;
	r->exit.mm_peak_bytes = p->program_peak_rss_bytes;
	r->exit.ledger = p->ledger;
	copy_comm(r->exit.comm, p->comm);
}

void record_sample(struct draft *r, const struct record_place *at, uint64_t time_ns)
{
	const struct process_row *p = at->process;

	begin(r, WIRE_SAMPLE, sizeof(r->sample), time_ns ? boot(at, time_ns) : 0);
	flags(r, p);
	if (p->complete)
		r->header.flags |= WIRE_F_LAST;
	r->sample.id = id_of(p);
	r->sample.parent = parent_of(at);
	r->sample.threads = 1; /* the sum over its threads */
	r->sample.threads_peak = p->threads_peak;
	r->sample.threads_total = p->threads_total;
	r->sample.uid = p->uid;
	r->sample.gid = p->gid;
	r->sample.cgroup_id = p->cgroup_id;
	r->sample.maxrss_bytes = p->peak_rss_bytes;
	r->sample.ledger = p->ledger;
	copy_comm(r->sample.comm, p->comm);
}

void record_file(struct draft *r, const struct record_place *at, const struct file_row *f)
{
	begin(r, WIRE_FILE, sizeof(r->file), boot(at, f->first_ns));
	r->file.id = id_of(at->process);
	r->file.inode = f->inode;
	r->file.dev = (uint32_t)f->dev;
	r->file.size_bytes = f->size_bytes > 0 ? (uint64_t)f->size_bytes : 0;
	r->file.access = f->access;
	r->file.op = f->renamed_to ? WIRE_FILE_RENAME
		     : f->opens	   ? WIRE_FILE_OPEN
				   : WIRE_FILE_UNLINK;
	if (f->failed && !f->inode)
		r->file.error = f->error;
	add_path(r, f->renamed_to ? &r->file.path2 : &r->file.path, f->path);
}

/* The last that happened to a file that had been there. */
void record_unlink(struct draft *r, const struct record_place *at, const struct file_row *f)
{
	begin(r, WIRE_FILE, sizeof(r->file), boot(at, f->last_ns));
	r->file.id = id_of(at->process);
	r->file.op = WIRE_FILE_UNLINK;
	add_path(r, &r->file.path, f->path);
}

void record_signal(struct draft *r, const struct record_place *at, uint32_t signal,
		   uint64_t time_ns)
{
	begin(r, WIRE_SIGNAL, sizeof(r->signal), boot(at, time_ns));
	r->signal.target = id_of(at->process);
	r->signal.signal = signal;
}

void record_title(struct draft *r, const struct record_place *at, const struct signal_fact *title)
{
	begin(r, WIRE_RENAME, sizeof(r->rename), boot(at, title->time_ns));
	if (title->by)
		r->rename.ledger = *title->by;
	r->rename.id = id_of(at->process);
	copy_comm(r->rename.comm, at->process->comm);
	add_text(r, &r->rename.argv, title->title);
}

void record_lines(struct draft *r, const struct text_row *row, int64_t offset_ns)
{
	begin(r, WIRE_TEXT, sizeof(r->text), row->time_ns ? row->time_ns - (uint64_t)offset_ns : 0);
	add_text(r, &r->text.path, row->path);
	add(r, &r->text.text, row->data.data, row->data.len);
}

void record_run_end(struct draft *r, const struct run_row *run, int64_t offset_ns)
{
	begin(r, WIRE_RUN_END, sizeof(r->run_end),
	      run->end_ns ? run->end_ns - (uint64_t)offset_ns : 0);
	r->run_end.unix_ns = (int64_t)run->end_ns;
	r->run_end.status = run->signal		 ? (uint32_t)run->signal
			    : run->exit_code > 0 ? (uint32_t)run->exit_code << 8
						 : 0;
	r->run_end.still_running = (uint32_t)run->completeness.still_running;
}
