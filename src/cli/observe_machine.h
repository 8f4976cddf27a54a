/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What machine a recording is on, to be stored with the run: from options, the
 * settings that `tracer cost` reads (host.yaml), and the cloud's metadata service
 * when the user asks for it. The command never waits for any of it.
 */
#ifndef TRACER_CLI_OBSERVE_MACHINE_H
#define TRACER_CLI_OBSERVE_MACHINE_H

#include "src/base/str.h"
#include "src/cli/cost_detect.h"
#include "src/cli/observe.h"

struct observe_machine {
	struct cost_config config; /* owns texts of `entry` */
	struct host_entry entry;
	struct cost_detect service;
	struct str lines; /* KEY=VALUE, as recorder_options.machine wants them */
};

/* 0, or -EINVAL (it has said why): nothing was run yet. */
int observe_machine_init(struct observe_machine *m, const struct observe_options *o);
void observe_machine_fini(struct observe_machine *m);
/* session_options.detect; ctx: struct observe_machine. Stays while the machine may
 * be taken away, until nobody reads fd. */
void observe_machine_detect(void *ctx, int fd);

#endif
