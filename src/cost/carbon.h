/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Energy and carbon of a machine: MODELLED, not measured, by the method of Cloud
 * Carbon Footprint (coefficients of 2024-03 and 2026-04, Apache-2.0), but with the
 * CPU time that was measured in place of its assumed 50 % utilisation:
 *	W of a vCPU = min + u x (max - min)
 *	kWh = (vCPUs x min + (max - min) x CPU hours / h + GPUs x W + memory) x h
 *	gCO2e = kWh x PUE x grid
 * GPUs count with their idle power (their use is not observed), memory with
 * 0.392 W per GiB. Embodied carbon is left out.
 */
#ifndef TRACER_COST_CARBON_H
#define TRACER_COST_CARBON_H

#include "src/cost/prices.h"

struct carbon_model {
	double static_watts;   /* of the whole machine when idle, without PUE */
	double watts_per_cpu;  /* more for each busy CPU */
	double pue;	       /* 1: unknown, as for owned machines */
	double grid_g_per_kwh; /* < 0: unknown: energy, but no carbon */
	char source[48];       /* of the watts */
};

/* What the user knows better; < 0: not given. */
struct carbon_given {
	double min_watts, max_watts, pue, grid_g_per_kwh;
};

/* provider, type, region may be NULL. Always succeeds: without a provider the
 * averages of all are used, and the grid is unknown. */
void carbon_model_of(const char *provider, const char *type, const char *region,
		     const struct machine *m, const struct carbon_given *given,
		     struct carbon_model *ret);
double carbon_kwh_static(const struct carbon_model *m, uint64_t wall_ns);
double carbon_kwh_dynamic(const struct carbon_model *m, uint64_t cpu_ns);

#endif
