/* SPDX-License-Identifier: Apache-2.0 */
#include "src/track/tool_role.h"

#include <stdlib.h>

#include "src/base/cleanup.h"
#include "src/track/tool_internal.h"
#include "src/track/tool_launch.h"

/* Sorted, bytewise. */
static const char *const programs[] = {
	"(glue)",
	"(wrapper)",
	"[",
	"ash",
	"awk",
	"b2sum",
	"base64",
	"basename",
	"bash",
	"bunzip2",
	"bzcat",
	"bzip2",
	"cat",
	"chgrp",
	"chmod",
	"chown",
	"cksum",
	"clear",
	"cmp",
	"column",
	"comm",
	"conmon",
	"cp",
	"crun",
	"csh",
	"cut",
	"dash",
	"date",
	"dd",
	"df",
	"diff",
	"dircolors",
	"dirname",
	"du",
	"echo",
	"env",
	"expand",
	"expr",
	"false",
	"file",
	"find",
	"fish",
	"fold",
	"free",
	"getconf",
	"getent",
	"getopt",
	"grep",
	"groups",
	"gzip",
	"head",
	"hostname",
	"hydra_bstrap_proxy",
	"hydra_pmi_proxy",
	"iconv",
	"id",
	"install",
	"join",
	"kill",
	"ksh",
	"ldconfig",
	"ln",
	"locale",
	"logger",
	"ls",
	"lscpu",
	"lsof",
	"md5sum",
	"mkdir",
	"mkfifo",
	"mksh",
	"mktemp",
	"mv",
	"nl",
	"nproc",
	"nvidia-smi",
	"od",
	"orted",
	"paste",
	"pause",
	"pgrep",
	"pigz",
	"pmi_proxy",
	"printenv",
	"printf",
	"prte",
	"prted",
	"ps",
	"pwd",
	"readlink",
	"realpath",
	"rev",
	"rm",
	"rmdir",
	"runc",
	"sed",
	"seq",
	"sh",
	"sha1sum",
	"sha256sum",
	"sha512sum",
	"shuf",
	"sleep",
	"slurmstepd",
	"sort",
	"split",
	"stat",
	"stty",
	"sync",
	"tac",
	"tail",
	"tar",
	"tee",
	"test",
	"touch",
	"tput",
	"tr",
	"true",
	"tty",
	"uname",
	"uniq",
	"unxz",
	"uptime",
	"wc",
	"whoami",
	"xargs",
	"xz",
	"xzcat",
	"yes",
	"zsh",
	"zstd",
};

/* These are scripts, or may be. */
static const char *const scripts[] = {
	"aws s3 cp",	 "aws s3 ls",	 "aws s3 sync", "docker inspect",
	"docker pull",	 "egrep",	 "fgrep",	"gunzip",
	"ldd",		 "lesspipe",	 "lmod",	"modulecmd",
	"modulecmd.tcl", "slurm_script", "which",	"which.debianutils",
	"zcat",		 "zgrep",
};

static int compare(const void *key, const void *element)
{
	return strcmp(key, *(const char *const *)element);
}

static bool has(const char *const *list, size_t n, const char *name)
{
	return bsearch(name, list, n, sizeof(*list), compare) != NULL;
}

static bool is_glue_script(const char *name)
{
	static const char *const starts[] = { "conda shell.", "pyenv",	  "rbenv", "nodenv",
					      "asdf",	      ".command", NULL };

	for (const char *const *s = starts; *s; s++)
		if (!strncmp(name, *s, strlen(*s)))
			return true;
	return has(scripts, ARRAY_SIZE(scripts), name) || tool_is_task_marker(word_of(name));
}

bool tool_is_glue(const char *name)
{
	return has(programs, ARRAY_SIZE(programs), name) || is_glue_script(name);
}

static bool is_other_script(const char *name, const char *path)
{
	return path && tool_is_interpreter(word_basename(word_of(path))) &&
	       !tool_is_interpreter(word_of(name)) && !is_glue_script(name);
}

enum tool_role tool_role(const char *row_name, const char *path)
{
	const char *name = row_name ? row_name : "";
	struct word whole = word_of(name), first = whole, second = { 0 };
	const char *blank = strchr(name, ' ');
	const struct tool_alias *a;

	if (word_ends(whole, TOOL_PROBE_SUFFIX) || !strcmp(name, TOOL_PROBE))
		return TOOL_ROLE_PROBE;
	if (tool_is_glue(name) && !is_other_script(name, path))
		return TOOL_ROLE_GLUE;
	if (blank) {
		first.len = (size_t)(blank - name);
		second = (struct word){ blank + 1, whole.len - first.len - 1 };
	}
	if (tool_is_launcher(first, second))
		return TOOL_ROLE_GLUE;
	a = tool_find(first);
	if (a && tool_entries[a->entry].flags & TOOL_IS_ENGINE)
		return TOOL_ROLE_ENGINE;
	if (a && !strcmp(tool_entries[a->entry].area, "env"))
		return TOOL_ROLE_ENV_SETUP;
	return TOOL_ROLE_TOOL;
}

const char *tool_role_name(enum tool_role role)
{
	static const char *const names[] = { "tool", "engine", "env_setup", "glue", "probe" };

	return names[role];
}

bool tool_role_is_noise(enum tool_role role)
{
	return role == TOOL_ROLE_GLUE || role == TOOL_ROLE_PROBE;
}
