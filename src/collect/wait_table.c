/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/cleanup.h"
#include "src/base/io.h"
#include "src/base/str.h"
#include "src/collect/wait_internal.h"

static void close_directory(DIR **d)
{
	if (*d)
		closedir(*d);
}

void wait_word(const char *line, unsigned n, char *out, size_t size)
{
	size_t len;

	line += strspn(line, " ");
	while (n-- && *line) {
		line += strcspn(line, " \n");
		line += strspn(line, " ");
	}
	len = strcspn(line, " \n");
	len = len < size ? len : size - 1;
	memcpy(out, line, len);
	out[len] = '\0';
}

uint64_t wait_number(const char *line, unsigned n, int base)
{
	char word[40];

	wait_word(line, n, word, sizeof(word));
	return strtoull(word, NULL, base);
}

/* Fields of stat behind the name, counted from 0. */
enum { STAT_STATE, STAT_PARENT, STAT_START = 19 };

static bool read_one(uint32_t pid, struct wait_process *ret)
{
	char path[40], text[512], word[4], *comm, *end;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	n = read_text(path, text, sizeof(text));
	comm = n > 0 ? strchr(text, '(') : NULL;
	end = comm ? strrchr(comm, ')') : NULL;
	if (!end)
		return false;
	*ret = (struct wait_process){ .pid = pid };
	*end = '\0';
	str_copy(ret->comm, sizeof(ret->comm), comm + 1);
	wait_word(end + 1, STAT_STATE, word, sizeof(word));
	ret->state = word[0];
	ret->parent = (uint32_t)wait_number(end + 1, STAT_PARENT, 10);
	ret->start_ticks = wait_number(end + 1, STAT_START, 10);
	return true;
}

static int compare(const void *first, const void *second)
{
	const struct wait_process *a = first, *b = second;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

int wait_table_read(struct wait_table *t)
{
	_cleanup_(close_directory) DIR *d = opendir("/proc");
	struct dirent *e;
	unsigned size = 0;

	if (!d)
		return -errno;
	while ((e = readdir(d)) && t->n < WAIT_PROCESSES_MAX) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		if (t->n == size) {
			struct wait_process *more;

			size = size ? size * 2 : 256;
			more = reallocarray(t->list, size, sizeof(*more));
			if (!more)
				return -ENOMEM;
			t->list = more;
		}
		if (read_one((uint32_t)strtoul(e->d_name, NULL, 10), &t->list[t->n]))
			t->n++;
	}
	if (t->n)
		qsort(t->list, t->n, sizeof(*t->list), compare);
	return 0;
}

void wait_table_fini(struct wait_table *t)
{
	free(t->list);
	*t = (struct wait_table){ 0 };
}

const struct wait_process *wait_table_find(const struct wait_table *t, uint32_t pid)
{
	struct wait_process key = { .pid = pid };

	return t->n ? bsearch(&key, t->list, t->n, sizeof(key), compare) : NULL;
}

bool wait_allowed(const struct wait_table *t, uint32_t pid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u", pid);
	return t->owner < 0 || (!stat(path, &st) && (int64_t)st.st_uid == t->owner);
}
