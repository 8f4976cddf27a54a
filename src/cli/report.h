/* SPDX-License-Identifier: Apache-2.0 */
/* The short report: one screen about a run, printed after `tracer run`. */
#ifndef TRACER_CLI_REPORT_H
#define TRACER_CLI_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "src/store/store.h"

struct report_options {
	size_t width; /* columns; 0: 100 */
	bool color;
};

/* 0 or -errno; prints nothing if the run cannot be read. */
int report_print(struct store *s, int64_t run_id, FILE *out, const struct report_options *options);
/* Options for the stream at fd: its width, colour on a terminal without NO_COLOR. */
struct report_options report_options_for(int fd);

#endif
