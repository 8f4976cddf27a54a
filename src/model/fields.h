/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The field table (fields.def) and a record: one value for each field. All views
 * (tables, JSON, CSV, docs) print records through this table.
 */
#ifndef TRACER_MODEL_FIELDS_H
#define TRACER_MODEL_FIELDS_H

#include "src/model/rows.h"

enum field_type {
	FIELD_TYPE_TEXT,
	FIELD_TYPE_NUMBER,
	FIELD_TYPE_TIME,     /* Unix ns */
	FIELD_TYPE_DURATION, /* ns */
	FIELD_TYPE_BYTES,
	FIELD_TYPE_RATIO,
	FIELD_TYPE_SHARE, /* a ratio that people read in percent */
	FIELD_TYPE_BOOL,
	FIELD_TYPE_ARGS,  /* NUL-ended strings */
	FIELD_TYPE_MONEY, /* 10^-12 USD, signed */
};

enum field_id {
#define FIELD(id, name, heading, unit, type, help) FIELD_##id,
#include "src/model/fields.def"
#undef FIELD
	FIELD_COUNT /* also ends a list of fields */
};

struct field {
	const char *name, *heading, *unit;
	enum field_type type;
	const char *help;
};

const struct field *field_of(enum field_id id);
enum field_id field_find(const char *name); /* FIELD_COUNT: none */

struct value {
	bool known;
	union {
		struct bytes text; /* TEXT, ARGS; borrowed */
		uint64_t number;   /* NUMBER, TIME, DURATION, BYTES; BOOL: 0, 1 */
		double ratio;
		int64_t money; /* MONEY */
	};
};

struct record {
	struct value v[FIELD_COUNT];
};

/* A NULL text stays unknown. */
void record_text(struct record *r, enum field_id id, const char *text);
void record_bytes(struct record *r, enum field_id id, struct bytes text);
void record_number(struct record *r, enum field_id id, uint64_t n);
/* The number, unless it is 0, which then means unknown. */
void record_nonzero(struct record *r, enum field_id id, uint64_t n);
void record_ratio(struct record *r, enum field_id id, double ratio);
void record_money(struct record *r, enum field_id id, int64_t money);
/* < 0, 0 or > 0. Unknown sorts after everything; texts by bytes. */
int value_compare(enum field_type type, const struct value *a, const struct value *b);

/* Everything of a ledger; what the run could not measure stays unknown. */
void record_ledger(struct record *r, const struct wire_ledger *l, const struct run_row *run);
void record_span(struct record *r, uint64_t start_ns, uint64_t end_ns); /* START, END, WALL */
void record_run(struct record *r, const struct run_row *run);
void record_task(struct record *r, const struct task_row *task, const struct run_row *run);
void record_scope(struct record *r, const struct scope_row *s);
void record_tool(struct record *r, const struct tool_row *tool, const struct run_row *run);
/* exec: of its last program, or NULL. Not set: what other rows know (PARENT,
 * TASK, TOOL, ...) and texts that are composed (ID, COMMAND, ENDED_AS). */
void record_process(struct record *r, const struct process_row *p, const struct exec_row *exec,
		    const struct run_row *run);

/* cpu divided as the kernel does (cputime_adjust): by the ratio of the sampled
 * times; all user without samples. The two parts sum to the total exactly. */
void cpu_split(const struct wire_ledger *l, uint64_t *ret_user_ns, uint64_t *ret_system_ns);

const char *run_status_name(enum run_status status);
const char *task_kind_name(enum task_kind kind);
const char *scope_kind_name(enum scope_kind kind);
const char *task_status_name(enum task_status status);
const char *collector_name(const struct run_row *run); /* NULL: unknown */
const char *state_name(enum ledger_state state);       /* as in JSON: "runq" */
/* What was lost for good: events, processes, rows; 0 means that all is there. */
uint64_t completeness_events_lost(const struct completeness *c);
/* false: only its own books and what wait4 said of the command are known */
bool run_is_observed(const struct run_row *run);
bool run_is_complete(const struct run_row *run); /* ended, observed, nothing lost */

#endif
