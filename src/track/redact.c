/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over arguments and words, and the copying of records. What counts as
 * secret is in redact_names.c. */
#include "src/track/redact.h"

#include <ctype.h>
#include <errno.h>

#include "src/base/cleanup.h"
#include "src/track/redact_internal.h"

#define MARK	 "[redacted]"
#define MARK_LEN (sizeof(MARK) - 1)

struct scan {
	char *out;
	size_t len, size;
	bool cut;
	unsigned n;
	struct redact_hits *hits; /* NULL: not wanted */
	struct word program;	  /* whose short options are known, or empty */
	const char *expect;	  /* rule under which the next word is a value, or NULL */
};

static void put(struct scan *s, const char *p, size_t len)
{
	if (len > s->size - s->len) {
		len = s->size - s->len;
		s->cut = true;
	}
	memcpy(s->out + s->len, p, len);
	s->len += len;
}

static void put_mark(struct scan *s, const char *p, size_t len, const char *rule)
{
	if (!len)
		return;
	if (len >= MARK_LEN && !memcmp(p, MARK, MARK_LEN)) {
		put(s, p, len); /* done before */
		return;
	}
	put(s, MARK, MARK_LEN);
	if (s->hits && s->n < ARRAY_SIZE(s->hits->rules))
		s->hits->rules[s->n] = rule;
	s->n++;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

static bool ends_word(char c)
{
	return isspace((unsigned char)c) || is_quote(c);
}

/* Where a value that starts at p ends: at its closing quote if it is quoted, at
 * the end of its word in a text, else at the end of the argument. */
static const char *value_end(const char *p, const char *end, char quote, bool in_text)
{
	const char *close;

	if (quote) {
		close = memchr(p, quote, (size_t)(end - p));
		if (close)
			return close;
	}
	while (p < end && !(in_text ? ends_word(*p) : *p == '\n'))
		p++;
	return p;
}

static const char *skip_scheme(const char *p, const char *end)
{
	static const char *const schemes[] = { "Bearer ", "Basic ", "Token ", "ApiKey " };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t len = strlen(schemes[i]);

		if ((size_t)(end - p) > len && !strncasecmp(p, schemes[i], len))
			return p + len;
	}
	return p;
}

/* scheme://user:password@host, or a long user part alone, which is a token. p is
 * after "://"; returns where to go on. */
static const char *scan_userinfo(struct scan *s, const char *p, const char *end)
{
	const char *q = p, *at = NULL;
	bool colon = false;

	for (; q < end && !ends_word(*q) && *q != '/' && *q != '?' && *q != '#'; q++) {
		if (*q == '@')
			at = q;
		else if (*q == ':' && !at)
			colon = true;
	}
	if (!at || (!colon && at - p < 20))
		return p;
	put_mark(s, p, (size_t)(at - p), "URL userinfo");
	return at;
}

/* After a name: "=value" or ": value". Returns the end of what was handled, or
 * NULL if this is no secret. name starts at p; the name's end is q. */
static const char *scan_named(struct scan *s, const char *p, const char *q, const char *end,
			      unsigned char before)
{
	struct word name = { p, (size_t)(q - p) };
	const char *v = q, *stop, *rule;
	enum secret_place place;
	char quote = 0;

	if (v < end && is_quote(*v))
		v++;
	if (v >= end || (*v != '=' && *v != ':') || (*v == ':' && v + 2 < end && v[1] == '/'))
		return NULL;
	place = *v == ':'			 ? SECRET_HEADER
		: before == '?' || before == '&' ? SECRET_QUERY
						 : SECRET_ASSIGN;
	rule = redact_name(name, place);
	if (!rule)
		return NULL;
	v++;
	while (place == SECRET_HEADER && v < end && *v == ' ')
		v++;
	if (v < end && is_quote(*v))
		quote = *v++;
	if (place == SECRET_HEADER)
		v = skip_scheme(v, end);
	if (place == SECRET_QUERY)
		for (stop = v; stop < end && !ends_word(*stop) && *stop != '&' && *stop != '#';)
			stop++;
	else if (place == SECRET_HEADER && redact_name_takes_line(name))
		for (stop = v; stop < end && !is_quote(*stop) && *stop != '\n';)
			stop++;
	else
		stop = value_end(v, end, quote, true);
	put(s, p, (size_t)(v - p));
	put_mark(s, v, (size_t)(stop - v), rule);
	return stop;
}

/* Keys by their shape inside a run of name characters. Returns how much of the
 * run was dealt with. */
static const char *scan_run(struct scan *s, const char *p, const char *q, const char *end)
{
	const char *rule;

	for (const char *r = p; r < q; r++) {
		size_t n;

		if (r != p && (isalnum((unsigned char)r[-1]) || r[-1] == '_'))
			continue;
		n = redact_shape(r, end, &rule);
		if (n) {
			put(s, p, (size_t)(r - p));
			put_mark(s, r, n, rule);
			return r + n;
		}
	}
	put(s, p, (size_t)(q - p));
	return q;
}

/* Secrets inside a word, wherever they stand. [p, stop) is the word; a quoted
 * value may reach beyond it, up to end. Returns where to go on. */
static const char *scan_inside(struct scan *s, const char *p, const char *stop, const char *end)
{
	unsigned char before = 0;

	while (p < stop) {
		const char *q = p, *next;

		while (q < stop && is_name_char(*q))
			q++;
		if (q == p) {
			before = (unsigned char)*p;
			put(s, p++, 1);
			continue;
		}
		if (end - q > 3 && !memcmp(q, "://", 3)) {
			put(s, p, (size_t)(q + 3 - p));
			p = scan_userinfo(s, q + 3, end);
			before = '/';
			continue;
		}
		next = scan_named(s, p, q, end, before);
		p = next ? next : scan_run(s, p, q, end);
		before = (unsigned char)p[-1];
	}
	return p;
}

/* -x, --name or --name=value. Returns the end of what was handled, NULL: no rule. */
static const char *scan_option(struct scan *s, const char *p, const char *stop, const char *end,
			       bool in_text)
{
	const char *eq = memchr(p, '=', (size_t)(stop - p)), *name_end = eq ? eq : stop, *v, *rule;
	struct word name = { p, (size_t)(name_end - p) };
	size_t prefix;
	char quote = 0;

	rule = redact_program_option(s->program, (struct word){ p, (size_t)(stop - p) }, &prefix);
	if (!rule && eq)
		rule = redact_program_option(s->program, name, &prefix);
	if (rule && prefix) {
		put(s, p, prefix);
		put_mark(s, p + prefix, (size_t)(stop - p) - prefix, rule);
		return stop;
	}
	if (!rule)
		rule = redact_name(name, SECRET_OPTION);
	if (!rule)
		return NULL;
	if (!eq) {
		put(s, p, (size_t)(stop - p));
		s->expect = rule;
		return stop;
	}
	v = eq + 1;
	if (in_text && v < end && is_quote(*v))
		quote = *v++;
	put(s, p, (size_t)(v - p));
	stop = value_end(v, end, quote, in_text);
	put_mark(s, v, (size_t)(stop - v), rule);
	return stop;
}

static void note_program(struct scan *s, struct word w)
{
	w = word_basename(w);
	if (word_is(w, "login") ? s->program.len != 0 : redact_is_program(w))
		s->program = w;
}

/* One word without white space; end is as far as a quoted value may reach. */
static const char *scan_word(struct scan *s, const char *p, const char *stop, const char *end,
			     bool in_text)
{
	const char *done;
	struct word w = { p, (size_t)(stop - p) };

	if (word_is(w, "aws_secret_access_key") || word_is(w, "aws_session_token")) {
		put(s, p, w.len);
		s->expect = "AWS configuration";
		return stop;
	}
	if (*p == '-') {
		done = scan_option(s, p, stop, end, in_text);
		if (done)
			return done;
	} else {
		note_program(s, w);
	}
	return scan_inside(s, p, stop, end);
}

/* The value that an option before announced. */
static const char *scan_expected(struct scan *s, const char *p, const char *stop, const char *end,
				 char quote)
{
	const char *rule = s->expect;

	s->expect = NULL;
	if (stop - p >= 2 && p[0] == '-' && p[1] == '-')
		return NULL; /* the option had no value after all */
	stop = value_end(p, end, quote, true);
	put_mark(s, p, (size_t)(stop - p), rule);
	return stop;
}

/* A command line or script in one string: words between white space, quotes and
 * shell punctuation in front of them copied. */
static void scan_text(struct scan *s, const char *p, const char *end)
{
	while (p < end) {
		const char *stop, *next = NULL;
		char quote = 0;

		while (p < end &&
		       (isspace((unsigned char)*p) || is_quote(*p) || strchr("(){};|&<>$", *p))) {
			if (is_quote(*p))
				quote = *p;
			else if (isspace((unsigned char)*p))
				quote = 0;
			if (strchr(";|&\n", *p))
				s->program.len = 0; /* another command starts */
			put(s, p++, 1);
		}
		if (p == end)
			break;
		for (stop = p; stop < end && !isspace((unsigned char)*stop);)
			stop++;
		if (s->expect)
			next = scan_expected(s, p, stop, end, quote);
		if (!next) {
			while (stop - p > 1 && strchr("\"'`);", stop[-1]))
				stop--; /* belongs to the text around it */
			next = scan_word(s, p, stop, end, true);
		}
		p = next;
	}
}

static bool is_text(struct word w)
{
	for (size_t i = 0; i < w.len; i++)
		if (isspace((unsigned char)w.p[i]))
			return true;
	return false;
}

/* NAME=a b or --name=a b as one argument: the value is all the rest. */
static bool scan_whole(struct scan *s, struct word w)
{
	const char *eq = memchr(w.p, '=', w.len), *rule;
	struct word name = { w.p, eq ? (size_t)(eq - w.p) : 0 };

	for (size_t i = 0; i < name.len; i++)
		if (!is_name_char(name.p[i]))
			return false;
	rule = name.len ? redact_name(name, *w.p == '-' ? SECRET_OPTION : SECRET_ASSIGN) : NULL;
	if (!rule)
		return false;
	put(s, w.p, name.len + 1);
	put_mark(s, eq + 1, w.len - name.len - 1, rule);
	return true;
}

static void scan_argument(struct scan *s, struct word w, bool is_script)
{
	const char *rule = s->expect;

	s->expect = NULL;
	if (!w.len)
		return;
	if (rule && !(w.len >= 2 && !memcmp(w.p, "--", 2))) {
		put_mark(s, w.p, w.len, rule);
	} else if (is_text(w)) {
		struct word program = s->program;

		if (is_script || !scan_whole(s, w))
			scan_text(s, w.p, w.p + w.len);
		s->program = program;
		s->expect = NULL;
	} else if (w.len) {
		scan_word(s, w.p, w.p + w.len, w.p + w.len, false);
	}
}

/* sh -c, bash -euc: the next argument is a script */
static bool announces_script(struct word w)
{
	return w.len >= 2 && w.len < 8 && w.p[0] == '-' && w.p[1] != '-' && w.p[w.len - 1] == 'c';
}

static unsigned copy(struct bytes in, char *out, size_t out_size, size_t *ret_len, bool *ret_cut)
{
	size_t len = in.len < out_size ? in.len : out_size;

	if (len)
		memcpy(out, in.data, len);
	*ret_len = len;
	*ret_cut = len < in.len;
	return 0;
}

unsigned redact_argv_explain(struct bytes argv, char *out, size_t out_size, size_t *ret_len,
			     struct redact_hits *ret_hits)
{
	struct scan s = { .out = out, .size = out_size, .hits = ret_hits };
	const char *p = argv.data, *end = p ? p + argv.len : NULL;
	bool script = false;

	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		struct word w = { p, nul ? (size_t)(nul - p) : (size_t)(end - p) };

		scan_argument(&s, w, script);
		script = announces_script(w);
		if (nul)
			put(&s, "", 1);
		p += w.len + (nul != NULL);
	}
	*ret_len = s.len;
	ret_hits->n = s.n;
	ret_hits->cut = s.cut;
	return s.n;
}

unsigned redact_argv(struct bytes argv, char *out, size_t out_size, size_t *ret_len, bool *ret_cut)
{
	struct redact_hits hits = { 0 };

	if (!argv.data || !redact_may_apply(argv.data, argv.len))
		return copy((struct bytes){ argv.data, argv.data ? argv.len : 0 }, out, out_size,
			    ret_len, ret_cut);
	redact_argv_explain(argv, out, out_size, ret_len, &hits);
	*ret_cut = hits.cut;
	return hits.n;
}

unsigned redact_text(struct bytes text, char *out, size_t out_size, size_t *ret_len, bool *ret_cut)
{
	struct scan s = { .out = out, .size = out_size };

	if (!text.data || !redact_may_apply(text.data, text.len))
		return copy((struct bytes){ text.data, text.data ? text.len : 0 }, out, out_size,
			    ret_len, ret_cut);
	scan_text(&s, text.data, text.data + text.len);
	*ret_len = s.len;
	*ret_cut = s.cut;
	return s.n;
}
