/* SPDX-License-Identifier: Apache-2.0 */
/* The container that a cgroup path names, from the path's text alone. */
#ifndef TRACER_TRACK_CONTAINER_H
#define TRACER_TRACK_CONTAINER_H

#include <stdbool.h>

#define CONTAINER_ID_SHOWN 12 /* hex digits, as the runtimes print them */

/* Docker, Podman, containerd and CRI-O use an id of 64 hex digits as, or inside,
 * one component. True and the first 12 of the innermost one in ret. */
bool container_from_cgroup(const char *path, char ret[CONTAINER_ID_SHOWN + 1]);

#endif
