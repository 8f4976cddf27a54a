/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/instance_market.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"

#define MBIT_BYTES   125000.0 /* of a Mbit */
#define HOURS_OF_USE 24

struct place { /* of the built-in table: where a row of the user's is no news */
	UT_hash_handle hh;
	char key[];
};

struct load {
	struct market *m;
	const struct market_query *q;
	struct place *places;
	struct arena arena;
	struct known_region {
		const char *name;
		int band; /* its place in the bands of facts; -1: none */
	} regions[MARKET_REGIONS_MAX];
	size_t n_regions;
};

double taken_of_share(double share)
{
	return -log1p(-share) / HOURS_OF_USE;
}

const struct market_type *market_type(const struct market *m, const char *type)
{
	struct market_type *t = NULL;

	if (type)
		HASH_FIND_STR(m->types, type, t);
	return t;
}

static int add_facts(void *ctx, const struct machine_facts *facts)
{
	struct load *l = ctx;
	struct market_type *t;

	if (HASH_COUNT(l->m->types) >= MARKET_TYPES_MAX)
		return -E2BIG;
	t = arena_alloc(&l->m->arena, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->facts = *facts;
	(void)machine_family(l->q->provider, facts->type, t->family, sizeof(t->family));
	HASH_ADD_STR(l->m->types, facts.type, t);
	return 0;
}

static void set_taken(const struct market_query *q, const struct machine_facts *f, int at,
		      struct instance *i)
{
	struct band_share share;

	i->taken = i->taken_low = i->taken_high = -1;
	if (q->taken_per_hour >= 0)
		i->taken = i->taken_low = i->taken_high = q->taken_per_hour;
	else if (at >= 0 && band_share(f->bands[at], &share)) {
		i->taken = taken_of_share(share.middle);
		i->taken_low = taken_of_share(share.low);
		i->taken_high = taken_of_share(share.high);
	}
}

/* Chips for one framework: no program for GPUs runs there. */
static bool is_gpu(const char *model)
{
	static const char *const others[] = { "inferentia", "trainium", "qualcomm" };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!strncmp(model, others[i], strlen(others[i])))
			return false;
	return true;
}

static void set_type(const struct market_type *t, struct instance *i)
{
	const struct machine_facts *f = &t->facts;

	*i = (struct instance){
		.type = f->type,
		.family = t->family,
		.cpu = *f->cpu ? f->cpu : NULL,
		.vcpus = t->size.vcpus_milli / 1000.0,
		.memory_bytes = (double)t->size.memory_bytes,
		.speed = f->coremark,
		.nvme_bytes = f->nvme_gb < 0 ? -1 : f->nvme_gb * 1e9,
		.network_byte_s = f->network_mbit_s * MBIT_BYTES,
		.storage_byte_s = f->storage_mbit_s * MBIT_BYTES,
		.gpus = t->size.gpus_milli / (is_gpu(t->size.gpu_model) ? 1000.0 : -1000.0),
		.gpu_model = *t->size.gpu_model ? t->size.gpu_model : NULL,
		.arm = t->size.arm,
		.burstable = f->burstable,
		.threads = f->threads,
		.taken = -1,
		.taken_low = -1,
		.taken_high = -1,
	};
}

bool market_instance(const struct market *m, const char *type, struct instance *ret)
{
	const struct market_type *t = market_type(m, type);

	if (!t || !t->size.vcpus_milli)
		return false;
	set_type(t, ret);
	return true;
}

static int room(struct market *m)
{
	size_t size = m->size ? m->size * 2 : 1024;
	struct instance *list;
	struct market_price *prices;

	if (m->n < m->size)
		return 0;
	list = reallocarray(m->list, size, sizeof(*list));
	if (list)
		m->list = list;
	prices = reallocarray(m->prices, size, sizeof(*prices));
	if (prices)
		m->prices = prices;
	if (!list || !prices)
		return -ENOMEM;
	m->size = size;
	return 0;
}

/* NULL: no memory, or more regions than there can be. */
static const struct known_region *region_of(struct load *l, const char *region)
{
	struct known_region *k = &l->regions[l->n_regions];

	for (size_t i = 0; i < l->n_regions; i++)
		if (!strcmp(l->regions[i].name, region))
			return &l->regions[i];
	if (l->n_regions == MARKET_REGIONS_MAX)
		return NULL;
	k->name = arena_text(&l->m->arena, region);
	k->band = machine_region(l->q->provider, region);
	if (k->name)
		l->n_regions++;
	return k->name ? k : NULL;
}

static int add(struct load *l, const struct market_type *t, const struct price_row *row,
	       const struct price *p)
{
	const struct known_region *region = region_of(l, row->region);
	struct market *m = l->m;
	struct instance *i;
	int r;

	if (m->n == MARKET_MAX || (!region && l->n_regions == MARKET_REGIONS_MAX)) {
		m->beyond++;
		return 0;
	}
	r = region ? room(m) : -ENOMEM;
	if (r < 0)
		return r;
	i = &m->list[m->n];
	set_type(t, i);
	i->region = region->name;
	i->usd_per_hour = (double)p->usd_per_hour / USD;
	i->spot = row->lifecycle == LIFECYCLE_SPOT;
	if (i->spot)
		set_taken(l->q, &t->facts, region->band, i);
	m->prices[m->n] = (struct market_price){ .builtin = p->builtin, .type = t };
	str_copy(m->prices[m->n].as_of, sizeof(p->as_of), p->as_of);
	str_copy(m->prices[m->n].source, sizeof(p->source), p->source);
	m->n++;
	return 0;
}

static bool wanted(const struct market_query *q, const struct price_row *row)
{
	bool here = !q->region || !strcmp(q->region, row->region);

	if (strcmp(row->provider, q->provider))
		return false;
	return here || (q->elsewhere && row->lifecycle == q->lifecycle);
}

static int own_price(const struct load *l, const struct price_row *row, struct price *ret)
{
	struct price_query q = { row->provider, row->type,	row->region,
				 l->q->zone,	row->lifecycle, l->q->time_ns };

	if (!l->q->own || !l->q->own->n)
		return -ENOENT;
	return price_find_own(l->q->own, &q, ret);
}

static void place_key(char *key, size_t size, const struct price_row *row)
{
	snprintf(key, size, "%s %s %d", row->type, row->region, (int)row->lifecycle);
}

static bool place_known(const struct load *l, const struct price_row *row)
{
	struct place *p = NULL;
	char key[128];

	place_key(key, sizeof(key), row);
	HASH_FIND_STR(l->places, key, p);
	return p;
}

static int place_add(struct load *l, const struct price_row *row)
{
	struct place *p;
	char key[128];

	place_key(key, sizeof(key), row);
	p = arena_alloc(&l->arena, sizeof(*p) + strlen(key) + 1);
	if (!p)
		return -ENOMEM;
	memcpy(p->key, key, strlen(key));
	HASH_ADD_STR(l->places, key, p);
	return 0;
}

static int visit_cell(void *ctx, const struct price_row *row, const struct machine *size)
{
	struct load *l = ctx;
	struct market_type *t = NULL;
	struct price p;
	int r = 0;

	if (strcmp(row->provider, l->q->provider))
		return 0;
	HASH_FIND_STR(l->m->types, row->type, t);
	if (!t)
		return 0;
	t->size = *size;
	if (!wanted(l->q, row))
		return 0;
	if (l->q->own && l->q->own->n)
		r = place_add(l, row);
	if (r < 0)
		return r;
	if (own_price(l, row, &p) < 0) {
		p = (struct price){ .usd_per_hour = row->usd_per_hour, .builtin = true };
		str_copy(p.as_of, sizeof(p.as_of), row->as_of);
		str_copy(p.source, sizeof(p.source), row->source);
	}
	return add(l, t, row, &p);
}

/* Rows of the user's that the built-in table has no cell for. */
static int add_own(struct load *l)
{
	const struct price_table *own = l->q->own;
	int r = 0;

	for (size_t i = 0; own && i < own->n && r == 0; i++) {
		struct price_row row = own->rows[i];
		const struct market_type *t;
		struct price p;

		if (!*row.region && l->q->region)
			str_copy(row.region, sizeof(row.region), l->q->region);
		if (!wanted(l->q, &row) || place_known(l, &row))
			continue;
		t = market_type(l->m, row.type);
		l->m->without_size += !t || !t->size.vcpus_milli;
		if (!t || !t->size.vcpus_milli || own_price(l, &row, &p) < 0)
			continue;
		r = place_add(l, &row);
		if (r == 0)
			r = add(l, t, &row, &p);
	}
	return r;
}

int market_load(struct market *m, const struct market_query *q)
{
	struct load l = { .m = m, .q = q };
	int r = machine_each(q->provider, add_facts, &l);

	if (r == 0)
		r = price_each_builtin(visit_cell, &l);
	if (r == 0)
		r = add_own(&l);
	HASH_CLEAR(hh, l.places);
	arena_fini(&l.arena);
	return r;
}

void market_fini(struct market *m)
{
	HASH_CLEAR(hh, m->types);
	free(m->list);
	free(m->prices);
	arena_fini(&m->arena);
	*m = (struct market){ 0 };
}
