/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/base/text.h"

static enum log_level log_level = LOG_LEVEL_WARNING;

void log_set_level(enum log_level level)
{
	log_level = level;
}

enum log_level log_get_level(void)
{
	return log_level;
}

/* What users, files and the kernel put into messages must not steer the terminal, nor
 * look like a message of ours: only our own line breaks, which two blanks follow, stay. */
static void make_safe(char *line, size_t size)
{
	_cleanup_(str_fini) struct str safe = STR_INIT;
	const char *at = line;

	for (;;) {
		const char *end = strstr(at, "\n  ");

		text_visible(&safe, at, end ? (size_t)(end - at) : strlen(at));
		if (!end)
			break;
		str_addc(&safe, '\n');
		at = end + 1;
	}
	str_copy(line, size, safe.failed ? "(no memory for the message)" : str_text(&safe));
}

/* One write(2) a line: lines of our processes do not mix. */
static void log_line(enum log_level level, const char *kind, const char *format, va_list ap)
{
	char line[2048];
	int len;

	if (level > log_level)
		return;
	len = snprintf(line, sizeof(line), "tracer: %s", kind);
	vsnprintf(line + len, sizeof(line) - (size_t)len - 1, format, ap);
	make_safe(line, sizeof(line) - 1);
	len = (int)strlen(line);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}

#define LOG_FUNCTION(name, level, kind)                                                            \
	void log_##name(const char *format, ...)                                                   \
	{                                                                                          \
		va_list ap;                                                                        \
		va_start(ap, format);                                                              \
		log_line(level, kind, format, ap);                                                 \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(error, LOG_LEVEL_ERROR, "")
LOG_FUNCTION(warning, LOG_LEVEL_WARNING, "warning: ")
LOG_FUNCTION(info, LOG_LEVEL_INFO, "")
LOG_FUNCTION(debug, LOG_LEVEL_DEBUG, "debug: ")
