/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/file_role.h"

#include <string.h>

#include "src/base/cleanup.h"

static size_t component_end(const char *path, size_t at)
{
	return at + strcspn(path + at, "/");
}

/* /usr/lib/python3.11/..., /opt/env/lib/R/library/...: to the end of the last
 * component named here, wherever the software was installed. */
static size_t module_place(const char *path)
{
	static const char *const marks[] = {
		"/lib/python", "/lib64/python", "/site-packages", "/dist-packages",
		"/lib/R",      "/node_modules", "/perl5",	  "/locale",
	};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		const char *found = strstr(path, marks[i]);
		size_t end;

		if (!found)
			continue;
		end = component_end(path, (size_t)(found - path) + strlen(marks[i]));
		if (path[end] == '/')
			return end;
	}
	return 0;
}

static size_t hidden_place(const char *path)
{
	const char *found = strstr(path, "/.");
	size_t end;

	if (!found || found[2] == '.' || found[2] == '/')
		return 0;
	end = component_end(path, (size_t)(found - path) + 1);
	return path[end] == '/' ? end : 0;
}

/* /proc, /sys, /dev and /run are made by the kernel and daemons, whoever writes. */
static size_t kernel_place(const char *path)
{
	static const char *const places[] = { "/proc/", "/sys/", "/dev/", "/run/" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!strncmp(path, places[i], strlen(places[i])))
			return strlen(places[i]) - 1;
	return 0;
}

/* /usr/share/x/..., but /usr/bin/x and /lib/x: the directory of the distribution. */
static size_t system_place(const char *path)
{
	static const char *const places[] = { "/usr/local/share/",
					      "/usr/local/lib/",
					      "/usr/share/",
					      "/usr/lib/",
					      "/usr/",
					      "/lib/",
					      "/lib64/",
					      "/bin/",
					      "/sbin/",
					      "/etc/" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		size_t len = strlen(places[i]), end;

		if (strncmp(path, places[i], len))
			continue;
		end = component_end(path, len);
		return path[end] == '/' ? end : len - 1;
	}
	return 0;
}

static size_t private_place(const char *path)
{
	size_t place = kernel_place(path);

	return place ? place : hidden_place(path);
}

size_t file_place(const char *path)
{
	size_t place = private_place(path);

	if (!place)
		place = module_place(path);
	return place ? place : system_place(path);
}

enum file_role file_role_of(const char *path, const struct file_use *use)
{
	if (private_place(path) || (!use->written && !use->deleted && file_place(path)))
		return FILE_SOFTWARE;
	if (use->written && use->deleted)
		return FILE_TEMPORARY;
	if (use->written)
		return use->read_apart ? FILE_INTERMEDIATE : FILE_OUTPUT;
	if (use->deleted)
		return FILE_DELETED;
	return use->opened ? FILE_INPUT : FILE_MISSING;
}

const char *file_role_name(enum file_role role)
{
	static const char *const names[FILE_ROLES] = {
		[FILE_INPUT] = "input",	      [FILE_INTERMEDIATE] = "intermediate",
		[FILE_OUTPUT] = "output",     [FILE_TEMPORARY] = "temporary",
		[FILE_DELETED] = "deleted",   [FILE_MISSING] = "missing",
		[FILE_SOFTWARE] = "software",
	};

	return names[role];
}

void file_access_text(char out[FILE_ACCESS_MAX], const struct file_row *row)
{
	const struct {
		bool set;
		char letter;
	} letters[FILE_ACCESS_MAX - 1] = {
		{ row->access & WIRE_OPEN_READ, 'r' },
		{ row->access & WIRE_OPEN_WRITE, 'w' },
		{ row->access & WIRE_OPEN_CREATED, 'c' },
		{ row->access & WIRE_OPEN_TRUNCATED, 't' },
		{ row->renamed_to, 'm' },
		{ row->linked, 'l' },
		{ row->unlinked, 'd' },
	};

	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (letters[i].set)
			*out++ = letters[i].letter;
	*out = '\0';
}

const char *file_kind_name(unsigned kind)
{
	static const char *const names[] = {
		[FILE_KIND_REGULAR] = "regular", [FILE_KIND_PIPE] = "pipe",
		[FILE_KIND_FIFO] = "fifo",	 [FILE_KIND_DIRECTORY] = "directory",
		[FILE_KIND_SYMLINK] = "symlink", [FILE_KIND_FOLD] = "fold",
		[FILE_KIND_RING] = "ring",
	};

	return kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

bool file_got_content(const struct file_row *row)
{
	return (row->access & (WIRE_OPEN_WRITE | WIRE_OPEN_CREATED | WIRE_OPEN_TRUNCATED)) ||
	       row->renamed_to || row->linked;
}

bool file_was_written(const struct file_row *row)
{
	return file_got_content(row) || row->unlinked;
}
