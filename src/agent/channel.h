/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words between the supervisor and its two helpers, the collector and the
 * recorder: one small message each way at start and at the end.
 */
#ifndef TRACER_AGENT_CHANNEL_H
#define TRACER_AGENT_CHANNEL_H

#include <stdint.h>
#include <sys/types.h>

enum message_kind {
	MESSAGE_READY = 1, /* helper -> supervisor */
	MESSAGE_FAILED,	   /* helper -> supervisor: text says why */
	MESSAGE_END,	   /* supervisor -> collector: the command ended */
	MESSAGE_DONE,	   /* helper -> supervisor */
	MESSAGE_STALL,	   /* recorder -> supervisor: text is to be told */
};

struct message {
	uint32_t kind;
	uint32_t status; /* END: wait4 status of the command */
	uint32_t reason; /* END: enum wire_end_reason; DONE: 1 if the store has it */
	int32_t run_pid; /* END: the command */
	uint64_t cpu_ns; /* END: its rusage */
	uint64_t value;	 /* READY of the recorder: 1 if the store is open; DONE: rows lost */
	char text[512];
};

/* 0, -ENOTCONN when the other side has gone, -errno. They retry over EINTR. */
int channel_send(int fd, const struct message *m);
int channel_try_send(int fd, const struct message *m); /* -EAGAIN instead of waiting */
int channel_receive(int fd, struct message *ret);

#endif
