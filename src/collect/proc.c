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

/* Fields 48 to 51 of /proc/PID/stat: where argv and environment lie. */
static bool find_places(int proc, uint64_t *ret_argv_len, uint64_t *ret_env_len)
{
	_cleanup_close_ int fd = openat(proc, "stat", O_RDONLY | O_CLOEXEC);
	char text[2048], *p;
	ssize_t n = fd < 0 ? -1 : read_full(fd, text, sizeof(text) - 1);
	uint64_t at[4];

	if (n <= 0)
		return false;
	text[n] = '\0';
	p = strrchr(text, ')'); /* the end of field 2 */
	for (int field = 2; p && field < 48; field++)
		p = strchr(p + 1, ' ');
	for (int i = 0; i < 4; i++)
		at[i] = p ? strtoull(p, &p, 10) : 0;
	*ret_argv_len = at[1] - at[0];
	*ret_env_len = at[3] - at[2];
	return at[1] > at[0] && at[3] >= at[2];
}

/* How much of a command line of n bytes holds nothing of the environment: the rule is
 * that of is_over_environment() in bpf/exec.bpf.h. */
static size_t without_environment(int proc, size_t n)
{
	_cleanup_close_ int fd = -1;
	char behind[2], last[2];
	uint64_t argv_len, env_len, end;

	if (!find_places(proc, &argv_len, &env_len))
		return 0;
	if (n <= argv_len)
		return n;
	end = n - argv_len;
	fd = openat(proc, "environ", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || end >= env_len || pread(fd, behind, 2, (off_t)end - 1) != 2 ||
	    pread(fd, last, 2, (off_t)env_len - 2) != 2)
		return argv_len;
	return behind[0] || behind[1] || last[0] || last[1] ? argv_len : n;
}

static void put_argv(struct builder *b, int proc, struct wire_exec *e)
{
	_cleanup_close_ int fd = openat(proc, "cmdline", O_RDONLY | O_CLOEXEC);
	char argv[WIRE_ARGV_MAX + 1];
	ssize_t n = fd < 0 ? -1 : read_full(fd, argv, sizeof(argv));

	if (n > 0)
		n = (ssize_t)without_environment(proc, (size_t)n);
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
