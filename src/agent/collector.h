/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector process: holds the BPF programs and two capabilities, talks to
 * nobody but the pipe and its supervisor, parses no foreign text.
 */
#ifndef TRACER_AGENT_COLLECTOR_H
#define TRACER_AGENT_COLLECTOR_H

#include "src/agent/identity.h"
#include "src/agent/stream.h"
#include "src/collect/collect.h"

struct collector_options {
	struct collect_options collect;
	struct identity identity;
	struct run_description run;
	pid_t spawner;	    /* whose next children are the command; 0: whole host */
	int stream_fd;	    /* to the recorder */
	int control_fd;	    /* to the supervisor (channel.h) */
	unsigned sample_ms; /* live totals: interval */
};

/* Runs until the supervisor says END (or has gone); returns an exit code. */
int collector_main(const struct collector_options *o);

#endif
