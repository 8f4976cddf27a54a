/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting programs in the ways that schedulers and container runtimes do. The
 * options, in the order in which they act:
 *
 *   unshare=pid,mnt,uts,ipc,user   new namespaces; with pid the program is its pid 1
 *   cgroup=DIR      enters it (before exec; several: one a hierarchy)
 *   hostname=NAME   tmpfs=DIR   bind=SOURCE:TARGET (targets are made)
 *   setsid          a session of its own
 *   daemon          reparented: its parent ends before the program starts
 *   cwd=DIR  clearenv  env=NAME=VALUE  unenv=NAME  in=FILE  out=FILE
 *   late=DIR        is moved there by its parent, some ms after the fork
 *   exe=FILE        what is executed; default: the first word of ARGV
 */
#include "tests/launchers/lib/as.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct start {
	unsigned long namespaces;
	bool daemon;
	const char *late;
	char **options, **argv;
	unsigned n_options;
};

static const char *value(const char *option, const char *name)
{
	size_t len = strlen(name);

	return strncmp(option, name, len) == 0 && option[len] == '=' ? option + len + 1 : NULL;
}

static unsigned long namespaces(const char *list)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} known[] = { { "pid", CLONE_NEWPID },
		      { "mnt", CLONE_NEWNS },
		      { "uts", CLONE_NEWUTS },
		      { "ipc", CLONE_NEWIPC },
		      { "user", CLONE_NEWUSER } };
	unsigned long flags = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strstr(list, known[i].name))
			flags |= known[i].flag;
	return flags;
}

static void put_in_group(const char *directory, pid_t pid)
{
	char path[4096], text[32];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	snprintf(text, sizeof(text), "%d", (int)pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		as_die(path);
	close(fd);
}

void as_make_path(const char *path, bool whole)
{
	char *copy = strdup(path);

	for (char *p = copy + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(copy, 0755);
		*p = '/';
	}
	if (whole)
		mkdir(copy, 0755);
	free(copy);
}

static void bind_mount(const char *pair)
{
	char *source = strdup(pair), *target = strchr(source, ':');
	struct stat st;

	if (!target)
		as_die(pair);
	*target++ = '\0';
	if (stat(source, &st) < 0)
		as_die(source);
	as_make_path(target, S_ISDIR(st.st_mode));
	if (!S_ISDIR(st.st_mode))
		close(open(target, O_CREAT | O_CLOEXEC, 0644));
	if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
		as_die(target);
	free(source);
}

/* An empty place for the targets of binds, so that none is left behind. */
static void mount_tmpfs(const char *directory)
{
	if (mount("tmpfs", directory, "tmpfs", 0, NULL) < 0)
		as_die(directory);
}

static void redirect(const char *path, int fd, int flags)
{
	int opened = open(path, flags, 0644);

	if (opened < 0 || dup2(opened, fd) < 0)
		as_die(path);
	if (opened != fd)
		close(opened);
}

static void apply(char *option)
{
	const char *v;

	if ((v = value(option, "cgroup")))
		put_in_group(v, getpid());
	else if ((v = value(option, "hostname")) && sethostname(v, strlen(v)) < 0)
		as_die("sethostname");
	else if ((v = value(option, "tmpfs")))
		mount_tmpfs(v);
	else if ((v = value(option, "bind")))
		bind_mount(v);
	else if (strcmp(option, "setsid") == 0)
		setsid();
	else if ((v = value(option, "cwd")) && chdir(v) < 0)
		as_die(v);
	else if (strcmp(option, "clearenv") == 0)
		clearenv();
	else if ((v = value(option, "env")))
		putenv(option + 4);
	else if ((v = value(option, "unenv")))
		unsetenv(v);
	else if ((v = value(option, "in")))
		redirect(v, 0, O_RDONLY);
	else if ((v = value(option, "out")))
		redirect(v, 1, O_WRONLY | O_CREAT | O_APPEND);
}

static _Noreturn void become(const struct start *s)
{
	const char *exe = s->argv[0], *v;

	if ((s->namespaces & CLONE_NEWNS) && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		as_die("private mounts");
	for (unsigned i = 0; i < s->n_options; i++) {
		apply(s->options[i]);
		if ((v = value(s->options[i], "exe")))
			exe = v;
	}
	execvp(exe, s->argv);
	as_die(exe);
}

/* The words from `first` on: options, `--`, argv. */
static void parse(struct as *as, unsigned first, struct start *ret)
{
	const char *v;
	unsigned i;

	*ret = (struct start){ .options = as->words + first };
	for (i = first; i < as->n_words && strcmp(as->words[i], "--") != 0; i++) {
		if ((v = value(as->words[i], "unshare")))
			ret->namespaces |= namespaces(v);
		else if ((v = value(as->words[i], "late")))
			ret->late = v;
		else if (strcmp(as->words[i], "daemon") == 0)
			ret->daemon = true;
	}
	ret->n_options = i - first;
	ret->argv = as->words + i + 1;
	if (i + 1 >= as->n_words) {
		errno = EINVAL;
		as_die("no command to start");
	}
}

/* fork(), into new namespaces if asked for. */
static pid_t fork_into(unsigned long flags)
{
	if (!flags)
		return fork();
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* A child that starts the program and ends; tells its pid through a pipe. */
static pid_t start_orphan(const struct start *s)
{
	pid_t middle, pid = -1;
	int fds[2];

	if (pipe(fds) < 0)
		as_die("pipe");
	middle = fork();
	if (middle == 0) {
		pid_t parent = getpid();

		pid = fork_into(s->namespaces);
		if (pid == 0) {
			close(fds[0]);
			close(fds[1]);
			while (getppid() == parent)
				sched_yield();
			become(s);
		}
		_exit(write(fds[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
	}
	close(fds[1]);
	if (middle < 0 || waitpid(middle, NULL, 0) < 0 ||
	    read(fds[0], &pid, sizeof(pid)) != sizeof(pid))
		as_die("daemon");
	close(fds[0]);
	return pid;
}

void as_spawn(struct as *as)
{
	struct as_child *child = &as->cast[as->n_cast];
	struct start s;

	if (as->n_cast == AS_CAST_MAX || as->n_words < 4) {
		errno = E2BIG;
		as_die("spawn");
	}
	parse(as, 2, &s);
	child->name = as->words[1];
	child->pid = s.daemon ? start_orphan(&s) : fork_into(s.namespaces);
	if (child->pid < 0)
		as_die("fork");
	if (child->pid == 0)
		become(&s);
	if (s.late) {
		nanosleep(&(struct timespec){ 0, 3000000 }, NULL);
		put_in_group(s.late, child->pid);
	}
	as->n_cast++;
}

void as_exec(struct as *as)
{
	struct start s;

	parse(as, 1, &s);
	become(&s);
}
