/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that file names come from. */
#ifndef TRACER_COLLECT_FILE_CALLS_H
#define TRACER_COLLECT_FILE_CALLS_H

#include <stdint.h>

#include "bpf/state.h"

#define FILE_CALLS_MAX 32

struct file_call_entry {
	uint16_t number;
	uint8_t call; /* enum file_call */
	const char *tracepoint;
};

/* Those whose tracepoint can be attached; their number, at most FILE_CALLS_MAX. */
unsigned file_calls_available(struct file_call_entry *ret);

#endif
