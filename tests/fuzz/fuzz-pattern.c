/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern (first line) and what it looks at (the rest): refused with a text, or
 * what it finds lies within the subject. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/track/rules_internal.h"
#include "tests/fuzz/fuzz.h"

static void check_groups(const struct pattern *p, struct word subject)
{
	regmatch_t groups[RULE_GROUPS_MAX];
	bool found = pattern_groups(p, subject, groups);

	if (found != pattern_matches(p, subject))
		abort();
	for (unsigned i = 0; found && i < RULE_GROUPS_MAX; i++) {
		if (groups[i].rm_so < 0)
			continue;
		if (groups[i].rm_eo < groups[i].rm_so || (size_t)groups[i].rm_eo > subject.len)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = size ? memchr(text, '\n', size) : NULL;
	struct rules *r = calloc(1, sizeof(*r));
	struct pattern *p = NULL;
	char message[160] = "", *pattern;
	int rc;

	if (!end || !r) {
		free(r);
		return 0;
	}
	pattern = strndup(text, (size_t)(end - text));
	rc = pattern && *pattern ? pattern_new(r, pattern, false, &p, message, sizeof(message))
				 : -ENOMEM;
	if (rc == -EINVAL && !*message)
		abort();
	if (!rc && p->kind == PATTERN_REGEX)
		check_groups(p, (struct word){ end + 1, size - (size_t)(end + 1 - text) });
	free(pattern);
	rules_free(r);
	return 0;
}
