/* SPDX-License-Identifier: Apache-2.0 */
/* One task's size as settings of engines and schedulers, and as JSON. */
#ifndef TRACER_CLI_SIZE_SETTINGS_H
#define TRACER_CLI_SIZE_SETTINGS_H

#include <jansson.h>
#include <stdio.h>

#include "src/analysis/rightsize.h"
#include "src/cli/tune_sizing.h"

struct size_advice {
	const char *name;
	bool known; /* else too few tasks for any advice */
	size_t samples, killed;
	double bytes; /* for an input of input_bytes, the 95th percentile */
	double input_bytes;
	struct sizing sizing;
	uint64_t asked_bytes;	   /* most; 0: unknown */
	uint64_t peak_bytes;	   /* processes alive together */
	uint64_t largest_bytes;	   /* largest process: a lower bound */
	unsigned cpus, asked_cpus; /* 0: unknown */
	double busy_p90;
	double saving_byte_s; /* a run; NAN: unknown */
	unsigned confidence;  /* 0-100 */
};

uint64_t size_advice_mib(const struct size_advice *a); /* rounded up */
json_t *size_advice_object(const struct size_advice *a);
void size_settings_begin(FILE *out, enum sizes_format format, unsigned runs);
void size_settings_task(FILE *out, enum sizes_format format, const struct size_advice *a,
			bool first);
/* Snakemake takes threads apart from memory: a second round over all tasks. */
void size_settings_threads(FILE *out, const struct size_advice *a, bool first);
void size_settings_end(FILE *out, enum sizes_format format);

#endif
