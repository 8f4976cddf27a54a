/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder: reads the stream, takes secrets out, writes the event log, feeds
 * the tracker, stores its rows. Holds no privilege. `tracer replay` is the same
 * code over a log.
 */
#ifndef TRACER_AGENT_RECORDER_H
#define TRACER_AGENT_RECORDER_H

#include <stdint.h>

#include "src/agent/identity.h"

struct rules;

struct recorder_options {
	const char *db;		   /* NULL: no store */
	const char *log;	   /* event log to write; NULL: none */
	const char *fallback_log;  /* written when the store cannot be opened; NULL: none */
	const struct rules *rules; /* borrowed */
	bool read_engine_files;	   /* content tier: docs/privacy.md */
	const char *machine;	   /* KEY=VALUE lines about the machine; NULL: none */
	int machine_fd;		   /* more of them, from who asks for it; < 0: none */
	unsigned stall_after_s;	   /* without progress for so long; 0: not looked for */
	int stall_fd;		   /* of the helper that looks at stalled processes; -1 */
};

struct recorder_result {
	uint64_t records;
	uint64_t rows_lost;
	bool stored;	/* the store has it */
	bool clean;	/* the stream said that it is complete */
	bool damaged;	/* a record could not be read: what came before is stored */
	char note[512]; /* what went wrong, for people; empty: nothing */
};

/* Reads fd (the collector's pipe) to its end. control_fd, or -1, hears READY and stalls. 0 or
 * -errno; the result is filled in either case. */
int recorder_run(const struct recorder_options *o, int fd, int control_fd,
		 struct recorder_result *ret);
int recorder_replay(const struct recorder_options *o, const char *path,
		    struct recorder_result *ret);

/* The recorder process: changes to the user, says READY, runs, says DONE. */
int recorder_main(const struct recorder_options *o, const struct identity *id, int stream_fd,
		  int control_fd);

#endif
