/* SPDX-License-Identifier: Apache-2.0 */
/* A file is opened without a system call that says so. */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/workload/files.h"
#include "tests/workload/truth.h"

struct ring {
	int fd;
	unsigned *tail, *mask, *array, *done_head, *done_mask;
	struct io_uring_sqe *requests;
	struct io_uring_cqe *done;
};

static void *map(int fd, size_t bytes, off_t at)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, at);

	if (p == MAP_FAILED)
		die("map the ring");
	return p;
}

static bool ring_new(struct ring *r)
{
	struct io_uring_params p = { 0 };
	char *queue, *done;

	r->fd = syscall(SYS_io_uring_setup, 4, &p);
	if (r->fd < 0)
		return false;
	queue = map(r->fd, p.sq_off.array + p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	done = map(r->fd, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
		   IORING_OFF_CQ_RING);
	r->requests = map(r->fd, p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	r->tail = (unsigned *)(queue + p.sq_off.tail);
	r->mask = (unsigned *)(queue + p.sq_off.ring_mask);
	r->array = (unsigned *)(queue + p.sq_off.array);
	r->done_head = (unsigned *)(done + p.cq_off.head);
	r->done_mask = (unsigned *)(done + p.cq_off.ring_mask);
	r->done = (struct io_uring_cqe *)(done + p.cq_off.cqes);
	return true;
}

static int submit(struct ring *r, const struct io_uring_sqe *request)
{
	unsigned at = *r->tail & *r->mask, head = *r->done_head;

	r->requests[at] = *request;
	r->array[at] = at;
	__atomic_store_n(r->tail, *r->tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		die("io_uring_enter");
	__atomic_store_n(r->done_head, head + 1, __ATOMIC_RELEASE);
	return r->done[head & *r->done_mask].res;
}

int open_by_ring(const char *path, const char *path_in_slot)
{
	struct io_uring_sqe request = { .opcode = IORING_OP_OPENAT,
					.fd = AT_FDCWD,
					.addr = (unsigned long)path,
					.open_flags = O_CREAT | O_WRONLY,
					.len = 0644 };
	int slots[1] = { -1 }, fd;
	struct ring r;

	if (!ring_new(&r))
		return false;
	fd = submit(&r, &request);
	if (fd < 0)
		die("open by io_uring");
	fill(fd, 12);
	close(fd);
	if (syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, slots, 1))
		die("register a slot");
	request.addr = (unsigned long)path_in_slot;
	request.file_index = 1;
	if (submit(&r, &request) < 0)
		die("open into a slot");
	close(r.fd);
	return true;
}
