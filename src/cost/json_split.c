/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/json_split.h"

#include <errno.h>
#include <string.h>

void json_split_init(struct json_split *s, const struct json_visitor *visitor)
{
	*s = (struct json_split){ .visitor = *visitor };
}

void json_split_fini(struct json_split *s)
{
	str_fini(&s->text);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void path_of(const struct json_split *s, struct json_path *ret)
{
	ret->depth = s->depth;
	for (unsigned i = 0; i < s->depth; i++)
		ret->key[i] = s->array[i] ? "" : s->keys[i];
}

static int give(struct json_split *s)
{
	struct json_path path;
	int r;

	if (s->text.failed)
		return -ENOMEM;
	path_of(s, &path);
	r = s->visitor.value(s->visitor.ctx, &path, str_text(&s->text), s->text.len);
	str_reset(&s->text);
	return r;
}

static void after_value(struct json_split *s)
{
	s->want = s->depth ? JSON_WANT_COMMA : JSON_WANT_VALUE;
	s->documents += s->depth == 0;
}

static int open_container(struct json_split *s, char c)
{
	enum json_choice choice = JSON_INSIDE;
	struct json_path path;

	path_of(s, &path);
	if (s->depth)
		choice = s->visitor.choose(s->visitor.ctx, &path);
	if (choice != JSON_INSIDE) {
		s->inner = 1;
		s->inner_kind = c == '[';
		s->keep = choice == JSON_KEEP;
		str_reset(&s->text);
		if (s->keep)
			str_addc(&s->text, c);
		return 0;
	}
	if (s->depth == JSON_SPLIT_DEPTH)
		return -E2BIG;
	s->array[s->depth++] = c == '[';
	s->want = c == '[' ? JSON_WANT_VALUE : JSON_WANT_KEY;
	s->may_end = true;
	return 0;
}

static int close_container(struct json_split *s, char c)
{
	if (!s->depth || s->array[s->depth - 1] != (c == ']'))
		return -EINVAL;
	s->depth--;
	after_value(s);
	return 0;
}

/* A byte of a value that is kept or skipped as a whole. */
static int feed_inner(struct json_split *s, char c)
{
	if (s->keep) {
		str_addc(&s->text, c);
		if (s->text.len > JSON_VALUE_MAX)
			return -E2BIG;
	}
	if (s->in_string) {
		if (s->escaped)
			s->escaped = false;
		else if (c == '\\')
			s->escaped = true;
		else if (c == '"')
			s->in_string = false;
		return 0;
	}
	if (c == '"') {
		s->in_string = true;
	} else if (c == '{' || c == '[') {
		if (s->inner == 64)
			return -E2BIG;
		s->inner_kind = s->inner_kind << 1 | (c == '[');
		s->inner++;
	} else if (c == '}' || c == ']') {
		if ((s->inner_kind & 1) != (c == ']'))
			return -EINVAL;
		s->inner_kind >>= 1;
		if (--s->inner == 0) {
			int r = s->keep ? give(s) : 0;

			s->keep = false;
			after_value(s);
			return r;
		}
	}
	return 0;
}

/* The end of a string, which is a key or a scalar. */
static int end_string(struct json_split *s)
{
	size_t len = s->text.len - 2;

	if (s->want != JSON_WANT_KEY) {
		int r = give(s);

		after_value(s);
		return r;
	}
	if (len >= JSON_SPLIT_KEY_MAX)
		len = JSON_SPLIT_KEY_MAX - 1;
	memcpy(s->keys[s->depth - 1], str_text(&s->text) + 1, len);
	s->keys[s->depth - 1][len] = '\0';
	str_reset(&s->text);
	s->want = JSON_WANT_COLON;
	return 0;
}

static int feed_string(struct json_split *s, char c)
{
	str_addc(&s->text, c);
	if (s->text.failed)
		return -ENOMEM;
	if (s->text.len > JSON_VALUE_MAX)
		return -E2BIG;
	if (s->escaped) {
		s->escaped = false;
	} else if (c == '\\') {
		s->escaped = true;
	} else if (c == '"') {
		s->in_string = false;
		return end_string(s);
	}
	return 0;
}

static int start_string(struct json_split *s)
{
	str_reset(&s->text);
	str_addc(&s->text, '"');
	s->in_string = true;
	s->may_end = false;
	return 0;
}

static int feed_structure(struct json_split *s, char c);

static int feed_scalar(struct json_split *s, char c)
{
	int r;

	if (!is_space(c) && !strchr(",]}", c)) {
		str_addc(&s->text, c);
		return s->text.len > 64 || !strchr("+-.0123456789eEtrufalsn", c) ? -EINVAL : 0;
	}
	r = give(s);
	after_value(s);
	return r ? r : feed_structure(s, c);
}

static int feed_value(struct json_split *s, char c)
{
	if (c == ']' && s->may_end)
		return close_container(s, c);
	s->may_end = false;
	if (c == '{' || c == '[')
		return open_container(s, c);
	if (!s->depth) /* the top of a price list is an object or an array */
		return -EINVAL;
	if (c == '"')
		return start_string(s);
	str_reset(&s->text);
	s->want = JSON_SCALAR;
	return feed_scalar(s, c);
}

static int feed_structure(struct json_split *s, char c)
{
	if (s->want == JSON_SCALAR)
		return feed_scalar(s, c);
	if (is_space(c))
		return 0;
	switch (s->want) {
	case JSON_WANT_VALUE:
		return feed_value(s, c);
	case JSON_WANT_KEY:
		if (c == '}' && s->may_end)
			return close_container(s, c);
		return c == '"' ? start_string(s) : -EINVAL;
	case JSON_WANT_COLON:
		s->want = JSON_WANT_VALUE;
		return c == ':' ? 0 : -EINVAL;
	default:
		if (c != ',')
			return close_container(s, c);
		s->want = s->array[s->depth - 1] ? JSON_WANT_VALUE : JSON_WANT_KEY;
		return 0;
	}
}

int json_split_feed(struct json_split *s, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int r;

		s->bytes++;
		if (data[i] == '\0')
			return -EINVAL;
		if (s->inner)
			r = feed_inner(s, data[i]);
		else if (s->in_string)
			r = feed_string(s, data[i]);
		else
			r = feed_structure(s, data[i]);
		if (r)
			return r;
	}
	return 0;
}

int json_split_end(struct json_split *s)
{
	if (s->depth || s->inner || s->in_string || !s->documents)
		return -EPROTO;
	return 0;
}
