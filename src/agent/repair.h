/* SPDX-License-Identifier: Apache-2.0 */
/* A recorder that was killed leaves its run "running" in the store. */
#ifndef TRACER_AGENT_REPAIR_H
#define TRACER_AGENT_REPAIR_H

#include "src/agent/command.h"

/* Marks it interrupted, with the end that the supervisor saw. 0 or -errno. */
int repair_interrupted(const char *db, const char *run_uid, const struct command_process *command);

#endif
