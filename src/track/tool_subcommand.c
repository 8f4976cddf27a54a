/* SPDX-License-Identifier: Apache-2.0 */
/* Sub-commands: which word, or which option, says what a tool was told to do. The
 * styles are those of tool_table.h, the facts in rules/tools/tools.tsv. */
#include "src/track/tool_internal.h"

#include <ctype.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/track/tool_launch.h"

static bool is_data_file(struct word w)
{
	static const char *const ends[] = { ".bam",   ".sam", ".cram", ".fq",  ".fastq", ".fa",
					    ".fasta", ".gz",  ".vcf",  ".bcf", ".bed",	 ".gtf",
					    ".gff",   ".txt", ".tsv",  ".csv", ".json",	 ".yaml",
					    ".html",  ".zip", ".fna",  ".bai", ".idx",	 ".nc",
					    ".yml",   ".bw",  ".bg",   ".mmi", ".faa",	 ".xml" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (word_ends(w, ends[i]))
			return true;
	return false;
}

static bool is_subcommand(struct word w)
{
	size_t i = w.len > 1 && *w.p == '+'; /* bcftools +fill-tags */

	if (!w.len || w.len > 48 || !isalpha((unsigned char)w.p[i]) || is_data_file(w))
		return false;
	for (; i < w.len; i++)
		if (!isalnum((unsigned char)w.p[i]) && !strchr("_.-", w.p[i]))
			return false;
	return true;
}

static bool is_operand_of_option(struct word w)
{
	return w.len && (isdigit((unsigned char)*w.p) || memchr(w.p, '=', w.len));
}

/* First word that can be a sub-command; s->argv.n if there is none. */
static unsigned find_word(const struct tool_scan *s, const struct tool_entry *e, unsigned at)
{
	for (; at < s->argv.n; at++) {
		struct word w = s->argv.w[at];

		if (w.len && *w.p == '-') {
			if (tool_list_has(e->values, w))
				at++;
		} else if (is_subcommand(w)) {
			return at;
		} else if (!is_operand_of_option(w)) {
			break;
		}
	}
	return s->argv.n;
}

static void first_word(struct tool_scan *s, const struct tool_entry *e, unsigned at)
{
	unsigned first = find_word(s, e, at), next;

	if (first >= s->argv.n)
		return;
	tool_add_subcommand(s->t, s->argv.w[first]);
	if (e->style != TOOL_STYLE_WORD2)
		return;
	next = find_word(s, e, first + 1);
	if (next == first + 1 && next < s->argv.n)
		tool_add_subcommand(s->t, s->argv.w[next]);
}

static void listed_word(struct tool_scan *s, const struct tool_entry *e, unsigned at)
{
	unsigned first = find_word(s, e, at);

	if (first < s->argv.n && tool_list_has(e->words, s->argv.w[first]))
		tool_add_subcommand(s->t, s->argv.w[first]);
	else if (at < s->argv.n)
		tool_add_subcommand(s->t, word_of(e->option));
}

/* spark-submit --master m app.jar: what it is told to run */
static void script_word(struct tool_scan *s, const struct tool_entry *e, unsigned at)
{
	for (; at < s->argv.n; at++) {
		struct word w = s->argv.w[at];

		if (w.len && *w.p == '-') {
			at += tool_list_has(e->values, w);
			continue;
		}
		w = tool_normal(word_basename(w));
		if (is_subcommand(w))
			tool_add_subcommand(s->t, w);
		return;
	}
}

/* cdo -O -P 4 -timmean -selname,tas in out: operators look like options. What has
 * one letter is an option; so is what has a value in the table. */
static void operator_word(struct tool_scan *s, const struct tool_entry *e, unsigned at)
{
	for (; at < s->argv.n; at++) {
		struct word w = s->argv.w[at];
		const char *comma;

		if (tool_list_has(e->values, w)) {
			at++;
			continue;
		}
		if (word_starts(w, "--") || (w.len <= 2 && word_starts(w, "-")))
			continue;
		if (word_starts(w, "-")) {
			w.p++;
			w.len--;
		}
		comma = w.len ? memchr(w.p, ',', w.len) : NULL;
		if (comma)
			w.len = (size_t)(comma - w.p);
		if (is_subcommand(w))
			tool_add_subcommand(s->t, w);
		return;
	}
}

/* A rule of the flag style, and the text behind its name. */
struct flag {
	struct word name; /* without dashes */
	struct word text; /* of OPT=TEXT */
	bool any_end, value, both;
};

static struct word without_dashes(struct word w)
{
	for (unsigned i = 0; i < 2 && w.len && *w.p == '-'; i++) {
		w.p++;
		w.len--;
	}
	return w;
}

static struct flag flag_of(struct word rule)
{
	struct flag f = { 0 };
	const char *equals = memchr(rule.p, '=', rule.len);

	if (equals) {
		f.text = (struct word){ equals + 1, rule.len - (size_t)(equals + 1 - rule.p) };
		rule.len = (size_t)(equals - rule.p);
	} else if (word_ends(rule, ":") || word_ends(rule, "+") || word_ends(rule, "*")) {
		f.any_end = rule.p[rule.len - 1] == '*';
		f.both = rule.p[rule.len - 1] == '+';
		f.value = !f.any_end;
		rule.len--;
	}
	f.name = without_dashes(rule);
	return f;
}

static bool same_start(struct word w, struct word start)
{
	return w.len >= start.len && !memcmp(w.p, start.p, start.len);
}

/* Whether option w is the flag. *ret_value: what is glued to it, p NULL if nothing:
 * --opt=value, -xvalue; -ax is -a -x. */
static bool is_flag(const struct flag *f, struct word w, struct word *ret_value)
{
	struct word body = without_dashes(w);

	*ret_value = (struct word){ 0 };
	if (body.len == w.len || !body.len)
		return false;
	if (same_start(body, f->name)) {
		struct word rest = { body.p + f->name.len, body.len - f->name.len };

		if (!rest.len || f->any_end)
			return true;
		if (*rest.p == '=' || (f->value && f->name.len == 1 && w.len - body.len == 1)) {
			*ret_value =
				*rest.p == '=' ? (struct word){ rest.p + 1, rest.len - 1 } : rest;
			return true;
		}
	}
	return f->value && f->name.len == 1 && w.len - body.len == 1 && body.len <= 3 &&
	       body.p[body.len - 1] == *f->name.p;
}

static bool take_flag(struct tool_scan *s, const struct flag *f, unsigned at)
{
	struct word w = s->argv.w[at], value;

	if (!is_flag(f, w, &value))
		return false;
	if (f->text.len) {
		tool_add_subcommand(s->t, f->text);
		return true;
	}
	if (!f->value || f->both) {
		w = without_dashes(w);
		w.len -= value.p ? value.len + 1 : 0;
		tool_add_subcommand(s->t, w);
	}
	if (!f->value)
		return true;
	if (!value.p && at + 1 < s->argv.n)
		value = s->argv.w[at + 1];
	if (is_subcommand(value) || (f->both && value.len && isdigit((unsigned char)*value.p)))
		tool_add_subcommand(s->t, value);
	return true;
}

static void flag_word(struct tool_scan *s, const struct tool_entry *e, unsigned at)
{
	const char *p = e->words;

	while (*p) {
		size_t len = strcspn(p, " ");
		struct flag f = flag_of((struct word){ p, len });

		for (unsigned i = at; i < s->argv.n; i++)
			if (take_flag(s, &f, i))
				return;
		p += len + (p[len] == ' ');
	}
	tool_add_subcommand(s->t, word_of(e->option));
}

void tool_set_subcommand(struct tool_scan *s, const struct tool_entry *e, unsigned at)
{
	static void (*const styles[])(struct tool_scan *, const struct tool_entry *, unsigned) = {
		[TOOL_STYLE_NONE] = NULL,	   [TOOL_STYLE_WORD1] = first_word,
		[TOOL_STYLE_WORD2] = first_word,   [TOOL_STYLE_LISTED] = listed_word,
		[TOOL_STYLE_SCRIPT] = script_word, [TOOL_STYLE_OPERATOR] = operator_word,
		[TOOL_STYLE_FLAG] = flag_word,
	};

	if (styles[e->style])
		styles[e->style](s, e, at);
}
