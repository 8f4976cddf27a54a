/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sending end of the event stream. Never blocks the collector: what the
 * pipe does not take at once waits in a bounded buffer; when that is full the
 * records stay in the kernel's ring, and only when that is full too are they
 * lost, and counted there.
 */
#ifndef TRACER_AGENT_STREAM_H
#define TRACER_AGENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/wire.h"

struct stream {
	int fd;
	size_t len;
	int error; /* sticky: -EPIPE when the reader has gone */
	_Alignas(8) unsigned char buf[256 * 1024];
};

struct stream *stream_new(int fd); /* writes the file header; NULL: no memory */
void stream_free(struct stream *s);
/* Takes a record: 0, or -ENOBUFS if the buffer is now too full for another. */
int stream_put(struct stream *s, const struct wire_header *record);
bool stream_has_room(const struct stream *s);
int stream_push(struct stream *s);		    /* what the pipe takes now */
int stream_drain(struct stream *s, int timeout_ms); /* all of it: 0, -ETIMEDOUT, -EPIPE */

/* Builds records with text at the end: RUN_BEGIN and RUN_END. */
struct run_description {
	const char *uid, *name, *cwd, *user;
	char *const *argv;
	const char *const *labels;
	unsigned n_labels;
	uint32_t user_id, group_id;
};
/* buf: WIRE_RECORD_MAX bytes; the size of the record is returned. */
size_t stream_run_begin(const struct run_description *d, void *buf);
size_t stream_run_end(const struct wire_run_end *end, const char *note, void *buf);

#endif
