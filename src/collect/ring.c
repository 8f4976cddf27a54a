/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout (kernel/bpf/ringbuf.c): page 0 holds the consumer's position, writable;
 * page 1 the producer's; then the data, mapped twice in a row. Each record has
 * an 8-byte header: length with a busy and a discard bit, and the page offset.
 */
#include "src/collect/ring.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bpf.h>

#define PUBLISH_BYTES (64 * 1024) /* space is given back in steps: fewer shared stores */

struct ring {
	unsigned long *consumer;
	const unsigned long *producer;
	const unsigned char *data;
	size_t page, mask, data_bytes;
	unsigned long published;
};

int ring_new(int map_fd, size_t bytes, struct ring **ret)
{
	struct ring *r = calloc(1, sizeof(*r));
	void *map;

	if (!r)
		return -ENOMEM;
	r->page = (size_t)sysconf(_SC_PAGESIZE);
	r->mask = bytes - 1;
	map = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (map == MAP_FAILED)
		goto failed;
	r->consumer = map;
	r->data_bytes = r->page + bytes + 2 * WIRE_RECORD_MAX;
	if (bytes < 2 * WIRE_RECORD_MAX)
		r->data_bytes = r->page + 2 * bytes;
	map = mmap(NULL, r->data_bytes, PROT_READ, MAP_SHARED, map_fd, (off_t)r->page);
	if (map == MAP_FAILED)
		goto failed;
	r->producer = map;
	r->data = (const unsigned char *)map + r->page;
	r->published = *r->consumer;
	*ret = r;
	return 0;
failed:
	map_fd = -errno;
	ring_free(r);
	return map_fd;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	if (r->consumer)
		munmap(r->consumer, r->page);
	if (r->producer)
		munmap((void *)(uintptr_t)r->producer, r->data_bytes);
	free(r);
}

static void publish(struct ring *r, unsigned long position)
{
	__atomic_store_n(r->consumer, position, __ATOMIC_RELEASE);
	r->published = position;
}

int ring_consume(struct ring *r, collect_fn fn, void *ctx)
{
	unsigned long position = r->published;
	int count = 0, error = 0;

	while (error >= 0 && position < __atomic_load_n(r->producer, __ATOMIC_ACQUIRE)) {
		const unsigned char *at = r->data + (position & r->mask);
		uint32_t head =
			__atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_ACQUIRE);
		uint32_t len = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (head & BPF_RINGBUF_BUSY_BIT)
			break; /* still being written: what follows waits too */
		position += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7ul;
		if (!(head & BPF_RINGBUF_DISCARD_BIT)) {
			error = fn(ctx, (const void *)(at + BPF_RINGBUF_HDR_SZ));
			count++;
		}
		if (position - r->published >= PUBLISH_BYTES)
			publish(r, position);
	}
	if (position != r->published)
		publish(r, position);
	return error < 0 ? error : count;
}

bool ring_pending(const struct ring *r)
{
	return r->published < __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}
