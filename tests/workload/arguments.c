/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arguments big N: a process whose argv is one argument of N characters.
 * arguments many N: one whose argv is N arguments.
 * arguments bytes: one whose argv and file name are not valid UTF-8.
 * arguments secrets: processes with made-up secrets in argv and environment. Each
 * secret contains the word HUSH, so that a search of raw bytes finds a leak.
 * Each child is this program again, called with `noop` and what follows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	if (!strcmp(what, "big") && argc == 3)
		return big(self, number(argv[2], 1, 120000));
	if (!strcmp(what, "many") && argc == 3)
		return many(self, number(argv[2], 1, 100000));
	if (!strcmp(what, "bytes"))
		return bytes(self);
	if (!strcmp(what, "secrets"))
		return secrets(self);
	errno = EINVAL;
	die("usage: arguments {big N|many N|bytes|secrets}");
}
