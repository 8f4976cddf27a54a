/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as file and argv: always a name, ended and printable. */
#include <stdlib.h>
#include <string.h>

#include "src/track/tool_name.h"
#include "src/track/tool_role.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tool_name t;
	char file[64] = "", display[160];
	size_t n = size < sizeof(file) - 1 ? size : sizeof(file) - 1;

	memcpy(file, data, n);
	for (unsigned way = 0; way < 2; way++) {
		tool_name(way ? file : NULL, "comm", (struct bytes){ (const char *)data, size },
			  &t);
		tool_row_name(&t, display, sizeof(display));
		if (!*display || !*tool_role_name(tool_role(display, way ? file : NULL)))
			abort();
		tool_display(&t, display, sizeof(display));
		if (!*t.name || strlen(t.name) >= sizeof(t.name) ||
		    strlen(t.subcommand) >= sizeof(t.subcommand) ||
		    strlen(t.launcher) >= sizeof(t.launcher))
			abort();
		for (const char *p = display; *p; p++)
			if ((unsigned char)*p < ' ')
				abort();
	}
	return 0;
}
