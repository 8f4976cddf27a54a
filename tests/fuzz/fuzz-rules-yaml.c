/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign YAML through the loader: an error with a text, or a set that works. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/track/rules_internal.h"
#include "tests/fuzz/fuzz.h"

static void ignore(void *ctx, const struct rules_error *e)
{
	if (!*e->text)
		abort();
}

/* As `rules check` reads on after a mistake: rules that are half there do no harm. */
static void read_on(const uint8_t *data, size_t size)
{
	struct rules *r = calloc(1, sizeof(*r));
	struct rules_error error = { 0 };

	if (!r)
		return;
	r->mistake = ignore;
	r->list = rules_alloc(r, RULES_MAX * sizeof(struct rule *));
	if (r->list && !rules_parse(r, "fuzz", (const char *)data, size, &error))
		rules_index(r);
	rules_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules *r = calloc(1, sizeof(*r));
	struct rules_error error = { 0 };
	struct rule_input in = { .comm = "make",
				 .exe = "/usr/bin/make",
				 .argv = { "make\0-j2", 9 } };
	struct rule_result m;
	int rc;

	if (!r)
		return 0;
	r->list = rules_alloc(r, RULES_MAX * sizeof(struct rule *));
	rc = r->list ? rules_parse(r, "fuzz", (const char *)data, size, &error) : -1;
	if (rc == -EINVAL && !*error.text)
		abort();
	for (unsigned i = 0; i < r->n && !rc; i++)
		if (strchr(r->list[i]->origin, '/'))
			abort();
	if (!rc && !rules_index(r))
		for (unsigned k = 0; k < RULE_KINDS; k++)
			rules_match(r, k, &in, &m);
	rules_free(r);
	read_on(data, size);
	return 0;
}
