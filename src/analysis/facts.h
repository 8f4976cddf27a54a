/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an analysis looks at: the processes, tasks, files and incidents of one run in
 * memory, with their relations resolved. Filled by the caller (src/cli/tune_facts.c
 * from the store), then run_facts_index(). No I/O here. Memory is bounded by FACTS_*_MAX:
 * what does not fit is counted, and the run counts as incomplete.
 */
#ifndef TRACER_ANALYSIS_FACTS_H
#define TRACER_ANALYSIS_FACTS_H

#include "src/base/arena.h"
#include "src/model/rows.h"

#define FACTS_PROCESSES_MAX 400000
#define FACTS_TASKS_MAX	    65536
#define FACTS_FILES_MAX	    20000 /* failed uses of files */
#define FACTS_EVENTS_MAX    4096  /* OOM kills, signals */
#define FACTS_CGROUPS_MAX   4096
#define FACTS_PIPES_MAX	    200000 /* ends of pipes */
#define FACTS_STALLS_MAX    4096

struct fact_process {
	int64_t id;
	struct fact_process *up;		  /* NULL: outside the run */
	struct fact_process *child, *last, *next; /* children in the order of creation */
	struct fact_task *task;			  /* innermost; NULL: none */
	const char *name;			  /* tool, else comm */
	uint64_t start_ns, end_ns;		  /* end: of the observation, if it lives on */
	uint64_t exec_ns;			  /* of its last program; 0: none of its own */
	uint64_t command;			  /* hash of program and arguments; 0: none */
	uint64_t peak_rss_bytes, cgroup_id;
	uint64_t program_peak_rss_bytes; /* without what it had before its last program */
	uint32_t pid, threads_peak, killer_pid;
	int exit_code, signal;
	bool oom_killed, failed, alive; /* alive: when observation ended */
	size_t first_pipe;		/* in run_facts.pipes, if that one is its own */
	bool rereads; /* its memory is limited, and the run fetched the same data repeatedly */
	struct wire_ledger ledger;
};

struct fact_task {
	int64_t id;
	struct fact_task *up;
	const char *name, *detail, *key; /* detail, key: NULL where there is none */
	const char *pipeline;
	uint64_t start_ns, end_ns; /* end: of the observation, if it runs on */
	uint64_t requested_memory_bytes, peak_rss_bytes;
	uint32_t requested_cpus, attempt;
	enum task_status status;
	int exit_code, signal;
	bool outer; /* has tasks inside: they say what was done */
	struct fact_process *root;
	struct fact_process **processes; /* by start; those of tasks inside included */
	size_t n_processes;
	uint64_t cpu_ns;
};

struct fact_file { /* a use of a file that failed */
	struct fact_process *process;
	const char *path;
	int error;
	uint64_t time_ns;
	bool write;
	bool found_elsewhere; /* the process opened a file of this name in another directory */
};

struct fact_pipe { /* an end of a pipe that was on descriptor 0, 1 or 2 at an exec */
	struct fact_process *process;
	uint64_t inode;
	bool reads, writes;
};

enum fact_event_kind { FACT_OOM, FACT_SIGNAL };

struct fact_event {
	enum fact_event_kind kind;
	struct fact_process *process; /* victim; NULL: outside the run */
	uint64_t time_ns;
	uint32_t pid, sender_pid;
	int signal;
	const char *comm; /* of the sender; OOM: of the victim */
	const char *cgroup;
	bool whole_host;
	uint64_t limit_bytes, usage_bytes, rss_bytes; /* 0: not known */
};

struct fact_stall {		      /* no progress, told while it happened */
	struct fact_process *process; /* where its chain begins; NULL: outside the run */
	const char *unit;	      /* "run", "task", "process" */
	const char *task;	      /* by its name of then; NULL: none */
	const char *words;	      /* on what; NULL: not known */
	const char *wait;	      /* of the end of the chain: wait_name(); NULL: not known */
	uint64_t since_ns, end_ns;    /* end 0: it goes on, or was not over at the run's end */
	uint32_t pid, processes;
	bool for_ever; /* what it waited for could not come */
};

struct fact_cgroup {
	uint64_t id, memory_limit_bytes, cpu_limit_milli;
	const char *path;
};

struct run_facts {
	struct arena arena;
	struct run_row run; /* texts live in the arena */
	struct fact_process *processes;
	size_t n_processes, processes_size;
	struct fact_task *tasks; /* by start */
	size_t n_tasks, tasks_size;
	struct fact_file *files;
	size_t n_files, files_size;
	struct fact_event *events; /* by time */
	size_t n_events, events_size;
	struct fact_cgroup *cgroups;
	size_t n_cgroups, cgroups_size;
	struct fact_pipe *pipes; /* by process */
	size_t n_pipes, pipes_size;
	struct fact_pipe **pipes_by_inode; /* made by run_facts_index_pipes() */
	uint64_t pipes_dropped;		   /* beyond the limit: peers are guessed there */
	struct fact_stall *stalls;	   /* by time */
	size_t n_stalls, stalls_size;
	uint64_t now_ns;  /* of a run that goes on; 0: it has ended */
	uint64_t dropped; /* other rows beyond a limit */
	uint64_t start_ns, end_ns;
	struct fact_process **by_start; /* all processes by start: made by run_facts_index() */
};

/* Each returns a zeroed element, NULL: beyond the limit (counted) or, with errno
 * ENOMEM, no memory. Elements move when more are added: link after run_facts_index(). */
struct fact_process *run_facts_process(struct run_facts *f);
struct fact_task *run_facts_task(struct run_facts *f);
struct fact_file *run_facts_file(struct run_facts *f);
struct fact_event *run_facts_event(struct run_facts *f);
struct fact_cgroup *run_facts_cgroup(struct run_facts *f);
struct fact_stall *run_facts_stall(struct run_facts *f);

/* Processes must have been added by id and tasks by start. parents[i] and task_ids[i]
 * are those of processes[i] (0: none); task_parents of tasks[i]. 0 or -ENOMEM. */
struct fact_links {
	const int64_t *parents, *task_ids, *task_parents, *task_roots;
};
int run_facts_index(struct run_facts *f, const struct fact_links *links);
/* After the processes: notes an end of a pipe; these come by process. 0 or -ENOMEM. */
int run_facts_pipe(struct run_facts *f, const struct fact_pipe *pipe);
int run_facts_index_pipes(struct run_facts *f); /* once, after the last of them */
void run_facts_fini(struct run_facts *f);

struct fact_process *run_facts_find(const struct run_facts *f, int64_t id);	  /* or NULL */
struct fact_process *run_facts_find_pid(const struct run_facts *f, uint32_t pid); /* the newest */
struct fact_task *run_facts_find_task(const struct run_facts *f, int64_t id);
const struct fact_cgroup *run_facts_find_cgroup(const struct run_facts *f, uint64_t id);

/* Why a run must not be judged, from its own row: one phrase, or NULL if it may. What
 * beside processes, times and CPU must be there for it: */
enum run_need {
	RUN_NEED_WAITS = 1,
	RUN_NEED_FILES = 2, /* files, cgroups and incidents */
};
const char *run_missing(const struct run_row *run, unsigned needs);
/* Why waits of this run must not be judged: the same, and of the facts themselves. */
const char *run_facts_missing(const struct run_facts *f);

#endif
