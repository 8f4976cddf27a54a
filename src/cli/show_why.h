/* SPDX-License-Identifier: Apache-2.0 */
/* tracer show --why: the scopes from the recording down to a task or a process,
 * each with the rule that opened it, its evidence and its confidence. */
#ifndef TRACER_CLI_SHOW_WHY_H
#define TRACER_CLI_SHOW_WHY_H

#include "src/cli/snapshot.h"

/* what: name, key or label of a task, a container, pid, process id or tool. Returns an exit code;
 * it has said what is wrong. */
int show_why(const struct snapshot *s, struct store *store, const char *what, bool json);

#endif
