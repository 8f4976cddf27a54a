/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose run it is, and who holds which privilege. Under sudo the command, the
 * database and the recorder belong to the user who called sudo; only the
 * collector keeps two capabilities (three for a whole host).
 */
#ifndef TRACER_AGENT_IDENTITY_H
#define TRACER_AGENT_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

struct identity {
	uid_t uid;
	gid_t gid;
	char name[64]; /* of the user; its number if it has no name */
	char home[256];
	char shell[256];
	bool changed; /* differs from the user that runs tracer: programs change to it */
};

/* The invoking user: SUDO_UID and SUDO_GID under sudo, else the real one.
 * user: a name or a number that overrides both, or NULL. -ENOENT: no such user;
 * -EPERM: only root may choose another. */
int identity_find(const char *user, struct identity *ret);

/* For good: groups, gid, uid and, with them, every capability; nothing if the user
 * is who we are already (the command of root is root's). The child that becomes
 * the command also gets HOME, USER, LOGNAME and SHELL of that user. */
int identity_become(const struct identity *id);
/* The recorder's: that user with no capability; root keeps CAP_DAC_OVERRIDE if the
 * directory of `path` belongs to somebody else, or it could not write there. */
int identity_become_recorder(const struct identity *id, const char *path);
int identity_set_environment(const struct identity *id);

/* The collector's: that user, with CAP_BPF and CAP_PERFMON, and for a whole host
 * CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH to describe other users' processes. */
int identity_become_collector(const struct identity *id, bool all_processes);
/* Who looks at stalled processes: that user with CAP_SYS_PTRACE, and for a whole host
 * CAP_DAC_READ_SEARCH, as far as this process has them. */
int identity_become_looker(const struct identity *id, bool all_processes);

#endif
