/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view over NUL-ended arguments: slices into the caller's bytes, no copies.
 * Hostile input is expected: the last argument may lack its NUL, there may be
 * none or thousands (those beyond ARGV_WORDS_MAX are not seen).
 */
#ifndef TRACER_TRACK_ARGV_H
#define TRACER_TRACK_ARGV_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "src/model/rows.h"

#define ARGV_WORDS_MAX 128

struct word {
	const char *p;
	size_t len;
};

struct argv_words {
	unsigned n;
	struct word w[ARGV_WORDS_MAX];
};

static inline void argv_split(struct bytes argv, struct argv_words *ret)
{
	const char *p = argv.data, *end = p ? p + argv.len : NULL;

	ret->n = 0;
	while (p < end && ret->n < ARGV_WORDS_MAX) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		size_t len = nul ? (size_t)(nul - p) : (size_t)(end - p);

		ret->w[ret->n++] = (struct word){ p, len };
		p += len + 1;
	}
}

static inline struct word word_of(const char *text)
{
	return (struct word){ text, text ? strlen(text) : 0 };
}

static inline bool word_is(struct word w, const char *text)
{
	size_t len = strlen(text);

	return w.len == len && !memcmp(w.p, text, len);
}

/* < 0, 0, > 0 as strcmp() */
static inline int word_compare(struct word w, const char *text)
{
	for (size_t i = 0; i < w.len; i++) {
		int c = (unsigned char)w.p[i] - (unsigned char)text[i];

		if (c || !text[i]) /* a NUL within w, too, ends here: above text */
			return c ? c : 1;
	}
	return text[w.len] ? -1 : 0;
}

static inline bool word_starts(struct word w, const char *prefix)
{
	size_t len = strlen(prefix);

	return w.len >= len && !memcmp(w.p, prefix, len);
}

static inline bool word_ends(struct word w, const char *suffix)
{
	size_t len = strlen(suffix);

	return w.len >= len && !memcmp(w.p + w.len - len, suffix, len);
}

static inline bool word_has(struct word w, const char *part)
{
	return w.p && w.len && memmem(w.p, w.len, part, strlen(part)) != NULL;
}

static inline struct word word_basename(struct word w)
{
	const char *slash = w.p && w.len ? memrchr(w.p, '/', w.len) : NULL;

	if (slash) {
		w.len -= (size_t)(slash + 1 - w.p);
		w.p = slash + 1;
	}
	return w;
}

#endif
