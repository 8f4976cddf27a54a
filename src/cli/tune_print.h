/* SPDX-License-Identifier: Apache-2.0 */
/* Findings, units and the matrix of contention as text and as JSON. */
#ifndef TRACER_CLI_TUNE_PRINT_H
#define TRACER_CLI_TUNE_PRINT_H

#include <jansson.h>
#include <stdio.h>

#include "src/analysis/contention.h"
#include "src/base/str.h"

json_t *finding_object(const struct finding *f); /* a new reference */
json_t *findings_array(const struct findings *f);
json_t *unit_object(const struct unit *u);
json_t *units_array(const struct units *u);
json_t *contention_object(const struct contention *c);

struct tune_print {
	FILE *out;
	size_t width; /* 0: do not cut */
	bool all;     /* also what is worth no action */
};

/* Returns how many were printed. */
unsigned findings_print(const struct tune_print *p, const struct findings *f);
int units_print(const struct tune_print *p, const struct units *u); /* 0 or -ENOMEM */
void contention_print(const struct tune_print *p, const struct contention *c, double wall_ns);
/* Text of others, made harmless for a terminal. */
void safe_print(FILE *out, const char *text);
/* "disk 72 %, CPU 20 %" */
void explained_short(struct str *out, const struct explained *e, unsigned max_parts);

#endif
