/* SPDX-License-Identifier: Apache-2.0 */
/* One task's size as settings of engines and schedulers, and as JSON. */
#ifndef TRACER_CLI_SIZE_SETTINGS_H
#define TRACER_CLI_SIZE_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "src/analysis/size_advice.h"
#include "src/cli/tune_sizing.h"

json_t *size_advice_object(const struct size_advice *a, const struct finding *memory);
/* any: a task will be written; else nothing but comments is */
void size_settings_begin(FILE *out, enum sizes_format format, unsigned runs, bool any);
/* Whether there is a size, and the format has a place for a task of that name. */
bool size_settings_takes(enum sizes_format format, const struct size_advice *a);
/* Why there is none, as a comment; where a format has none, on `said`. */
void size_settings_unknown(FILE *out, FILE *said, enum sizes_format format,
			   const struct size_advice *a);
void size_settings_task(FILE *out, enum sizes_format format, const struct size_advice *a,
			bool first);
/* Snakemake takes threads apart from memory: a second round over all tasks. */
void size_settings_threads(FILE *out, const struct size_advice *a, bool first);
void size_settings_end(FILE *out, enum sizes_format format, bool any);

#endif
