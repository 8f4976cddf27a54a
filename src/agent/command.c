/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals: what the terminal sends goes to the whole process group, so the
 * command has it already (si_code > 0); what somebody sends to us with kill(2)
 * is passed on. Stops: when the command stops for the terminal we stop too, so
 * that the shell's job control sees one job.
 */
#include "src/agent/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/cleanup.h"

static const int FORWARDED[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM };

static void signal_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(FORWARDED); i++)
		sigaddset(set, FORWARDED[i]);
}

int command_signals(struct command_process *c)
{
	sigset_t set;

	struct sigaction ignore = { .sa_handler = SIG_IGN };

	signal_set(&set);
	if (sigprocmask(SIG_BLOCK, &set, &c->mask) || sigaction(SIGPIPE, &ignore, &c->pipe_action))
		return -errno;
	c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return c->signal_fd < 0 ? -errno : 0;
}

static void become_command(const struct command_process *c, char *const *argv,
			   const struct identity *id, int error_fd)
{
	int error = identity_become(id);

	if (!error)
		error = identity_set_environment(id);
	if (!error) {
		sigaction(SIGPIPE, &c->pipe_action, NULL);
		sigprocmask(SIG_SETMASK, &c->mask, NULL);
		execvp(argv[0], argv);
		error = -errno;
	}
	if (write(error_fd, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(error == -ENOENT ? 127 : 126);
}

int command_start(struct command_process *c, char *const *argv, const struct identity *id)
{
	int fds[2], error = 0;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	c->pid = fork();
	if (!c->pid)
		become_command(c, argv, id, fds[1]);
	error = c->pid < 0 ? -errno : 0;
	close(fds[1]);
	if (!error && read(fds[0], &error, sizeof(error)) == (ssize_t)sizeof(error))
		c->exec_error = -error;
	close(fds[0]);
	return c->pid < 0 ? error : 0;
}

static bool is_stopped(pid_t pid)
{
	char path[32], line[512];
	const char *state;
	bool stopped = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fgets(line, sizeof(line), f)) {
		state = strrchr(line, ')');
		stopped = state && state[1] && state[2] == 'T';
	}
	fclose(f);
	return stopped;
}

/* Only where a shell can wake us again: on a terminal, in its foreground. */
static bool has_job_control(void)
{
	_cleanup_close_ int tty = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return tty >= 0 && tcgetpgrp(tty) == getpgrp();
}

static void stop_with(struct command_process *c)
{
	if (!is_stopped(c->pid) || !has_job_control())
		return;
	kill(getpid(), SIGSTOP);
	kill(c->pid, SIGCONT); /* fg wakes the group; kill -CONT wakes only us */
}

static void reap(struct command_process *c)
{
	struct rusage usage;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG | WUNTRACED, &usage)) > 0) {
		if (pid != c->pid)
			continue; /* our own helpers: their channels tell */
		if (WIFSTOPPED(status)) {
			stop_with(c);
			continue;
		}
		c->ended = true;
		c->status = status;
		c->cpu_ns = ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) *
				    1000000000ULL +
			    ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) *
				    1000ULL;
	}
}

int command_handle(struct command_process *c)
{
	struct signalfd_siginfo info;
	int deadly = 0;

	while (read(c->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		deadly = (int)info.ssi_signo;
		if (c->pid > 0 && !c->ended && info.ssi_code <= 0 && (pid_t)info.ssi_pid != c->pid)
			kill(c->pid, deadly);
	}
	if (c->pid > 0)
		reap(c);
	return deadly;
}

int command_exit_code(const struct command_process *c)
{
	if (c->exec_error)
		return c->exec_error == ENOENT ? 127 : 126;
	if (WIFSIGNALED(c->status))
		return 128 + WTERMSIG(c->status);
	return WEXITSTATUS(c->status);
}
