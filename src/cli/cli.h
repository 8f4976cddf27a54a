/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands: one function and one file each, listed once in main.c. A
 * command gets its own argv (argv[0] is its name) and returns an exit code; its
 * help lives with it, so `tracer help X` is `tracer X --help`.
 */
#ifndef TRACER_CLI_H
#define TRACER_CLI_H

enum exit_code {
	EXIT_OK = 0,
	EXIT_ERROR = 1,	     /* it was tried and failed */
	EXIT_USAGE = 2,	     /* the command line is wrong */
	EXIT_NOT_FOUND = 3,  /* no such run, task or database */
	EXIT_PERMISSION = 4, /* not allowed */
};

struct command {
	const char *name;
	const char *help; /* one line */
	int (*run)(int argc, char **argv);
};

/* Finds and runs the command of argv; commands ends with a NULL name. */
int cli_main(const struct command *commands, int argc, char **argv);

int cmd_run(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_runs(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_tasks(int argc, char **argv);
int cmd_tools(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_files(int argc, char **argv);
int cmd_cost(int argc, char **argv);
int cmd_prices(int argc, char **argv);
int cmd_dag(int argc, char **argv);
int cmd_critical_path(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_rules(int argc, char **argv);
int cmd_redact(int argc, char **argv);
int cmd_tune(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_rebuild(int argc, char **argv);

#endif
