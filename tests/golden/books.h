/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Balances the rows of one run: the last row of each id counts. Tools must sum to
 * their task and all of them, like all processes, to the run; no ledger may have
 * states that do not sum to its thread time.
 */
#ifndef TRACER_TEST_BOOKS_H
#define TRACER_TEST_BOOKS_H

#include <stdio.h>

#include "src/model/rows.h"

struct books;

struct books *books_new(void);
void books_free(struct books *b);
void books_run(struct books *b, const struct run_row *r);
void books_process(struct books *b, const struct process_row *r);
void books_task(struct books *b, const struct task_row *r);
void books_tool(struct books *b, const struct tool_row *r);
/* The number of mistakes, each printed to out. */
int books_check(struct books *b, FILE *out);

#endif
