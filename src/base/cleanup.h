/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound ownership of locals: `_cleanup_(free_ptr) char *p = NULL;` */
#ifndef TRACER_BASE_CLEANUP_H
#define TRACER_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f)  __attribute__((cleanup(f)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_	 _cleanup_(free_ptr)
#define _cleanup_close_	 _cleanup_(close_fd)
#define _cleanup_fclose_ _cleanup_(close_file)

#endif
