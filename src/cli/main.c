/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, in the order in which `tracer help` lists them. */
#include "src/cli/cli.h"

#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

static const struct command commands[] = {
	{ "run", "run a command, observe all of it, report", cmd_run },
	{ "record", "observe into an event log, or the whole host", cmd_record },
	{ "replay", "bring an event log into the database", cmd_replay },
	{ "runs", "list the recorded runs, newest first", cmd_runs },
	{ "report", "one screen about a run: where its time went", cmd_report },
	{ "show", "a run as a tree of tasks and tools", cmd_show },
	{ "tasks", "the tasks of a run", cmd_tasks },
	{ "tools", "the tools of a run", cmd_tools },
	{ "ps", "every process of a run", cmd_ps },
	{ "files", "the files that a run read and wrote", cmd_files },
	{ "tune", "what limited a run, how it failed, what to do", cmd_tune },
	{ "why", "why a task or process took its time or failed", cmd_why },
	{ "diff", "what changed between two runs, task by task", cmd_diff },
	{ "cost", "what runs cost, and who caused it", cmd_cost },
	{ "prices", "show or import the prices of machines", cmd_prices },
	{ "dag", "the dataflow: which task used what another made", cmd_dag },
	{ "critical-path", "the chain of tasks and gaps that a run took", cmd_critical_path },
	{ "export", "a run as JSON lines, CSV or a trace for Perfetto", cmd_export },
	{ "rebuild", "derive tasks and tools of runs again with today's rules", cmd_rebuild },
	{ "rules", "list, check and test the rules about engines", cmd_rules },
	{ "redact", "show what would be stored of a command line", cmd_redact },
	{ "doctor", "what this machine offers to observation", cmd_doctor },
	{ NULL, NULL, NULL },
};

/* A descriptor of ours must not get the number of a standard one that is closed: helpers put
 * /dev/null there. What fills the place fails as the closed one did (the wrong way to use
 * it), and a command that we start has it closed again. */
static void fill_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null",
				   (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

int main(int argc, char **argv)
{
	fill_standard_fds();
	return cli_main(commands, argc, argv);
}
