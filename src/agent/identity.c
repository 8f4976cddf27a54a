/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See identity.h. Capabilities by number where Debian 12's headers are older
 * than the kernel's names.
 */
#include "src/agent/identity.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cap-ng.h>

#include "src/base/str.h"

static int parse_id(const char *text, unsigned *ret)
{
	char *end;
	unsigned long value;

	if (!text || !*text || *text == '-')
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || value >= UINT_MAX)
		return -EINVAL;
	*ret = (unsigned)value;
	return 0;
}

static void describe(struct identity *id)
{
	const struct passwd *pw = getpwuid(id->uid);

	snprintf(id->name, sizeof(id->name), "%u", (unsigned)id->uid);
	if (!pw)
		return;
	str_copy(id->name, sizeof(id->name), pw->pw_name);
	str_copy(id->home, sizeof(id->home), pw->pw_dir);
	str_copy(id->shell, sizeof(id->shell), pw->pw_shell);
}

static int find_named(const char *user, struct identity *id)
{
	const struct passwd *pw = getpwnam(user);
	unsigned uid;

	if (!pw && !parse_id(user, &uid))
		pw = getpwuid(uid);
	if (!pw)
		return -ENOENT;
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	return id->uid != getuid() && geteuid() ? -EPERM : 0;
}

int identity_find(const char *user, struct identity *ret)
{
	struct identity id = { .uid = getuid(), .gid = getgid() };
	unsigned uid, gid;
	int r;

	if (user) {
		r = find_named(user, &id);
		if (r < 0)
			return r;
	} else if (!geteuid() && !parse_id(getenv("SUDO_UID"), &uid) &&
		   !parse_id(getenv("SUDO_GID"), &gid)) {
		id.uid = uid;
		id.gid = gid;
	}
	id.changed = id.uid != getuid();
	describe(&id);
	*ret = id;
	return 0;
}

static int become_user(const struct identity *id)
{
	if (!id->changed)
		return 0;
	if (initgroups(id->name, id->gid) && setgroups(1, &id->gid))
		return -errno;
	if (setresgid(id->gid, id->gid, id->gid) || setresuid(id->uid, id->uid, id->uid))
		return -errno;
	return 0;
}

int identity_become(const struct identity *id)
{
	return become_user(id);
}

/* Root without capabilities is a stranger in others' directories. */
static bool needs_override(const char *path)
{
	char parent[PATH_MAX];
	struct stat st;
	char *slash;

	if (!path || strlen(path) >= sizeof(parent))
		return false;
	str_copy(parent, sizeof(parent), path);
	while ((slash = strrchr(parent, '/')) && slash != parent) {
		*slash = '\0';
		if (!stat(parent, &st))
			return st.st_uid != 0 && !(st.st_mode & S_IWOTH);
	}
	return path[0] != '/' && !stat(".", &st) && st.st_uid != 0 && !(st.st_mode & S_IWOTH);
}

int identity_become_recorder(const struct identity *id, const char *path)
{
	int r = become_user(id);

	if (r < 0)
		return r;
	capng_clear(CAPNG_SELECT_BOTH);
	if (!geteuid() && needs_override(path))
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_OVERRIDE);
	if (capng_apply(geteuid() ? CAPNG_SELECT_CAPS : CAPNG_SELECT_BOTH))
		return -EPERM;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

int identity_set_environment(const struct identity *id)
{
	if (!id->changed)
		return 0;
	if (id->home[0] && setenv("HOME", id->home, 1))
		return -errno;
	if (id->shell[0] && setenv("SHELL", id->shell, 1))
		return -errno;
	if (setenv("USER", id->name, 1) || setenv("LOGNAME", id->name, 1))
		return -errno;
	return 0;
}

/* What capng_update() has chosen, as this user, for good. */
static int become_with_chosen(const struct identity *id)
{
	int r;

	if (id->changed)
		r = capng_change_id((int)id->uid, (int)id->gid,
				    CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	else
		r = capng_apply(geteuid() ? CAPNG_SELECT_CAPS : CAPNG_SELECT_BOTH);
	if (r)
		return -EPERM;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

int identity_become_collector(const struct identity *id, bool all_processes)
{
	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF, CAP_PERFMON, -1);
	if (all_processes)
		capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_PTRACE,
			      CAP_DAC_READ_SEARCH, -1);
	return become_with_chosen(id);
}

int identity_become_looker(const struct identity *id, bool all_processes)
{
	bool ptrace, read;

	capng_get_caps_process();
	ptrace = capng_have_capability(CAPNG_PERMITTED, CAP_SYS_PTRACE);
	read = capng_have_capability(CAPNG_PERMITTED, CAP_DAC_READ_SEARCH);
	capng_clear(CAPNG_SELECT_BOTH);
	if (ptrace)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_PTRACE);
	if (read && all_processes)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_READ_SEARCH);
	return become_with_chosen(id);
}
