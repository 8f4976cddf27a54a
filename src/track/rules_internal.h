/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules as they are in memory. All of it lives in the arena of struct rules,
 * regexes excepted; nothing changes after rules_load().
 */
#ifndef TRACER_TRACK_RULES_INTERNAL_H
#define TRACER_TRACK_RULES_INTERNAL_H

#include <tre/tre.h>

#include "src/track/argv.h"
#include "src/track/rules.h"

#define RULES_MAX	 1024
#define RULE_SUBJECT_MAX 4096 /* bytes of a text that a regex sees */
#define RULE_PATTERN_MAX 512
#define RULE_GROUPS_MAX	 10
#define RULE_REPEATS_MAX 255
#define RULE_COST_MAX	 1000 /* pattern_cost(); 20 ns for each and byte at worst */

struct rules_text {
	const char *name, *text;
};

extern const struct rules_text rules_builtin[];
extern const unsigned rules_builtin_n;

enum pattern_kind { PATTERN_EQUAL, PATTERN_GLOB, PATTERN_NAMES, PATTERN_REGEX };

struct pattern {
	enum pattern_kind kind;
	const char *text;
	bool stem;	    /* NAMES: digits and dots at the end are ignored */
	const char **names; /* NAMES: alternatives for the last path component */
	unsigned n_names;
	char must[48]; /* REGEX: text that any match contains, or empty */
	regex_t regex;
	struct pattern *next; /* in struct rules, for regfree() */
};

enum predicate_kind {
	PRED_ALL,
	PRED_ANY,
	PRED_NOT,
	PRED_EXE,
	PRED_FILE,
	PRED_COMM,
	PRED_ARGV0,
	PRED_ARGV_N,
	PRED_ARGV_HAS,
	PRED_ARGV_RE,
	PRED_CMDLINE,
	PRED_WORD1,
	PRED_TITLE,
	PRED_CWD,
	PRED_CGROUP,
	PRED_NODENAME,
	PRED_ENV,
	PRED_PARENT,
	PRED_ANCESTOR,
	PRED_PIDNS_INIT,
	PRED_RUN_ROOT,
};

struct predicate {
	enum predicate_kind kind;
	unsigned index;	  /* ARGV_N */
	bool wanted;	  /* PIDNS_INIT, RUN_ROOT */
	const char *name; /* ENV */
	struct predicate *kids;
	unsigned n_kids;
	struct pattern **patterns; /* any of them; none: present at all */
	unsigned n_patterns;
	const char **ids; /* PARENT, ANCESTOR; resolved into rules */
	const struct rule **rules;
	unsigned n_ids;
	unsigned line, column;
};

enum source_kind {
	SOURCE_NONE,
	SOURCE_ARGV_AFTER,
	SOURCE_ARGV_RE,
	SOURCE_FILE_RE,
	SOURCE_EXE_RE,
	SOURCE_WORD,
	SOURCE_CWD_RE,
	SOURCE_TITLE_RE,
	SOURCE_CGROUP_RE,
	SOURCE_NODENAME_RE,
	SOURCE_ENV,
	SOURCE_CONST,
	SOURCE_FROM,
	SOURCE_SHELL_TOOL,
	SOURCE_MARKER,
	SOURCE_TEXT, /* `line:` of the content tier */
	SOURCE_HEAD, /* `re:` alone, in `head:` */
	SOURCE_PATH, /* `path_re:` in `learn:` */
};

struct source {
	enum source_kind kind;
	const char *name;   /* option, variable, field, constant, line */
	const char *strip;  /* field whose value is taken from the beginning */
	unsigned index;	    /* WORD, SHELL_TOOL */
	struct pattern *re; /* may be NULL */
	unsigned group;
	const char **skip_options; /* options with a value, before the word wanted */
	unsigned n_skip;
	unsigned add; /* to a number */
	bool base64, in_argv, basename;
};

struct rule_field {
	const char *name;
	struct source *sources;
	unsigned n_sources;
	unsigned max;
	const char *charset; /* NULL: anything printable */
};

struct rule_block { /* content tier: blocks of an engine's own log */
	struct pattern *file, *start;
	unsigned name_group;
	const char *match; /* line whose items identify the block */
	const char *by;	   /* field of the task that must be one of them */
	unsigned bytes;
	struct rule_field *fields;
	unsigned n_fields;
};

struct rule_head {	  /* content tier: the beginning of a file that an engine wrote */
	const char *file; /* template */
	unsigned bytes;
	struct rule_field *fields;
	unsigned n_fields;
	bool at_exit; /* read when the task's first process has ended, not when it begins */
};

#define RULE_HEADS_MAX	    4
#define RULE_HEAD_BYTES_MAX 4096
#define RULE_KEYS_MAX	    4

struct rule_run { /* templates */
	const char *key, *name, *pipeline;
};

struct rule_pair {
	const char *name, *value;
};

struct rule_test {
	const char *file, *exe, *comm, *cwd, *cwd_host, *title, *cgroup, *nodename, *parent;
	const char **argv, **env, **ancestors;
	unsigned n_argv, n_env, n_ancestors, pid, nspid;
	bool no_match, run_root;
	struct rule_pair *expect;
	unsigned n_expect, line;
};

struct rule {
	const char *id, *origin;
	unsigned line, column, priority, order, confidence;
	enum rule_kind kind;
	bool transparent, disabled;
	const char **env_rescan; /* comms of it whose children need their environment read */
	unsigned n_env_rescan;
	const char **asked_by, **adopts, **served_by; /* comms */
	unsigned n_asked_by, n_adopts, n_served_by;
	struct predicate when;
	const char *keys[RULE_KEYS_MAX]; /* templates; the first that has all its fields */
	unsigned n_keys;
	struct rule_field *fields, *learn;
	unsigned n_fields, n_learn;
	struct rule_traits traits;
	struct rule_run run;
	struct pattern *owns, *pop_title;
	struct rule_head heads[RULE_HEADS_MAX];
	unsigned n_heads;
	struct rule_block *block;
	struct rule_test *tests;
	unsigned n_tests;
};

struct index_entry {
	const char *name;
	size_t len;
	unsigned subject; /* PRED_EXE, PRED_FILE, PRED_COMM or PRED_ARGV0 */
	bool stem;
	unsigned rule;
};

#define RULE_WORDS (RULES_MAX / 64)

struct rules {
	struct chunk *chunks;
	struct pattern *patterns;
	struct rule **list; /* by priority, then order of loading */
	unsigned n;
	struct index_entry *index; /* sorted by name */
	unsigned n_index;
	uint16_t *table; /* hash of a name -> its first index entry + 1; 0: free */
	unsigned table_mask;
	unsigned n_of_kind[RULE_KINDS];
	uint64_t of_kind[RULE_KINDS][RULE_WORDS];
	uint64_t always[RULE_WORDS]; /* not found through the index */
	const char **env_names, **env_parents;
	bool use_titles;
	struct rule_ask {
		const char *comm;
		uint32_t bits;
		enum rule_ask_kind kind;
	} * asks;
	unsigned n_asks;
	rules_mistake mistake; /* of rules_check(): told of each; NULL: the first one ends it */
	void *mistake_ctx;
	unsigned n_mistakes;
};

/* What matching and extracting look at; parts are filled when first needed. */
struct rule_view {
	const struct rule_input *in;
	struct argv_words argv;
	bool split, joined;
	size_t line_len;
	char line[RULE_SUBJECT_MAX];
};

void *rules_alloc(struct rules *r, size_t size); /* zeroed; NULL: no memory */
char *rules_strndup(struct rules *r, const char *text, size_t len);
/* rc, or 0 where a mistake was told and reading goes on. */
int rules_go_on(struct rules *r, int rc, const struct rules_error *error);

double pattern_cost(const char *text); /* rule_cost.c */
/* -EINVAL with text if it is not allowed here or does not compile. */
int pattern_new(struct rules *r, const char *text, bool program_name, struct pattern **ret,
		char *message, size_t message_size);
bool pattern_matches(const struct pattern *p, struct word subject);
/* Groups as slices of subject; false: no match. Only for PATTERN_REGEX. */
bool pattern_groups(const struct pattern *p, struct word subject,
		    regmatch_t groups[RULE_GROUPS_MAX]);

/* Of the cgroup's path: whether p matches it, and (ret not NULL) what its group has. */
#define RULE_NO_GROUP 255
bool rule_cgroup_matches(const struct rule_input *in, const struct pattern *p, unsigned group,
			 struct word *ret);

const struct argv_words *view_argv(struct rule_view *v);
bool rule_predicate(struct rule_view *v, const struct predicate *p);
struct word rule_env(const struct rule_input *in, const char *name); /* p NULL: not there */
void rule_extract(struct rule_view *v, const struct rule *rule, struct rule_result *ret);
/* Adds one value if it is valid for the field; false if not. */
bool rule_add_field(struct rule_result *ret, const struct rule_field *f, struct word value);
/* The same, replacing what it had. */
bool rule_set_field(struct rule_result *ret, const struct rule_field *f, struct word value,
		    enum rule_origin_kind from);
/* Applies re, group and decoding of a source to a text found. */
bool rule_refine(const struct source *s, struct word text, char *buf, size_t size,
		 struct word *ret);
/* Expands ${field}, ${pid} and ${cwd}; false: one of them is not known, *ret empty. */
bool rule_expand(const char *template, const struct rule_result *r, uint32_t pid, const char *cwd,
		 char ret[RULE_VALUE_MAX]);

/* Appends the rules of one YAML text. */
int rules_parse(struct rules *r, const char *name, const char *text, size_t len,
		struct rules_error *error);
int rules_index(struct rules *r); /* after all are loaded and resolved */

#endif
