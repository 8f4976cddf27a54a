/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of others (file names, arguments) made safe to print. Names on Linux are
 * bytes: a terminal must not obey them and JSON must not contain invalid UTF-8.
 */
#ifndef TRACER_BASE_TEXT_H
#define TRACER_BASE_TEXT_H

#include "src/base/str.h"

/* Length of the UTF-8 character at p (1-4), its code point in *ret; or 0 if the
 * bytes are not valid UTF-8 (overlong forms and surrogates included). */
size_t utf8_decode(const char *p, size_t len, unsigned *ret);

/* Columns that valid, visible UTF-8 takes on a terminal. */
size_t text_width(const char *text, size_t len);
/* Longest prefix of at most `columns` columns, in bytes. */
size_t text_prefix(const char *text, size_t len, size_t columns);

/* Appends for people: invalid bytes as \xHH; control characters as \n, \t, \xHH;
 * characters that reorder or hide text (bidi controls, zero width, line
 * separators) as \u{HEX}. */
void text_visible(struct str *out, const char *text, size_t len);
/* Appends valid UTF-8: only invalid bytes become \xHH; nothing else changes. */
void text_valid(struct str *out, const char *text, size_t len);
/* Appends NUL-ended arguments as a shell would read them: a 'b c' d. */
void text_shell(struct str *out, const char *args, size_t len);

#endif
