/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The observed command: started as the invoking user, in our process group so
 * that the terminal treats both alike, waited for with its stops and signals.
 */
#ifndef TRACER_AGENT_COMMAND_H
#define TRACER_AGENT_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/agent/identity.h"

struct command_process {
	sigset_t mask;		      /* as we were started with: the command's too */
	struct sigaction pipe_action; /* what SIGPIPE did then */
	pid_t pid;
	int exec_error; /* errno of a failed execvp; 0: it runs */
	int signal_fd;	/* readable: something happened */
	bool ended;
	int status;	 /* wait4 status once ended */
	uint64_t cpu_ns; /* its rusage and that of its waited-for children */
};

/* Blocks the signals that are to be passed on and ignores SIGPIPE; call before any
 * fork. The command gets both back as they were. */
int command_signals(struct command_process *c);
int command_start(struct command_process *c, char *const *argv, const struct identity *id);
/* Call when signal_fd is readable: reaps, passes signals on, stops with it.
 * Returns a deadly signal that was sent to us, or 0. */
int command_handle(struct command_process *c);
int command_exit_code(const struct command_process *c);

#endif
