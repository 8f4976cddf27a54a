/* SPDX-License-Identifier: Apache-2.0 */
/* Where the program keeps its files when the user names no place. */
#ifndef TRACER_BASE_PATHS_H
#define TRACER_BASE_PATHS_H

#include <stddef.h>

/* The database: $TRACER_DB, else tracer/tracer.db under $XDG_DATA_HOME, else
 * under ~/.local/share. Under sudo, ~ is the home of the user who called it, so
 * that `sudo tracer run` and a later plain `tracer show` mean the same file.
 * 0, -ENAMETOOLONG, or -ENOENT where the user has no home. */
int db_default_path(char *buf, size_t size);
/* A file of the user's settings: tracer/NAME under $XDG_CONFIG_HOME, else under
 * ~/.config; and one of the user's data, under $XDG_DATA_HOME, else ~/.local/share.
 * The same errors. */
int config_path(const char *name, char *buf, size_t size);
int data_path(const char *name, char *buf, size_t size);

#endif
