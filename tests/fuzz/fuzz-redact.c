/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as argv: output within bounds, a second pass changes nothing, and the
 * fast way out never leaves what the full scan would take. */
#include <stdlib.h>
#include <string.h>

#include "src/track/redact.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes argv = { (const char *)data, size };
	size_t room = 11 * size + 16, len, len2, len3;
	char *out = malloc(room), *again = malloc(11 * room + 16);
	struct redact_hits hits = { 0 };
	bool cut;

	if (out && again) {
		unsigned n = redact_argv(argv, out, room, &len, &cut);

		if (cut || len > room)
			abort();
		redact_argv((struct bytes){ out, len }, again, 11 * room + 16, &len2, &cut);
		if (len2 != len || memcmp(out, again, len))
			abort();
		if (redact_argv_explain(argv, again, room, &len3, &hits) != n || len3 != len)
			abort();
		redact_argv(argv, out, size / 2, &len, &cut);
		if (len > size / 2)
			abort();
	}
	free(out);
	free(again);
	return 0;
}
