/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/io.h"
#include "src/base/str.h"
#include "src/collect/wait_internal.h"

#define NAMESPACES_MAX 32 /* as deep as the kernel lets them be */

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
enum { STAT_STATE, STAT_PARENT, STAT_SESSION = 3, STAT_START = 19 };

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
	ret->session = (uint32_t)wait_number(end + 1, STAT_SESSION, 10);
	ret->start_ticks = wait_number(end + 1, STAT_START, 10);
	return true;
}

/* What the namespaces call it, from the host's inwards; 0: it is in no such one. */
static uint64_t number_within(uint32_t pid, unsigned depth)
{
	char path[40], text[4096], *ids = NULL;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	if (read_text(path, text, sizeof(text)) > 0)
		ids = strstr(text, "\nNSpid:");
	if (!ids)
		return 0;
	ids += strlen("\nNSpid:");
	ids[strcspn(ids, "\n")] = '\0';
	for (char *c = ids; *c; c++)
		if (*c == '\t')
			*c = ' ';
	return wait_number(ids, depth, 10);
}

static int compare(const void *first, const void *second)
{
	const struct wait_process *a = first, *b = second;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

static bool is_nested(void)
{
	char link[32];
	ssize_t n = readlink("/proc/self/ns/pid", link, sizeof(link) - 1);

	link[n > 0 ? n : 0] = '\0';
	return strcmp(link, "pid:[4026531836]") != 0; /* PROC_PID_INIT_INO */
}

bool wait_too_late(struct wait_table *t)
{
	struct timespec now;

	if (!t->deadline_ns || t->late)
		return t->late;
	clock_gettime(CLOCK_MONOTONIC, &now);
	t->late = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec > t->deadline_ns;
	return t->late;
}

int wait_table_read(struct wait_table *t)
{
	_cleanup_(close_directory) DIR *d = opendir("/proc");
	struct dirent *e;
	unsigned size = 0;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		t->cut = t->n == WAIT_PROCESSES_MAX || wait_too_late(t);
		if (t->cut)
			break;
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
	/* hidepid, or a pid namespace: those outside are never listed */
	t->cut |= !wait_table_find(t, 1) || is_nested();
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

/* True: it is now in the family. */
static bool joins_family(const struct wait_table *t, struct wait_process *p, uint32_t parent)
{
	const struct wait_process *q = wait_table_find(t, p->parent);

	if (!p->distance || (p->parent != parent && (!q || q->distance)))
		return false;
	p->distance = 0;
	return true;
}

void wait_table_order(struct wait_table *t, uint32_t pid)
{
	const struct wait_process *root = wait_table_find(t, pid), *p = root;
	uint32_t parent = root && root->parent > 1 ? root->parent : pid;
	bool more = root != NULL;

	for (unsigned i = 0; root && i < t->n; i++) {
		struct wait_process *one = &t->list[i];

		one->distance = one->pid == pid			? 0
				: one->session == root->session ? 1
								: WAIT_DISTANCES - 1;
	}
	while (more) {
		more = false;
		for (unsigned i = 0; i < t->n; i++)
			more |= joins_family(t, &t->list[i], parent);
	}
	for (unsigned i = 0; p && p->parent > 1 && i < WAIT_THREADS_MAX; i++) {
		p = wait_table_find(t, p->parent);
		if (p)
			t->list[p - t->list].distance = 0;
	}
}

bool wait_still(const struct wait_table *t, const struct wait_process *p)
{
	struct wait_process now;

	return read_one(p->pid, &now) && now.start_ticks == p->start_ticks &&
	       wait_allowed(t, p->pid);
}

uint32_t wait_child_of(const struct wait_table *t, const struct wait_process *p, uint32_t number)
{
	unsigned depth = 0;

	while (depth < NAMESPACES_MAX && number_within(p->pid, depth))
		depth++;
	for (unsigned i = 0; depth && i < t->n; i++)
		if (t->list[i].parent == p->pid &&
		    number_within(t->list[i].pid, depth - 1) == number)
			return t->list[i].pid;
	return 0;
}

bool wait_allowed(const struct wait_table *t, uint32_t pid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u", pid);
	return t->owner < 0 || (!stat(path, &st) && (int64_t)st.st_uid == t->owner);
}
