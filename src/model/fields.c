/* SPDX-License-Identifier: Apache-2.0 */
/* The field table and plain access to records. Knows no row: see record.c. */
#include "src/model/fields.h"

#include <string.h>

static const struct field fields[] = {
#define FIELD(id, name, heading, unit, type, help)                                                 \
	[FIELD_##id] = { name, heading, unit, FIELD_TYPE_##type, help },
#include "src/model/fields.def"
#undef FIELD
};

const struct field *field_of(enum field_id id)
{
	return &fields[id];
}

enum field_id field_find(const char *name)
{
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (!strcmp(fields[i].name, name))
			return i;
	return FIELD_COUNT;
}

void record_bytes(struct record *r, enum field_id id, struct bytes text)
{
	r->v[id].known = text.data;
	r->v[id].text = text;
}

void record_text(struct record *r, enum field_id id, const char *text)
{
	record_bytes(r, id, (struct bytes){ text, text ? strlen(text) : 0 });
}

void record_number(struct record *r, enum field_id id, uint64_t n)
{
	r->v[id].known = true;
	r->v[id].number = n;
}

void record_nonzero(struct record *r, enum field_id id, uint64_t n)
{
	r->v[id].known = n;
	r->v[id].number = n;
}

void record_ratio(struct record *r, enum field_id id, double ratio)
{
	r->v[id].known = true;
	r->v[id].ratio = ratio;
}

void record_money(struct record *r, enum field_id id, int64_t money)
{
	r->v[id].known = true;
	r->v[id].money = money;
}

static int compare_text(struct bytes a, struct bytes b)
{
	int r = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return r ? r : (a.len > b.len) - (a.len < b.len);
}

int value_compare(enum field_type type, const struct value *a, const struct value *b)
{
	if (!a->known || !b->known)
		return b->known - a->known;
	switch (type) {
	case FIELD_TYPE_TEXT:
	case FIELD_TYPE_ARGS:
		return compare_text(a->text, b->text);
	case FIELD_TYPE_RATIO:
	case FIELD_TYPE_SHARE:
		return (a->ratio > b->ratio) - (a->ratio < b->ratio);
	case FIELD_TYPE_MONEY:
		return (a->money > b->money) - (a->money < b->money);
	default:
		return (a->number > b->number) - (a->number < b->number);
	}
}
