/* SPDX-License-Identifier: Apache-2.0 */
/* Words for people, on stderr, each line led by "tracer: ". Only cli and agent
 * call these; the level is the one mutable global of the program. */
#ifndef TRACER_BASE_LOG_H
#define TRACER_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level); /* default: WARNING */
enum log_level log_get_level(void);
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
