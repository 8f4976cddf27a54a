/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kind of rented machine this is: asks the metadata service of EC2 (IMDSv2),
 * GCP and Azure, in bounded time, without proxies or redirects. Only when the user
 * asks for it; nothing else is ever contacted.
 */
#ifndef TRACER_CLI_COST_DETECT_H
#define TRACER_CLI_COST_DETECT_H

#include "src/cli/cost_config.h"

struct cost_detect {
	const char *address; /* "http://169.254.169.254" unless the user names another */
	unsigned budget_ms;  /* for all questions together; 0: 5000 */
	uint64_t deadline_ns;
	bool quiet; /* says nothing where nobody answers */
	bool done;
	int result;
	struct host_entry entry;
	char provider[16], type[64], region[40], zone[48], lifecycle[16], resource[80], account[40];
};

#define METADATA_ADDRESS "http://169.254.169.254"

/* ctx: struct cost_detect. Asks once. 0, or -ENOENT: no such service answered. */
int cost_detect(void *ctx, struct host_entry *ret);

/* After it has answered: is the machine about to be taken away (EC2 spot
 * instance-action, GCP preempted, Azure Preempt event)? Asks each time. */
bool cost_detect_taken(struct cost_detect *d);

#endif
