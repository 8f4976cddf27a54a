/* SPDX-License-Identifier: Apache-2.0 */
/* Truth about files: what a row of this process and path must say. */
#ifndef TRACER_WORKLOAD_FILES_H
#define TRACER_WORKLOAD_FILES_H

#include <sys/types.h>

/* more: further JSON members, "" for none. */
void used(pid_t pid, const char *path, const char *access, const char *more);
const char *in_dir(const char *name); /* absolute; valid until five calls later */
void fill(int fd, size_t bytes);

/* Opens a file through io_uring, by descriptor and by a slot of the ring. False: this
 * machine has no io_uring to use. */
int open_by_ring(const char *path, const char *path_in_slot);

#endif
