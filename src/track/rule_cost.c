/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pattern can cost: the transitions of its position automaton (Glushkov),
 * each of which a matcher may have to try at each byte. Linear for what people
 * write, quadratic for repeated options: (a?){64} has 2080. An upper bound; what is
 * not understood counts as plain characters, and is refused by the compiler.
 */
#include <ctype.h>
#include <stdlib.h>

#include "src/track/rules_internal.h"

#define DEPTH_MAX 64
#define COST_MAX  1e9 /* saturates far above any limit */

struct part {
	double first, last, cost; /* positions that may begin and end it; transitions */
	bool nullable;
};

struct parser {
	const char *p;
	unsigned depth;
};

static const struct part nothing = { .nullable = true };

static struct part sequence(struct part a, struct part b)
{
	struct part both = {
		.first = a.first + (a.nullable ? b.first : 0),
		.last = b.last + (b.nullable ? a.last : 0),
		.cost = a.cost + b.cost + a.last * b.first,
		.nullable = a.nullable && b.nullable,
	};

	if (both.cost > COST_MAX)
		both.cost = COST_MAX;
	return both;
}

static struct part loop(struct part a)
{
	a.cost += a.last * a.first;
	return a;
}

static struct part option(struct part a)
{
	a.nullable = true;
	return a;
}

/* {low,high}; high 0: without end */
static struct part repeat(struct part a, unsigned long low, unsigned long high)
{
	struct part all = nothing;

	for (unsigned long i = 0; i < low; i++)
		all = sequence(all, a);
	if (!high)
		return sequence(all, option(loop(a)));
	for (unsigned long i = low; i < high; i++)
		all = sequence(all, option(a));
	return all;
}

static struct part counted(struct parser *s, struct part a)
{
	char *end;
	unsigned long low = strtoul(s->p + 1, &end, 10), high = low;

	if (*end == ',')
		high = strtoul(end + 1, &end, 10);
	while (*end && *end != '}')
		end++;
	s->p = *end ? end + 1 : end;
	if (low > RULE_REPEATS_MAX || high > RULE_REPEATS_MAX)
		return (struct part){ .cost = COST_MAX };
	return repeat(a, low, high);
}

static void skip_bracket(struct parser *s)
{
	s->p += s->p[1] == '^' ? 2 : 1;
	if (*s->p == ']')
		s->p++;
	while (*s->p && *s->p != ']') {
		if (*s->p == '[' && s->p[1] && strchr(".:=", s->p[1])) {
			const char close[] = { s->p[1], ']', '\0' };
			const char *end = strstr(s->p + 2, close);

			s->p = end ? end + 1 : s->p;
		}
		s->p++;
	}
}

static struct part alternatives(struct parser *s);

static struct part atom(struct parser *s)
{
	struct part one = { .first = 1, .last = 1, .cost = 1 };

	switch (*s->p) {
	case '(':
		s->p++;
		one = alternatives(s);
		break;
	case '[':
		skip_bracket(s);
		break;
	case '^':
	case '$':
		one = nothing;
		break;
	case '\\':
		s->p += s->p[1] != '\0';
		break;
	default:
		break;
	}
	s->p += *s->p != '\0';
	return one;
}

static struct part item(struct parser *s)
{
	struct part a = atom(s);

	for (;;) {
		if (*s->p == '*')
			a = option(loop(a));
		else if (*s->p == '+')
			a = loop(a);
		else if (*s->p == '?')
			a = option(a);
		else if (*s->p != '{' || !isdigit((unsigned char)s->p[1]))
			return a;
		if (*s->p == '{')
			a = counted(s, a);
		else
			s->p++;
	}
}

static struct part alternatives(struct parser *s)
{
	struct part all = { 0 }, one = nothing;

	if (++s->depth > DEPTH_MAX) {
		s->p += strlen(s->p);
		return (struct part){ .cost = COST_MAX };
	}
	for (;; s->p++) {
		one = nothing;
		while (*s->p && *s->p != '|' && *s->p != ')')
			one = sequence(one, item(s));
		all.first += one.first;
		all.last += one.last;
		all.cost += one.cost;
		all.nullable |= one.nullable;
		if (*s->p != '|')
			break;
	}
	s->depth--;
	return all;
}

double pattern_cost(const char *text)
{
	struct parser s = { .p = text };
	struct part all = alternatives(&s);

	while (*s.p == ')') { /* a stray one is a character */
		s.p++;
		all = sequence(all, alternatives(&s));
	}
	return all.cost;
}
