/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/who.h"

#include <fnmatch.h>
#include <string.h>

static bool matches(const char *pattern, const char *text)
{
	return text && fnmatch(pattern, text, 0) == 0;
}

static bool label_matches(const struct who_label *want, const struct who_facts *facts)
{
	for (size_t i = 0; i < facts->n_labels; i++)
		if (!strcmp(facts->labels[i].key, want->key) &&
		    matches(want->value, facts->labels[i].value))
			return true;
	return false;
}

static bool holds(const struct who_rule *rule, const struct who_facts *facts)
{
	for (int f = 0; f < WHO_FACTS; f++)
		if (rule->pattern[f] && !matches(rule->pattern[f], facts->fact[f]))
			return false;
	return !rule->label.key || label_matches(&rule->label, facts);
}

const struct who_rule *who_find(const struct who_rule *rules, size_t n,
				const struct who_facts *facts)
{
	for (size_t i = 0; i < n; i++)
		if (holds(&rules[i], facts))
			return &rules[i];
	return NULL;
}
