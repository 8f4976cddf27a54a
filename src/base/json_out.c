/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/json_out.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"

json_t *json_out_text(const char *text, size_t len)
{
	_cleanup_(str_fini) struct str valid = STR_INIT;
	json_t *value;

	if (!text)
		return json_null();
	value = json_stringn(text, len);
	if (value)
		return value;
	text_valid(&valid, text, len);
	return valid.failed ? NULL : json_stringn(str_text(&valid), valid.len);
}

json_t *json_out_args(const char *args, size_t len)
{
	json_t *array;

	if (!args)
		return json_null();
	array = json_array();
	for (size_t at = 0; array && at < len;) {
		size_t n = strnlen(args + at, len - at);

		if (json_array_append_new(array, json_out_text(args + at, n)) < 0) {
			json_decref(array);
			return NULL;
		}
		at += n + 1;
	}
	return array;
}

json_t *json_out_time(uint64_t unix_ns)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, unix_ns);
	return json_string(digits);
}

json_t *json_out_uint(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

int json_out_set(json_t *object, const char *name, json_t *value)
{
	const char *dot = strchr(name, '.');
	char outer[64];
	json_t *inner;

	if (!dot)
		return json_object_set_new(object, name, value) < 0 ? -ENOMEM : 0;
	if ((size_t)(dot - name) >= sizeof(outer)) {
		json_decref(value);
		return -EINVAL;
	}
	memcpy(outer, name, (size_t)(dot - name));
	outer[dot - name] = '\0';
	inner = json_object_get(object, outer);
	if (!inner) {
		inner = json_object();
		if (json_object_set_new(object, outer, inner) < 0) {
			json_decref(value);
			return -ENOMEM;
		}
	}
	return json_object_set_new(inner, dot + 1, value) < 0 ? -ENOMEM : 0;
}

int json_out_write(const json_t *value, FILE *out, enum json_style style)
{
	size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(6);

	flags |= style == JSON_PRETTY ? JSON_INDENT(2) : JSON_COMPACT;
	if (json_dumpf(value, out, flags) < 0)
		return -EIO;
	return fputc('\n', out) == EOF ? -EIO : 0;
}
