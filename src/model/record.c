/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows into records: which member feeds which field, and above all when a field
 * is unknown. A zero that only means "not measured here" never becomes a value.
 */
#include "src/model/fields.h"

#include <signal.h>

#include "src/base/cleanup.h"

/* States that need a feature of the collector; with ptrace only CPU is known. */
static bool state_known(enum ledger_state state, const struct run_row *run)
{
	if (state == LEDGER_CPU)
		return true;
	if (run->collector != COLLECTOR_EBPF)
		return false;
	switch (state) {
	case LEDGER_RUNQ:
		return run->features & FEATURE_RUNQ;
	case LEDGER_NET:
	case LEDGER_PIPE:
	case LEDGER_LOCK:
	case LEDGER_CHILD:
	case LEDGER_SLEEP:
	case LEDGER_POLL:
		return run->features & FEATURE_WAIT_CLASS;
	case LEDGER_RECLAIM:
		return run->features & FEATURE_RECLAIM;
	default:
		return true;
	}
}

void cpu_split(const struct wire_ledger *l, uint64_t *ret_user_ns, uint64_t *ret_system_ns)
{
	uint64_t cpu = l->state_ns[LEDGER_CPU], system;
	unsigned __int128 sampled = (unsigned __int128)l->utime_ns + l->stime_ns;

	if (!l->stime_ns)
		system = 0;
	else if (!l->utime_ns)
		system = cpu;
	else
		system = (uint64_t)((unsigned __int128)cpu * l->stime_ns / sampled);
	*ret_user_ns = cpu - system;
	*ret_system_ns = system;
}

static void record_io(struct record *r, const struct wire_ledger *l, uint64_t features)
{
	if (features & FEATURE_IO_BYTES) {
		record_number(r, FIELD_READ, l->read_bytes);
		record_number(r, FIELD_WRITE, l->write_bytes);
		record_number(r, FIELD_CANCELLED_WRITE, l->cancelled_write_bytes);
		record_number(r, FIELD_RCHAR, l->rchar_bytes);
		record_number(r, FIELD_WCHAR, l->wchar_bytes);
		record_number(r, FIELD_READ_CALLS, l->read_calls);
		record_number(r, FIELD_WRITE_CALLS, l->write_calls);
	}
	if (features & FEATURE_NET_BYTES) {
		record_number(r, FIELD_NET_RX, l->net_rx_bytes);
		record_number(r, FIELD_NET_TX, l->net_tx_bytes);
	}
	if (features & FEATURE_RECLAIM)
		record_number(r, FIELD_DIRECT_RECLAIM, l->direct_reclaim_ns);
}

void record_ledger(struct record *r, const struct wire_ledger *l, const struct run_row *run)
{
	uint64_t user, system;

	cpu_split(l, &user, &system);
	record_number(r, FIELD_CPU, l->state_ns[LEDGER_CPU]);
	record_number(r, FIELD_USER_CPU, user);
	record_number(r, FIELD_SYSTEM_CPU, system);
	for (unsigned i = 0; i < LEDGER_STATES; i++)
		if (state_known(i, run))
			record_number(r, FIELD_STATE_CPU + i, l->state_ns[i]);
	record_nonzero(r, FIELD_THREAD_TIME, l->thread_ns);
	record_number(r, FIELD_MINOR_FAULTS, l->minor_faults);
	record_number(r, FIELD_MAJOR_FAULTS, l->major_faults);
	record_number(r, FIELD_SWITCHES_VOLUNTARY, l->switches_voluntary);
	record_number(r, FIELD_SWITCHES_INVOLUNTARY, l->switches_involuntary);
	record_io(r, l, run->features);
	if (r->v[FIELD_WALL].known && r->v[FIELD_WALL].number) {
		r->v[FIELD_CORES].known = true;
		r->v[FIELD_CORES].ratio =
			(double)l->state_ns[LEDGER_CPU] / (double)r->v[FIELD_WALL].number;
	}
}

void record_span(struct record *r, uint64_t start_ns, uint64_t end_ns)
{
	record_nonzero(r, FIELD_START, start_ns);
	record_nonzero(r, FIELD_END, end_ns);
	if (start_ns && end_ns >= start_ns)
		record_number(r, FIELD_WALL, end_ns - start_ns);
}

static void record_exit(struct record *r, int exit_code, int signal)
{
	if (exit_code >= 0 && !signal)
		record_number(r, FIELD_EXIT_CODE, (uint64_t)exit_code);
	if (signal > 0)
		record_number(r, FIELD_SIGNAL, (uint64_t)signal);
}

void record_run(struct record *r, const struct run_row *run)
{
	record_text(r, FIELD_ID, run->uid);
	record_text(r, FIELD_RUN, run->uid);
	record_text(r, FIELD_NAME, run->name);
	record_text(r, FIELD_PIPELINE, run->pipeline);
	record_text(r, FIELD_ENGINE, run->engine);
	record_bytes(r, FIELD_ARGV, run->argv);
	record_text(r, FIELD_CWD, run->cwd);
	record_text(r, FIELD_USER, run->user);
	record_number(r, FIELD_UID, run->user_id);
	record_text(r, FIELD_STATUS, run_status_name(run->status));
	record_span(r, run->start_ns, run->end_ns);
	record_exit(r, run->exit_code, run->signal);
	record_text(r, FIELD_HOST, run->hostname);
	record_text(r, FIELD_KERNEL, run->kernel);
	record_text(r, FIELD_ARCH, run->arch);
	record_nonzero(r, FIELD_CPUS, run->cpus);
	record_nonzero(r, FIELD_MEMORY, run->memory_bytes);
	record_nonzero(r, FIELD_COMMAND_CPU, run->command_cpu_ns);
	record_nonzero(r, FIELD_COLLECTOR_CPU, run->collector_cpu_ns);
	record_nonzero(r, FIELD_COLLECTOR_START, run->collector_start_ns);
	record_nonzero(r, FIELD_RECORDER_CPU, run->recorder_cpu_ns);
	record_nonzero(r, FIELD_BPF_RUN, run->bpf_run_ns);
	record_text(r, FIELD_COLLECTOR, collector_name(run));
	record_number(r, FIELD_COMPLETE, run_is_complete(run));
	if (!run_is_observed(run))
		return;
	record_number(r, FIELD_PROCESSES, run->processes);
	record_number(r, FIELD_EXECS, run->execs);
	record_nonzero(r, FIELD_PEAK_RSS, run->peak_rss_bytes);
	record_ledger(r, &run->ledger, run);
}

void record_task(struct record *r, const struct task_row *task, const struct run_row *run)
{
	record_text(r, FIELD_RUN, run->uid);
	record_text(r, FIELD_NAME, task->name);
	record_text(r, FIELD_TASK, task->name);
	record_text(r, FIELD_KEY, task->key);
	record_nonzero(r, FIELD_ATTEMPT, task->attempt);
	record_text(r, FIELD_SAMPLE, task->sample);
	record_text(r, FIELD_RULE, task->rule);
	record_text(r, FIELD_EVIDENCE, task->evidence);
	record_number(r, FIELD_CONFIDENCE, task->confidence);
	record_text(r, FIELD_STATUS, task_status_name(task->status));
	record_span(r, task->start_ns, task->end_ns);
	record_nonzero(r, FIELD_BUSY, task->busy_ns);
	record_exit(r, task->exit_code, task->signal);
	record_nonzero(r, FIELD_REQUESTED_CPUS, task->requested_cpus);
	record_nonzero(r, FIELD_REQUESTED_MEMORY, task->requested_memory_bytes);
	record_text(r, FIELD_CPUS_SOURCE, task->cpus_source);
	record_text(r, FIELD_MEMORY_SOURCE, task->memory_source);
	record_text(r, FIELD_KIND, task_kind_name(task->kind));
	record_nonzero(r, FIELD_SCOPE, (uint32_t)task->scope);
	record_nonzero(r, FIELD_RUN_SCOPE, (uint32_t)task->of_run);
	record_number(r, FIELD_PROCESSES, task->processes);
	record_nonzero(r, FIELD_PEAK_RSS, task->peak_rss_bytes);
	record_ledger(r, &task->ledger, run);
}

void record_scope(struct record *r, const struct scope_row *s)
{
	record_nonzero(r, FIELD_SCOPE, (uint32_t)s->id);
	record_text(r, FIELD_KIND, scope_kind_name(s->kind));
	record_text(r, FIELD_NAME, s->name);
	record_text(r, FIELD_KEY, s->key);
	record_text(r, FIELD_ENGINE, s->engine);
	record_text(r, FIELD_PIPELINE, s->pipeline);
	record_text(r, FIELD_RULE, s->rule);
	record_text(r, FIELD_EVIDENCE, s->evidence);
	record_number(r, FIELD_CONFIDENCE, s->confidence);
	record_text(r, FIELD_STATUS, task_status_name(s->status));
	record_span(r, s->start_ns, s->end_ns);
	record_exit(r, s->exit_code, s->signal);
}

void record_tool(struct record *r, const struct tool_row *tool, const struct run_row *run)
{
	record_text(r, FIELD_RUN, run->uid);
	record_text(r, FIELD_NAME, tool->name);
	record_text(r, FIELD_TOOL, tool->name);
	record_text(r, FIELD_COMPONENT, tool->component);
	record_text(r, FIELD_PATH, tool->path);
	record_number(r, FIELD_PROCESSES, tool->processes);
	record_number(r, FIELD_FAILED, tool->failed);
	record_span(r, tool->start_ns, tool->end_ns);
	record_nonzero(r, FIELD_PEAK_RSS, tool->peak_rss_bytes);
	record_ledger(r, &tool->ledger, run);
}

static void record_exec(struct record *r, const struct exec_row *exec)
{
	record_text(r, FIELD_EXE, exec->exe);
	record_bytes(r, FIELD_ARGV, exec->argv);
	record_number(r, FIELD_ARGV_TRUNCATED, exec->argv_truncated);
	record_text(r, FIELD_CWD, exec->cwd);
}

/* A process that was not killed by SIGKILL was not an OOM victim, whether or not
 * the collector hears of victims. */
static void record_oom(struct record *r, const struct process_row *p, const struct run_row *run)
{
	if (p->oom_killed || (run->features & FEATURE_OOM) || p->signal != SIGKILL)
		record_number(r, FIELD_OOM_KILLED, p->oom_killed);
}

void record_process(struct record *r, const struct process_row *p, const struct exec_row *exec,
		    const struct run_row *run)
{
	record_number(r, FIELD_PID, p->pid);
	record_nonzero(r, FIELD_PPID, p->ppid);
	record_number(r, FIELD_UID, p->uid);
	record_number(r, FIELD_GID, p->gid);
	record_text(r, FIELD_HOST, run->hostname);
	record_text(r, FIELD_CONTAINER, p->container);
	record_nonzero(r, FIELD_SCOPE, (uint32_t)p->scope);
	record_text(r, FIELD_RUN, run->uid);
	record_text(r, FIELD_COMM, p->comm);
	if (exec)
		record_exec(r, exec);
	record_number(r, FIELD_EXECS, p->execs);
	record_span(r, p->start_ns, p->end_ns);
	if (p->end_ns)
		record_exit(r, p->exit_code, p->signal);
	record_oom(r, p, run);
	record_number(r, FIELD_CORE_DUMPED, p->core_dumped);
	record_nonzero(r, FIELD_KILLER_PID, p->killer_pid);
	record_nonzero(r, FIELD_THREADS_PEAK, p->threads_peak);
	record_nonzero(r, FIELD_PEAK_RSS, p->peak_rss_bytes);
	record_nonzero(r, FIELD_PROGRAM_PEAK, p->program_peak_rss_bytes);
	record_text(r, FIELD_COLLECTOR, collector_name(run));
	record_number(r, FIELD_COMPLETE, p->complete);
	record_number(r, FIELD_JOINED_LATE, p->joined_late);
	record_ledger(r, &p->ledger, run);
}

const char *run_status_name(enum run_status status)
{
	static const char *const names[] = { "running", "succeeded", "failed", "cancelled",
					     "interrupted" };

	return (unsigned)status < ARRAY_SIZE(names) ? names[status] : "unknown";
}

const char *task_status_name(enum task_status status)
{
	static const char *const names[] = { "running",	  "succeeded", "failed",
					     "cancelled", "oom",       "unknown" };

	return (unsigned)status < ARRAY_SIZE(names) ? names[status] : "unknown";
}

const char *task_kind_name(enum task_kind kind)
{
	return kind == TASK_ALLOCATION ? "allocation" : "task";
}

const char *scope_kind_name(enum scope_kind kind)
{
	static const char *const names[SCOPE_KINDS] = { "run",	   "allocation", "container",
							"session", "task",	 "mark" };

	return (unsigned)kind < SCOPE_KINDS ? names[kind] : "unknown";
}

const char *collector_name(const struct run_row *run)
{
	if (run->replayed)
		return "replay";
	switch (run->collector) {
	case COLLECTOR_EBPF:
		return "ebpf";
	case COLLECTOR_PTRACE:
		return "ptrace";
	case COLLECTOR_NONE:
		return "none";
	default:
		return NULL;
	}
}

const char *state_name(enum ledger_state state)
{
	return field_of(FIELD_STATE_CPU + state)->name + sizeof("states.") - 1;
}

uint64_t completeness_events_lost(const struct completeness *c)
{
	uint64_t n = 0;

	for (unsigned i = LOSS_FORK; i <= LOSS_INCIDENT; i++)
		n += c->lost[i];
	return n;
}

bool run_is_observed(const struct run_row *run)
{
	return run->collector != COLLECTOR_NONE;
}

bool run_is_complete(const struct run_row *run)
{
	const struct completeness *c = &run->completeness;
	uint64_t n = c->processes_lost + c->joined_late + c->without_parent + c->rows_lost;

	for (unsigned i = 0; i < LOSS_KINDS; i++)
		n += c->lost[i];
	return !n && run->end_ns && run_is_observed(run);
}
