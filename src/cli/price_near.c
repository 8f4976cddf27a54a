/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/price_near.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "src/base/str.h"
#include "src/cli/options.h"

static void consider(const char *word, const char *name, char *near, size_t size, bool *has)
{
	const char *both[2] = { near, name };
	const char *best;

	if (!word || *has || !*name || !strcmp(near, name))
		return;
	if (!strcmp(word, name) || fnmatch(word, name, 0) == 0) {
		*has = true;
		return;
	}
	best = suggest(word, *near ? both : both + 1, *near ? 2 : 1);
	if (best == name)
		str_copy(near, size, name);
}

static int visit(void *ctx, const struct price_row *row, const struct machine *machine)
{
	struct price_near *n = ctx;

	consider(n->provider, row->provider, n->near_provider, sizeof(n->near_provider),
		 &n->has_provider);
	if (n->provider && strcmp(n->provider, row->provider) != 0)
		return 0;
	consider(n->type, row->type, n->near_type, sizeof(n->near_type), &n->has_type);
	consider(n->region, row->region, n->near_region, sizeof(n->near_region), &n->has_region);
	return 0;
}

void price_near_find(struct price_near *n, const struct price_table *user)
{
	for (size_t i = 0; user && i < user->n; i++)
		(void)visit(n, &user->rows[i], NULL);
	(void)price_each_builtin(visit, n);
}

const char *price_near_text(const struct price_near *n, char *buf, size_t size)
{
	const char *what, *word, *near;

	if (n->provider && !n->has_provider) {
		what = "provider";
		word = n->provider;
		near = n->near_provider;
	} else if (n->type && !n->has_type) {
		what = "type";
		word = n->type;
		near = n->near_type;
	} else if (n->region && !n->has_region) {
		what = "region";
		word = n->region;
		near = n->near_region;
	} else {
		return NULL;
	}
	if (*near)
		snprintf(buf, size, "no price is of a %s `%s`; did you mean `%s`?", what, word,
			 near);
	else
		snprintf(buf, size, "no price is of a %s `%s`", what, word);
	return buf;
}
