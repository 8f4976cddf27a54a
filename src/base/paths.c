/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/paths.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The account that called sudo, or NULL when not under sudo. */
static const struct passwd *sudo_caller(void)
{
	const char *text = getenv("SUDO_UID");
	char *end;
	unsigned long uid;

	if (geteuid() != 0 || !text || !*text)
		return NULL;
	errno = 0;
	uid = strtoul(text, &end, 10);
	if (errno || *end || uid != (uid_t)uid)
		return NULL;
	return getpwuid((uid_t)uid);
}

static const char *home_of_user(void)
{
	const struct passwd *pw = sudo_caller();
	const char *home;

	if (pw)
		return pw->pw_dir;
	home = getenv("HOME");
	if (home && *home == '/')
		return home;
	pw = getpwuid(getuid());
	return pw ? pw->pw_dir : NULL;
}

int db_default_path(char *buf, size_t size)
{
	const char *given = getenv("TRACER_DB"), *data = getenv("XDG_DATA_HOME"), *home;
	int len;

	if (given && *given) {
		len = snprintf(buf, size, "%s", given);
	} else if (data && *data == '/') {
		len = snprintf(buf, size, "%s/tracer/tracer.db", data);
	} else {
		home = home_of_user();
		if (!home || *home != '/')
			return -ENOENT;
		len = snprintf(buf, size, "%s/.local/share/tracer/tracer.db", home);
	}
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

static int user_path(const char *variable, const char *below_home, const char *name, char *buf,
		     size_t size)
{
	const char *given = getenv(variable), *home;
	int len;

	if (given && *given == '/') {
		len = snprintf(buf, size, "%s/tracer/%s", given, name);
	} else {
		home = home_of_user();
		if (!home || *home != '/')
			return -ENOENT;
		len = snprintf(buf, size, "%s/%s/tracer/%s", home, below_home, name);
	}
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

int config_path(const char *name, char *buf, size_t size)
{
	return user_path("XDG_CONFIG_HOME", ".config", name, buf, size);
}

int data_path(const char *name, char *buf, size_t size)
{
	return user_path("XDG_DATA_HOME", ".local/share", name, buf, size);
}
