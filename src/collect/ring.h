/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading end of a BPF ring buffer. libbpf's maps the data twice over in
 * full, which counts as twice the ring in this process's RSS (16 of 20 MiB);
 * this one maps it once, and again only as much as one record can run over.
 */
#ifndef TRACER_COLLECT_RING_H
#define TRACER_COLLECT_RING_H

#include "src/collect/collect.h"

struct ring;

/* map_fd: of a BPF_MAP_TYPE_RINGBUF map of `bytes` bytes; borrowed. */
int ring_new(int map_fd, size_t bytes, struct ring **ret);
void ring_free(struct ring *r);
/* As ebpf_consume(). The space of a record is given back after fn has returned. */
int ring_consume(struct ring *r, collect_fn fn, void *ctx);
/* Records wait, be it behind one that is still being written. */
bool ring_pending(const struct ring *r);

#endif
