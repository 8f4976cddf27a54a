/* SPDX-License-Identifier: Apache-2.0 */
/* What machine types are beyond their size: data/prices/machines.tsv, compiled in.
 * Unknown is 0 where 0 cannot be, else -1. */
#ifndef TRACER_COST_MACHINES_H
#define TRACER_COST_MACHINES_H

#include <stdbool.h>
#include <stdint.h>

#define BAND_REGIONS_MAX 24

struct machine_facts {
	char type[64], cpu[48];		/* cpu "": unknown */
	uint32_t coremark;		/* per vCPU, all of them busy; 0: unknown */
	bool coremark_of_cpu;		/* not measured on this type, but on others with its CPU */
	int32_t nvme_gb;		/* local disks; -1: unknown */
	uint32_t network_mbit_s;	/* baseline; 0: unknown */
	uint32_t storage_mbit_s;	/* block volumes; 0: unknown */
	bool burstable;			/* its CPUs may not be used all the time */
	bool threads;			/* its vCPUs are hardware threads, two of a core */
	int8_t bands[BAND_REGIONS_MAX]; /* in the order of machine_region(); -1: unknown */
};

/* Every type of a provider, in the order of the names; non-zero ends it and is returned. */
int machine_each(const char *provider, int (*visit)(void *ctx, const struct machine_facts *facts),
		 void *ctx);
/* Index of a region in bands; -1: not there. */
int machine_region(const char *provider, const char *region);
/* Of the spot machines of a band, the share that is taken away in a month: from, to, and what
 * is taken for it. The last band is open: to 50 % is assumed. */
struct band_share {
	double low, middle, high;
};
bool band_share(int band, struct band_share *ret); /* false: no such band */
/* "c5" of c5.2xlarge, "n2" of n2-standard-8, "Standard_Ds_v5" of Standard_D4s_v5. */
const char *machine_family(const char *provider, const char *type, char *buf, unsigned size);

#endif
