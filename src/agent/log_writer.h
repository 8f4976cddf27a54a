/* SPDX-License-Identifier: Apache-2.0 */
/* Writes an event log: the stream's own bytes, after redaction. Errors stick and
 * are told by log_writer_close(). */
#ifndef TRACER_AGENT_LOG_WRITER_H
#define TRACER_AGENT_LOG_WRITER_H

#include "bpf/wire.h"

struct log_writer;

int log_writer_open(const char *path,
		    struct log_writer **ret); /* 0600; refuses to overwrite: -EEXIST */
void log_writer_put(struct log_writer *w, const struct wire_header *record);
void log_writer_flush(struct log_writer *w);
int log_writer_close(struct log_writer *w); /* 0, or -1 with errno: the file is incomplete */

#endif
