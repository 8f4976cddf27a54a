/* SPDX-License-Identifier: Apache-2.0 */
/* A run as Chrome trace events (JSON), which Perfetto and chrome://tracing show. */
#ifndef TRACER_CLI_EXPORT_TRACE_H
#define TRACER_CLI_EXPORT_TRACE_H

#include <stdio.h>

#include "src/store/store.h"

/* Times are in us since the start of the run, with three decimals; Unix time of
 * the start is in otherData. One track a process; tasks are in tracks of their
 * own, side by side where they overlap. 0 or -errno. */
int export_trace(struct store *s, const struct run_row *run, FILE *out);

#endif
