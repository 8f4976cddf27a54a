/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terms of clouds beside the price of an hour, as their documentation has them:
 * the minimum that each start of a machine is billed for, and GCP's sustained-use
 * discount, which depends on how much of the month such machines run.
 */
#ifndef TRACER_COST_TERMS_H
#define TRACER_COST_TERMS_H

#include "src/cost/prices.h"

/* EC2 (Linux) and GCP: 60 s a start; Azure bills by the second. 0: none known. */
uint64_t billing_minimum_ns(const char *provider);

/* Does a machine type have the sustained-use discount at all? (GCP on demand: N1, N2,
 * N2D, C2, M1, M2.) */
bool has_sustained_use(const char *provider, const char *type, enum lifecycle lifecycle);

/* The mean price of an hour for who runs the type `percent` (1 to 100) of the month.
 * N1, M1, M2: each further quarter costs 100, 80, 60, 40 % of the price; N2, N2D, C2:
 * 100, 86.78, 73.3, 60 %. Rounds half up, to 10^-12 USD. */
money sustained_use_price(const char *type, unsigned percent, money usd_per_hour);

#endif
