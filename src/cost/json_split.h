/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts a JSON text of any size into the values that matter, as a stream: only one
 * such value is in memory (at most JSON_VALUE_MAX). The visitor is asked about
 * every object and array whether to keep it whole, to look inside, or to skip it;
 * scalars outside of kept values are given to it. Kept values go to jansson,
 * which checks them; outside of them only the structure is checked.
 */
#ifndef TRACER_COST_JSON_SPLIT_H
#define TRACER_COST_JSON_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/str.h"

#define JSON_VALUE_MAX	   (256 * 1024)
#define JSON_SPLIT_DEPTH   64
#define JSON_SPLIT_KEY_MAX 128 /* longer keys outside of kept values are cut */

enum json_choice { JSON_SKIP, JSON_INSIDE, JSON_KEEP };

/* Where a value is: depth keys from the top; in an array the key is "". */
struct json_path {
	unsigned depth;
	const char *key[JSON_SPLIT_DEPTH];
};

struct json_visitor {
	void *ctx;
	enum json_choice (*choose)(void *ctx, const struct json_path *path);
	/* A kept value, or a scalar (with its quotes). Non-zero ends json_split_feed(). */
	int (*value)(void *ctx, const struct json_path *path, const char *text, size_t len);
};

struct json_split {
	struct json_visitor visitor;
	struct str text; /* of the value that is kept, the key or the scalar */
	char keys[JSON_SPLIT_DEPTH][JSON_SPLIT_KEY_MAX];
	bool array[JSON_SPLIT_DEPTH];
	unsigned depth;	     /* containers open that we look into */
	unsigned inner;	     /* containers open inside of a kept or skipped one */
	uint64_t inner_kind; /* bit i: the i-th of them is an array */
	bool keep, in_string, escaped;
	enum { JSON_WANT_VALUE, JSON_WANT_KEY, JSON_WANT_COLON, JSON_WANT_COMMA, JSON_SCALAR } want;
	bool may_end; /* nothing yet since the bracket */
	uint64_t bytes, documents;
};

void json_split_init(struct json_split *s, const struct json_visitor *visitor);
void json_split_fini(struct json_split *s);
/* 0, what the visitor said, -EINVAL (not JSON, at byte s->bytes), -E2BIG (a value
 * or the nesting beyond the limits), -ENOMEM. Several documents may follow. */
int json_split_feed(struct json_split *s, const char *data, size_t len);
int json_split_end(struct json_split *s); /* also -EPROTO: cut off, or empty */

#endif
