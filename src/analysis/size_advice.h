/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tasks of one name should ask for: memory by rightsize.h, cores by what they
 * kept busy, against what the newest of them asked for. One judgement for `tracer
 * tune`, which has one run, and for `--sizes`, which has many. Pure: no I/O.
 */
#ifndef TRACER_ANALYSIS_SIZE_ADVICE_H
#define TRACER_ANALYSIS_SIZE_ADVICE_H

#include "src/analysis/finding.h"
#include "src/analysis/rightsize.h"

struct size_task { /* one that is over: it did well, or was killed for memory */
	double input_bytes, seconds;
	uint64_t peak_bytes;	/* of its processes together */
	uint64_t largest_bytes; /* of its largest process */
	uint64_t limit_bytes;	/* that it was killed at; 0: not known */
	double cpu_s, waited_s; /* on a CPU; ready, and none was free */
	uint32_t workers;	/* threads with work at a time; 0: not known */
	uint32_t requested_cpus, attempt;
	uint64_t requested_bytes; /* 0: not known */
	bool killed_for_memory;
};

struct size_advice {
	const char *name;
	size_t samples, killed;
	bool known; /* else too few tasks for a size: all of `size`, `risk` is void */
	struct sizing size;
	struct sizing_risk risk;
	uint64_t asked_bytes;	/* by the newest first attempt; 0: nobody did */
	uint64_t peak_bytes;	/* most: processes alive together */
	uint64_t largest_bytes; /* most: one process, a lower bound */
	unsigned cpus;		/* 0: too few tasks */
	unsigned asked_cpus;	/* 0: nobody did */
	unsigned workers;	/* most; 0: not known of all */
	double busy_p90;	/* cores */
	double wanted_p90;	/* cores, had none of its threads waited for one */
	bool starved;		/* it used fewer cores than it could have */
	double seconds;		/* of all tasks */
	double saving_byte_s;	/* against what is asked for now, a run; NAN: not known */
	double saving_core_s;
};

struct size_kind;

/* Host: CPUs of the machine, bounds what is believed of waiting. 0 or -ENOMEM. */
int size_kind_new(const struct sizing_options *costs, const char *name, struct size_kind **ret);
void size_kind_free(struct size_kind *k);
int size_kind_add(struct size_kind *k, const struct size_task *t); /* 0 or -ENOMEM */
void size_kind_advise(struct size_kind *k, unsigned runs, unsigned host_cpus,
		      struct size_advice *ret);

uint64_t size_advice_mib(const struct size_advice *a); /* rounded up */
/* Whether so much asked for is a waste that `tracer tune` warns of. */
bool size_is_waste(uint64_t asked_bytes, uint64_t used_bytes, double seconds);
unsigned size_confidence(const struct size_advice *a);
/* ", which saves ...", or "" where that is not known, or nothing. */
const char *size_saving_text(struct findings *all, const struct size_advice *a);
/* One finding about memory, and one about cores if they are known to be amiss. */
void size_findings(struct findings *all, const struct size_advice *a);

#endif
