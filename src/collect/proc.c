/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that existed before observation began, described from /proc as far
 * as it still can be: argv, program, directory, allow-listed environment. Whole-host
 * recording only.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/io.h"
#include "src/collect/collect.h"

#define ENVIRON_MAX (64 * 1024) /* looked at */

struct builder {
	unsigned char *buf;
	size_t at;
};

static struct wire_string put(struct builder *b, const void *data, size_t len)
{
	struct wire_string s = { 0 };

	if (!len || b->at + len > WIRE_RECORD_MAX)
		return s;
	memcpy(b->buf + b->at, data, len);
	s.off = (uint16_t)b->at;
	s.len = (uint16_t)len;
	b->at += len;
	return s;
}

/* "/a/b" as the stream has it: "b\0a\0". */
static struct wire_string put_path(struct builder *b, const char *path)
{
	char reversed[PATH_MAX];
	size_t end = strlen(path), at = 0;

	if (path[0] != '/' || end >= sizeof(reversed))
		return (struct wire_string){ 0 };
	while (end > 0) {
		const char *slash = memrchr(path, '/', end);
		size_t len;

		if (!slash)
			break;
		len = (size_t)(path + end - slash) - 1;
		if (len) {
			memcpy(reversed + at, slash + 1, len);
			at += len;
			reversed[at++] = '\0';
		}
		end = (size_t)(slash - path);
	}
	if (!at)
		reversed[at++] = '\0';
	return put(b, reversed, at < WIRE_PATH_MAX ? at : 0);
}

static struct wire_string put_link(struct builder *b, int proc, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(proc, name, target, sizeof(target) - 1);

	if (n <= 0)
		return (struct wire_string){ 0 };
	target[n] = '\0';
	return put_path(b, target);
}

static void put_argv(struct builder *b, int proc, struct wire_exec *e)
{
	_cleanup_close_ int fd = openat(proc, "cmdline", O_RDONLY | O_CLOEXEC);
	char argv[WIRE_ARGV_MAX + 1];
	ssize_t n = fd < 0 ? -1 : read_full(fd, argv, sizeof(argv));

	if (n <= 0)
		return;
	e->argv_len = (uint32_t)n;
	if (n > WIRE_ARGV_MAX) {
		e->h.flags |= WIRE_F_ARGV_TRUNCATED;
		n = WIRE_ARGV_MAX;
	}
	e->argv = put(b, argv, (size_t)n);
}

static bool is_listed(const char *const *names, const char *pair)
{
	size_t len = strcspn(pair, "=");

	for (; names && *names; names++)
		if (strlen(*names) == len && !memcmp(*names, pair, len))
			return pair[len] == '=';
	return false;
}

/* What is not on the list is overwritten by what is, and not looked at again. */
static void put_environment(struct builder *b, int proc, const char *const *names,
			    struct wire_exec *e)
{
	_cleanup_close_ int fd = openat(proc, "environ", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *env = fd < 0 ? NULL : malloc(ENVIRON_MAX + 1);
	ssize_t n = env ? read_full(fd, env, ENVIRON_MAX) : -1;
	size_t kept = 0, len;

	if (n <= 0)
		return;
	if (n == ENVIRON_MAX) { /* the last one may have been cut */
		e->h.flags |= WIRE_F_ENV_TRUNCATED;
		while (n && env[n - 1])
			n--;
	}
	env[n] = '\0';
	for (char *p = env; p < env + n; p += len) {
		len = strlen(p) + 1;
		if (!is_listed(names, p))
			continue;
		if (kept + len > WIRE_ENV_MAX) {
			e->h.flags |= WIRE_F_ENV_TRUNCATED;
			break;
		}
		memmove(env + kept, p, len);
		kept += len;
	}
	e->env = put(b, env, kept);
}

int proc_describe(const struct wire_fork *joined, const char *const *env_names, void *buf)
{
	struct builder b = { .buf = buf, .at = sizeof(struct wire_exec) };
	struct wire_exec *e = buf;
	_cleanup_close_ int proc = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", joined->id.pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -errno;
	memset(e, 0, sizeof(*e));
	e->h = joined->h;
	e->h.type = WIRE_EXEC;
	e->h.flags |= WIRE_F_JOINED;
	e->id = joined->id;
	e->parent = joined->parent;
	e->uid = joined->uid;
	e->gid = joined->gid;
	e->real_ppid = joined->parent.pid;
	e->cgroup_id = joined->cgroup_id;
	memcpy(e->comm, joined->comm, sizeof(e->comm));
	e->exe = put_link(&b, proc, "exe");
	e->cwd = put_link(&b, proc, "cwd");
	put_argv(&b, proc, e);
	put_environment(&b, proc, env_names, e);
	while (b.at % 8)
		b.buf[b.at++] = 0;
	e->h.size = (uint32_t)b.at;
	return (int)b.at;
}
