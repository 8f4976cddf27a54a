/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/tables.h"

#include <string.h>

bool table_next(const char **at, struct table_line *ret)
{
	const char *p = *at, *end = strchrnul(p, '\n');

	if (!*p)
		return false;
	*ret = (struct table_line){ 0 };
	for (;;) {
		const char *tab = memchr(p, '\t', (size_t)(end - p));
		const char *stop = tab ? tab : end;

		if (ret->n < TABLE_FIELDS)
			ret->field[ret->n++] = (struct table_field){ p, (size_t)(stop - p) };
		if (!tab)
			break;
		p = tab + 1;
	}
	*at = *end ? end + 1 : end;
	return true;
}

bool table_is(const struct table_field *f, const char *text)
{
	return strlen(text) == f->len && (!f->len || !memcmp(f->text, text, f->len));
}

const char *table_copy(const struct table_field *f, char *out, size_t size)
{
	size_t len = f->len < size ? f->len : size - 1;

	if (len)
		memcpy(out, f->text, len);
	out[len] = '\0';
	return out;
}
