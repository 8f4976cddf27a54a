/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool str_reserve(struct str *s, size_t more)
{
	size_t size = s->size ? s->size : 64;
	char *data;

	if (s->failed)
		return false;
	if (s->len + more + 1 <= s->size)
		return true;
	while (size < s->len + more + 1)
		size *= 2;
	data = realloc(s->data, size);
	if (!data) {
		s->failed = true;
		return false;
	}
	s->data = data;
	s->size = size;
	return true;
}

void str_fini(struct str *s)
{
	free(s->data);
	*s = (struct str)STR_INIT;
}

void str_reset(struct str *s)
{
	s->len = 0;
	s->failed = false;
	if (s->data)
		s->data[0] = '\0';
}

void str_addn(struct str *s, const void *data, size_t len)
{
	if (!str_reserve(s, len))
		return;
	if (len)
		memcpy(s->data + s->len, data, len);
	s->len += len;
	s->data[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_addn(s, text, strlen(text));
}

void str_addc(struct str *s, char c)
{
	str_addn(s, &c, 1);
}

void str_addf(struct str *s, const char *format, ...)
{
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (len < 0 || !str_reserve(s, (size_t)len))
		return;
	va_start(ap, format);
	vsnprintf(s->data + s->len, (size_t)len + 1, format, ap);
	va_end(ap);
	s->len += (size_t)len;
}

const char *str_text(const struct str *s)
{
	return s->data ? s->data : "";
}

void str_copy(char *out, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (!size)
		return;
	if (len >= size)
		len = size - 1;
	memcpy(out, text, len);
	out[len] = '\0';
}
