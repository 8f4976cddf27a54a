/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of `tracer cost`: host.yaml (what the hosts are and what they cost) and
 * costcenters.yaml (whom runs belong to, and budgets). Formats: tracer-cost(1).
 */
#ifndef TRACER_CLI_COST_CONFIG_H
#define TRACER_CLI_COST_CONFIG_H

#include <jansson.h>

#include "src/cost/carbon.h"
#include "src/cost/prices.h"
#include "src/cost/who.h"

#define VOLUMES_MAX 16

struct host_volume {
	const char *id, *type; /* type NULL: only billed */
	money gib_milli;       /* size; 0: unknown */
	bool unpriced;	       /* no price of such a volume is known */
};

/* Texts are borrowed from the configuration or the options; NULL: not given. */
struct host_entry {
	const char *match; /* shell pattern of host names */
	const char *provider, *type, *region, *zone, *lifecycle, *resource, *account;
	const char *from; /* where this is known from, for people */
	struct host_volume volumes[VOLUMES_MAX];
	size_t n_volumes;
	struct machine size; /* 0: as the type, or as the run says */
	money price;	     /* USD per hour; < 0: not given */
	struct rates rates;
	money transfer;		   /* USD per GB (10^9 bytes) that is sent; < 0: not given */
	int64_t minimum_s;	   /* that a start is billed for; < 0: the provider's */
	int64_t sustained_percent; /* of the month that such machines run (GCP); < 0: not given */
	struct carbon_given carbon;
	uint64_t launched_ns, stopped_ns; /* paid for from, to; 0: not given */
	uint64_t seen_launch_ns;	  /* by the metadata service; 0: not known */
	bool interrupted;
};

struct budget {
	enum who_owner owner;
	const char *name;
	money usd;
	unsigned warn_percent;
};

struct cost_config {
	json_t *host_tree, *center_tree; /* own the texts */
	bool hosts_given;		 /* host.yaml by name, not the usual one */
	bool centers_given;		 /* costcenters.yaml by name */
	struct host_entry *hosts;
	size_t n_hosts;
	struct who_rule *rules;
	size_t n_rules;
	struct budget *budgets;
	size_t n_budgets;
};

#define HOST_ENTRY_NONE                                                                            \
	{                                                                                          \
		.price = -1, .rates = RATES_NONE, .transfer = -1, .minimum_s = -1,                 \
		.sustained_percent = -1, .carbon = { -1, -1, -1, -1 },                             \
	}

/* Paths NULL: the user's own, which may be absent. Returns an exit code; it has
 * said what is wrong. */
int cost_config_load_hosts(struct cost_config *c, const char *host_path); /* host.yaml alone */
int cost_config_load(struct cost_config *c, const char *host_path, const char *center_path);
void cost_config_fini(struct cost_config *c);
/* The settings for a host name. */
void cost_config_host(const struct cost_config *c, const char *name, struct host_entry *ret);
/* What is given in `over` replaces what is in *to. */
void host_entry_over(struct host_entry *to, const struct host_entry *over);
/* "core=0.02,gib=0.002,gpu=1,kwh=0.25". Returns an exit code. */
int rates_of_text(const char *text, struct rates *ret);
/* copy: a copy of text that *ret borrows from then on. Returns an exit code. */
int volume_of_text(const char *text, char *copy, struct host_entry *ret);

#endif
