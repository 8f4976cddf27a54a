/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/process_record.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "src/base/human.h"
#include "src/base/text.h"
#include "src/cli/fields_common.h"

#define PUBLIC_FIELDS                                                                              \
	FIELD_ID, FIELD_PARENT, FIELD_PID, FIELD_PPID, FIELD_UID, FIELD_HOST, FIELD_CONTAINER,     \
		FIELD_RUN, FIELD_TASK, FIELD_TOOL, FIELD_SCOPE, FIELD_COMM, FIELD_EXE, FIELD_ARGV, \
		FIELD_ARGV_TRUNCATED, FIELD_CWD, FIELD_START, FIELD_END, FIELD_EXIT_CODE,          \
		FIELD_SIGNAL, FIELD_OOM_KILLED, CPU_FIELDS, FIELD_THREADS_PEAK, FIELD_PEAK_RSS,    \
		COUNT_FIELDS, IO_FIELDS, FIELD_COLLECTOR, FIELD_COMPLETE

const enum field_id process_fields[] = { PUBLIC_FIELDS, FIELD_COUNT };
const enum field_id process_fields_all[] = {
	PUBLIC_FIELDS,	       FIELD_GID,
	FIELD_EXECS,	       FIELD_WALL,
	FIELD_CORES,	       FIELD_COMMAND,
	FIELD_ENDED_AS,	       FIELD_CORE_DUMPED,
	FIELD_KILLER_PID,      FIELD_JOINED_LATE,
	FIELD_READ_CALLS,      FIELD_WRITE_CALLS,
	FIELD_CANCELLED_WRITE, FIELD_DIRECT_RECLAIM,
	FIELD_PROGRAM_PEAK,    FIELD_COUNT,
};

void process_record_fini(struct process_record *p)
{
	str_fini(&p->command);
	str_fini(&p->ended_as);
}

void process_id(char *buf, const struct run_row *run, uint32_t pid, uint64_t start_boot_ns)
{
	snprintf(buf, PROCESS_ID_MAX, "%.8s-%u-%" PRIx64, run->boot_id ? run->boot_id : "", pid,
		 start_boot_ns);
}

bool process_failed(const struct process_row *p)
{
	return p->end_ns && (p->exit_code > 0 || p->signal > 0);
}

/* What shells and env(1) mean by their exit codes (POSIX 2.8.2). */
static void add_exit(struct str *out, int code)
{
	char name[HUMAN_MAX];

	str_addf(out, "exit %d", code);
	if (code == 126)
		str_add(out, ", not executable");
	else if (code == 127)
		str_add(out, ", command not found");
	else if (code > 128 && code - 128 < SIGRTMIN)
		str_addf(out, ", as after %s", human_signal(name, code - 128));
}

void process_ending(struct str *out, const struct process_row *p)
{
	char name[HUMAN_MAX];

	if (p->oom_killed)
		str_add(out, "killed: out of memory");
	else if (p->signal > 0)
		str_addf(out, "killed by %s%s", human_signal(name, p->signal),
			 p->core_dumped ? ", core dumped" : "");
	else if (p->exit_code >= 0)
		add_exit(out, p->exit_code);
	else
		str_add(out, p->end_ns ? "ended" : "still running");
}

static void fill_ended_as(struct process_record *p, const struct process_row *row)
{
	char name[HUMAN_MAX];

	str_reset(&p->ended_as);
	if (!row->end_ns)
		str_add(&p->ended_as, "running");
	else if (row->oom_killed)
		str_add(&p->ended_as, "oom");
	else if (row->signal > 0)
		str_add(&p->ended_as, human_signal(name, row->signal));
	else if (row->exit_code >= 0)
		str_addf(&p->ended_as, "%d", row->exit_code);
	else
		return;
	record_text(&p->record, FIELD_ENDED_AS, str_text(&p->ended_as));
}

static void fill_command(struct process_record *p, const struct process_view *view)
{
	const struct exec_row *exec = view->exec;

	str_reset(&p->command);
	if (exec && exec->argv.data && exec->argv.len)
		text_shell(&p->command, exec->argv.data, exec->argv.len);
	else if (view->process->comm)
		str_addf(&p->command, view->process->kernel_thread ? "[%s]" : "(%s)",
			 view->process->comm);
	else
		return;
	if (exec && exec->argv_truncated)
		str_add(&p->command, " ...");
	record_text(&p->record, FIELD_COMMAND, str_text(&p->command));
}

int process_record_fill(struct process_record *p, const struct process_view *view,
			const struct run_row *run)
{
	const struct process_row *row = view->process;

	p->record = (struct record){ 0 };
	record_process(&p->record, row, view->exec, run);
	process_id(p->id, run, row->pid, row->start_boot_ns);
	record_text(&p->record, FIELD_ID, p->id);
	if (view->parent_start_boot_ns) {
		process_id(p->parent, run, view->parent_pid, view->parent_start_boot_ns);
		record_text(&p->record, FIELD_PARENT, p->parent);
	}
	record_text(&p->record, FIELD_TASK, view->task_name);
	record_text(&p->record, FIELD_TOOL, view->tool_name);
	fill_ended_as(p, row);
	fill_command(p, view);
	return p->command.failed || p->ended_as.failed ? -ENOMEM : 0;
}
