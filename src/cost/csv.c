/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/csv.h"

#include <errno.h>
#include <string.h>

void csv_init(struct csv *c, int (*record)(void *ctx, const struct csv_record *record), void *ctx)
{
	*c = (struct csv){ .record = record, .ctx = ctx, .line = 1, .record_line = 1 };
}

void csv_fini(struct csv *c)
{
	str_fini(&c->text);
}

static int start_field(struct csv *c)
{
	if (c->n >= CSV_COLUMNS_MAX)
		return -E2BIG;
	c->starts[c->n++] = c->text.len;
	c->pending = true;
	return 0;
}

static int end_record(struct csv *c)
{
	const char *fields[CSV_COLUMNS_MAX];
	struct csv_record r = { fields, c->n, c->record_line };
	int result = 0;

	if (c->text.failed)
		return -ENOMEM;
	for (size_t i = 0; i < c->n; i++)
		fields[i] = str_text(&c->text) + c->starts[i];
	/* An empty line is no record. */
	if (c->n > 1 || (c->n == 1 && *fields[0]))
		result = c->record(c->ctx, &r);
	str_reset(&c->text);
	c->n = 0;
	c->pending = false;
	return result;
}

static int separator(struct csv *c, char ch)
{
	c->state = CSV_START;
	if (ch == '\r')
		return 0;
	str_addn(&c->text, "", 1);
	if (ch == ',')
		return start_field(c);
	return end_record(c);
}

static int feed_char(struct csv *c, char ch)
{
	int r = 0;

	if (!c->pending) {
		c->record_line = c->line;
		r = start_field(c);
	}
	c->line += ch == '\n';
	if (ch == '\0')
		return -EILSEQ;
	if (c->text.len > CSV_RECORD_MAX)
		return -E2BIG;
	if (r)
		return r;
	if (c->state == CSV_QUOTED) {
		if (ch == '"')
			c->state = CSV_QUOTE;
		else
			str_addc(&c->text, ch);
	} else if (ch == ',' || ch == '\n' || ch == '\r') {
		return separator(c, ch);
	} else if (ch == '"' && c->state != CSV_PLAIN) {
		if (c->state == CSV_QUOTE) /* doubled */
			str_addc(&c->text, '"');
		c->state = CSV_QUOTED;
	} else {
		c->state = CSV_PLAIN;
		str_addc(&c->text, ch);
	}
	return 0;
}

int csv_feed(struct csv *c, const char *data, size_t len)
{
	/* What spreadsheets put before the first byte. */
	if (!c->begun && len >= 3 && !memcmp(data, "\xef\xbb\xbf", 3)) {
		data += 3;
		len -= 3;
	}
	c->begun |= len > 0;
	for (size_t i = 0; i < len; i++) {
		int r = feed_char(c, data[i]);

		if (r)
			return r;
	}
	return 0;
}

int csv_end(struct csv *c)
{
	if (c->state == CSV_QUOTED)
		return -EPROTO;
	return c->pending ? separator(c, '\n') : 0;
}
