/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level log_level = LOG_LEVEL_WARNING;

void log_set_level(enum log_level level)
{
	log_level = level;
}

enum log_level log_get_level(void)
{
	return log_level;
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
