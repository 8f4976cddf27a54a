/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the price of a machine splits over its resources. List prices of EC2 (11
 * generations, c/m/r) fit a x vCPU + b x GiB within 2.9 % with a:b = 10.1:1; AWS's
 * own split cost allocation uses 9:1, OpenCost 7.5:1. A GPU counts as many vCPUs
 * as list prices of its model say: T4 11, L4 14, A10G 24, A100-40 51, L40S 60,
 * A100-80 70, V100 88, H100 148, H200 173, B200 350; an unknown one 10 (AWS's
 * ratio). For owned machines the rates themselves are the weights.
 */
#ifndef TRACER_COST_WEIGHTS_H
#define TRACER_COST_WEIGHTS_H

#include "src/cost/allocate.h"
#include "src/cost/prices.h"

#define DEMAND_CORE 1000000ULL /* units of demand in a core, and in a GPU */

/* vCPUs that one GPU of a model is worth; known: false for the fallback. */
unsigned gpu_vcpus(const char *model, uint32_t memory_gib, bool *ret_known);
/* Capacities and weights of a machine. rates may be NULL or without rates. */
void cost_host_of(const struct machine *m, const struct rates *rates, struct cost_host *ret);

#endif
