/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside wait_*.c, which look at processes that do not advance:
 *   wait_table.c   all processes of the host: parents, states, names
 *   wait_step.c    what one thread waits for, from the system call that it is in
 *   wait_object.c  files, sockets and locks by name, and who else holds them
 *   wait_chain.c   from one process to who it waits for
 *   wait_knot.c    whether processes that wait for each other wait for nobody else
 */
#ifndef TRACER_COLLECT_WAIT_INTERNAL_H
#define TRACER_COLLECT_WAIT_INTERNAL_H

#include <stdbool.h>

#include "src/collect/collect.h"

#define WAIT_PROCESSES_MAX 32768
#define WAIT_THREADS_MAX   64 /* of one process that are looked at */
#define WAIT_PEERS_MAX	   8
#define WAIT_TEXT_MAX	   8192

struct wait_process {
	uint32_t pid, parent, session;
	uint64_t start_ticks; /* since boot, in 1/100 s */
	char state;
	uint8_t distance; /* from who is asked about: the near ones are looked at first */
	char comm[WIRE_COMM_LEN];
};

struct wait_table {		   /* zeroed: empty */
	struct wait_process *list; /* by pid */
	unsigned n;
	int64_t owner;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none */
	bool cut;	      /* there are, or may be, processes that are not in it */
	bool late;	      /* the deadline has cut something off */
};

#define WAIT_DISTANCES 3 /* its family, its session, the rest */

int wait_table_read(struct wait_table *t);
/* Distances from `pid`. */
void wait_table_order(struct wait_table *t, uint32_t pid);
bool wait_too_late(struct wait_table *t);
/* It is still the process that the table has, and may be looked at. */
bool wait_still(const struct wait_table *t, const struct wait_process *p);
void wait_table_fini(struct wait_table *t);
const struct wait_process *wait_table_find(const struct wait_table *t, uint32_t pid);
bool wait_allowed(const struct wait_table *t, uint32_t pid);

/* How to go on from a step. */
enum wait_next { NEXT_NONE, NEXT_CHILD, NEXT_ANY_CHILD, NEXT_READERS, NEXT_WRITERS, NEXT_PID };

struct wait_step {
	struct wire_stall_step step;
	enum wait_next next;
	uint32_t pid;	/* NEXT_CHILD, NEXT_PID; 0: not known */
	char link[256]; /* NEXT_READERS, NEXT_WRITERS: what a descriptor of theirs is */
	uint64_t inode; /* of a FIFO, whose name is only one of its names; 0: not known */
	bool loose;	/* others than those of `next` may wake it, too */
};

/* One thread in a system call; the readers below fill in step and how to go on. */
struct wait_thread {
	uint32_t pid, tid;
	char state;
	long number; /* -1: in the kernel, in no call; -2: not known */
	uint64_t arg[6];
	char wchan[64];
};

/* The most telling of its threads. */
void wait_step_of(const struct wait_table *t, const struct wait_process *p, struct wait_step *ret);
/* Each of its threads; false: some could not be looked at. */
bool wait_each_thread(const struct wait_process *p,
		      void (*fn)(void *, const struct wait_thread *, const struct wait_step *),
		      void *ctx);
/* The child that wait4() or waitid() was given the number of; 0: not known which. */
uint32_t wait_child_of(const struct wait_table *t, const struct wait_process *p, uint32_t number);
/* Whether each thread of all of them waits for one of them, for nobody else and no time. */
bool wait_is_knot(struct wait_table *t, const uint32_t *pids, unsigned n);
unsigned wait_rank(const struct wire_stall_step *s); /* more: more likely the root */

/* The n-th word of a line, from 0; empty or 0 if there is none. */
void wait_word(const char *line, unsigned n, char *out, size_t size);
uint64_t wait_number(const char *line, unsigned n, int base);
ssize_t wait_read(const struct wait_thread *th, const char *name, char *buf, size_t size);
bool wait_memory(const struct wait_thread *th, uint64_t address, void *buf, size_t size);
bool wait_link(const struct wait_thread *th, int fd, char *buf, size_t size);
void wait_on_fd(const struct wait_thread *th, int fd, bool write, struct wait_step *ret);
void wait_on_path(const struct wait_thread *th, int dir, uint64_t path, struct wait_step *ret);
void wait_on_socket(const struct wait_thread *th, int fd, unsigned wait, struct wait_step *ret);
void wait_on_lock(const struct wait_thread *th, int fd, struct wait_step *ret);
void wait_on_poll(const struct wait_thread *th, const int *fds, unsigned n, struct wait_step *ret);
unsigned wait_on_epoll(const struct wait_thread *th, int fd, int *ret_fds, unsigned max);
/* Who holds the other end, the near ones first; with all unset it is enough to find one
 * that is not the process itself. hidden: some may hold it and could not be looked at. */
unsigned wait_holders(struct wait_table *t, const struct wait_step *step, bool all,
		      uint32_t ret[WAIT_PEERS_MAX], bool *ret_hidden);

#endif
