/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/history_cost.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/cli/cost_book.h"
#include "src/cli/price_files.h"

struct priced {
	struct cost_config config;
	struct price_table prices;
	struct host_entry over;
	char *why;
};

static const struct book_host *host_of(const struct cost_book *b, int64_t run_id)
{
	for (size_t i = 0; i < b->n_runs; i++)
		if (b->runs[i].s.run.id == run_id)
			return b->hosts[b->runs[i].host];
	return NULL;
}

static int by_id(const void *a, const void *b)
{
	const struct history_task *x = *(struct history_task *const *)a;
	const struct history_task *y = *(struct history_task *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

static void set_cost(const struct book_leaf *l, struct history_task **tasks, size_t n)
{
	struct history_task key = { .id = l->task->row.id }, *wanted = &key, **found;
	money_sum sum = 0;

	found = n ? bsearch(&wanted, tasks, n, sizeof(struct history_task *), by_id) : NULL;
	for (unsigned p = 0; p < COST_POOLS; p++)
		sum += l->used[p] + l->unused[p];
	if (found)
		(*found)->usd = (double)sum / (double)USD;
}

static int set_costs(struct history *h, uint32_t run, const struct cost_book *b)
{
	struct history_task **tasks = calloc(h->n + 1, sizeof(struct history_task *));
	size_t n = 0;

	if (!tasks)
		return -ENOMEM;
	for (size_t i = 0; i < h->n; i++)
		if (h->tasks[i].run == run)
			tasks[n++] = &h->tasks[i];
	if (n)
		qsort(tasks, n, sizeof(struct history_task *), by_id);
	for (size_t i = 0; i < b->n_leaves; i++)
		if (b->leaves[i].task && b->leaves[i].task->row.run_id == h->runs[run].row.id)
			set_cost(&b->leaves[i], tasks, n);
	free((void *)tasks);
	return 0;
}

static int add_run(struct history *h, uint32_t run, struct store *store, struct priced *p)
{
	struct cost_selection sel = { .run_id = h->runs[run].row.id, .until_ns = UINT64_MAX };
	struct cost_book b = { .config = &p->config, .prices = &p->prices };
	const struct book_host *host;
	int r;

	b.options = (struct book_options){ .by = BY_TASK, .policy = POLICY_MAX, .over = &p->over };
	r = book_load_runs(&b, store, &sel);
	if (r == 0)
		r = book_resources(&b);
	if (r == 0)
		r = book_load_leaves(&b, store);
	if (r == 0)
		r = book_price(&b);
	host = r == 0 ? host_of(&b, sel.run_id) : NULL;
	if (host && host->priced_ns && !host->unpriced_ns) {
		r = book_divide(&b, NULL);
		if (r == 0)
			r = set_costs(h, run, &b);
	} else if (host) {
		snprintf(p->why, HISTORY_COST_WHY, "host %s is unpriced: %s", host->name,
			 *host->why ? host->why : "no price");
	} else if (r == -EINVAL || r == -ERANGE) { /* its size is not known; a sum too large */
		snprintf(p->why, HISTORY_COST_WHY, "run %s cannot be priced", h->runs[run].row.uid);
		r = 0;
	}
	book_fini(&b);
	return r;
}

int history_add_costs(struct history *h, struct store *store, char why[HISTORY_COST_WHY])
{
	struct priced p = { .over = HOST_ENTRY_NONE, .why = why };
	int r = 0;

	why[0] = '\0';
	if (cost_config_load(&p.config, NULL, NULL) || price_file_load_own(&p.prices)) {
		snprintf(why, HISTORY_COST_WHY, "settings or prices cannot be read");
	} else {
		price_table_sort(&p.prices);
		for (uint32_t i = 0; i < h->n_runs && r == 0; i++)
			if (!h->runs[i].missing)
				r = add_run(h, i, store, &p);
	}
	price_table_fini(&p.prices);
	cost_config_fini(&p.config);
	return r;
}
