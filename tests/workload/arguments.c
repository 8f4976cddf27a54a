/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arguments big N: a process whose argv is one argument of N characters.
 * arguments many N: one whose argv is N arguments.
 * arguments bytes: one whose argv and file name are not valid UTF-8.
 * arguments secrets: processes with made-up secrets in argv and environment. Each
 * secret contains the word HUSH, so that a search of raw bytes finds a leak.
 * arguments titles: processes that write over their argv, with such secrets behind it in
 * their environment: over its last NUL, over a part of the environment, over all of it.
 * Each child is this program again, called with `noop` or `title` and what follows;
 * `title WAY stayed` stays until a signal.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/workload/truth.h"

static void run(const char *program, char *const argv[])
{
	struct rusage usage;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execv(program, argv);
		die(program);
	}
	if (wait4(pid, &status, 0, &usage) != pid)
		die("wait4");
	truth_wait4(pid, status, &usage);
}

static int big(const char *self, long n)
{
	char *text = malloc(n + 1);
	char *const argv[] = { (char *)"arguments", (char *)"noop", text, NULL };

	if (!text)
		die("malloc");
	memset(text, 'a', n);
	text[n] = 0;
	run(self, argv);
	free(text);
	return 0;
}

static int many(const char *self, long n)
{
	char **argv = calloc(n + 3, sizeof(*argv));

	if (!argv)
		die("calloc");
	argv[0] = (char *)"arguments";
	argv[1] = (char *)"noop";
	for (long i = 0; i < n; i++)
		argv[2 + i] = (char *)"x";
	run(self, argv);
	free(argv);
	return 0;
}

static int bytes(const char *self)
{
	char directory[] = "/tmp/arguments-XXXXXX", path[64];
	char *const argv[] = { (char *)"\xff\xfe", (char *)"noop", (char *)"caf\xe9 \x80\"\\\n",
			       (char *)"", NULL };

	if (!mkdtemp(directory))
		die("mkdtemp");
	snprintf(path, sizeof(path), "%s/b\xff\xc3", directory);
	if (symlink(self, path))
		die("symlink");
	run(path, argv);
	unlink(path);
	rmdir(directory);
	return 0;
}

static int secrets(const char *self)
{
	static const char *const argvs[][6] = {
		{ "mysql", "noop", "--password", "HUSH-one" },
		{ "mysql", "noop", "--password=HUSH-two" },
		{ "mysql", "noop", "-pHUSH-three" },
		{ "curl", "noop", "https://user:HUSH-four@example.org/data" },
		{ "curl", "noop", "-H", "Authorization: Bearer HUSH-five" },
		{ "tool", "noop", "--token", "HUSH-six" },
		{ "tool", "noop", "API_KEY=HUSH-seven" },
		{ "tool", "noop", "AWS_SECRET_ACCESS_KEY=HUSH-eight" },
		{ "curl", "noop", "-u", "user:HUSH-nine" },
		{ "curl", "noop", "https://example.org/?access_token=HUSH-ten&x=1" },
	};

	setenv("AWS_SECRET_ACCESS_KEY", "HUSH-environment", 1);
	setenv("PGPASSWORD", "HUSH-environment", 1);
	for (size_t i = 0; i < sizeof(argvs) / sizeof(argvs[0]); i++)
		run(self, (char *const *)argvs[i]);
	return 0;
}

static int titles(const char *self)
{
	static const char *const ways[] = { "last", "part", "end", "whole" };
	static const char *const only[] = { "FIRST_VAR=HUSH-first-variable", NULL };
	static const char *const several[] = { "FIRST_VAR=HUSH-first-variable",
					       "EMPTY=", "LAST_VAR=HUSH-last-variable", NULL };
	extern char **environ;

	for (unsigned i = 0; i < 2 * sizeof(ways) / sizeof(ways[0]); i++) {
		char *const argv[] = { (char *)"arguments", (char *)"title", (char *)ways[i / 2],
				       (char *)"behind", NULL };

		environ = (char **)(i % 2 ? several : only);
		run(self, argv);
	}
	return 0;
}

/* What setproctitle() does (whole), and what only looks like it. The environment has
 * not moved away: nothing of it is used any more. */
static int title(int argc, char **argv)
{
	extern char **environ;
	char *start = argv[0], *end = argv[argc - 1] + strlen(argv[argc - 1]), *stop = end;
	static const char text[] = "a title as long as the arguments and more";
	const char *way = argv[2];
	bool last = !strcmp(way, "last"), part = !strcmp(way, "part");
	bool whole = !strcmp(way, "whole"), stay = !strcmp(argv[3], "stayed");

	for (char **e = environ; *e; e++)
		stop = *e + strlen(*e) + 1;
	memset(start, whole ? 0 : 't', (size_t)((whole ? stop : end) - start));
	*end = last ? 'x' : 't'; /* the NUL of the last argument */
	if (part)
		memcpy(end + 1, "part", 4); /* the rest of the first variable follows */
	if (!last && !part && !whole)
		memset(end, 't', (size_t)(stop - 6 - end)); /* all but the end of the last one */
	if (whole)
		memcpy(start, text, sizeof(text));
	if (prctl(PR_SET_NAME, "renamed") < 0)
		die("PR_SET_NAME");
	return stay ? pause() : 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		die("/proc/self/exe");
	self[len] = 0;
	if (!strcmp(what, "noop"))
		return 0;
	if (!strcmp(what, "title") && argc == 4)
		return title(argc, argv);
	if (!strcmp(what, "titles"))
		return titles(self);
	if (!strcmp(what, "big") && argc == 3)
		return big(self, number(argv[2], 1, 120000));
	if (!strcmp(what, "many") && argc == 3)
		return many(self, number(argv[2], 1, 100000));
	if (!strcmp(what, "bytes"))
		return bytes(self);
	if (!strcmp(what, "secrets"))
		return secrets(self);
	errno = EINVAL;
	die("usage: arguments {big N|many N|bytes|secrets|titles}");
}
