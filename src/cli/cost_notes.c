/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cost_notes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/base/human.h"
#include "src/cli/fields_common.h"
#include "src/cli/price_near.h"
#include "src/cost/terms.h"
#include "src/cost/weights.h"

#define SENT_MIN_BYTES 1000000 /* less is not worth a word */

static void note(struct cost_notes *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void note(struct cost_notes *n, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n->r == 0)
		n->r = n->add(n->ctx, line);
}

/* Nobody bills the traffic of machines that one owns, and a bill has it. */
static bool is_rented(const struct book_host *h)
{
	return h->id.provider && h->priced_ns && !h->billed_ns && h->id.price < 0 &&
	       !rates_given(&h->id.rates);
}

/* What may cost something, but not known what. */
static void note_extras(struct cost_notes *n, const struct book_host *h)
{
	for (size_t v = 0; v < h->id.n_volumes; v++)
		if (h->id.volumes[v].unpriced)
			note(n, "unpriced: volume %s%s%s of host %s: its price is not known",
			     h->id.volumes[v].type ? h->id.volumes[v].type : "",
			     h->id.volumes[v].type && *h->id.volumes[v].id ? " " : "",
			     h->id.volumes[v].id, h->name);
	if (h->sent_bytes >= SENT_MIN_BYTES && h->id.transfer < 0 && is_rented(h))
		note(n,
		     "unpriced: %.3f GB sent through sockets on host %s: what of it is billed is "
		     "not "
		     "known (--transfer-usd-per-gb)",
		     (double)h->sent_bytes / 1e9, h->name);
	if (h->minimum_unknown && !h->billed_ns)
		note(n,
		     "billing minimum of host %s not added: when it was started and stopped is not "
		     "known (--host-started, --host-stopped)",
		     h->name);
	if (h->has_price && h->id.sustained_percent < 0 && h->id.price < 0 &&
	    has_sustained_use(h->id.provider, h->id.type, h->lifecycle))
		note(n,
		     "sustained-use discount of %s is not taken off: how much of the month such "
		     "machines run is not known (--sustained-use)",
		     h->id.type);
}

static void note_price(struct cost_notes *n, const struct book_host *h)
{
	char wall[HUMAN_MAX];
	/* What counts is how old it was when the host was used. */
	int days = h->has_price
			   ? price_age_days(h->price.as_of, h->windows[h->n_windows - 1].end_ns)
			   : -1;

	if (h->unpriced_ns)
		note(n, "unpriced: %s of host %s: %s", human_duration(wall, h->unpriced_ns),
		     h->name, h->why);
	if (days > PRICE_STALE_DAYS && h->priced_ns)
		note(n,
		     "the price of %s %s is of %s, %d days before the end of the run: import a "
		     "newer "
		     "one with `tracer prices import`",
		     h->id.provider, h->id.type, h->price.as_of, days);
	if (h->price.builtin && h->lifecycle == LIFECYCLE_SPOT && h->priced_ns)
		note(n,
		     "the spot price of %s is a month's average of its region, not the price of "
		     "the zone at the time: import the spot price history",
		     h->id.type);
	note_extras(n, h);
	if (h->machine.gpus_milli && !h->pools.capacity[POOL_GPU])
		return;
	if (h->machine.gpus_milli) {
		bool known, seen = false;

		(void)gpu_vcpus(h->machine.gpu_model, h->machine.gpu_memory_gib, &known);
		for (size_t i = 0; i < h->n_leaves; i++)
			seen |= h->leaves[i].used[POOL_GPU] > 0;
		if (!known)
			note(n,
			     "GPU `%s` of host %s has no weight of its own: it counts as 10 vCPUs",
			     h->machine.gpu_model, h->name);
		if (!seen)
			note(n, "no process of host %s was seen to open a GPU: its part is idle",
			     h->name);
	}
}

/* Is a typing error why there is no price? */
static void note_near(struct cost_notes *n, const struct cost_book *b, const struct book_host *h)
{
	struct price_near near = { .provider = h->id.provider,
				   .type = h->id.type,
				   .region = h->id.region };
	char text[256];

	if (!h->unpriced_ns || !h->id.provider)
		return;
	price_near_find(&near, b->prices);
	if (price_near_text(&near, text, sizeof(text)))
		note(n, "host %s: %s", h->name, text);
}

/* The machine that the run saw is not what the type is: then idle and price are wrong too. */
static void note_size(struct cost_notes *n, const struct cost_book *b, const struct book_host *h)
{
	struct machine m;

	if (!h->id.type || machine_find(h->id.provider, h->id.type, &m) != 0)
		return;
	for (size_t i = 0; i < b->n_runs; i++) {
		const struct run_row *run = &b->runs[i].s.run;
		double seen = (double)run->memory_bytes, has = (double)m.memory_bytes;
		char x[HUMAN_MAX], y[HUMAN_MAX];

		if (!b->runs[i].selected || b->hosts[b->runs[i].host] != h)
			continue;
		if (run->cpus && m.vcpus_milli && run->cpus * 1000 != m.vcpus_milli)
			note(n, "the run saw %u CPUs, a %s has %g: is the type right?", run->cpus,
			     h->id.type, m.vcpus_milli / 1000.0);
		else if (seen > 0 && has > 0 && (seen > has * 1.25 || seen < has * 0.75))
			note(n, "the run saw %s of memory, a %s has %s: is the type right?",
			     human_bytes(x, run->memory_bytes), h->id.type,
			     human_bytes(y, m.memory_bytes));
		else
			continue;
		return; /* one is enough */
	}
}

static void note_host(struct cost_notes *n, const struct cost_book *b, const struct book_host *h)
{
	note_price(n, h);
	note_near(n, b, h);
	note_size(n, b, h);
}

static const char *owner_word(enum who_owner owner)
{
	return owner == WHO_PROJECT ? "project" : owner == WHO_GRANT ? "grant" : "cost center";
}

static money_sum spent(const struct cost_book *b, const struct budget *budget)
{
	money_sum sum = 0;

	for (size_t i = 0; i < b->n_leaves; i++) {
		const struct book_leaf *l = &b->leaves[i];
		const struct who_rule *who = b->runs[l->run].who;
		const char *owner = who ? who->owner[budget->owner] : NULL;

		if (!owner || strcmp(owner, budget->name) || !b->runs[l->run].selected)
			continue;
		sum += (money_sum)l->overhead + l->idle;
		for (int p = 0; p < COST_POOLS; p++)
			sum += (money_sum)l->used[p] + l->unused[p];
	}
	return sum;
}

static bool has_rule(const struct cost_book *b, const struct budget *budget)
{
	for (size_t i = 0; i < b->config->n_rules; i++) {
		const char *owner = b->config->rules[i].owner[budget->owner];

		if (owner && !strcmp(owner, budget->name))
			return true;
	}
	return false;
}

static void note_budgets(struct cost_notes *n, const struct cost_book *b)
{
	for (size_t i = 0; i < b->config->n_budgets; i++) {
		const struct budget *g = &b->config->budgets[i];
		money_sum sum = spent(b, g);
		char have[MONEY_MAX], may[MONEY_MAX];
		unsigned decimals;

		if (!has_rule(b, g))
			note(n, "budget of %s %s: no rule of costcenters.yaml gives it to anybody",
			     owner_word(g->owner), g->name);
		if (sum * 100 < (money_sum)g->usd * g->warn_percent)
			continue;
		decimals = g->usd < USD ? 6 : 2;
		note(n, "budget of %s %s: %s of %s USD (%d %%)%s", owner_word(g->owner), g->name,
		     money_round(have, sum, decimals), money_round(may, g->usd, decimals),
		     (int)(sum * 100 / g->usd), sum > g->usd ? ": exceeded" : "");
	}
}

static bool knows_resource(const struct cost_book *b)
{
	for (size_t i = 0; i < b->bills.n_resources; i++)
		if (*b->bills.resources[i])
			return true;
	return false;
}

static void note_bills(struct cost_notes *n, const struct cost_book *b)
{
	const struct bill_book *bills = &b->bills;
	char x[MONEY_MAX], y[MONEY_MAX], z[MONEY_MAX];

	if (!b->has_bills)
		return;
	note(n,
	     "bill: %" PRIu64 " lines, %s USD; %zu lines are of these hosts, %s USD; %" PRIu64
	     " of other resources, %s USD",
	     bills->lines, money_text(x, bills->total), bills->n, money_text(y, bills->matched),
	     bills->n_unmatched, money_text(z, bills->unmatched));
	if (!bills->n && !knows_resource(b))
		note(n, "bill: which of its resources the host is was not said: see --resource, or "
			"`resource` in host.yaml");
	else if (!book_is_billed(b))
		note(n, "bill: nothing of it is about these hosts in the hours of the runs: the "
			"cost is what it is without a bill");
	if (bills->n_other || bills->unused)
		note(n,
		     "bill: unused commitments %s USD, taxes, credits and fees %s USD: charged to "
		     "nobody",
		     money_text(x, bills->unused), money_text(y, bills->other));
	if (bills->duplicates)
		note(n, "bill: lines that were there twice and count once: %" PRIu64,
		     bills->duplicates);
	if (bills->changed)
		note(n, "bill: lines that a later file changed: %" PRIu64 ", by %s USD in all",
		     bills->changed, money_text(x, bills->change));
}

void cost_notes(struct cost_notes *n, const struct cost_book *b)
{
	for (size_t i = 0; i < b->n_hosts; i++)
		if (b->hosts[i]->n_windows)
			note_host(n, b, b->hosts[i]);
	if (b->clock_steps)
		note(n,
		     "tasks that end before they start, so that no time can be charged to them "
		     "(was "
		     "the clock set back?): %" PRIu64,
		     b->clock_steps);
	if (b->no_time)
		note(n, "tasks of no measurable time, which pay for none: %" PRIu64, b->no_time);
	for (size_t i = 0; i < b->n_runs; i++)
		if (b->runs[i].selected && b->runs[i].interrupted_ns)
			note(n, "run %s: the notice came that its machine is taken away",
			     b->runs[i].s.run.uid);
	for (size_t i = 0; i < b->n_runs; i++)
		if (b->runs[i].selected && !b->runs[i].s.run.end_ns)
			note(n, "run %s has not ended: it counts until %s", b->runs[i].s.run.uid,
			     b->runs[i].s.run.status == RUN_RUNNING ? "now"
								    : "its last known event");
		else if (b->runs[i].selected && !run_is_complete(&b->runs[i].s.run))
			note(n,
			     "run %s was not observed completely: what is attributed is a lower "
			     "bound, idle an upper one; tracer report %s says what is missing",
			     b->runs[i].s.run.uid, b->runs[i].s.run.uid);
	note_bills(n, b);
	note_budgets(n, b);
}

bool cost_is_lower_bound(const struct cost_book *b)
{
	for (size_t i = 0; i < b->n_hosts; i++) {
		const struct book_host *h = b->hosts[i];

		if (!h->n_windows)
			continue;
		if (h->unpriced_ns || (h->minimum_unknown && !h->billed_ns))
			return true;
		for (size_t v = 0; v < h->id.n_volumes; v++)
			if (h->id.volumes[v].unpriced)
				return true;
	}
	for (size_t i = 0; i < b->n_runs; i++)
		if (b->runs[i].selected && !b->runs[i].s.run.end_ns)
			return true;
	return false;
}

bool cost_is_complete(const struct cost_book *b)
{
	for (size_t i = 0; i < b->n_runs; i++)
		if (b->runs[i].selected && !run_is_complete(&b->runs[i].s.run))
			return false;
	return true;
}
