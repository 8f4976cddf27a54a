/* SPDX-License-Identifier: Apache-2.0 */
/* What the predicted run would cost, by the price that `tracer cost` has for its host. */
#include <errno.h>
#include <stdio.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/cli/cli.h"
#include "src/cli/cost_book.h"
#include "src/cli/price_files.h"
#include "src/cli/reader.h"
#include "src/cli/what_if.h"

static int time_ns(double s, uint64_t *ret)
{
	if (!(s >= 0) || s > 9e9)
		return -ERANGE;
	*ret = (uint64_t)(s * 1e9);
	return 0;
}

/* The same host with other CPUs has a price only if it is its owner who sets it. */
static int price_of_world(const struct book_host *h, double had, double cpus,
			  struct what_if_cost *c)
{
	struct machine m = h->machine;

	c->usd_per_hour = h->price.usd_per_hour;
	str_copy(c->source, sizeof(c->source), h->price.source);
	if (cpus == had)
		return 0;
	if (h->id.price >= 0 || !rates_given(&h->id.rates)) {
		snprintf(c->why, sizeof(c->why),
			 "the price is of the host with %g CPUs, not of one with %g", had, cpus);
		return -ENOENT;
	}
	if (cpus * 1000 > UINT32_MAX)
		return -ERANGE;
	m.vcpus_milli = (uint32_t)(cpus * 1000 + 0.5);
	return rates_price(&h->id.rates, &m, &c->usd_per_hour);
}

static void set_cost(const struct cost_book *b, const struct whatif *w, double had, double cpus,
		     struct what_if_cost *c)
{
	const struct book_host *h = NULL;
	uint64_t ns;

	for (size_t i = 0; i < b->n_hosts; i++)
		h = b->hosts[i]->n_windows ? b->hosts[i] : h;
	if (!h || !h->has_price) {
		snprintf(c->why, sizeof(c->why), "unpriced: %s", h ? h->why : "no host");
		return;
	}
	if (time_ns(w->observed_s, &ns) == 0)
		c->was_known = money_for(h->price.usd_per_hour, ns, &c->was) == 0;
	if (w->doubt != WHATIF_NONE) {
		str_copy(c->why, sizeof(c->why), "the time is not known");
		return;
	}
	if (price_of_world(h, had, cpus, c) < 0 || time_ns(w->predicted_s, &ns) < 0)
		return;
	c->known = money_for(c->usd_per_hour, ns, &c->predicted) == 0;
}

int what_if_cost(struct store *store, const struct run_row *run, const struct whatif *w,
		 const double cores[2], struct what_if_cost *ret)
{
	struct cost_config config = { 0 };
	struct price_table prices = { 0 };
	struct host_entry over = HOST_ENTRY_NONE;
	struct cost_book book = {
		.config = &config,
		.prices = &prices,
		.options = { .by = BY_RUN, .over = &over },
	};
	const struct cost_selection sel = { .run_id = run->id, .until_ns = UINT64_MAX };
	struct what_if_cost c = { 0 };
	int r, rc = cost_config_load(&config, NULL, NULL);

	if (!rc)
		rc = price_file_load_own(&prices);
	price_table_sort(&prices);
	if (!rc) {
		r = book_load_runs(&book, store, &sel);
		if (r >= 0)
			r = book_resources(&book);
		bill_book_sort(&book.bills);
		if (r >= 0)
			r = book_price(&book);
		if (r >= 0)
			set_cost(&book, w, cores[0], cores[1], &c);
		rc = reader_result(r);
	}
	if (!rc)
		*ret = c;
	book_fini(&book);
	price_table_fini(&prices);
	cost_config_fini(&config);
	return rc;
}
