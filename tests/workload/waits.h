/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of wait: each blocks for about ms and returns the ns that it measured. */
#ifndef TRACER_TESTS_WAITS_H
#define TRACER_TESTS_WAITS_H

#include <stdint.h>
#include <sys/types.h>

/* A measured interval of this thread: wall time less CPU time less run queue. */
struct interval {
	uint64_t wall_ns, cpu_ns, delay_ns;
};

struct interval interval_begin(void);
uint64_t interval_end(struct interval begin);
/* A wait beside the one that a kind is about: printed as truth of its own. */
void note_wait(const char *what, const char *state, uint64_t ns);
/* Waits for a helper; the time is noted as state `child`. */
void reap_helper(pid_t pid);

uint64_t wait_tcp_recv(uint64_t ms);
uint64_t wait_tcp_accept(uint64_t ms);
uint64_t wait_tcp_connect(uint64_t ms);
uint64_t wait_unix_recv(uint64_t ms);
uint64_t wait_unix_send(uint64_t ms);
uint64_t wait_poll_socket(uint64_t ms);
uint64_t wait_epoll_socket(uint64_t ms);
uint64_t wait_epoll_unix(uint64_t ms);

uint64_t wait_sleep(uint64_t ms);
uint64_t wait_sigsuspend(uint64_t ms);
uint64_t wait_poll_timer(uint64_t ms);
uint64_t wait_poll_pipe(uint64_t ms);
uint64_t wait_poll_eventfd(uint64_t ms);
uint64_t wait_epoll(uint64_t ms);
uint64_t wait_select(uint64_t ms);
uint64_t wait_pipe_read(uint64_t ms);
uint64_t wait_pipe_write(uint64_t ms);
uint64_t wait_fifo_open(uint64_t ms);
uint64_t wait_futex(uint64_t ms);
uint64_t wait_flock(uint64_t ms);
uint64_t wait_child(uint64_t ms);
uint64_t wait_vfork(uint64_t ms);
uint64_t wait_stop(uint64_t ms);
uint64_t wait_runq(uint64_t ms);
uint64_t wait_disk(uint64_t ms);

#endif
