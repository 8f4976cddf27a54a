/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules: what engines, tasks, wrappers and tools look like from outside. The
 * files in rules/ are built into the program; files of the user are merged over
 * them by id. Read-only after loading, so one set may serve many trackers.
 *
 * A rule opens a scope (run, task, ...) or marks an exec segment (wrapper,
 * noise, tool). Matching is by exec segment: exe, file, comm, argv, cwd, env and
 * the rule that matched the parent or an ancestor. docs/rules.md has the format.
 */
#ifndef TRACER_TRACK_RULES_H
#define TRACER_TRACK_RULES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "src/model/rows.h"

struct rules;
struct rule;

enum rule_kind {
	RULE_ENGINE,  /* opens a run: the head of a workflow */
	RULE_TASK,    /* opens a task */
	RULE_TOOL,    /* names a tool */
	RULE_WRAPPER, /* transparent: the tool is what it runs */
	RULE_NOISE,   /* folded into its task, never a tool of its own */
	RULE_ALLOC,   /* opens an allocation (scheduler job) */
	RULE_CONTAINER,
	RULE_SESSION,
	RULE_CLIENT, /* asks a daemon to start something (docker run, sbatch) */
	RULE_KINDS
};

/* Scope of a process for `parent:` and `ancestor:`: the rules that matched on
 * the way from the run's root to it, innermost first. Owned by the tracker. */
struct rule_scope {
	const struct rule_scope *up;
	const struct rule *rule;
};

/* Answers about paths of cgroups that do not move while it is used. Zeroed: empty. */
#define RULE_CACHE_SLOTS 512

struct rule_memo {
	const void *pattern;
	const char *path;
	uint16_t from, to;
	uint8_t group;
	bool matches;
};

struct rule_cache {
	struct rule_memo slots[RULE_CACHE_SLOTS];
};

/* What a rule may look at. NULL or len 0: unknown, matches nothing. */
struct rule_input {
	const char *file, *exe, *comm, *cwd, *title;
	const char *cwd_host; /* in a container: the directory outside of it, if known */
	struct bytes argv;    /* NUL-ended arguments */
	struct bytes env;     /* NUL-ended NAME=value */
	const char *cgroup, *nodename;
	struct rule_cache *cache; /* of what was said about cgroup; NULL: ask anew */
	uint32_t pid, nspid;
	bool run_root;			/* the observed command itself */
	const struct rule *parent_rule; /* rule of the parent's last segment, or NULL */
	const struct rule_scope *scope; /* enclosing scopes */
};

#define RULE_FIELDS_MAX 20
#define RULE_VALUE_MAX	512

/* Where a value came from: what its weight in a conflict depends on. */
enum rule_origin_kind {
	FROM_ARGV, /* and the name of the program */
	FROM_CWD,
	FROM_ENV,
	FROM_CGROUP,
	FROM_TITLE,
	FROM_NODENAME,
	FROM_FILE_NAME,	   /* a file that the engine created */
	FROM_FILE_CONTENT, /* content tier */
	FROM_RULE,	   /* a constant of the rule */
};

/* What an extractor found: "pipeline", "name", "key", "sample", "attempt", ... */
struct rule_result {
	const struct rule *rule;
	char key[RULE_VALUE_MAX];     /* expanded `key:` template; empty: none */
	char run_key[RULE_VALUE_MAX]; /* of the run that it belongs to; empty: not said */
	bool name_guessed;	      /* field "name" is the tool that a script seems to run */
	unsigned n_fields;
	struct {
		const char *name; /* owned by the rules */
		enum rule_origin_kind from;
		char value[RULE_VALUE_MAX];
	} fields[RULE_FIELDS_MAX];
};

/* What a rule says beyond conditions and fields. Owned by the rules. */
struct rule_traits {
	const char *anchor_dir, *attempt_by; /* names of fields; NULL: none */
	const char *only_under_id;	     /* as written; only_under once resolved */
	const struct rule *only_under;	     /* what is not below it is wrapper noise */
	const char *names_id;		     /* as written; names once resolved */
	const struct rule *names;	     /* a match below a task of that rule only names it */
	const char *run_engine;		     /* of `run:`; NULL: none */
	bool opens_mark, leaks;
	bool answers;		   /* a wrapper whose exit is an answer, never a failure */
	bool sample_by_files;	   /* names of data files tell the sample, if the engine does not */
	bool announces_allocation; /* a client: of a job; else of a container */
	uint32_t cancel_signals;   /* bits; an engine's */
};

struct rules_error {
	char file[128];
	unsigned line, column; /* from 1; 0: not about a place */
	char text[256];
};

/* Loads the built-in set, then each of the n YAML files over it. -EINVAL with
 * *error filled for a bad file (unknown key, bad regex, ...), -errno if one
 * cannot be read. */
int rules_load(const char *const *files, unsigned n, struct rules **ret, struct rules_error *error);
void rules_free(struct rules *r);
/* Every mistake of the files, as they would be over the built-in set, goes to say(); a file
 * without a rule is one, too. n_rules[i]: how many rules the i-th has. Returns the number of
 * mistakes, or -ENOMEM. */
typedef void (*rules_mistake)(void *ctx, const struct rules_error *mistake);
int rules_check(const char *const *files, unsigned n, rules_mistake say, void *ctx,
		unsigned *n_rules);

/* For each kind in turn the first rule by priority that matches goes to `take`,
 * which may change in->scope for those that follow; its non-zero return ends the
 * search and is returned. O(candidates): rules are indexed by basename and comm. */
typedef int (*rule_take)(void *ctx, struct rule_result *match);
int rules_match_each(const struct rules *r, const enum rule_kind *kinds, unsigned n,
		     const struct rule_input *in, rule_take take, void *ctx);
/* The same for one kind: 0 and *ret filled, or -ENOENT. */
int rules_match(const struct rules *r, enum rule_kind kind, const struct rule_input *in,
		struct rule_result *ret);
const char *rule_result_field(const struct rule_result *r, const char *name); /* or NULL */
const char *rule_from_name(enum rule_origin_kind from); /* "argv", "env", ... */
/* Sets or replaces a field; false: no room. */
bool rule_result_set(struct rule_result *r, const char *name, const char *value,
		     enum rule_origin_kind from);
/* name and pipeline of the run of `run:`, expanded; false: not said. */
bool rule_run_text(const struct rule_result *r, uint32_t pid, const char *what,
		   char ret[RULE_VALUE_MAX]);

const char *rule_id(const struct rule *r);
enum rule_kind rule_kind_of(const struct rule *r);
const char *rule_kind_name(enum rule_kind kind);
const char *rule_origin(const struct rule *r, unsigned *ret_line); /* its file */
const struct rule *rules_at(const struct rules *r, unsigned i);	   /* by priority; NULL: no more */
unsigned rule_confidence(const struct rule *r);
bool rule_is_transparent(const struct rule *r);
const struct rule_traits *rule_traits(const struct rule *r);
bool rule_pops(const struct rule *r, const char *title); /* `pop_when` */
bool rules_use_titles(const struct rules *r);
/* comms of heads whose children need their environment read; NULL at the end */
const char *const *rules_env_parents(const struct rules *r);
/* Programs that ask daemons (docker), what these start for them (containerd-shim), and
 * the daemons (dockerd): the i-th, and which belong together. NULL: no more. */
enum rule_ask_kind { RULE_ASKS, RULE_ADOPTED, RULE_SERVES };
const char *rules_ask(const struct rules *r, unsigned i, uint32_t *ret_bits,
		      enum rule_ask_kind *ret_kind);
/* allow-listed environment names; NULL at the end */
const char *const *rules_env_names(const struct rules *r);

/* Runs every rule's own tests; prints failures to out; returns their number. */
int rules_selftest(const struct rules *r, FILE *out, unsigned *ret_run);

#endif
