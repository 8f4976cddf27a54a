/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte string, always ended by NUL. Start with STR_INIT, end with
 * str_fini(). After a failed allocation `failed` stays set and appends do
 * nothing: check once at the end. */
#ifndef TRACER_BASE_STR_H
#define TRACER_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str {
	char *data; /* NULL until the first append */
	size_t len, size;
	bool failed;
};

#define STR_INIT                                                                                   \
	{                                                                                          \
		0                                                                                  \
	}

void str_fini(struct str *s);
void str_reset(struct str *s); /* empty, keeps its memory */
void str_add(struct str *s, const char *text);
void str_addn(struct str *s, const void *data, size_t len);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *str_text(const struct str *s); /* never NULL */
/* snprintf semantics without its length: out is always ended, cut if too long. */
void str_copy(char *out, size_t size, const char *text);

#endif
