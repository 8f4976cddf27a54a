/* SPDX-License-Identifier: Apache-2.0 */
/* Prints docs/fields.md from the field table; a test compares the two. */
#include <stdio.h>

#include "src/model/fields.h"

static const char *type_words(const struct field *f)
{
	switch (f->type) {
	case FIELD_TYPE_TEXT:
		return "string";
	case FIELD_TYPE_TIME:
	case FIELD_TYPE_MONEY:
		return "decimal string";
	case FIELD_TYPE_RATIO:
	case FIELD_TYPE_SHARE:
		return "real";
	case FIELD_TYPE_BOOL:
		return "boolean";
	case FIELD_TYPE_ARGS:
		return "array of strings";
	default:
		return "integer";
	}
}

int main(void)
{
	puts("# Fields\n");
	puts("Every column and metric, made from `src/model/fields.def` (a test keeps the two\n"
	     "equal). A name with a dot is a member of an object in JSON. What is not known is\n"
	     "`null` in JSON, empty in CSV and `-` in tables.\n");
	puts("| name | JSON type | unit | meaning |\n|---|---|---|---|");
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		const struct field *f = field_of(i);

		printf("| `%s` | %s | %s | %s |\n", f->name, type_words(f), f->unit, f->help);
	}
	return 0;
}
