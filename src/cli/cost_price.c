/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of money for hosts: by prices, by what owned machines cost, or billed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/cli/cost_book.h"
#include "src/cost/terms.h"

#define HOUR_NS	    3600000000000ULL
#define GB	    1000000000ULL
#define SPAN_MAX_NS (366 * 24 * HOUR_NS) /* that is estimated beyond the time of the runs */

static int add_line(struct line_list *l, const struct cost_line *line)
{
	if (l->n == l->size) {
		size_t size = l->size ? l->size * 2 : 64;
		struct cost_line *lines = reallocarray(l->lines, size, sizeof(*lines));

		if (!lines)
			return -ENOMEM;
		l->lines = lines;
		l->size = size;
	}
	l->lines[l->n++] = *line;
	return 0;
}

/* The price at a moment, and until when it holds. */
static int price_at(const struct cost_book *b, const struct book_host *h, uint64_t time_ns,
		    struct price *ret)
{
	struct price_query q = { h->id.provider, h->id.type,   h->id.region,
				 h->id.zone,	 h->lifecycle, time_ns };
	size_t len;
	int r;

	*ret = (struct price){ .until_ns = UINT64_MAX };
	if (h->id.price >= 0) {
		ret->usd_per_hour = h->id.price;
		str_copy(ret->source, sizeof(ret->source), "given");
		return 0;
	}
	if (rates_given(&h->id.rates)) {
		str_copy(ret->source, sizeof(ret->source), "rates");
		return rates_price(&h->id.rates, &h->machine, &ret->usd_per_hour);
	}
	r = price_find(b->prices, &q, ret);
	if (r < 0 || !has_sustained_use(h->id.provider, h->id.type, h->lifecycle) ||
	    h->id.sustained_percent < 0)
		return r;
	ret->usd_per_hour = sustained_use_price(h->id.type, (unsigned)h->id.sustained_percent,
						ret->usd_per_hour);
	len = strlen(ret->source);
	snprintf(ret->source + len, sizeof(ret->source) - len, ", sustained use %d %%",
		 (int)h->id.sustained_percent);
	return 0;
}

static void explain(struct book_host *h)
{
	if (*h->why)
		return;
	if (!h->id.provider || !h->id.type)
		snprintf(h->why, sizeof(h->why),
			 "its %s is not known: see --provider and --type, host.yaml, --detect, "
			 "--rates or --price",
			 h->id.provider ? "type" : "provider");
	else
		snprintf(h->why, sizeof(h->why), "no %s price of %s %s in %s",
			 lifecycle_name(h->lifecycle), h->id.provider, h->id.type,
			 h->id.region ? h->id.region : "a region that is not known");
}

/* Energy that the owner pays for, when the machine idles. */
static money energy_price(const struct book_host *h, double kwh)
{
	double usd = h->id.rates.kwh > 0 ? kwh * (double)h->id.rates.kwh : 0;

	return usd < 9e18 ? (money)(usd + 0.5) : 0;
}

/* The moments at which a price of the user's may begin for this machine: between them it
 * is looked up once. */
struct steps {
	uint64_t *at;
	size_t n, next;
	struct price price; /* since the last of them */
	int found;
	bool looked;
};

static void steps_fini(struct steps *s)
{
	free(s->at);
}

static int by_time(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* By its own type, or by the parts of its family, as GCP lists them: FAMILY:core. */
static bool may_price(const struct price_row *row, const struct book_host *h)
{
	return !strcmp(row->provider, h->id.provider) &&
	       (!strcmp(row->type, h->id.type) || strchr(row->type, ':'));
}

static int find_steps(const struct cost_book *b, const struct book_host *h, struct steps *s)
{
	const struct price_table *t = b->prices;
	size_t n = 0;

	for (size_t i = 0; t && h->id.provider && h->id.type && i < t->n; i++)
		n += t->rows[i].since_ns && may_price(&t->rows[i], h);
	s->at = calloc(n + 1, sizeof(*s->at));
	if (!s->at)
		return -ENOMEM;
	for (size_t i = 0; n && i < t->n; i++)
		if (t->rows[i].since_ns && may_price(&t->rows[i], h))
			s->at[s->n++] = t->rows[i].since_ns;
	qsort(s->at, s->n, sizeof(*s->at), by_time);
	return 0;
}

/* The price at a moment that is not before the one asked for last. */
static int step_price(const struct cost_book *b, const struct book_host *h, struct steps *s,
		      uint64_t at_ns)
{
	for (; s->next < s->n && s->at[s->next] <= at_ns; s->next++)
		s->looked = false;
	if (!s->looked)
		s->found = price_at(b, h, at_ns, &s->price);
	s->looked = true;
	return s->found;
}

/* From the window's start to the next hour, price step, or end. Hours stay apart: who was
 * there in an hour bears its idle time, and bills are by the hour. */
static int next_piece(struct cost_book *b, struct book_host *h, struct steps *s,
		      const struct window *w, uint64_t *ret_next_ns)
{
	uint64_t at = w->start_ns, next = w->end_ns;
	struct cost_line line = { at, 0, -1, LINE_COMPUTE };
	int r = step_price(b, h, s, at);

	if (r == -ERANGE)
		return r;
	if (next > (at / HOUR_NS + 1) * HOUR_NS)
		next = (at / HOUR_NS + 1) * HOUR_NS;
	if (s->next < s->n && s->at[s->next] < next)
		next = s->at[s->next];
	line.end_ns = next;
	*ret_next_ns = next;
	if (r == 0) {
		if (!h->has_price)
			h->price = s->price;
		h->has_price = true;
		r = money_for(s->price.usd_per_hour, next - at, &line.amount);
		line.amount += energy_price(h, carbon_kwh_static(&h->carbon, next - at));
	} else {
		explain(h);
		r = 0;
	}
	return r < 0 ? r : add_line(&h->estimate, &line);
}

static unsigned days_in_month(uint64_t time_ns)
{
	time_t t = (time_t)(time_ns / 1000000000ULL);
	struct tm tm, next;

	gmtime_r(&t, &tm);
	next = (struct tm){ .tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1 };
	tm = (struct tm){ .tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = 1 };
	next.tm_mday = 1;
	return (unsigned)((timegm(&next) - timegm(&tm)) / 86400);
}

static uint64_t month_end(uint64_t time_ns)
{
	time_t t = (time_t)(time_ns / 1000000000ULL);
	struct tm tm, next = { .tm_mday = 1 };

	gmtime_r(&t, &tm);
	next.tm_year = tm.tm_year;
	next.tm_mon = tm.tm_mon + 1;
	return (uint64_t)timegm(&next) * 1000000000ULL;
}

/* Of a volume in a window: its GB-months, size x time / the length of each month. A
 * volume of no known price has lines too, so that bills find its time: amount -1. */
static int volume_line(struct book_host *h, const struct host_volume *v, const struct window *w)
{
	const struct host_entry *id = &h->id;
	struct price p;
	bool known = v->type && v->gib_milli && id->provider && id->region &&
		     price_volume(id->provider, id->region, v->type, &p) == 0;
	int r = 0;

	for (uint64_t at = w->start_ns; at < w->end_ns && r == 0;) {
		uint64_t end = month_end(at) < w->end_ns ? month_end(at) : w->end_ns;
		uint64_t month_ns = days_in_month(at) * 24 * HOUR_NS;
		struct cost_line line = { at, end, -1, LINE_STORAGE };
		weight_sum m;

		if (known) {
			m = (weight_sum)p.usd_per_hour * (uint64_t)v->gib_milli / 1000;
			m = m * (end - at) / month_ns;
			if (m > (weight_sum)INT64_MAX)
				return -ERANGE;
			line.amount = (money)m;
		}
		r = add_line(&h->storage, &line);
		at = end;
	}
	return r;
}

static int estimate(struct cost_book *b, struct book_host *h)
{
	_cleanup_(steps_fini) struct steps steps = { 0 };
	uint64_t cpu = 0;
	int r = find_steps(b, h, &steps);

	for (size_t i = 0; i < h->n_windows && r == 0; i++)
		for (struct window w = h->windows[i]; w.start_ns < w.end_ns && r == 0;)
			r = next_piece(b, h, &steps, &w, &w.start_ns);
	for (size_t k = 0; k < h->n_leaves; k++)
		cpu += (uint64_t)((weight_sum)h->leaves[k].used[POOL_CPU] *
				  (h->leaves[k].end_ns > h->leaves[k].start_ns
					   ? h->leaves[k].end_ns - h->leaves[k].start_ns
					   : 0) /
				  1000000);
	if (r == 0 && h->id.rates.kwh > 0 && h->n_windows) {
		struct cost_line line = { h->windows[0].start_ns,
					  h->windows[h->n_windows - 1].end_ns,
					  energy_price(h, carbon_kwh_dynamic(&h->carbon, cpu)),
					  LINE_COMPUTE };

		r = line.amount ? add_line(&h->estimate, &line) : 0;
	}
	return r;
}

static int by_start(const void *a, const void *b)
{
	const struct window *x = a, *y = b;

	return x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

/* The windows of the host become these and what was billed beyond them (final lines from
 * `first`): bills have whole hours, and an estimate must be about the same time. Returns
 * false, and the host is as it was, where that is too long or memory is short. */
static bool widen(struct book_host *h, size_t first, struct window **ret_old, size_t *ret_n)
{
	size_t all = h->n_windows + h->final.n - first, n = 0;
	struct window *w = calloc(all + 1, sizeof(*w));
	uint64_t sum = 0;

	if (!w)
		return false;
	memcpy(w, h->windows, h->n_windows * sizeof(*w));
	for (size_t i = first; i < h->final.n; i++)
		w[h->n_windows + i - first] =
			(struct window){ h->final.lines[i].start_ns, h->final.lines[i].end_ns };
	qsort(w, all, sizeof(*w), by_start);
	for (size_t i = 1; i < all; i++) {
		if (w[i].start_ns > w[n].end_ns)
			w[++n] = w[i];
		else if (w[i].end_ns > w[n].end_ns)
			w[n].end_ns = w[i].end_ns;
	}
	for (size_t i = 0; i <= n; i++)
		sum += w[i].end_ns - w[i].start_ns;
	if (sum > h->wall_ns + SPAN_MAX_NS) {
		free(w);
		return false;
	}
	*ret_old = h->windows;
	*ret_n = h->n_windows;
	h->windows = w;
	h->n_windows = n + 1;
	return true;
}

static void narrow(struct book_host *h, struct window *old, size_t n)
{
	free(h->windows);
	h->windows = old;
	h->n_windows = n;
}

/* The estimate again, for all of the time that is billed. */
static int estimate_billed(struct cost_book *b, struct book_host *h)
{
	struct window *old;
	size_t n;
	int r;

	h->has_estimate = h->has_price;
	if (!h->billed_ns)
		return 0;
	if (!widen(h, 0, &old, &n)) {
		h->has_estimate = false;
		return 0;
	}
	h->estimate.n = 0;
	r = estimate(b, h);
	narrow(h, old, n);
	for (size_t i = 0; i < h->estimate.n; i++)
		h->has_estimate &= h->estimate.lines[i].amount >= 0 || h->unpriced_ns;
	return r;
}

/* What is billed, and what is not; pieces without a price are only counted. */
static int true_up(struct cost_book *b, struct book_host *h, uint32_t resource,
		   const struct line_list *lines, bool *ret_unpriced)
{
	size_t max = lines->n * 2 + 64, n;
	uint64_t covered = 0; /* several charges of one hour are one hour */
	struct trued *all = reallocarray(NULL, max, sizeof(*all));
	int r = 0;

	n = all ? bill_true_up(&b->bills, resource, lines->lines, lines->n, all, max) : 0;
	if (all && n > max) {
		free(all);
		max = n;
		all = reallocarray(NULL, max, sizeof(*all));
		if (all)
			n = bill_true_up(&b->bills, resource, lines->lines, lines->n, all, max);
	}
	if (!all)
		return -ENOMEM;
	*ret_unpriced = false;
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct cost_line *l = &all[i].line;
		uint64_t from = all[i].billed && covered > l->start_ns ? covered : l->start_ns;
		uint64_t wall = l->end_ns > from ? l->end_ns - from : 0;

		if (l->kind == LINE_COMPUTE) {
			h->billed_ns += all[i].billed ? wall : 0;
			if (all[i].billed && l->end_ns > covered)
				covered = l->end_ns;
			h->priced_ns += !all[i].billed && l->amount >= 0 ? wall : 0;
			h->unpriced_ns += !all[i].billed && l->amount < 0 ? wall : 0;
		}
		if (all[i].billed || l->amount >= 0)
			r = add_line(&h->final, l);
		else
			*ret_unpriced = true;
	}
	free(all);
	return r;
}

/* Of a volume, for all of the time that it is billed. */
static int volume_billed(struct book_host *h, const struct host_volume *v, size_t first,
			 size_t billed)
{
	struct window *old;
	size_t n;
	int r = 0;

	if (!widen(h, billed, &old, &n))
		return 0;
	h->storage.n = first;
	for (size_t i = 0; i < h->n_windows && r == 0; i++)
		r = volume_line(h, v, &h->windows[i]);
	narrow(h, old, n);
	return r;
}

static int price_volumes(struct cost_book *b, struct book_host *h)
{
	int r = 0;

	for (size_t v = 0; v < h->id.n_volumes && r == 0; v++) {
		size_t first = h->storage.n, billed = h->final.n;
		struct line_list own;

		for (size_t i = 0; i < h->n_windows && r == 0; i++)
			r = volume_line(h, &h->id.volumes[v], &h->windows[i]);
		own = (struct line_list){ h->storage.lines + first, h->storage.n - first, 0 };
		if (r == 0)
			r = true_up(b, h, (uint32_t)(h->index * (VOLUMES_MAX + 1) + 1 + v), &own,
				    &h->id.volumes[v].unpriced);
		if (r == 0 && h->final.n > billed)
			r = volume_billed(h, &h->id.volumes[v], first, billed);
	}
	return r;
}

static void drop_unpriced(struct line_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->lines[i].amount >= 0)
			l->lines[n++] = l->lines[i];
	l->n = n;
}

/* What a start costs at least, where the whole life of the machine is known. A bill has
 * it already. */
static int add_minimum(struct cost_book *b, struct book_host *h)
{
	uint64_t start = h->windows[0].start_ns, end = h->windows[h->n_windows - 1].end_ns;
	uint64_t least = h->id.minimum_s >= 0 ? (uint64_t)h->id.minimum_s * 1000000000ULL
					      : billing_minimum_ns(h->id.provider);
	struct cost_line line = { end, start + least, 0, LINE_MINIMUM };
	struct price p;
	int r;

	if (end - start >= least || !h->has_price)
		return 0;
	if (!h->id.launched_ns || !h->id.stopped_ns) {
		h->minimum_unknown = !h->id.seen_launch_ns || end < h->id.seen_launch_ns + least;
		return 0;
	}
	r = price_at(b, h, end - 1, &p);
	if (r == 0)
		r = money_for(p.usd_per_hour, line.end_ns - end, &line.amount);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = add_line(&h->estimate, &line);
	return r == 0 && !h->billed_ns ? add_line(&h->final, &line) : r;
}

/* Bytes sent through sockets, where the user says what they cost and no bill does. */
static int add_transfer(struct book_host *h)
{
	struct cost_line line = { h->windows[0].start_ns, h->windows[h->n_windows - 1].end_ns, 0,
				  LINE_NETWORK };
	weight_sum sent = 0, amount;
	bool billed = false;
	int r;

	for (size_t i = 0; i < h->final.n; i++)
		billed |= h->final.lines[i].kind == LINE_NETWORK;
	for (size_t i = 0; i < h->n_leaves; i++)
		sent += cost_bytes_in(&h->leaves[i], h->leaves[i].network_bytes, line.start_ns,
				      line.end_ns);
	if (h->id.transfer < 0 || !sent)
		return 0;
	amount = ((weight_sum)h->id.transfer * sent + GB / 2) / GB;
	if (amount > (weight_sum)INT64_MAX)
		return -ERANGE;
	line.amount = (money)amount;
	r = add_line(&h->estimate, &line);
	h->priced_transfer = !billed;
	return r == 0 && !billed ? add_line(&h->final, &line) : r;
}

int book_price(struct cost_book *b)
{
	int r = 0;

	for (size_t i = 0; i < b->n_hosts && r == 0; i++) {
		struct book_host *h = b->hosts[i];
		bool ignored; /* unpriced_ns has it */

		if (!h->n_windows)
			continue;
		r = estimate(b, h);
		if (r == 0)
			r = true_up(b, h, (uint32_t)(i * (VOLUMES_MAX + 1)), &h->estimate,
				    &ignored);
		if (r == 0)
			r = estimate_billed(b, h);
		if (r == 0)
			r = price_volumes(b, h);
		drop_unpriced(&h->estimate);
		for (size_t k = 0; k < h->storage.n && r == 0; k++)
			r = h->storage.lines[k].amount < 0
				    ? 0
				    : add_line(&h->estimate, &h->storage.lines[k]);
		if (r == 0)
			r = add_minimum(b, h);
		if (r == 0)
			r = add_transfer(h);
	}
	return r;
}

int book_resources(struct cost_book *b)
{
	size_t n = b->n_hosts * (VOLUMES_MAX + 1);
	const char **ids = calloc(n + 1, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct host_entry *id = &b->hosts[i / (VOLUMES_MAX + 1)]->id;
		size_t v = i % (VOLUMES_MAX + 1);

		ids[i] = "";
		if (v == 0 && id->resource)
			ids[i] = id->resource;
		else if (v && v <= id->n_volumes)
			ids[i] = id->volumes[v - 1].id;
	}
	b->bills.resources = ids;
	b->bills.n_resources = n;
	return 0;
}
