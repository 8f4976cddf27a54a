/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collectors: where records come from. ebpf.c is the kernel's own account;
 * replay.c reads an event log. Not thread-safe.
 */
#ifndef TRACER_COLLECT_H
#define TRACER_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/wire.h"

struct ebpf;

enum ask_kind { ASK_CLIENT, ASK_ADOPTED, ASK_SERVER };

struct collect_ask {
	const char *comm;
	uint32_t bits; /* a bit in common: they belong together */
	enum ask_kind kind;
};

struct collect_options {
	bool all_processes;		/* the whole host, not the children of one process */
	bool files;			/* names of files: costs every system call 40-90 ns */
	uint32_t ring_bytes;		/* a power of two; 0: 8 MiB */
	const char *const *env_parents; /* comms whose children's environment is read */
	/* who asks whom: comms of clients, of daemons, and of what these start */
	const struct collect_ask *asks;
	unsigned n_asks;
	const char *const *env_names; /* allow-listed names; both NULL-ended */
};

/* Takes a record; it is borrowed. A negative return stops the walk after this
 * record, which counts as taken. */
typedef int (*collect_fn)(void *ctx, const struct wire_header *record);

/* Loads and attaches. On failure: -errno and one sentence in why. */
int ebpf_new(const struct collect_options *options, struct ebpf **ret, char *why, size_t why_size);
void ebpf_free(struct ebpf *e);

uint64_t ebpf_features(const struct ebpf *e); /* FEATURE_* */
int ebpf_fd(const struct ebpf *e);	      /* readable: many records wait */

/* Children that pid forks from now on are the observed command. */
int ebpf_watch_children(struct ebpf *e, pid_t pid);
/* All waiting records. Number taken, or what fn returned. */
int ebpf_consume(struct ebpf *e, collect_fn fn, void *ctx);
/* Records wait, be it behind one that is still being written. */
bool ebpf_pending(const struct ebpf *e);
/* One sample of every live thread; last: observation ends. */
int ebpf_sample(struct ebpf *e, bool last, collect_fn fn, void *ctx);
/* Whole host: takes in what exists; one FORK record each, WIRE_F_JOINED. */
int ebpf_join(struct ebpf *e, collect_fn fn, void *ctx);
int ebpf_losses(struct ebpf *e, uint64_t ret_count[LOSS_KINDS]);
/* Idle and busy time of all CPUs since observation began (whole host). */
int ebpf_cpu(struct ebpf *e, struct wire_cpu *ret);
/* Our programs' own time; only while kernel.bpf_stats_enabled is 1. */
int ebpf_cost(struct ebpf *e, uint64_t *ret_run_ns, uint64_t *ret_runs);

/* What this machine offers, for `tracer doctor`: asks, changes nothing. */
struct feature {
	const char *name;    /* "BTF", "sched_switch", ... */
	const char *purpose; /* what for */
	bool available, required;
	char detail[160]; /* why not, or what is used instead */
};
unsigned feature_probe(struct feature *ret, unsigned max);

/* Fills a HOST record from the running system. */
int host_describe(struct wire_host *ret, uint64_t features, bool all_processes,
		  enum wire_collector collector);
int64_t host_realtime_offset(void); /* Unix time - CLOCK_BOOTTIME, ns */

/* An EXEC record, flagged WIRE_F_JOINED, of a process that exists: from /proc.
 * env_names: as in collect_options. buf holds WIRE_RECORD_MAX bytes. Size, or -errno if
 * it has gone. */
int proc_describe(const struct wire_fork *joined, const char *const *env_names, void *buf);

/*
 * What a process waits for, and who it is that it waits for, down to the root: at most
 * STALL_STEPS_MAX steps, from /proc. owner: only processes of this user are looked at;
 * -1: all. Reads names and addresses, never data. It may hang where the process does:
 * call it in a process that nobody waits for. 0: it has gone.
 */
unsigned wait_chain(uint32_t pid, uint64_t start_ns, int64_t owner, struct wire_stall_step *ret);

/* System calls by what a thread waits for in them (enum syscall_class). */
void syscall_classes(uint8_t *ret, size_t n);

/* ---- event logs ---- */

struct event_log;
/* Reads a log (docs/event-log.md). -EBADMSG: not a log; -EPROTO: newer version. */
int event_log_open(const char *path, struct event_log **ret);
void event_log_close(struct event_log *l);
/* 1 and *ret (borrowed until the next call), 0 at the end, -EBADMSG where it is
 * damaged or cut: what came before is good. */
int event_log_next(struct event_log *l, const struct wire_header **ret);

#endif
