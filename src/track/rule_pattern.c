/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns: POSIX extended regexes, `eq:` and `glob:`. Those that only name
 * programs are compared without a regex, which is most of them.
 *
 * Regexes are TRE's, whose time is linear in the subject: an argv of 8 KiB costs the
 * C library's 30 to 150 ms with patterns as harmless as `(.*)/job/(.*)$`, because it
 * starts anew at each byte; hostile programs could stop the recorder. */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/base/cleanup.h"
#include "src/track/rules_internal.h"

/* Back-references make matching exponential, options that are repeated quadratic. */
static const char *refuse(const char *text)
{
	if (strlen(text) > RULE_PATTERN_MAX)
		return "pattern is too long";
	for (const char *p = text; *p; p++)
		if (*p == '\\' && p[1] && isdigit((unsigned char)*++p))
			return "back-references are not allowed";
	if (pattern_cost(text) > RULE_COST_MAX)
		return "too many repetitions";
	return NULL;
}

/* The longest run of plain characters outside groups and brackets that is not
 * optional: a cheap test before the regex. */
static void find_must(struct pattern *p)
{
	char run[sizeof(p->must)] = "";
	size_t n = 0;

	if (strchr(p->text, '|') && !strchr(p->text, '('))
		return;
	for (const char *c = p->text;; c++) {
		bool escaped = *c == '\\' && c[1] && !isalnum((unsigned char)c[1]);
		char plain = escaped ? c[1] : *c;
		char next = escaped ? c[2] : *c ? c[1] : '\0';
		bool keep = escaped || (*c && !strchr("^$.[]()|*+?{}\\", *c));

		if (keep && next && strchr("*?{", next))
			keep = false;
		if (keep && n + 1 < sizeof(run)) {
			run[n++] = plain;
			run[n] = '\0';
		} else {
			if (n > strlen(p->must))
				memcpy(p->must, run, n + 1);
			n = 0;
		}
		if (!*c)
			return;
		if (escaped)
			c++;
		else if (*c == '[')
			c = strchr(c + 2 + (c[1] == '^'), ']');
		else if (*c == '{')
			c = strchr(c, '}');
		else if (*c == '(')
			for (unsigned depth = 0; *c; c++) {
				if (*c == '\\' && c[1])
					c++;
				else if (*c == '[' && strchr(c + 2, ']'))
					c = strchr(c + 2 + (c[1] == '^'), ']');
				else if (*c == '(')
					depth++;
				else if (*c == ')' && !--depth)
					break;
			}
		if (!c || !*c)
			return;
	}
}

/* (^|/)NAME$, ^NAME$, (^|/)(A|B)$, with [0-9.]* before $: names of programs. */
static bool parse_names(struct rules *r, struct pattern *p)
{
	static const char any_dir[] = "(^|/)", version[] = "[0-9.]*";
	const char *c = p->text;
	size_t len = strlen(c), n = 1;
	char name[128];

	if (!strncmp(c, any_dir, sizeof(any_dir) - 1)) {
		c += sizeof(any_dir) - 1;
	} else if (*c == '^') {
		c++;
	} else {
		return false;
	}
	len = strlen(c);
	if (!len || c[--len] != '$')
		return false;
	if (len > sizeof(version) - 1 && !memcmp(c + len - 7, version, 7)) {
		p->stem = true;
		len -= 7;
	}
	if (len > 2 && c[0] == '(' && c[len - 1] == ')') {
		c++;
		len -= 2;
	}
	for (size_t i = 0; i < len; i++)
		n += c[i] == '|';
	p->names = rules_alloc(r, n * sizeof(*p->names));
	if (!p->names)
		return false;
	n = 0;
	for (size_t i = 0; i <= len; i++) {
		if (i == len || c[i] == '|') {
			if (!n || p->n_names > 400)
				return false;
			p->names[p->n_names++] = rules_strndup(r, name, n);
			n = 0;
		} else {
			i += c[i] == '\\' && i + 1 < len;
			if (!(isalnum((unsigned char)c[i]) || strchr("_-+", c[i]) ||
			      (i && c[i - 1] == '\\' && strchr(".[+", c[i]))) ||
			    n + 1 >= sizeof(name) || (c[i] == '+' && (!i || c[i - 1] != '\\')))
				return false;
			name[n++] = c[i];
		}
	}
	return true;
}

int pattern_new(struct rules *r, const char *text, bool program_name, struct pattern **ret,
		char *message, size_t message_size)
{
	struct pattern *p = rules_alloc(r, sizeof(*p));
	const char *bad = refuse(text);
	int rc;

	if (!p)
		return -ENOMEM;
	if (bad) {
		snprintf(message, message_size, "%s", bad);
		return -EINVAL;
	}
	p->kind = !strncmp(text, "eq:", 3)     ? PATTERN_EQUAL
		  : !strncmp(text, "glob:", 5) ? PATTERN_GLOB
					       : PATTERN_REGEX;
	if (p->kind != PATTERN_REGEX)
		text = strchr(text, ':') + 1;
	p->text = rules_strndup(r, text, strlen(text));
	if (!p->text)
		return -ENOMEM;
	if (p->kind == PATTERN_REGEX) {
		rc = tre_regcomp(&p->regex, p->text, REG_EXTENDED);
		if (rc) {
			char why[128];

			tre_regerror(rc, &p->regex, why, sizeof(why));
			snprintf(message, message_size, "bad regular expression: %s", why);
			return -EINVAL;
		}
		p->next = r->patterns;
		r->patterns = p;
		if (program_name && parse_names(r, p))
			p->kind = PATTERN_NAMES;
		else
			find_must(p);
	}
	*ret = p;
	return 0;
}

static const char *subject_text(struct word subject, char buf[RULE_SUBJECT_MAX])
{
	size_t len = subject.len < RULE_SUBJECT_MAX ? subject.len : RULE_SUBJECT_MAX - 1;

	memcpy(buf, subject.p, len);
	buf[len] = '\0';
	return buf;
}

static bool find(const struct pattern *p, struct word subject, size_t n_groups,
		 regmatch_t groups[RULE_GROUPS_MAX])
{
	size_t len = subject.len < RULE_SUBJECT_MAX ? subject.len : RULE_SUBJECT_MAX - 1;

	if (!subject.p || (*p->must && !word_has(subject, p->must)))
		return false;
	return !tre_regnexec(&p->regex, subject.p, len, n_groups, groups, 0);
}

bool pattern_groups(const struct pattern *p, struct word subject,
		    regmatch_t groups[RULE_GROUPS_MAX])
{
	return find(p, subject, RULE_GROUPS_MAX, groups);
}

static bool names_match(const struct pattern *p, struct word subject)
{
	subject = word_basename(subject);
	while (p->stem && subject.len > 1 &&
	       (isdigit((unsigned char)subject.p[subject.len - 1]) ||
		subject.p[subject.len - 1] == '.'))
		subject.len--;
	for (unsigned i = 0; i < p->n_names; i++)
		if (word_is(subject, p->names[i]))
			return true;
	return false;
}

bool pattern_matches(const struct pattern *p, struct word subject)
{
	char buf[RULE_SUBJECT_MAX];

	if (!subject.p)
		return false;
	switch (p->kind) {
	case PATTERN_EQUAL:
		return word_is(subject, p->text);
	case PATTERN_GLOB:
		return !fnmatch(p->text, subject_text(subject, buf), 0);
	case PATTERN_NAMES:
		return names_match(p, subject);
	default:
		return find(p, subject, 0, NULL);
	}
}
