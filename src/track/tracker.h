/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the tracker; nothing outside src/track includes this.
 *
 *   tracker.c        life, dispatch of records, flush and finish
 *   process_table.c  processes by (pid, start); the ended ones for late children
 *   segments.c       exec chains: who used what between two settlements
 *   scope.c          the tree of scopes: life, who is in it, rows
 *   scope_open.c     which scopes an exec or a title opens, joins or leaves
 *   scope_run.c      runs of engines: by head, by key, by directories they own
 *   task.c           tasks: fields, attempts, status, their end
 *   client.c         who asked a daemon for a container or a job
 *   task_head.c      what the files of tasks tell (content tier)
 *   summarise.c      totals of a task and of a tool within it
 *   run_row.c        the run: names, status, completeness, notes
 *   file_table.c     files folded by process; file_fold.c, file_names.c
 *   engine_text.c    names that engines tell by markers and logs
 *   incident.c       OOM kills, deadly signals, clock steps
 *   stall.c          who makes no progress; stall_row.c: what is said about it
 *
 * Books: a process's ledger is settled piece by piece, each piece on one tool of
 * one task (the run itself is a task without id). So tools sum to tasks, tasks
 * to the run, and both to the processes.
 */
#ifndef TRACER_TRACKER_H
#define TRACER_TRACKER_H

/* A failed insertion leaves hh.tbl NULL instead of ending the program. */
#define HASH_NONFATAL_OOM 1
#include <jansson.h>
#include <uthash.h>

#include "src/base/str.h"
#include "src/model/event.h"
#include "src/model/ledger.h"
#include "src/track/rule_head.h"
#include "src/track/rule_text.h"
#include "src/track/rules.h"
#include "src/track/sample.h"
#include "src/track/tool_name.h"
#include "src/track/track.h"

#define TOOL_TEXT_MAX	    160 /* name, and component after a NUL */
#define TASK_TEXT_MAX	    256
#define TASK_KEYS_MAX	    32768 /* remembered to count attempts */
#define RUNS_MAX	    4096  /* known by key, without a head */
#define OWNED_DIRS_MAX	    65536 /* the oldest is forgotten */
#define HEADS_MAX	    64	  /* files asked for and not yet read */
#define TITLES_MAX	    10000 /* kept for a rebuild */
#define CLIENTS_MAX	    256
#define CLIENT_ARGV_MAX	    2048
#define ORIGINS_MAX	    256
#define SCOPE_FIELDS_MAX    32
#define SCOPE_DEPTH_MAX	    64
#define CGROUPS_MAX	    16384
#define INCIDENTS_MAX	    10000
#define FILES_IN_MEMORY_MAX 8192
#define ENGINE_CLAIMS_MAX   32		 /* markers that may be a task's */
#define ENGINE_TEXTS_MAX    64		 /* files; the oldest is forgotten */
#define ENGINE_TEXT_BYTES   (128 * 1024) /* of each; its oldest blocks are forgotten */
#define ENGINE_BLOCK_BYTES  (16 * 1024)	 /* the rest of a block is not looked at */

struct process;

/* A tool's share of one task. */
struct tool {
	UT_hash_handle hh; /* in its task, by key */
	int64_t id;
	uint64_t processes, failed, alive;
	uint64_t start_ns, end_ns; /* CLOCK_BOOTTIME; 0: not yet */
	uint64_t peak_rss_bytes;
	struct wire_ledger ledger;
	char *path;
	bool dirty;
	uint16_t name_len, key_len; /* key: name, and NUL component if there is one */
	char key[];
};

/* What a walk over all processes says about a task or the run. */
struct progress {
	uint64_t last_ns, cpu_ppm; /* of one CPU: millionths */
	uint32_t alive;
	struct process *first; /* where a chain begins: its root, else the oldest */
	bool stalled, inner;   /* inner: a task in it is */
	bool refused;
};

/* One that goes on. */
struct stall {
	bool used, seen, told;
	uint32_t unit; /* enum wire_stall_unit */
	uint64_t key;  /* task or number of the process */
	struct stall_state state;
};

/* What rows said: the end of a stall must find the row of its beginning. */
struct stall_said {
	struct wire_id id;
	uint64_t since_ns;
	int64_t process;
	char *task;
};

/* Accounts of a task, or of the run itself (id 0). */
struct task {
	struct task *up;	   /* enclosing task or the run; NULL: this is the run */
	struct tool *tools;	   /* hash */
	struct task *prev, *next;  /* open list, or closed FIFO */
	int64_t id, scope, of_run; /* ids of its scope and of its run's */
	enum task_kind kind;
	uint32_t root;	     /* number of its root process */
	uint32_t refs;	     /* scopes that belong to it and tasks below it */
	uint32_t alive;	     /* member processes, of tasks below it too */
	bool closed, sealed; /* sealed: its tools have been given up */
	bool dirty, root_ended, oom;
	bool samples_differ; /* its commands are about several */
	bool left;	     /* its root goes on, as something else: how it ended is not known */
	bool name_guessed;   /* from its script: no engine has named it yet */
	enum task_status status;
	int exit_code, signal;
	uint32_t attempt, cpus, confidence;
	uint64_t memory_bytes;
	uint64_t start_ns, end_ns, busy_ns, busy_since_ns; /* CLOCK_BOOTTIME */
	uint64_t processes, peak_rss_bytes;
	struct wire_ledger ledger;
	uint64_t key_hash;
	char *name, *key, *sample, *evidence;
	enum sample_source guess; /* of sample; SAMPLE_NONE: the engine's word, or none yet */
	const char *cpus_source, *memory_source;
	const struct rule *rule;
	struct scope *run_scope; /* a reference; NULL: it belongs to no run of an engine */
	uint32_t engine;	 /* number of the engine that announced it */
	/* Value of the marker by which the engine's log names it, or lines of several
	 * that it may be; NULL: none, or named. */
	char *claim;
	const char *claim_name;
	const struct rule *claim_rule;
	uint64_t progress_ns; /* forks, programs, ends of its processes: CLOCK_BOOTTIME */
	struct progress progress;
};

/* One step from the run to a process: what `ancestor:` of a rule sees. */
struct scope {
	struct rule_scope match; /* first: handed to the rules */
	UT_hash_handle hh;	 /* in tracker.shared, by shared_key */
	struct scope *up;
	struct scope *run; /* of the engine's run by the strongest evidence; a reference
			    * unless it is itself; NULL: none */
	struct task *task; /* the innermost one */
	uint32_t refs;
	enum scope_kind kind;
	int64_t id;
	uint32_t alive; /* processes in it and below */
	uint32_t depth;
	uint32_t root; /* number of the process that opened it; 0: its tasks did */
	bool ended, cancelled, by_title;
	bool kept; /* the table of shared scopes holds a reference */
	enum task_status status;
	int exit_code, signal;
	uint64_t start_ns, end_ns; /* CLOCK_BOOTTIME */
	uint32_t failed;	   /* tasks of the run whose last attempt failed */
	uint32_t tasks, cached;
	uint64_t leaked_hash; /* of an identity that came from outside with the environment */
	char *name, *engine_name, *pipeline, *evidence;
	json_t *fields;
	uint32_t engine;	     /* its number, from 1; 0: it is none */
	struct rule_markers markers; /* of an engine */
	char *exit_path; /* of a file that tells how it ended; NULL: none, or asked for */
	unsigned exit_head;
	char *shared_key; /* processes of several branches join it; NULL: none */
	char key[];	  /* rule and key, to recognise a repeated match */
};

/* A directory that belongs to a run because its head made a file in it. */
struct owned_dir {
	UT_hash_handle hh;
	struct scope *run; /* a reference */
	char path[];
};

/* A command that has asked a daemon to start something. */
struct client {
	struct scope *scope; /* where it was; a reference; NULL: free */
	const struct rule *rule;
	uint32_t pid;
	uint64_t time_ns;
	uint32_t claims; /* what has started for it */
	char *name, *directory, *argv;
	size_t argv_len;
};

/* A file that was asked for. */
struct pending_head {
	struct scope *scope; /* of the task; a reference; NULL: free */
	unsigned index;
	char *path;
};

/* What an engine's log says about one task. */
struct text_block {
	struct text_block *next;
	bool used; /* it has named a task */
	struct str text;
};

/* The last blocks of one file: it may be ahead of the exec or behind it. */
struct engine_text {
	struct engine_text *next;
	struct text_block *first, *last;
	size_t bytes;
	bool open;	 /* the last block may go on */
	uint32_t engine; /* 0: whose it is has not been seen */
	char path[];
};

struct live { /* what samples said; only for processes that live for long */
	uint32_t sweep, expected, seen;
	bool any, last;
	bool blocked, blocked_now; /* at every sample since its progress; in this sweep */
	uint32_t state;		   /* of its leader */
	uint64_t sampled_ns;	   /* the last whole sweep */
	uint64_t base_ns, base_cpu_ns, base_moved, cpu_ppm; /* stall.c */
	uint64_t maxrss_bytes;
	struct wire_ledger *partial; /* sweep under way of a process with threads */
	struct wire_ledger ledger;   /* last whole sweep */
};

struct process {
	UT_hash_handle hh;
	struct wire_id id; /* pad 0 */
	struct process *next_ended;
	struct scope *scope;
	struct tool *tool;	  /* of its present segment */
	struct tool *before;	  /* of the one before; NULL: none, or its task may be given up */
	struct task *before_task; /* where that is: this one, or one around it */
	struct tool *named;	  /* of its last significant segment */
	const struct rule *rule, *parent_rule; /* of its last segment; of its parent's */
	struct wire_ledger *settled;	       /* NULL: nothing yet */
	struct live *live;
	struct process_files *files; /* NULL: none yet */
	uint64_t parent_start_ns;
	uint64_t progress_ns; /* CLOCK_BOOTTIME */
	uint64_t covered_ns;  /* until then the stall of its task or run told it, too */
	uint64_t cgroup_id;
	uint64_t origin; /* hash of the container or job that it serves, if adopted; 0: none */
	uint32_t number; /* id within the run, from 1 */
	uint32_t parent; /* number; 0: outside the run */
	uint32_t ppid, uid, gid;
	uint64_t exec_maxrss_bytes;   /* high-water mark at its last exec */
	uint32_t execs, execs_before; /* of ours; while it was foreign */
	uint32_t threads_peak, threads_total, lib_opens;
	bool ended : 1, joined : 1, kthread : 1, thread_exec : 1, incomplete : 1;
	bool adopted : 1; /* a daemon's child, taken in because somebody here asked */
	bool foreign : 1; /* for whom it works is not known (yet): left out of all accounts */
	bool refused : 1; /* for somebody else: foreign for good */
	bool sent : 1;	  /* its row is in the store, as that of a live process */
	bool oom : 1, orphan : 1, significant : 1, facade : 1, root : 1;
	bool stall_refused : 1;
	char comm[WIRE_COMM_LEN];
};

struct cgroup_path {
	UT_hash_handle hh;
	uint64_t id, memory_limit_bytes, cpu_limit_milli;
	char path[];
};

struct task_key { /* of a run: what counts as the same task, again */
	UT_hash_handle hh;
	uint64_t hash;
	uint32_t attempts;
	bool failed; /* the last one */
};

struct run_facts { /* what RUN_BEGIN, HOST and RUN_END said */
	char uid[25], hostname[73], kernel[73], arch[17], boot_id[41], engine[64];
	char *name, *pipeline, *cwd, *user, *labels, *argv, *machine;
	size_t argv_len;
	bool named, begun, host, ended;
	uint32_t user_id, cpus, collector, all_processes, engine_confidence;
	uint64_t start_ns, end_ns; /* Unix */
	uint64_t features, memory_bytes;
	enum run_status status;
	int exit_code, signal;
	uint32_t still_running, end_reason;
	uint64_t command_cpu_ns, collector_cpu_ns, collector_start_ns;
	uint64_t recorder_cpu_ns, bpf_run_ns;
	char *note;
	struct wire_cpu cpu; /* the last one; size 0: none */
};

/* Hashes of the containers and jobs that adopted processes serve: a ring. */
struct origins {
	uint64_t hashes[ORIGINS_MAX];
	uint32_t next;
};

struct tracker {
	struct tracker_options options;
	struct track_sink sink;
	struct run_facts facts;
	int64_t offset_ns; /* Unix time = CLOCK_BOOTTIME + this */
	int64_t clock_step_ns;
	uint64_t now_ns;	   /* newest record */
	struct process *processes; /* hash, oldest first; alive and lately ended */
	struct process *ended_first, *ended_last;
	uint32_t n_alive, n_ended, n_orphans, next_number;
	uint64_t last_sample_ns; /* when the last one began, 0: not yet; later births live on */
	uint32_t ended_at_last;	 /* alive in the last sample, and ended since */
	struct task run;
	struct scope *top;
	struct task *open_first, *open_last, *closed_first, *closed_last;
	uint32_t n_open, n_closed, next_task, next_tool, n_tools;
	struct task_key *task_keys;
	uint32_t n_task_keys, next_scope, next_said;
	struct stall stalls[STALLS_MAX];
	struct stall_said stalls_said[STALLS_MAX]; /* a ring */
	uint64_t stalls_refused;
	struct scope *shared; /* hash of those that several branches may join */
	uint32_t n_runs;      /* of them, kept without a process */
	struct owned_dir *owned_dirs;
	uint32_t n_owned_dirs;
	struct pending_head heads[HEADS_MAX];
	struct client clients[CLIENTS_MAX]; /* a ring: the oldest is forgotten */
	uint32_t next_client;
	uint64_t clients_forgotten, foreign_starts, foreign_processes;
	struct origins foreign_origins, own_origins;
	uint32_t next_head, titles;
	uint64_t keys_forgotten, dirs_forgotten, runs_refused, ambiguous, cgroups_refused;
	struct cgroup_path *cgroups;
	struct rule_cache cgroup_cache;
	uint32_t n_cgroups;
	struct engine_text *texts; /* newest first */
	uint32_t n_texts, n_text_records, n_engines;
	struct file_names *file_names; /* NULL: none yet */
	uint32_t n_files_memory, n_folds_memory, n_fold_chunks;
	uint64_t n_files;
	uint64_t execs, incidents, malformed, unknown, tools_folded, tasks_refused;
	uint64_t exec_unseen;
	struct wire_id command; /* the observed command; start 0: not seen */
	bool cancelled;
	struct completeness completeness;
	struct str scratch, scratch2; /* texts of the record at hand */
};

/* tracker.c */
uint64_t tracker_unix_ns(const struct tracker *t, uint64_t boot_ns); /* 0 stays 0 */
int64_t tracker_row_id(const struct tracker *t, uint32_t number);    /* 0 stays 0 */

/* process_table.c */
struct process *process_find(struct tracker *t, struct wire_id id);
/* The process of a record, made up if its fork was lost. NULL: no memory. */
struct process *process_get(struct tracker *t, const struct wire_header *h, struct wire_id id,
			    struct wire_id parent);
int process_fork(struct tracker *t, const struct wire_fork *r);
int process_exit(struct tracker *t, const struct wire_exit *r);
int process_sample(struct tracker *t, const struct wire_sample *r);
int process_rename(struct tracker *t, const struct wire_rename *r);
int process_send(struct tracker *t, struct process *p, const struct wire_exit *end);
/* What it used so far and has not been settled; false: nothing. */
bool process_live_piece(const struct process *p, struct wire_ledger *ret_piece);
int process_close_lost(struct tracker *t, struct process *p, bool still_running);
void process_forget(struct tracker *t, struct process *p);

/* segments.c */
int segment_exec(struct tracker *t, struct process *p, const struct wire_exec *r);
int segment_late_exec(struct tracker *t, struct process *p, const struct wire_exec *r);
/* Books on the present tool what it used since the last time. */
int segment_settle(struct tracker *t, struct process *p, const struct wire_ledger *total);
struct tool *segment_tool_by_comm(struct tracker *t, struct process *p);

/* Moves a process into a scope, settling before it. */
int segment_move(struct tracker *t, struct process *p, struct scope *next,
		 const struct wire_ledger *total, uint64_t now_ns);
int segment_title(struct tracker *t, struct process *p, const struct wire_rename *r);

/* scope.c */
int scope_init(struct tracker *t);
void scope_fini(struct tracker *t);
struct scope *scope_ref(struct scope *s);
void scope_unref(struct tracker *t, struct scope *s);
/* A new scope inside `up`; task: the innermost one there. NULL: no memory. */
struct scope *scope_push(struct tracker *t, struct scope *up, enum scope_kind kind,
			 const struct rule_result *m);
void scope_set_task(struct scope *s, struct task *task);
void scope_set_run(struct tracker *t, struct scope *s, struct scope *run);
bool scope_already_in(const struct scope *s, const struct rule_result *m);
struct scope *scope_engine_of(struct scope *s); /* the innermost run around; NULL: none */
void scope_keep_fields(struct scope *s, const struct rule_result *m);
int scope_send(struct tracker *t, struct scope *s);
/* Moves a process; the accounts of its old scope keep what was settled. */
int scope_enter(struct tracker *t, struct process *p, struct scope *s, uint64_t now_ns);
int scope_leave(struct tracker *t, struct process *p, uint64_t now_ns);
int scope_root_ended(struct tracker *t, struct process *p, const struct wire_exit *r);
void scope_signal(struct process *p, unsigned signal);

/* scope_open.c */
/* The scope that an exec leads to, or the process's own. NULL: no memory. */
struct scope *scope_match(struct tracker *t, struct process *p, struct rule_input *in,
			  uint64_t now_ns);
/* The same for a change of title; *ret NULL: it stays where it is. */
int scope_match_title(struct tracker *t, struct process *p, struct rule_input *in, uint64_t now_ns,
		      struct scope **ret);

/* scope_run.c */
/* The run that a task belongs to: owner of its directory, `run:`, or the one around.
 * *ret borrowed, NULL: none. */
int run_scope_find(struct tracker *t, struct scope *at, const struct rule_result *m, uint32_t pid,
		   uint64_t now_ns, struct scope **ret);
int run_scope_file(struct tracker *t, struct process *p, const struct wire_file_event *r,
		   const char *path);
struct scope *scope_shared(struct tracker *t, enum scope_kind kind, const char *key);
int scope_share(struct tracker *t, struct scope *s, const char *key);
void scope_unshare(struct tracker *t, struct scope *s);
int run_scopes_end(struct tracker *t);
void run_scopes_free(struct tracker *t);

/* A program or a title begins now, unless it is the first thing that the process is. */
static inline uint64_t opening_ns(const struct process *p, const struct rule_input *in,
				  uint64_t now_ns)
{
	return p->execs > 1 || (in->title && p->settled) ? now_ns : p->id.start_ns;
}

/* task.c */
struct opening { /* what a match is about */
	struct process *process;
	const struct rule_input *in;
	struct rule_result *match;
	uint64_t now_ns;
};
struct task *task_open(struct tracker *t, struct scope *up, struct scope *run, enum task_kind kind,
		       const struct opening *o);
void task_unref(struct tracker *t, struct task *task);
/* What else the task is known by: behind what it has, as far as there is room. */
void task_add_evidence(struct task *task, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void task_fields(struct task *task, const struct rule_result *m);   /* a better name */
void task_requests(struct task *task, const struct rule_result *m); /* unless it has some */
void task_count_attempt(struct tracker *t, struct task *task, const struct rule_result *m);
/* What the cgroup of its job or container allows, where nobody said what it asked for. */
void task_limits(struct tracker *t, struct task *task, uint64_t cgroup_id);
/* The sample by what its commands are told; the engine's own word goes before. */
void task_guess_sample(struct task *task, struct bytes argv);
/* An exit code that the engine wrote, of a task that has ended. */
void task_told_exit(struct tracker *t, struct task *task, const struct rule_result *m);
void task_members_add(struct tracker *t, struct task *task, uint64_t now_ns);
void task_members_remove(struct task *task, uint64_t now_ns);
void task_root_ended(struct task *task, const struct process *p, const struct wire_exit *r);
char *task_evidence(const struct rule_result *m, const struct rule_input *in);
int scope_close_idle(struct tracker *t, struct scope *s);
int tasks_finish(struct tracker *t);
void tasks_free(struct tracker *t);

/* client.c */
int client_add(struct tracker *t, struct scope *s, const struct opening *o);
/* What a client told of what it asked for; valid until the next one is added. */
struct client_answer {
	const char *how;    /* the two belong together; NULL: no client is known */
	const char *name;   /* of the container; NULL: not said */
	struct bytes image; /* len 0: not known */
};
/* Where the client was that asked for what now starts; NULL: it is around anyway, or,
 * ret->how NULL, none is known. job: an allocation; else a container. */
struct scope *client_claim(struct tracker *t, struct scope *at, bool job, const struct opening *o,
			   struct client_answer *ret);
/* Of an adopted process, which is foreign until its container or job is known to have
 * been asked for here: which one it serves, and whose that is. client_check sees what
 * has become known of it through others. */
void client_note_origin(struct process *p, const struct rule_result *m);
void client_own(struct tracker *t, struct process *p);
void client_refuse(struct tracker *t, struct process *p);
void client_check(struct tracker *t, struct process *p);
void clients_free(struct tracker *t);

/* task_head.c */
int task_heads_want(struct tracker *t, struct scope *s, const struct opening *o);
int task_heads_ended(struct tracker *t, struct scope *s); /* its first process has ended */
/* 1: the text was asked for; 0: it was not; -errno. */
int task_heads_take(struct tracker *t, const char *path, struct bytes text);
void task_heads_free(struct tracker *t);

/* summarise.c */
struct tool *tool_get(struct tracker *t, struct task *task, const char *name,
		      const char *component);
bool task_is_inside(const struct task *task, const struct task *outer); /* or the same */
bool tool_is_of(struct task *task, const struct tool *tool);		/* tool may be NULL */
void tool_book(struct tracker *t, struct task *task, struct tool *tool,
	       const struct wire_ledger *piece);
void tool_unbook(struct tracker *t, struct task *task, struct tool *tool,
		 const struct wire_ledger *piece);
void tool_peak(struct task *task, struct tool *tool, uint64_t peak_rss_bytes);
int tools_send(struct tracker *t, struct task *task, bool all);
void tools_free(struct tracker *t, struct task *task);
int task_send(struct tracker *t, struct task *task);

/* run_row.c */
int run_begin(struct tracker *t, const struct wire_run_begin *r);
int run_host(struct tracker *t, const struct wire_host *r);
int run_loss(struct tracker *t, const struct wire_loss *r);
int run_end(struct tracker *t, const struct wire_run_end *r);
/* May name the recording. */
int run_engine(struct tracker *t, const struct scope *s);
int run_send(struct tracker *t);
/* Lines of KEY=VALUE about the machine. */
int run_machine(struct tracker *t, uint64_t time_ns, struct bytes lines);
void run_fini(struct tracker *t);

/* engine_text.c */
/* 1: the file is the engine's own way to tell; 0: it is not; -errno. */
int engine_file(struct tracker *t, struct process *p, const struct wire_file_event *r,
		const char *path);
int engine_claim(struct process *p, struct task *task, const struct rule_input *in,
		 struct rule_result *m);
int engine_name(struct tracker *t, struct task *task); /* from what is already known */
int engine_text(struct tracker *t, const struct wire_text *r);
int engine_texts_end(struct tracker *t); /* no more is to come */
void engine_texts_free(struct tracker *t);

/* file_table.c */
int file_event(struct tracker *t, const struct wire_file_event *r);
int files_send(struct tracker *t, struct process *p);
/* The same when no more is to come; events_dropped: beyond the collector's limit. */
int files_end(struct tracker *t, struct process *p, uint32_t events_dropped);
void files_free(struct tracker *t, struct process *p);

/* stall.c */
static inline void stall_progress(struct process *p, uint64_t now_ns)
{
	p->progress_ns = p->progress_ns > now_ns ? p->progress_ns : now_ns;
	for (struct task *task = p->scope->task; task; task = task->up)
		task->progress_ns = task->progress_ns > now_ns ? task->progress_ns : now_ns;
}
/* A whole sample of it is in p->live. */
void stall_sample(struct tracker *t, struct process *p, uint64_t now_ns);

/* stall_row.c */
int incident_stall(struct tracker *t, const struct wire_stall *r);
void stalls_free(struct tracker *t);

/* incident.c */
/* Takes `detail`. row: id of a process, 0: none; time: CLOCK_BOOTTIME. */
int incident_send(struct tracker *t, const char *kind, int64_t row, uint64_t time_ns,
		  json_t *detail);
int incident_oom(struct tracker *t, const struct wire_oom *r);
int incident_interruption(struct tracker *t, uint64_t time_ns);
int incident_signal(struct tracker *t, const struct wire_signal *r);
/* A title that rules use, kept for `tracer rebuild`. */
int incident_title(struct tracker *t, struct process *p, const struct wire_rename *r,
		   const char *title);
int incident_clock(struct tracker *t, const struct wire_clock *r);
int incident_cgroup(struct tracker *t, const struct wire_cgroup *r);
const char *cgroup_find(struct tracker *t, uint64_t id); /* NULL: not known */
/* What it may use; 0: no limit, or not known. False: neither is known. */
bool cgroup_limits(struct tracker *t, uint64_t id, uint64_t *ret_memory_bytes,
		   uint64_t *ret_cpu_milli);
void cgroups_free(struct tracker *t);

#endif
