/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace files of Nextflow, line by line: tab or comma separated, with a line of
 * column names; raw numbers (bytes, ms, Unix ms) or as people read them ("1.2 GB",
 * "3m 20s"). Also the same columns under the names of the Lotaru data set. Pure: the
 * caller reads lines; nothing a line holds can do more than be refused.
 */
#ifndef TRACER_ANALYSIS_TRACE_FILE_H
#define TRACER_ANALYSIS_TRACE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define TRACE_FIELDS_MAX 128 /* of one line */

enum trace_column {
	TRACE_PROCESS,
	TRACE_NAME,
	TRACE_STATUS,
	TRACE_EXIT,
	TRACE_CPUS,
	TRACE_MEMORY,
	TRACE_START,
	TRACE_REALTIME,
	TRACE_PCPU,
	TRACE_PEAK_RSS,
	TRACE_RCHAR,
	TRACE_COLUMNS
};

struct trace_header {
	char separator;
	size_t n_fields;
	int at[TRACE_COLUMNS]; /* index of the field; -1: the file has no such column */
};

enum trace_end { TRACE_DONE, TRACE_KILLED_FOR_MEMORY, TRACE_NOT_DONE };

struct trace_task {	     /* NAN: not recorded */
	const char *process; /* in the line */
	enum trace_end end;
	double cpus, memory_bytes, start_ms, seconds, cores, peak_bytes, input_bytes;
};

/* Both cut up the line that they are given, and return 0, or -EINVAL with what is
 * wrong in words (buffer of TRACE_WHY bytes). */
#define TRACE_WHY 160
int trace_header_parse(struct trace_header *h, char *line, char *ret_why);
int trace_task_parse(const struct trace_header *h, char *line, struct trace_task *ret,
		     char *ret_why);
/* "12 GB", "12884901888", "512M": bytes, units are powers of 1024. false: it is not. */
bool trace_bytes(const char *text, double *ret);

#endif
