/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that opens and reads files of the observed program for the recorder,
 * one request at a time. A read from a hung file system (NFS, FUSE) cannot be
 * interrupted, not even by SIGKILL: who waits in it must be somebody that nobody
 * waits for, hence no thread. It is forked at the first request, holds nothing
 * but its end of a socket, and ends with the recorder.
 */
#ifndef TRACER_AGENT_TEXT_READER_H
#define TRACER_AGENT_TEXT_READER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/wire.h"

#define TEXT_READ_MAX (64 * 1024)
#define TEXT_WAIT_MS  1000

struct text_place {
	uint64_t dev, inode; /* of the file that was read before; 0: none */
	int64_t at;	     /* read from here, or from 0 if it is another or shorter */
};

struct text_reader {
	pid_t pid;
	int fd;			      /* -1: not started, or given up */
	int error;		      /* 0, or why it was given up: -ETIMEDOUT, ... */
	uint64_t cpu_ns;	      /* that it has used */
	int64_t file_size;	      /* of the file of the last answer */
	char path[WIRE_PATH_MAX + 1]; /* of the request that ended it */
	char data[TEXT_READ_MAX];     /* of the last answer */
};

void text_reader_init(struct text_reader *r);
void text_reader_fini(struct text_reader *r); /* never waits */
/* Up to `want` bytes into r->data of a regular file, never through a link at its
 * end; how many, or -errno. Where they were is in *place. Without an answer within
 * TEXT_WAIT_MS the reader is given up: this and all later calls return r->error. */
ssize_t text_reader_read(struct text_reader *r, const char *path, size_t want,
			 struct text_place *place);

#endif
