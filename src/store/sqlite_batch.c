/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batch: rows wait in memory as tagged values in the order of their columns
 * and go into the database in one short transaction. Decides what is lost when
 * that fails; knows nothing of what the columns mean.
 */
#include "src/store/sqlite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum value_tag { VALUE_NULL, VALUE_ZERO, VALUE_INT, VALUE_TEXT, VALUE_BLOB, VALUE_END };

int batch_init(struct batch *b)
{
	b->data = malloc(SQLITE_DRIVER_BATCH_MAX);
	b->flush_at = SQLITE_DRIVER_BATCH_BYTES;
	return b->data ? 0 : -ENOMEM;
}

void batch_fini(struct batch *b)
{
	free(b->data);
	b->data = NULL;
}

/* Room for n more bytes of the current row, or NULL and the row is given up. */
static unsigned char *reserve(struct batch *b, size_t n)
{
	unsigned char *p = b->data + b->row;

	if (b->too_large || n > SQLITE_DRIVER_ROW_MAX ||
	    b->row - b->len > SQLITE_DRIVER_ROW_MAX - n) {
		b->too_large = true;
		return NULL;
	}
	b->row += n;
	return p;
}

static void put_tag(struct batch *b, unsigned char tag)
{
	unsigned char *p = reserve(b, 1);

	if (p)
		*p = tag;
}

static void put_bytes(struct batch *b, unsigned char tag, const void *data, size_t len)
{
	uint32_t len32 = (uint32_t)len;
	unsigned char *p = reserve(b, 1 + sizeof(len32) + len);

	if (!p)
		return;
	*p = tag;
	memcpy(p + 1, &len32, sizeof(len32));
	memcpy(p + 1 + sizeof(len32), data, len);
}

void batch_row(struct batch *b, enum put_kind kind)
{
	b->row = b->len;
	b->too_large = false;
	put_tag(b, (unsigned char)kind);
}

void batch_int(struct batch *b, int64_t value)
{
	unsigned char *p;

	if (value == 0) {
		put_tag(b, VALUE_ZERO);
		return;
	}
	p = reserve(b, 1 + sizeof(value));
	if (!p)
		return;
	*p = VALUE_INT;
	memcpy(p + 1, &value, sizeof(value));
}

void batch_int_or_null(struct batch *b, int64_t value, int64_t null)
{
	if (value == null)
		put_tag(b, VALUE_NULL);
	else
		batch_int(b, value);
}

void batch_ledger(struct batch *b, const struct wire_ledger *l)
{
	uint64_t field[LEDGER_FIELDS];
	unsigned char *p = reserve(b, LEDGER_FIELDS * (1 + sizeof(*field)));

	if (!p)
		return;
	memcpy(field, l, sizeof(field));
	for (unsigned i = 0; i < LEDGER_FIELDS; i++) {
		if (field[i] == 0) {
			*p++ = VALUE_ZERO;
			continue;
		}
		*p++ = VALUE_INT;
		memcpy(p, &field[i], sizeof(field[i]));
		p += sizeof(field[i]);
	}
	b->row = (size_t)(p - b->data);
}

void batch_text(struct batch *b, const char *text)
{
	if (text)
		put_bytes(b, VALUE_TEXT, text, strlen(text));
	else
		put_tag(b, VALUE_NULL);
}

void batch_blob(struct batch *b, const void *data, size_t len)
{
	if (data)
		put_bytes(b, VALUE_BLOB, data, len);
	else
		put_tag(b, VALUE_NULL);
}

static void lose(struct batch *b, uint64_t rows, int error)
{
	b->lost += rows;
	if (!b->error)
		b->error = error;
}

static void empty(struct batch *b)
{
	b->len = 0;
	b->rows = 0;
	b->flush_at = SQLITE_DRIVER_BATCH_BYTES;
}

int batch_row_end(struct store *s)
{
	struct batch *b = &s->batch;
	int r;

	put_tag(b, VALUE_END);
	if (b->too_large) {
		lose(b, 1, -E2BIG);
		return 0;
	}
	b->len = b->row;
	b->rows++;
	if (b->len < b->flush_at)
		return 0;
	r = batch_flush(s);
	if (r != -EBUSY)
		return 0;
	if (b->flush_at == SQLITE_DRIVER_BATCH_BYTES) {
		b->flush_at = SQLITE_DRIVER_BATCH_MAX - SQLITE_DRIVER_ROW_MAX;
		return 0;
	}
	lose(b, b->rows, r);
	empty(b);
	return 0;
}

/* Text and blobs stay where they are, in the batch. */
static const unsigned char *bind_bytes(sqlite3_stmt *st, int i, const unsigned char *p)
{
	bool is_text = *p++ == VALUE_TEXT;
	uint32_t len;

	memcpy(&len, p, sizeof(len));
	p += sizeof(len);
	if (is_text)
		sqlite3_bind_text(st, i, (const char *)p, (int)len, SQLITE_STATIC);
	else
		sqlite3_bind_blob(st, i, p, (int)len, SQLITE_STATIC);
	return p + len;
}

/* Binds the row at p; returns its end. What the row before it has bound to the
 * same value is left as it is: half of a ledger is 0 for most processes. */
static const unsigned char *bind_row(struct put *put, const unsigned char *p)
{
	for (int i = 0; *p != VALUE_END; i++) {
		unsigned char tag = *p;
		int64_t value = 0;

		if (tag == VALUE_TEXT || tag == VALUE_BLOB) {
			p = bind_bytes(put->st, i + 1, p);
			put->bound[i].tag = tag;
			continue;
		}
		p++;
		if (tag == VALUE_INT) {
			memcpy(&value, p, sizeof(value));
			p += sizeof(value);
		}
		if (put->bound[i].tag == tag && put->bound[i].value == value)
			continue;
		if (tag == VALUE_NULL)
			sqlite3_bind_null(put->st, i + 1);
		else
			sqlite3_bind_int64(put->st, i + 1, value);
		put->bound[i].tag = tag;
		put->bound[i].value = value;
	}
	return p + 1;
}

/* A row that breaks a constraint is lost alone; all else ends the transaction. */
static int write_rows(struct store *s)
{
	struct batch *b = &s->batch;
	const unsigned char *p = b->data, *end = b->data + b->len;

	while (p < end) {
		struct put *put = &s->put[*p];
		sqlite3_stmt *st = put->st;
		int rc;

		p = bind_row(put, p + 1);
		rc = sqlite3_step(st);
		if (rc != SQLITE_DONE && (rc & 0xff) != SQLITE_CONSTRAINT) {
			int r = sqlite_errno(s->db, rc);

			sqlite3_reset(st);
			return r;
		}
		if (rc != SQLITE_DONE)
			lose(b, 1, -EINVAL);
		sqlite3_reset(st);
	}
	return 0;
}

int batch_flush(struct store *s)
{
	struct batch *b = &s->batch;
	uint64_t lost = b->lost;
	int error = b->error, r;

	if (!b->rows)
		return 0;
	r = sqlite_begin(s);
	if (r == 0)
		r = sqlite_end(s, write_rows(s));
	if (r < 0) { /* single rows lost on the way are part of the batch again */
		b->lost = lost;
		b->error = error;
	}
	if (r == -EBUSY)
		return r;
	if (r < 0)
		lose(b, b->rows, r);
	empty(b);
	return r;
}
