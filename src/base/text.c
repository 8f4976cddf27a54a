/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/text.h"

#include <stdint.h>
#include <string.h>

#include "src/base/cleanup.h"

struct range {
	unsigned first, last;
};

/* East Asian Wide and Fullwidth (UAX #11), by block: enough to align a table. */
static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },	  { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },	  { 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

static const struct range combining[] = {
	{ 0x0300, 0x036f }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },
	{ 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
};

/* Controls and characters that hide or reorder what stands around them. */
static const struct range hidden[] = {
	{ 0x00, 0x1f },	    { 0x7f, 0x9f },	  { 0x00ad, 0x00ad }, { 0x061c, 0x061c },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e },	  { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
};

#define IN(table, c) in_ranges(table, ARRAY_SIZE(table), c)

static bool in_ranges(const struct range *ranges, size_t n, unsigned c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

size_t utf8_decode(const char *p, size_t len, unsigned *ret)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)p;
	size_t n;
	unsigned c;

	if (!len)
		return 0;
	if (s[0] < 0x80) {
		*ret = s[0];
		return 1;
	}
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || n > len)
		return 0;
	c = s[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

static size_t char_width(unsigned c)
{
	if (c < 0x300)
		return 1;
	if (IN(combining, c))
		return 0;
	return IN(wide, c) ? 2 : 1;
}

/* Bytes that are printable ASCII, which most texts consist of: no need to look at each twice. */
static size_t plain_prefix(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] >= ' ' && text[n] < 0x7f)
		n++;
	return n;
}

size_t text_prefix(const char *text, size_t len, size_t columns)
{
	size_t at = 0, used = 0;

	while (at < len) {
		unsigned c = 0;
		size_t n = utf8_decode(text + at, len - at, &c);
		size_t w = n ? char_width(c) : 1;

		if (used + w > columns)
			break;
		used += w;
		at += n ? n : 1;
	}
	return at;
}

size_t text_width(const char *text, size_t len)
{
	size_t width = plain_prefix(text, len);

	for (size_t at = width; at < len;) {
		unsigned c = 0;
		size_t n = utf8_decode(text + at, len - at, &c);

		width += n ? char_width(c) : 1;
		at += n ? n : 1;
	}
	return width;
}

static void add_visible(struct str *out, unsigned c)
{
	if (c == '\n')
		str_add(out, "\\n");
	else if (c == '\t')
		str_add(out, "\\t");
	else if (c == '\r')
		str_add(out, "\\r");
	else if (c < 0x80)
		str_addf(out, "\\x%02x", c);
	else
		str_addf(out, "\\u{%x}", c);
}

static void add_text(struct str *out, const char *text, size_t len, bool visible)
{
	for (size_t at = 0; at < len;) {
		size_t n = plain_prefix(text + at, len - at);
		unsigned c = 0;

		str_addn(out, text + at, n);
		at += n;
		if (at == len)
			return;
		n = utf8_decode(text + at, len - at, &c);
		if (!n)
			str_addf(out, "\\x%02x", (unsigned char)text[at]);
		else if (visible && IN(hidden, c))
			add_visible(out, c);
		else
			str_addn(out, text + at, n);
		at += n ? n : 1;
	}
}

void text_visible(struct str *out, const char *text, size_t len)
{
	add_text(out, text, len, true);
}

void text_valid(struct str *out, const char *text, size_t len)
{
	add_text(out, text, len, false);
}

static bool is_plain(const char *word, size_t len)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_@%+=:,./-";

	for (size_t i = 0; i < len; i++)
		if (!(word[i] & 0x80) && !strchr(plain, word[i]))
			return false;
	return len > 0;
}

static void add_quoted(struct str *out, const char *word, size_t len)
{
	str_addc(out, '\'');
	for (size_t i = 0; i < len; i++) {
		if (word[i] == '\'')
			str_add(out, "'\\''");
		else
			str_addc(out, word[i]);
	}
	str_addc(out, '\'');
}

void text_shell(struct str *out, const char *args, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t n = strnlen(args + at, len - at);

		if (at)
			str_addc(out, ' ');
		if (is_plain(args + at, n))
			str_addn(out, args + at, n);
		else
			add_quoted(out, args + at, n);
		at += n + 1;
	}
}
