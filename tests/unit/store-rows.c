/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every member of every row, set and compared. A member that is added to rows.h
 * and not here is caught by the sizes asserted at the end.
 */
#include "tests/unit/store-rows.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct maker {
	enum style style;
	uint32_t n; /* members made so far */
};

static uint64_t make_number(struct maker *m, uint64_t largest)
{
	m->n++;
	if (m->style == STYLE_EXTREME)
		return largest;
	if (m->style == STYLE_DISTINCT)
		return (m->n * 977) & largest;
	return 0;
}

static uint64_t make_u64(struct maker *m)
{
	uint64_t small = make_number(m, INT64_MAX);

	return m->style == STYLE_DISTINCT ? small << 32 | small : small;
}

static int64_t make_id(struct maker *m)
{
	return (int64_t)make_u64(m);
}

static uint32_t make_u32(struct maker *m)
{
	return (uint32_t)make_number(m, UINT32_MAX);
}

static uint16_t make_u16(struct maker *m)
{
	return (uint16_t)make_number(m, UINT16_MAX);
}

static int make_i32(struct maker *m)
{
	return (int)make_number(m, INT_MAX);
}

/* Neighbours differ, so that two flags in each other's place are seen. */
static bool make_flag(struct maker *m)
{
	m->n++;
	return m->style == STYLE_EXTREME || (m->style == STYLE_DISTINCT && m->n % 2);
}

static const char *make_text(struct maker *m)
{
	static char texts[128][8];
	char *t = texts[m->n++ % 128];

	if (m->style == STYLE_ABSENT)
		return NULL;
	if (m->style == STYLE_EMPTY)
		return "";
	if (m->style == STYLE_EXTREME)
		return "\xff\xfe\x80 \xc3\x28\n'\"";
	t[0] = 't';
	t[1] = (char)('A' + m->n % 26);
	t[2] = (char)('a' + m->n / 26);
	t[3] = '\0';
	return t;
}

static struct bytes make_bytes(struct maker *m)
{
	static char large[WIRE_ARGV_MAX];

	m->n++;
	if (m->style == STYLE_ABSENT)
		return (struct bytes){ 0 };
	if (m->style == STYLE_EMPTY)
		return (struct bytes){ "", 0 };
	if (m->style == STYLE_DISTINCT)
		return m->n % 2 ? (struct bytes){ "a\0b c\0", 6 } : (struct bytes){ "X=\0Y", 4 };
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)(i * 31);
	return (struct bytes){ large, sizeof(large) };
}

static struct wire_ledger make_ledger(struct maker *m)
{
	uint64_t field[sizeof(struct wire_ledger) / sizeof(uint64_t)];
	struct wire_ledger l;

	for (size_t i = 0; i < sizeof(field) / sizeof(*field); i++)
		field[i] = make_u64(m);
	memcpy(&l, field, sizeof(l));
	return l;
}

static struct completeness make_complete(struct maker *m)
{
	uint64_t field[sizeof(struct completeness) / sizeof(uint64_t)];
	struct completeness c;

	for (size_t i = 0; i < sizeof(field) / sizeof(*field); i++)
		field[i] = make_u64(m);
	memcpy(&c, field, sizeof(c));
	return c;
}

static void same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a)
		assert_string_equal(a, b);
}

static void same_bytes(struct bytes a, struct bytes b)
{
	assert_int_equal(a.data == NULL, b.data == NULL);
	assert_int_equal(a.len, b.len);
	if (a.len)
		assert_memory_equal(a.data, b.data, a.len);
}

#define SAME(member)	  assert_true(a->member == b->member)
#define SAME_TEXT(member) same_text(a->member, b->member)

void make_run(enum style style, int64_t run, struct run_row *ret)
{
	struct maker m = { .style = style };

	memset(ret, 0, sizeof(*ret));
	ret->id = run;
	ret->uid = "0123abcd";
	ret->name = make_text(&m);
	ret->pipeline = make_text(&m);
	ret->engine = make_text(&m);
	ret->argv = make_bytes(&m);
	ret->cwd = make_text(&m);
	ret->user = make_text(&m);
	ret->labels = make_text(&m);
	ret->user_id = make_u32(&m);
	ret->start_ns = make_u64(&m);
	ret->end_ns = make_u64(&m);
	ret->status = style == STYLE_DISTINCT ? RUN_INTERRUPTED : 0;
	ret->exit_code = style == STYLE_ABSENT ? -1 : make_i32(&m);
	ret->signal = make_i32(&m);
	ret->features = make_u64(&m);
	ret->collector = make_u32(&m);
	ret->replayed = make_flag(&m);
	ret->boot_id = make_text(&m);
	ret->hostname = make_text(&m);
	ret->kernel = make_text(&m);
	ret->arch = make_text(&m);
	ret->cpus = make_u32(&m);
	ret->memory_bytes = make_u64(&m);
	ret->command_cpu_ns = make_u64(&m);
	ret->collector_cpu_ns = make_u64(&m);
	ret->collector_start_ns = make_u64(&m);
	ret->recorder_cpu_ns = make_u64(&m);
	ret->bpf_run_ns = make_u64(&m);
	ret->processes = make_u64(&m);
	ret->execs = make_u64(&m);
	ret->peak_rss_bytes = make_u64(&m);
	ret->ledger = make_ledger(&m);
	ret->completeness = make_complete(&m);
	ret->notes = make_text(&m);
	ret->machine = style == STYLE_ABSENT ? NULL : "{\"type\":\"c5.large\"}";
}

void make_process(enum style style, int64_t run, struct process_row *ret)
{
	struct maker m = { .style = style };

	memset(ret, 0, sizeof(*ret));
	ret->id = run << 32 | (style == STYLE_EXTREME ? UINT32_MAX : 7);
	ret->run_id = run;
	ret->parent = make_id(&m);
	ret->task = make_id(&m);
	ret->tool = make_id(&m);
	ret->pid = make_u32(&m);
	ret->ppid = make_u32(&m);
	ret->uid = make_u32(&m);
	ret->gid = make_u32(&m);
	ret->start_ns = make_u64(&m);
	ret->end_ns = make_u64(&m);
	ret->start_boot_ns = make_u64(&m);
	ret->exit_code = style == STYLE_ABSENT ? -1 : make_i32(&m);
	ret->signal = make_i32(&m);
	ret->oom_killed = make_flag(&m);
	ret->core_dumped = make_flag(&m);
	ret->complete = make_flag(&m);
	ret->joined_late = make_flag(&m);
	ret->kernel_thread = make_flag(&m);
	ret->thread_exec = make_flag(&m);
	ret->execs = make_u32(&m);
	ret->threads_peak = make_u32(&m);
	ret->threads_total = make_u32(&m);
	ret->peak_rss_bytes = make_u64(&m);
	ret->program_peak_rss_bytes = make_u64(&m);
	ret->cgroup_id = make_u64(&m);
	ret->killer_pid = make_u32(&m);
	ret->lib_opens = make_u32(&m);
	ret->file_events_dropped = make_u32(&m);
	ret->comm = make_text(&m);
	ret->container = make_text(&m);
	ret->scope = make_id(&m);
	ret->ledger = make_ledger(&m);
}

void make_exec(enum style style, int64_t process, struct exec_row *ret)
{
	struct maker m = { .style = style };

	memset(ret, 0, sizeof(*ret));
	ret->process = process;
	ret->n = make_u32(&m);
	ret->tool = make_id(&m);
	ret->time_ns = make_u64(&m);
	ret->comm = make_text(&m);
	ret->file = make_text(&m);
	ret->exe = make_text(&m);
	ret->cwd = make_text(&m);
	ret->argv = make_bytes(&m);
	ret->argv_len = make_u32(&m);
	ret->argv_truncated = make_flag(&m);
	ret->redacted = make_flag(&m);
	ret->env = make_bytes(&m);
	ret->cgroup_id = make_u64(&m);
	ret->pid_ns = make_u32(&m);
	ret->mnt_ns = make_u32(&m);
	ret->user_ns = make_u32(&m);
	ret->uts_ns = make_u32(&m);
	ret->nspid = make_u32(&m);
	ret->nodename = make_text(&m);
	ret->cwd_host = make_text(&m);
	ret->maxrss_bytes = make_u64(&m);
	ret->before = make_ledger(&m);
}

void make_tool(enum style style, int64_t run, struct tool_row *ret)
{
	struct maker m = { .style = style };

	memset(ret, 0, sizeof(*ret));
	ret->id = run << 32 | 12;
	ret->run_id = run;
	ret->task = make_id(&m);
	ret->name = make_text(&m);
	ret->component = make_text(&m);
	ret->path = make_text(&m);
	ret->processes = make_u64(&m);
	ret->failed = make_u64(&m);
	ret->start_ns = make_u64(&m);
	ret->end_ns = make_u64(&m);
	ret->peak_rss_bytes = make_u64(&m);
	ret->ledger = make_ledger(&m);
}

void make_task(enum style style, int64_t run, struct task_row *ret)
{
	struct maker m = { .style = style };

	memset(ret, 0, sizeof(*ret));
	ret->id = run << 32 | 11;
	ret->run_id = run;
	ret->parent = make_id(&m);
	ret->name = make_text(&m);
	ret->key = make_text(&m);
	ret->sample = make_text(&m);
	ret->rule = make_text(&m);
	ret->evidence = make_text(&m);
	ret->attempt = make_u32(&m);
	ret->confidence = make_u32(&m);
	ret->status = style == STYLE_DISTINCT ? TASK_STATUS_UNKNOWN : 0;
	ret->exit_code = style == STYLE_ABSENT ? -1 : make_i32(&m);
	ret->signal = make_i32(&m);
	ret->start_ns = make_u64(&m);
	ret->end_ns = make_u64(&m);
	ret->requested_cpus = make_u32(&m);
	ret->requested_memory_bytes = make_u64(&m);
	ret->root_process = make_id(&m);
	ret->processes = make_u64(&m);
	ret->peak_rss_bytes = make_u64(&m);
	ret->busy_ns = make_u64(&m);
	ret->kind = style == STYLE_DISTINCT ? TASK_ALLOCATION : 0;
	ret->scope = make_id(&m);
	ret->of_run = make_id(&m);
	ret->cpus_source = make_text(&m);
	ret->memory_source = make_text(&m);
	ret->ledger = make_ledger(&m);
}

void make_scope(enum style style, int64_t run, struct scope_row *ret)
{
	struct maker m = { .style = style };

	memset(ret, 0, sizeof(*ret));
	ret->id = run << 32 | 13;
	ret->run_id = run;
	ret->parent = make_id(&m);
	ret->task = make_id(&m);
	ret->kind = style == STYLE_DISTINCT ? SCOPE_SESSION : 0;
	ret->key = make_text(&m);
	ret->name = make_text(&m);
	ret->engine = make_text(&m);
	ret->pipeline = make_text(&m);
	ret->rule = make_text(&m);
	ret->evidence = make_text(&m);
	ret->confidence = make_u32(&m);
	ret->status = style == STYLE_DISTINCT ? TASK_STATUS_UNKNOWN : 0;
	ret->exit_code = style == STYLE_ABSENT ? -1 : make_i32(&m);
	ret->signal = make_i32(&m);
	ret->start_ns = make_u64(&m);
	ret->end_ns = make_u64(&m);
	ret->root_process = make_id(&m);
	ret->fields = make_text(&m);
}

void make_file(enum style style, int64_t process, struct file_row *ret)
{
	struct maker m = { .style = style };

	memset(ret, 0, sizeof(*ret));
	ret->process = process;
	ret->path = style == STYLE_ABSENT ? "" : make_text(&m);
	ret->inode = make_u64(&m);
	ret->dev = make_u64(&m);
	ret->opens = make_u64(&m);
	ret->failed = make_u64(&m);
	ret->access = make_u16(&m);
	ret->renamed_to = make_flag(&m);
	ret->unlinked = make_flag(&m);
	ret->error = make_i32(&m);
	ret->first_ns = make_u64(&m);
	ret->last_ns = make_u64(&m);
	ret->size_bytes = (int64_t)make_u64(&m);
	ret->kind = FILE_KIND_FIFO;
	ret->files = make_u64(&m);
	ret->source = make_text(&m);
	ret->descriptors = 5;
	ret->read_to_bytes = style == STYLE_ABSENT ? -1 : (int64_t)make_u64(&m);
	ret->written_to_bytes = style == STYLE_ABSENT ? -1 : (int64_t)make_u64(&m);
	ret->inherited = make_flag(&m);
	ret->linked = make_flag(&m);
	ret->files_at_least = make_flag(&m);
}

void make_incident(enum style style, int64_t run, struct incident_row *ret)
{
	struct maker m = { .style = style };

	memset(ret, 0, sizeof(*ret));
	ret->run_id = run;
	ret->kind = style == STYLE_ABSENT ? "oom" : make_text(&m);
	ret->process = make_id(&m);
	ret->time_ns = make_u64(&m);
	ret->detail = make_text(&m);
}

void make_text_row(enum style style, int64_t run, struct text_row *ret)
{
	struct maker m = { .style = style };

	memset(ret, 0, sizeof(*ret));
	ret->run_id = run;
	ret->path = style == STYLE_ABSENT ? "/x" : make_text(&m);
	ret->data = make_bytes(&m);
	ret->n = 1 + make_u16(&m);
	ret->time_ns = make_u64(&m);
}

void same_run(const struct run_row *a, const struct run_row *b)
{
	SAME(id);
	SAME_TEXT(uid);
	SAME_TEXT(name);
	SAME_TEXT(pipeline);
	SAME_TEXT(engine);
	same_bytes(a->argv, b->argv);
	SAME_TEXT(cwd);
	SAME_TEXT(user);
	SAME_TEXT(labels);
	SAME(user_id);
	SAME(start_ns);
	SAME(end_ns);
	SAME(status);
	SAME(exit_code);
	SAME(signal);
	SAME(features);
	SAME(collector);
	SAME(replayed);
	SAME_TEXT(boot_id);
	SAME_TEXT(hostname);
	SAME_TEXT(kernel);
	SAME_TEXT(arch);
	SAME(cpus);
	SAME(memory_bytes);
	SAME(command_cpu_ns);
	SAME(collector_cpu_ns);
	SAME(collector_start_ns);
	SAME(recorder_cpu_ns);
	SAME(bpf_run_ns);
	SAME(processes);
	SAME(execs);
	SAME(peak_rss_bytes);
	assert_memory_equal(&a->ledger, &b->ledger, sizeof(a->ledger));
	assert_memory_equal(&a->completeness, &b->completeness, sizeof(a->completeness));
	SAME_TEXT(notes);
	SAME_TEXT(machine);
}

void same_process(const struct process_row *a, const struct process_row *b)
{
	SAME(id);
	SAME(parent);
	SAME(run_id);
	SAME(task);
	SAME(tool);
	SAME(pid);
	SAME(ppid);
	SAME(uid);
	SAME(gid);
	SAME(start_ns);
	SAME(end_ns);
	SAME(start_boot_ns);
	SAME(exit_code);
	SAME(signal);
	SAME(oom_killed);
	SAME(core_dumped);
	SAME(complete);
	SAME(joined_late);
	SAME(kernel_thread);
	SAME(thread_exec);
	SAME(execs);
	SAME(threads_peak);
	SAME(threads_total);
	SAME(peak_rss_bytes);
	SAME(program_peak_rss_bytes);
	SAME(cgroup_id);
	SAME(killer_pid);
	SAME(lib_opens);
	SAME(file_events_dropped);
	SAME_TEXT(comm);
	SAME_TEXT(container);
	SAME(scope);
	assert_memory_equal(&a->ledger, &b->ledger, sizeof(a->ledger));
}

void same_exec(const struct exec_row *a, const struct exec_row *b)
{
	SAME(process);
	SAME(n);
	SAME(tool);
	SAME(time_ns);
	SAME_TEXT(comm);
	SAME_TEXT(file);
	SAME_TEXT(exe);
	SAME_TEXT(cwd);
	same_bytes(a->argv, b->argv);
	SAME(argv_len);
	SAME(argv_truncated);
	SAME(redacted);
	same_bytes(a->env, b->env);
	SAME(cgroup_id);
	SAME(pid_ns);
	SAME(mnt_ns);
	SAME(user_ns);
	SAME(uts_ns);
	SAME(nspid);
	SAME_TEXT(nodename);
	SAME_TEXT(cwd_host);
	SAME(maxrss_bytes);
	assert_memory_equal(&a->before, &b->before, sizeof(a->before));
}

void same_tool(const struct tool_row *a, const struct tool_row *b)
{
	SAME(id);
	SAME(run_id);
	SAME(task);
	SAME_TEXT(name);
	SAME_TEXT(component);
	SAME_TEXT(path);
	SAME(processes);
	SAME(failed);
	SAME(start_ns);
	SAME(end_ns);
	SAME(peak_rss_bytes);
	assert_memory_equal(&a->ledger, &b->ledger, sizeof(a->ledger));
}

void same_task(const struct task_row *a, const struct task_row *b)
{
	SAME(id);
	SAME(run_id);
	SAME(parent);
	SAME_TEXT(name);
	SAME_TEXT(key);
	SAME_TEXT(sample);
	SAME_TEXT(rule);
	SAME_TEXT(evidence);
	SAME(attempt);
	SAME(confidence);
	SAME(status);
	SAME(exit_code);
	SAME(signal);
	SAME(start_ns);
	SAME(end_ns);
	SAME(requested_cpus);
	SAME(requested_memory_bytes);
	SAME(root_process);
	SAME(processes);
	SAME(peak_rss_bytes);
	SAME(busy_ns);
	SAME(kind);
	SAME(scope);
	SAME(of_run);
	SAME_TEXT(cpus_source);
	SAME_TEXT(memory_source);
	assert_memory_equal(&a->ledger, &b->ledger, sizeof(a->ledger));
}

void same_scope(const struct scope_row *a, const struct scope_row *b)
{
	SAME(id);
	SAME(run_id);
	SAME(parent);
	SAME(task);
	SAME(kind);
	SAME_TEXT(key);
	SAME_TEXT(name);
	SAME_TEXT(engine);
	SAME_TEXT(pipeline);
	SAME_TEXT(rule);
	SAME_TEXT(evidence);
	SAME(confidence);
	SAME(status);
	SAME(exit_code);
	SAME(signal);
	SAME(start_ns);
	SAME(end_ns);
	SAME(root_process);
	SAME_TEXT(fields);
}

void same_file(const struct file_row *a, const struct file_row *b)
{
	SAME(process);
	SAME_TEXT(path);
	SAME(inode);
	SAME(dev);
	SAME(opens);
	SAME(failed);
	SAME(access);
	SAME(renamed_to);
	SAME(unlinked);
	SAME(error);
	SAME(first_ns);
	SAME(last_ns);
	SAME(size_bytes);
	SAME(kind);
	SAME(files);
	SAME_TEXT(source);
	SAME(descriptors);
	SAME(read_to_bytes);
	SAME(written_to_bytes);
	SAME(inherited);
	SAME(linked);
	SAME(files_at_least);
}

void same_incident(const struct incident_row *a, const struct incident_row *b)
{
	SAME(run_id);
	SAME(process);
	SAME(time_ns);
	SAME_TEXT(kind);
	SAME_TEXT(detail);
}

void same_text_row(const struct text_row *a, const struct text_row *b)
{
	SAME(run_id);
	SAME(n);
	SAME(time_ns);
	SAME_TEXT(path);
	same_bytes(a->data, b->data);
}

_Static_assert(sizeof(struct run_row) == 648, "a new member: make and compare it above");
_Static_assert(sizeof(struct process_row) == 416, "a new member: make and compare it above");
_Static_assert(sizeof(struct exec_row) == 400, "a new member: make and compare it above");
_Static_assert(sizeof(struct tool_row) == 328, "a new member: make and compare it above");
/* detail is the readers' own */
_Static_assert(sizeof(struct task_row) == 440, "a new member: make and compare it above");
_Static_assert(sizeof(struct file_row) == 120, "a new member: make and compare it above");
_Static_assert(sizeof(struct incident_row) == 40, "a new member: make and compare it above");
_Static_assert(sizeof(struct text_row) == 48, "a new member: make and compare it above");
_Static_assert(sizeof(struct scope_row) == 136, "a new member: make and compare it above");
