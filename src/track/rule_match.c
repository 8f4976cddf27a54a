/* SPDX-License-Identifier: Apache-2.0 */
/* Predicates of a rule over one exec segment. Unknown matches nothing. */
#include "src/track/rules_internal.h"

const struct argv_words *view_argv(struct rule_view *v)
{
	if (!v->split) {
		argv_split(v->in->argv, &v->argv);
		v->split = true;
	}
	return &v->argv;
}

static struct word view_line(struct rule_view *v)
{
	const struct argv_words *a = view_argv(v);

	for (unsigned i = 0; i < a->n && !v->joined; i++) {
		size_t room = sizeof(v->line) - v->line_len;

		if (i && room > 1)
			v->line[v->line_len++] = ' ';
		room = sizeof(v->line) - v->line_len;
		if (room > a->w[i].len)
			room = a->w[i].len;
		memcpy(v->line + v->line_len, a->w[i].p, room);
		v->line_len += room;
	}
	v->joined = true;
	return (struct word){ a->n ? v->line : NULL, v->line_len };
}

struct word rule_env(const struct rule_input *in, const char *name)
{
	const char *p = in->env.data, *end = p ? p + in->env.len : NULL;
	size_t len = strlen(name);

	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		size_t n = nul ? (size_t)(nul - p) : (size_t)(end - p);

		if (n > len && p[len] == '=' && !memcmp(p, name, len))
			return (struct word){ p + len + 1, n - len - 1 };
		p += n + 1;
	}
	return (struct word){ NULL, 0 };
}

static bool any_pattern(const struct predicate *p, struct word subject)
{
	if (!subject.p)
		return false;
	for (unsigned i = 0; i < p->n_patterns; i++)
		if (pattern_matches(p->patterns[i], subject))
			return true;
	return !p->n_patterns;
}

static bool any_of_cgroup(const struct rule_input *in, const struct predicate *p)
{
	for (unsigned i = 0; i < p->n_patterns; i++)
		if (rule_cgroup_matches(in, p->patterns[i], RULE_NO_GROUP, NULL))
			return true;
	return !p->n_patterns && in->cgroup;
}

static bool any_argument(struct rule_view *v, const struct predicate *p)
{
	const struct argv_words *a = view_argv(v);

	for (unsigned i = 0; i < a->n; i++)
		if (any_pattern(p, a->w[i]))
			return true;
	return false;
}

static struct word argument(struct rule_view *v, unsigned i)
{
	const struct argv_words *a = view_argv(v);

	return i < a->n ? a->w[i] : (struct word){ NULL, 0 };
}

static struct word first_word(struct rule_view *v)
{
	const struct argv_words *a = view_argv(v);

	for (unsigned i = 1; i < a->n; i++)
		if (!word_starts(a->w[i], "-"))
			return a->w[i];
	return (struct word){ NULL, 0 };
}

static bool is_one_of(const struct predicate *p, const struct rule *rule)
{
	for (unsigned i = 0; i < p->n_ids && rule; i++)
		if (p->rules[i] == rule)
			return true;
	return false;
}

static bool any_ancestor(const struct predicate *p, const struct rule_scope *s)
{
	for (; s; s = s->up)
		if (is_one_of(p, s->rule))
			return true;
	return false;
}

static bool kids(struct rule_view *v, const struct predicate *p)
{
	for (unsigned i = 0; i < p->n_kids; i++)
		if (rule_predicate(v, &p->kids[i]) != (p->kind == PRED_ALL))
			return p->kind == PRED_ANY;
	return p->kind == PRED_ALL;
}

bool rule_predicate(struct rule_view *v, const struct predicate *p)
{
	const struct rule_input *in = v->in;

	switch (p->kind) {
	case PRED_ALL:
	case PRED_ANY:
		return kids(v, p);
	case PRED_NOT:
		return !rule_predicate(v, p->kids);
	case PRED_EXE:
		return any_pattern(p, word_of(in->exe));
	case PRED_FILE:
		return any_pattern(p, word_of(in->file));
	case PRED_COMM:
		return any_pattern(p, word_of(in->comm));
	case PRED_ARGV0:
		return any_pattern(p, argument(v, 0));
	case PRED_ARGV_N:
		return any_pattern(p, argument(v, p->index));
	case PRED_ARGV_HAS:
	case PRED_ARGV_RE:
		return any_argument(v, p);
	case PRED_CMDLINE:
		return any_pattern(p, view_line(v));
	case PRED_WORD1:
		return any_pattern(p, first_word(v));
	case PRED_TITLE:
		return any_pattern(p, word_of(in->title));
	case PRED_CWD:
		return any_pattern(p, word_of(in->cwd)) || any_pattern(p, word_of(in->cwd_host));
	case PRED_CGROUP:
		return any_of_cgroup(in, p);
	case PRED_NODENAME:
		return any_pattern(p, word_of(in->nodename));
	case PRED_ENV:
		return any_pattern(p, rule_env(in, p->name));
	case PRED_PARENT:
		return is_one_of(p, in->parent_rule);
	case PRED_ANCESTOR:
		return any_ancestor(p, in->scope);
	case PRED_PIDNS_INIT:
		return (in->nspid == 1 && in->pid != 1) == p->wanted;
	case PRED_RUN_ROOT:
		return in->run_root == p->wanted;
	}
	return false;
}
