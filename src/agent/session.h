/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One observation, from the supervisor's side: start the collector and the
 * recorder, run the command as if we were not there (or wait, for a whole host),
 * end both, tell what happened. The command comes first: whatever of ours fails,
 * it runs, with its own stdio, signals, terminal and exit code.
 */
#ifndef TRACER_AGENT_SESSION_H
#define TRACER_AGENT_SESSION_H

#include "src/agent/identity.h"
#include "src/agent/recorder.h"
#include "src/collect/collect.h"

struct session_options {
	char *const *argv; /* the command; NULL: the whole host until a signal */
	const char *name;
	const char *const *labels;
	unsigned n_labels;
	struct recorder_options recorder; /* db and log are used by the user */
	struct collect_options collect;
	struct identity identity;
	unsigned sample_ms;
	unsigned duration_s; /* whole host: stop after; 0: until a signal */
	/* Run in a process of its own, as the user, beside the command, which does not
	 * wait for it: writes what recorder_options.machine_fd takes. NULL: nobody asks. */
	void (*detect)(void *ctx, int fd);
	void *detect_ctx;
	bool tell_stalls; /* one line on stderr when one begins and when it is over */
	bool strict;	  /* without observation do not run the command */
	bool announce;	  /* say "tracer: ready" when observation has begun */
};

struct session_result {
	int exit_code; /* as the command's, or 125, 126, 127 */
	bool observed; /* the collector saw it from beginning to end */
	bool stored;   /* there is a run to report */
	char run_uid[16];
	char note[640]; /* what went wrong, for people; empty: nothing */
	size_t told;	/* bytes of the note that were said before the command ran */
};

/* Always fills *ret. 0, or -errno if the command was not run. */
int session_run(const struct session_options *o, struct session_result *ret);

#endif
