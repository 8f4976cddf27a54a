/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/weights.h"

#include <string.h>

#define CPU_WEIGHT 101 /* tenths: 10.1 for a vCPU, */
#define MEM_WEIGHT 10  /* 1 for a GiB */
#define KIB_OF_GIB (GIB / 1024)

static const struct {
	const char *model;
	uint32_t memory_gib; /* 0: any */
	unsigned vcpus;
} gpus[] = {
	{ "t4", 0, 11 },    { "l4", 0, 14 },	{ "a10g", 0, 24 }, { "a100", 80, 70 },
	{ "a100", 0, 51 },  { "l40s", 0, 60 },	{ "v100", 0, 88 }, { "h100", 0, 148 },
	{ "h200", 0, 173 }, { "b200", 0, 350 },
};

unsigned gpu_vcpus(const char *model, uint32_t memory_gib, bool *ret_known)
{
	*ret_known = true;
	for (size_t i = 0; i < sizeof(gpus) / sizeof(gpus[0]); i++)
		if (!strcmp(gpus[i].model, model) &&
		    (!gpus[i].memory_gib || gpus[i].memory_gib == memory_gib))
			return gpus[i].vcpus;
	*ret_known = false;
	return 10;
}

/* Capacity units differ (10^-6 cores, KiB, 10^-6 GPUs): a weight is per unit, so
 * all are scaled by KIB_OF_GIB x DEMAND_CORE. */
void cost_host_of(const struct machine *m, const struct rates *rates, struct cost_host *ret)
{
	bool known;
	uint64_t cpu = CPU_WEIGHT, mem = MEM_WEIGHT, gpu;

	gpu = CPU_WEIGHT * (uint64_t)gpu_vcpus(m->gpu_model, m->gpu_memory_gib, &known);
	if (rates && (rates->core_hour > 0 || rates->gib_hour > 0 || rates->gpu_hour > 0)) {
		/* micro-USD: finer than any rate, and far from overflow */
		cpu = rates->core_hour > 0 ? (uint64_t)rates->core_hour / 1000000 : 0;
		mem = rates->gib_hour > 0 ? (uint64_t)rates->gib_hour / 1000000 : 0;
		gpu = rates->gpu_hour > 0 ? (uint64_t)rates->gpu_hour / 1000000 : 0;
	}
	*ret = (struct cost_host){ 0 };
	ret->capacity[POOL_CPU] = (uint64_t)m->vcpus_milli * (DEMAND_CORE / 1000);
	ret->capacity[POOL_MEMORY] = m->memory_bytes / 1024;
	ret->capacity[POOL_GPU] = (uint64_t)m->gpus_milli * (DEMAND_CORE / 1000);
	ret->weight[POOL_CPU] = cpu * KIB_OF_GIB;
	ret->weight[POOL_MEMORY] = mem * DEMAND_CORE;
	ret->weight[POOL_GPU] = gpu * KIB_OF_GIB;
	if (!cpu && !mem && !gpu)
		ret->weight[POOL_CPU] = 1;
}
