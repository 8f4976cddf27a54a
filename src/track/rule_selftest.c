/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the tests that every rule carries: the whole set is asked, so a rule that
 * another one shadows fails its test. */
#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/track/rules_internal.h"

#define ANCESTORS_MAX 16

static void pack(struct str *s, const char **items, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		str_addn(s, items[i], strlen(items[i]) + 1);
}

static const struct rule *find(const struct rules *r, const char *id)
{
	const struct rule *rule;

	for (unsigned i = 0; id && (rule = rules_at(r, i)); i++)
		if (!strcmp(rule_id(rule), id))
			return rule;
	return NULL;
}

static bool bad(FILE *out, const struct rule *rule, const struct rule_test *t, const char *what,
		const char *detail)
{
	fprintf(out, "%s:%u: %s: %s%s%s\n", rule->origin, t->line, rule->id, what,
		*detail ? " " : "", detail);
	return false;
}

static bool compare(FILE *out, const struct rule *rule, const struct rule_test *t,
		    const struct rule_result *m)
{
	for (unsigned i = 0; i < t->n_expect; i++) {
		const struct rule_pair *e = &t->expect[i];
		const char *got = !strcmp(e->name, "key")   ? m->key
				  : !strcmp(e->name, "run") ? m->run_key
							    : rule_result_field(m, e->name);
		char text[2 * RULE_VALUE_MAX];

		if (got && !*got)
			got = NULL;
		if (!got == !e->value && (!got || !strcmp(got, e->value)))
			continue;
		snprintf(text, sizeof(text), "%s is %s%s%s, expected %s", e->name, got ? "\"" : "",
			 got ? got : "null", got ? "\"" : "", e->value ? e->value : "null");
		return bad(out, rule, t, text, "");
	}
	return true;
}

static bool run_test(const struct rules *r, const struct rule *rule, const struct rule_test *t,
		     FILE *out)
{
	_cleanup_(str_fini) struct str argv = STR_INIT, env = STR_INIT;
	struct rule_scope scopes[ANCESTORS_MAX];
	struct rule_result m;
	struct rule_input in = { .file = t->file,
				 .exe = t->exe,
				 .comm = t->comm,
				 .cwd = t->cwd,
				 .cwd_host = t->cwd_host,
				 .title = t->title,
				 .cgroup = t->cgroup,
				 .nodename = t->nodename,
				 .pid = t->pid,
				 .nspid = t->nspid,
				 .run_root = t->run_root,
				 .parent_rule = find(r, t->parent) };
	int rc;

	if (t->parent && !in.parent_rule)
		return bad(out, rule, t, "no such rule:", t->parent);
	for (unsigned i = 0; i < t->n_ancestors && i < ANCESTORS_MAX; i++) {
		scopes[i] = (struct rule_scope){ NULL, find(r, t->ancestors[i]) };
		if (!scopes[i].rule)
			return bad(out, rule, t, "no such rule:", t->ancestors[i]);
		if (i)
			scopes[i - 1].up = &scopes[i];
		in.scope = scopes;
	}
	pack(&argv, t->argv, t->n_argv);
	pack(&env, t->env, t->n_env);
	if (argv.failed || env.failed)
		return bad(out, rule, t, "out of memory", "");
	in.argv = (struct bytes){ argv.data, argv.len };
	in.env = (struct bytes){ env.data, env.len };
	rc = rules_match(r, rule->kind, &in, &m);
	if (t->no_match)
		return rc || m.rule != rule || bad(out, rule, t, "matches, and should not", "");
	if (rc)
		return bad(out, rule, t, "does not match", "");
	if (m.rule != rule)
		return bad(out, rule, t, "is shadowed by", m.rule->id);
	return compare(out, rule, t, &m);
}

int rules_selftest(const struct rules *r, FILE *out, unsigned *ret_run)
{
	unsigned run = 0;
	int failed = 0;

	for (unsigned i = 0; i < r->n; i++)
		for (unsigned k = 0; k < r->list[i]->n_tests; k++) {
			run++;
			failed += !run_test(r, r->list[i], &r->list[i]->tests[k], out);
		}
	*ret_run = run;
	return failed;
}
