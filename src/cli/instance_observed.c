/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/instance_observed.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli/cli.h"

int observed_books_open(struct observed_books *b, const char *hosts,
			const struct option_list *price_lists)
{
	int rc = cost_config_load(&b->config, hosts, NULL);

	if (!rc)
		rc = price_file_load_own(&b->prices);
	for (unsigned i = 0; i < price_lists->n && !rc; i++)
		rc = price_file_load(price_lists->items[i], &b->prices);
	price_table_sort(&b->prices);
	return rc ? rc : bill_files_find(&b->bills);
}

void observed_books_close(struct observed_books *b)
{
	cost_config_fini(&b->config);
	price_table_fini(&b->prices);
	bill_files_free(&b->bills);
}

static int load_bills(struct observed_books *b, struct cost_book *book)
{
	int r = book_resources(book);

	for (size_t i = 0; i < b->bills.n && r == 0; i++) {
		book->bills.file = (uint32_t)i;
		if (bill_file_load(b->bills.paths[i], BILL_BILLED, &book->bills))
			r = -EBADMSG;
	}
	bill_book_sort(&book->bills);
	return r;
}

static int divide(struct observed_books *b, struct cost_book *book, struct store *store,
		  int64_t run_id)
{
	const struct cost_selection one = { .run_id = run_id, .until_ns = UINT64_MAX };
	int r = book_load_runs(book, store, &one);

	if (r == 0)
		r = book_load_leaves(book, store);
	if (r == 0)
		r = load_bills(b, book);
	if (r == 0)
		r = book_price(book);
	return r == 0 ? book_divide(book, NULL) : r;
}

static double usd_of_leaf(const struct book_leaf *l)
{
	money_sum sum = (money_sum)l->overhead + l->idle;

	for (int p = 0; p < COST_POOLS; p++)
		sum += (money_sum)l->used[p] + l->unused[p];
	return (double)sum / USD;
}

static int by_task(const void *a, const void *b)
{
	const struct task_cost *x = a, *y = b;

	return (x->task > y->task) - (x->task < y->task);
}

static int take_leaves(const struct cost_book *book, uint32_t run, struct observed_run *o)
{
	o->tasks = calloc(book->n_leaves + 1, sizeof(*o->tasks));
	if (!o->tasks)
		return -ENOMEM;
	o->usd = 0;
	for (size_t i = 0; i < book->n_leaves; i++) {
		const struct book_leaf *l = &book->leaves[i];

		if (l->run != run)
			continue;
		o->usd += usd_of_leaf(l);
		if (l->task)
			o->tasks[o->n++] = (struct task_cost){ l->task->row.id, usd_of_leaf(l) };
	}
	qsort(o->tasks, o->n, sizeof(*o->tasks), by_task);
	return 0;
}

/* false: no memory. What is not known stays NULL. */
static bool copy_text(struct arena *a, const char *text, const char **ret)
{
	*ret = arena_text(a, text);
	return *ret || !text;
}

static int take(const struct cost_book *book, uint32_t run, struct observed_run *o)
{
	const struct book_host *h = book->hosts[book->runs[run].host];

	if (!copy_text(&o->texts, h->id.provider, &o->provider) ||
	    !copy_text(&o->texts, h->id.type, &o->type) ||
	    !copy_text(&o->texts, h->id.region, &o->region) ||
	    !copy_text(&o->texts, h->id.zone, &o->zone))
		return -ENOMEM;
	o->lifecycle = h->lifecycle;
	o->size = h->machine;
	o->billed = h->billed_ns > 0;
	o->listed = h->has_price && !o->billed && h->id.price < 0 && !rates_given(&h->id.rates);
	if (h->has_price)
		o->usd_per_hour = (double)h->price.usd_per_hour / USD;
	str_copy(o->as_of, sizeof(o->as_of), h->price.as_of);
	str_copy(o->why, sizeof(o->why), h->why);
	if (h->unpriced_ns || !h->wall_ns)
		return 0;
	return take_leaves(book, run, o);
}

int observed_run_load(struct observed_books *b, struct store *store, int64_t run_id,
		      struct observed_run *ret)
{
	struct cost_book book = { .config = &b->config,
				  .prices = &b->prices,
				  .has_bills = b->bills.n > 0,
				  .options = { .by = BY_TASK, .over = &b->over } };
	struct observed_run o = { .usd = NAN, .usd_per_hour = NAN };
	int r = divide(b, &book, store, run_id);

	for (uint32_t i = 0; i < book.n_runs && r == 0; i++)
		if (book.runs[i].s.run.id == run_id)
			r = take(&book, i, &o);
	book_fini(&book);
	if (r == 0)
		*ret = o;
	else
		observed_run_fini(&o);
	return r;
}

double observed_task_usd(const struct observed_run *o, int64_t task)
{
	const struct task_cost key = { .task = task }, *found;

	if (!o->tasks)
		return NAN;
	found = bsearch(&key, o->tasks, o->n, sizeof(*o->tasks), by_task);
	return found ? found->usd : NAN;
}

void observed_run_fini(struct observed_run *o)
{
	free(o->tasks);
	arena_fini(&o->texts);
	*o = (struct observed_run){ 0 };
}
