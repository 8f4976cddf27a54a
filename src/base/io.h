/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reads and writes, retried over EINTR and short counts. */
#ifndef TRACER_BASE_IO_H
#define TRACER_BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int write_full(int fd, const void *data, size_t len); /* 0 or -errno */
ssize_t read_full(int fd, void *data, size_t len);    /* < len only at the end; -errno */
/* A small file as text: up to size - 1 bytes, NUL-ended. Length or -errno. */
ssize_t read_text(const char *path, char *buf, size_t size);
int make_directories(const char *path, mode_t mode); /* every parent of path too */

#endif
