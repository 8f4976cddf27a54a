/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books of `tracer cost`: runs from the store become leaves on hosts, hosts get
 * lines of money (estimated, or billed), lines are divided, and what each leaf pays
 * is added up. All of it is here in memory; processes only when a view needs them.
 */
#ifndef TRACER_CLI_COST_BOOK_H
#define TRACER_CLI_COST_BOOK_H

#include "src/cli/cost_config.h"
#include "src/cli/snapshot.h"
#include "src/cost/allocate.h"
#include "src/cost/reconcile.h"

#define PROCESSES_MAX 2000000

enum cost_by {
	BY_PIPELINE,
	BY_RUN,
	BY_STEP,
	BY_TASK,
	BY_TOOL,
	BY_PROCESS,
	BY_USER,
	BY_GROUP,
	BY_ACCOUNT,
	BY_CONTAINER,
	BY_LABEL,
	BY_PROJECT,
	BY_GRANT,
	BY_COST_CENTER,
	BY_HOST,
	BY_DAY,
	BY_CAUSE
};

struct book_run {
	struct snapshot s; /* s.run is always there, the rest when it takes part */
	bool selected;	   /* else it only shares a host with one that is */
	uint32_t host;
	uint64_t end_ns;	   /* running: its last known event */
	struct host_entry machine; /* stored with it, or with another of its boot */
	bool has_machine;
	uint64_t interrupted_ns; /* the notice that the machine is taken away; 0: none */
	const struct who_rule *who;
	char group[64];
	json_t *labels;
};

struct book_leaf {
	uint32_t run, host;
	const struct task_entry *task; /* NULL: what the run did outside of tasks */
	bool retried;		       /* another attempt of the same work came later */
	uint64_t gpus_seen;	       /* bits: /dev/nvidiaN that it opened */
	money used[COST_POOLS], unused[COST_POOLS];
	money overhead, idle;		     /* its shares */
	money estimate;			     /* all of it, by prices alone */
	int64_t energy;			     /* 10^-6 Wh */
	uint32_t first_process, n_processes; /* in book.processes */
};

struct book_process {
	uint32_t leaf, pid, uid;
	uint64_t gpus;
	uint64_t cpu_ns, start_ns, end_ns, peak_rss_bytes, storage_bytes, network_bytes;
	const char *tool, *comm, *container, *account; /* interned; NULL: unknown */
	int64_t id;
	uint64_t start_boot_ns;
};

struct window {
	uint64_t start_ns, end_ns;
};

struct line_list {
	struct cost_line *lines;
	size_t n, size;
};

struct book_host {
	const char *key; /* name and what the machine is */
	const char *name;
	struct host_entry id;
	enum lifecycle lifecycle;
	struct machine machine;
	struct cost_host pools;
	struct carbon_model carbon;
	struct window *windows; /* not overlapping, by start */
	size_t n_windows, size_windows;
	struct line_list estimate, storage, final; /* of money */
	uint64_t priced_ns, unpriced_ns, billed_ns, wall_ns;
	struct price price; /* the first that was found */
	bool has_price, identified;
	bool stored;	      /* id is known from the run itself */
	bool charged;	      /* a bill has lines for the time it ran */
	bool has_estimate;    /* prices are known for all that the bill is about */
	bool minimum_unknown; /* it ran for less, but when it was started and stopped is not known
			       */
	bool priced_transfer, sent_unknown;
	uint64_t sent_bytes; /* through sockets, by the runs that are reported */
	char why[160];	     /* why a part is unpriced */
	struct cost_leaf *leaves;
	uint32_t *book_leaf; /* of each of leaves; UINT32_MAX: the agent */
	size_t n_leaves, size_leaves;
	/* sums */
	money_sum billed, estimated, direct, overhead, idle[IDLE_CAUSES];
	money_sum nobody_overhead, nobody_idle; /* no leaf could bear a share */
	money nobody_estimate;
	int64_t energy, nobody_energy;
	UT_hash_handle hh;
	uint32_t index;
};

struct book_options {
	enum cost_by by;
	enum cost_policy policy;
	const char *label;
	bool processes;					  /* needed for the view */
	const struct host_entry *over;			  /* from the command line */
	int (*detect)(void *ctx, struct host_entry *ret); /* of this machine, or NULL */
	void *detect_ctx;
};

struct cost_book {
	struct book_options options;
	const struct cost_config *config;
	const struct price_table *prices;
	struct bill_book bills;
	bool has_bills;
	struct arena arena;
	struct book_run *runs;
	size_t n_runs, size_runs;
	struct book_host *by_key, **hosts;
	size_t n_hosts;
	struct book_leaf *leaves;
	size_t n_leaves, size_leaves;
	struct book_process *processes;
	size_t n_processes, size_processes;
	struct intern *interned;
	uint64_t clock_steps, no_time; /* leaves whose interval is none */
	uint64_t n_selected;
	struct { /* of the uid that was asked for last: names are slow to find */
		bool known;
		uint32_t uid;
		const char *user, *group;
	} last;
};

struct cost_selection {
	bool all;
	int64_t run_id;
	uint64_t since_ns, until_ns;
};

/* Runs, hosts and their identity. 0 or -errno. */
int book_load_runs(struct cost_book *b, struct store *store, const struct cost_selection *sel);
/* Leaves, and processes if the view needs them. */
int book_load_leaves(struct cost_book *b, struct store *store);
/* Lines of money for every host. bills must be sorted. */
int book_price(struct cost_book *b);
/* Ids of everything that a bill could name, in book.bills.resources; index / (1 +
 * VOLUMES_MAX) is the host. */
int book_resources(struct cost_book *b);

enum { PART_USED, PART_UNUSED, PART_OVERHEAD, PART_IDLE, PARTS };

struct part_sink { /* told about every part of the final lines; part may be NULL */
	/* a leaf's, or (leaf NULL) nobody's, part of a line */
	int (*part)(void *ctx, const struct book_host *host, const struct cost_line *line,
		    const struct book_leaf *leaf, const money parts[PARTS]);
	void *ctx;
};

int book_divide(struct cost_book *b, const struct part_sink *sink);
/* Do attributed + overhead + idle equal what was billed? On every host. */
bool book_balances(const struct cost_book *b);
void book_fini(struct cost_book *b);
/* Which hosts the bills have lines of; before the leaves are loaded. */
void book_find_charged(struct cost_book *b);
/* Is any host billed? */
bool book_is_billed(const struct cost_book *b);

bool leaf_is_waste(const struct cost_book *b, const struct book_leaf *leaf, const char **ret_cause);
const char *book_intern(struct cost_book *b, const char *text);
/* Does a run that was not selected share a host with what was? Bills have hours. */
bool book_takes_part(const struct cost_book *b, const struct book_run *r);
/* Room for one more item in an array that doubles; NULL: no memory, nothing changed. */
void *book_room(void *array, size_t n, size_t *size, size_t item);

#endif
