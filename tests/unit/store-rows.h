/* SPDX-License-Identifier: Apache-2.0 */
/* Rows for the store's tests: made from a style, compared member by member. */
#ifndef TRACER_TEST_STORE_ROWS_H
#define TRACER_TEST_STORE_ROWS_H

#include "src/model/rows.h"

enum style {
	STYLE_DISTINCT, /* every member another value */
	STYLE_EXTREME,	/* largest numbers, 8 KiB argv, bytes that are not UTF-8 */
	STYLE_EMPTY,	/* 0, empty strings, present but empty byte strings */
	STYLE_ABSENT,	/* 0 and NULL */
	STYLES
};

void make_run(enum style style, int64_t run, struct run_row *ret);
void make_process(enum style style, int64_t run, struct process_row *ret);
void make_exec(enum style style, int64_t process, struct exec_row *ret);
void make_task(enum style style, int64_t run, struct task_row *ret);
void make_tool(enum style style, int64_t run, struct tool_row *ret);
void make_scope(enum style style, int64_t run, struct scope_row *ret);
void make_file(enum style style, int64_t process, struct file_row *ret);
void make_incident(enum style style, int64_t run, struct incident_row *ret);
void make_text_row(enum style style, int64_t run, struct text_row *ret);

/* Fail the test where the two differ. */
void same_run(const struct run_row *a, const struct run_row *b);
void same_process(const struct process_row *a, const struct process_row *b);
void same_exec(const struct exec_row *a, const struct exec_row *b);
void same_task(const struct task_row *a, const struct task_row *b);
void same_tool(const struct tool_row *a, const struct tool_row *b);
void same_scope(const struct scope_row *a, const struct scope_row *b);
void same_file(const struct file_row *a, const struct file_row *b);
void same_incident(const struct incident_row *a, const struct incident_row *b);
void same_text_row(const struct text_row *a, const struct text_row *b);

#endif
