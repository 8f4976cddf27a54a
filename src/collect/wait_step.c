/* SPDX-License-Identifier: Apache-2.0 */
/* See wait_internal.h. /proc/PID/syscall has the number and the arguments as they were
 * passed; what a pointer leads to is read only where it is a path, an address, a time or
 * a list of descriptors. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/collect/wait_internal.h"

#define POLL_FDS 8

enum call {
	CALL_READ,  /* of the descriptor in argument `arg` */
	CALL_WRITE, /* the same */
	CALL_FILE,  /* the same; neither */
	CALL_OPEN,  /* path in `arg`, counted from the directory in the argument before */
	CALL_PATH,  /* path in `arg`, from the working directory */
	CALL_CONNECT,
	CALL_ACCEPT,
	CALL_RECEIVE,
	CALL_SEND,
	CALL_FUTEX,
	CALL_FLOCK,
	CALL_FCNTL,
	CALL_WAIT4,
	CALL_WAITID,
	CALL_SPAWN, /* until the child runs a program */
	CALL_SLEEP,
	CALL_CLOCK_SLEEP,
	CALL_POLL,
	CALL_PPOLL,
	CALL_SELECT,
	CALL_EPOLL,
	CALL_SIGNAL,
	CALL_IPC,
	CALL_RESTART,
};

static const struct {
	uint16_t number;
	uint8_t call, arg;
} calls[] = {
	{ SYS_read, CALL_READ, 0 },
	{ SYS_readv, CALL_READ, 0 },
	{ SYS_pread64, CALL_READ, 0 },
	{ SYS_preadv, CALL_READ, 0 },
	{ SYS_preadv2, CALL_READ, 0 },
	{ SYS_getdents64, CALL_READ, 0 },
	{ SYS_splice, CALL_READ, 0 },
	{ SYS_tee, CALL_READ, 0 },
	{ SYS_copy_file_range, CALL_READ, 0 },
	{ SYS_write, CALL_WRITE, 0 },
	{ SYS_writev, CALL_WRITE, 0 },
	{ SYS_pwrite64, CALL_WRITE, 0 },
	{ SYS_pwritev, CALL_WRITE, 0 },
	{ SYS_pwritev2, CALL_WRITE, 0 },
	{ SYS_sendfile, CALL_WRITE, 0 },
	{ SYS_vmsplice, CALL_WRITE, 0 },
	{ SYS_fsync, CALL_FILE, 0 },
	{ SYS_fdatasync, CALL_FILE, 0 },
	{ SYS_ftruncate, CALL_FILE, 0 },
	{ SYS_fallocate, CALL_FILE, 0 },
	{ SYS_fstat, CALL_FILE, 0 },
	{ SYS_close, CALL_FILE, 0 },
	{ SYS_ioctl, CALL_FILE, 0 },
	{ SYS_lseek, CALL_FILE, 0 },
	{ SYS_openat, CALL_OPEN, 1 },
	{ SYS_openat2, CALL_OPEN, 1 },
	{ SYS_newfstatat, CALL_OPEN, 1 },
	{ SYS_statx, CALL_OPEN, 1 },
	{ SYS_faccessat, CALL_OPEN, 1 },
	{ SYS_readlinkat, CALL_OPEN, 1 },
	{ SYS_mkdirat, CALL_OPEN, 1 },
	{ SYS_unlinkat, CALL_OPEN, 1 },
	{ SYS_renameat2, CALL_OPEN, 1 },
	{ SYS_execveat, CALL_OPEN, 1 },
	{ SYS_execve, CALL_PATH, 0 },
	{ SYS_chdir, CALL_PATH, 0 },
	{ SYS_statfs, CALL_PATH, 0 },
	{ SYS_truncate, CALL_PATH, 0 },
	{ SYS_connect, CALL_CONNECT, 0 },
	{ SYS_accept, CALL_ACCEPT, 0 },
	{ SYS_accept4, CALL_ACCEPT, 0 },
	{ SYS_recvfrom, CALL_RECEIVE, 0 },
	{ SYS_recvmsg, CALL_RECEIVE, 0 },
	{ SYS_recvmmsg, CALL_RECEIVE, 0 },
	{ SYS_sendto, CALL_SEND, 0 },
	{ SYS_sendmsg, CALL_SEND, 0 },
	{ SYS_sendmmsg, CALL_SEND, 0 },
	{ SYS_futex, CALL_FUTEX, 0 },
	{ SYS_flock, CALL_FLOCK, 0 },
	{ SYS_fcntl, CALL_FCNTL, 0 },
	{ SYS_wait4, CALL_WAIT4, 0 },
	{ SYS_waitid, CALL_WAITID, 0 },
	{ SYS_clone, CALL_SPAWN, 0 },
	{ SYS_nanosleep, CALL_SLEEP, 0 },
	{ SYS_clock_nanosleep, CALL_CLOCK_SLEEP, 2 },
	{ SYS_ppoll, CALL_PPOLL, 0 },
	{ SYS_pselect6, CALL_SELECT, 0 },
	{ SYS_epoll_pwait, CALL_EPOLL, 0 },
	{ SYS_rt_sigsuspend, CALL_SIGNAL, 0 },
	{ SYS_rt_sigtimedwait, CALL_SIGNAL, 0 },
	{ SYS_semtimedop, CALL_IPC, 0 },
	{ SYS_msgrcv, CALL_IPC, 0 },
	{ SYS_msgsnd, CALL_IPC, 0 },
	{ SYS_mq_timedreceive, CALL_IPC, 0 },
	{ SYS_mq_timedsend, CALL_IPC, 0 },
	{ SYS_restart_syscall, CALL_RESTART, 0 },
#ifdef SYS_open /* those that newer architectures do not have */
	{ SYS_open, CALL_PATH, 0 },
	{ SYS_creat, CALL_PATH, 0 },
	{ SYS_stat, CALL_PATH, 0 },
	{ SYS_lstat, CALL_PATH, 0 },
	{ SYS_access, CALL_PATH, 0 },
	{ SYS_readlink, CALL_PATH, 0 },
	{ SYS_mkdir, CALL_PATH, 0 },
	{ SYS_unlink, CALL_PATH, 0 },
	{ SYS_rename, CALL_PATH, 0 },
	{ SYS_poll, CALL_POLL, 0 },
	{ SYS_select, CALL_SELECT, 0 },
	{ SYS_epoll_wait, CALL_EPOLL, 0 },
	{ SYS_pause, CALL_SIGNAL, 0 },
	{ SYS_vfork, CALL_SPAWN, 0 },
#endif
};

static int find_call(long number, unsigned *ret_arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].number == number) {
			*ret_arg = calls[i].arg;
			return calls[i].call;
		}
	return -1;
}

/* ---- what is waited for ---- */

static void on_child(uint32_t pid, struct wait_step *ret)
{
	ret->step.wait = WAIT_CHILD;
	ret->next = pid ? NEXT_CHILD : NEXT_ANY_CHILD;
	ret->pid = pid;
}

static void set_time(const struct wait_thread *th, uint64_t address, bool absolute,
		     struct wire_stall_step *s)
{
	struct timespec t;

	if (!wait_memory(th, address, &t, sizeof(t)) || t.tv_sec < 0)
		return;
	s->number = (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
	s->flags |= absolute ? STEP_UNTIL : STEP_TIMEOUT;
}

static void on_sleep(const struct wait_thread *th, struct wait_step *ret)
{
	bool clocked = th->number == SYS_clock_nanosleep;
	bool absolute = clocked && th->arg[1] & TIMER_ABSTIME;

	ret->step.wait = WAIT_SLEEP;
	/* absolute times of other clocks than the wall's mean nothing to people */
	if (!absolute || th->arg[0] == CLOCK_REALTIME)
		set_time(th, th->arg[clocked ? 2 : 0], absolute, &ret->step);
}

/* A poll of nothing, with a time, is how programs sleep. */
static void on_poll(const struct wait_thread *th, bool ms, struct wait_step *ret)
{
	unsigned n = th->arg[1] < POLL_FDS ? (unsigned)th->arg[1] : POLL_FDS, used = 0;
	struct pollfd polled[POLL_FDS];
	int fds[POLL_FDS];

	if (n && wait_memory(th, th->arg[0], polled, n * sizeof(polled[0])))
		for (unsigned i = 0; i < n; i++)
			if (polled[i].fd >= 0)
				fds[used++] = polled[i].fd;
	wait_on_poll(th, fds, used, ret);
	if (!th->arg[1])
		ret->step.wait = WAIT_SLEEP;
	/* one end of a pipe, and no time: as a read of it */
	ret->loose =
		th->arg[1] != 1 || used != 1 || polled[0].events != POLLIN || (!ms && th->arg[2]);
	if (!ms)
		set_time(th, th->arg[2], false, &ret->step);
	else if ((int)th->arg[2] >= 0) {
		ret->step.flags |= STEP_TIMEOUT;
		ret->step.number = (uint64_t)(int)th->arg[2] * 1000000;
	}
}

static void on_select(const struct wait_thread *th, struct wait_step *ret)
{
	unsigned n = th->arg[0] < 1024 ? (unsigned)th->arg[0] : 1024, used = 0;
	unsigned char bits[128] = { 0 };
	int fds[POLL_FDS];

	if (n && wait_memory(th, th->arg[1], bits, (n + 7) / 8))
		for (unsigned fd = 0; fd < n && used < POLL_FDS; fd++)
			if (bits[fd / 8] & 1U << fd % 8)
				fds[used++] = (int)fd;
	wait_on_poll(th, fds, used, ret);
	if (!n)
		ret->step.wait = WAIT_SLEEP;
}

static void on_epoll(const struct wait_thread *th, struct wait_step *ret)
{
	int fds[POLL_FDS];
	unsigned n = wait_on_epoll(th, (int)th->arg[0], fds, POLL_FDS);

	wait_on_poll(th, fds, n, ret);
	if (!ret->step.object[0])
		str_copy(ret->step.object, sizeof(ret->step.object), "epoll");
}

/* A sleep or a wait that a signal interrupted goes on: the function tells which. */
static void on_restart(const struct wait_thread *th, struct wait_step *ret)
{
	ret->step.wait = strstr(th->wchan, "nanosleep") ? WAIT_SLEEP
			 : strstr(th->wchan, "futex")	? WAIT_FUTEX
							: WAIT_POLL;
}

static void on_network(const struct wait_thread *th, int call, struct wait_step *ret)
{
	static const uint8_t waits[] = { [CALL_CONNECT] = WAIT_CONNECT,
					 [CALL_ACCEPT] = WAIT_ACCEPT,
					 [CALL_RECEIVE] = WAIT_RECEIVE,
					 [CALL_SEND] = WAIT_SEND };

	wait_on_socket(th, (int)th->arg[0], waits[call], ret);
}

static void on_fcntl(const struct wait_thread *th, struct wait_step *ret)
{
	if (th->arg[1] == F_SETLKW || th->arg[1] == F_OFD_SETLKW)
		wait_on_lock(th, (int)th->arg[0], ret);
	else
		wait_on_fd(th, (int)th->arg[0], false, ret);
}

static void on_time(const struct wait_thread *th, int call, struct wait_step *ret)
{
	switch (call) {
	case CALL_SLEEP:
	case CALL_CLOCK_SLEEP:
		on_sleep(th, ret);
		return;
	case CALL_POLL:
	case CALL_PPOLL:
		on_poll(th, call == CALL_POLL, ret);
		return;
	case CALL_SELECT:
		on_select(th, ret);
		return;
	case CALL_EPOLL:
		on_epoll(th, ret);
		return;
	default:
		on_restart(th, ret);
	}
}

static void on_call(const struct wait_thread *th, int call, unsigned arg, struct wait_step *ret)
{
	switch (call) {
	case CALL_READ:
	case CALL_WRITE:
	case CALL_FILE:
		wait_on_fd(th, (int)th->arg[arg], call == CALL_WRITE, ret);
		return;
	case CALL_OPEN:
		wait_on_path(th, (int)th->arg[arg - 1], th->arg[arg], ret);
		return;
	case CALL_PATH:
		wait_on_path(th, AT_FDCWD, th->arg[arg], ret);
		return;
	case CALL_CONNECT:
	case CALL_ACCEPT:
	case CALL_RECEIVE:
	case CALL_SEND:
		on_network(th, call, ret);
		return;
	case CALL_FUTEX:
		ret->step.wait = WAIT_FUTEX;
		return;
	case CALL_FLOCK:
		wait_on_lock(th, (int)th->arg[0], ret);
		return;
	case CALL_FCNTL:
		on_fcntl(th, ret);
		return;
	case CALL_WAIT4:
		on_child((int)th->arg[0] > 0 ? (uint32_t)th->arg[0] : 0, ret);
		return;
	case CALL_WAITID:
		on_child(th->arg[0] == P_PID ? (uint32_t)th->arg[1] : 0, ret);
		return;
	case CALL_SPAWN:
		on_child(0, ret);
		return;
	case CALL_SIGNAL:
		ret->step.wait = WAIT_SIGNAL;
		return;
	case CALL_IPC:
		ret->step.wait = WAIT_IPC;
		return;
	default:
		on_time(th, call, ret);
	}
}

/* ---- one thread ---- */

static bool read_thread(struct wait_thread *th)
{
	char text[512], word[4], *end;
	ssize_t n = wait_read(th, "stat", text, sizeof(text));

	end = n > 0 ? strrchr(text, ')') : NULL;
	if (!end)
		return false;
	wait_word(end + 1, 0, word, sizeof(word));
	th->state = word[0];
	if (wait_read(th, "wchan", th->wchan, sizeof(th->wchan)) <= 0 || th->wchan[0] == '0')
		th->wchan[0] = '\0';
	th->number = -2;
	if (wait_read(th, "syscall", text, sizeof(text)) <= 0 || !strncmp(text, "running", 7))
		return true;
	th->number = strtol(text, NULL, 10);
	for (unsigned i = 0; i < 6 && th->number >= 0; i++)
		th->arg[i] = wait_number(text, i + 1, 16);
	return true;
}

static bool is_held(const struct wait_thread *th, struct wire_stall_step *s)
{
	if (strstr(th->wchan, "refrigerator") || strstr(th->wchan, "freezer"))
		s->wait = WAIT_FROZEN;
	else if (th->state == 'T')
		s->wait = WAIT_STOPPED;
	else if (th->state == 't')
		s->wait = WAIT_TRACED;
	else
		return false;
	return true;
}

static void on_thread(const struct wait_thread *th, struct wait_step *ret)
{
	unsigned arg = 0;
	int call = find_call(th->number, &arg);
	struct wire_stall_step *s = &ret->step;

	if (is_held(th, s))
		return;
	if (th->state == 'R') {
		s->wait = WAIT_RUNNING;
	} else if (call >= 0) {
		on_call(th, call, arg, ret);
	} else if (th->state == 'D' || th->wchan[0]) {
		s->wait = WAIT_KERNEL;
		str_copy(s->object, sizeof(s->object), th->wchan);
	} else {
		s->wait = WAIT_UNKNOWN;
		s->flags |= th->number == -2 ? STEP_DENIED : 0;
	}
}

unsigned wait_rank(const struct wire_stall_step *s)
{
	static const uint8_t ranks[WAITS] = {
		[WAIT_UNKNOWN] = 5,	[WAIT_RUNNING] = 1,	[WAIT_PIPE_READ] = 50,
		[WAIT_PIPE_WRITE] = 50, [WAIT_FIFO_OPEN] = 100, [WAIT_FILE] = 95,
		[WAIT_CONNECT] = 80,	[WAIT_RECEIVE] = 60,	[WAIT_SEND] = 65,
		[WAIT_ACCEPT] = 40,	[WAIT_FUTEX] = 20,	[WAIT_FILE_LOCK] = 85,
		[WAIT_CHILD] = 10,	[WAIT_SLEEP] = 45,	[WAIT_POLL] = 30,
		[WAIT_STOPPED] = 96,	[WAIT_TRACED] = 96,	[WAIT_FROZEN] = 96,
		[WAIT_KERNEL] = 90,	[WAIT_TERMINAL] = 58,	[WAIT_SIGNAL] = 25,
		[WAIT_DEVICE] = 60,	[WAIT_IPC] = 70,
	};

	if (s->flags & (STEP_NOBODY | STEP_ITSELF))
		return 100;
	return ranks[s->wait < WAITS ? s->wait : WAIT_UNKNOWN];
}

static void close_directory(DIR **d)
{
	if (*d)
		closedir(*d);
}

bool wait_each_thread(const struct wait_process *p,
		      void (*fn)(void *, const struct wait_thread *, const struct wait_step *),
		      void *ctx)
{
	_cleanup_(close_directory) DIR *d = NULL;
	char path[40];
	struct dirent *e;
	unsigned looked = 0;
	bool all = true;

	snprintf(path, sizeof(path), "/proc/%u/task", p->pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		struct wait_thread th = { .pid = p->pid };
		struct wait_step step = { 0 };

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		if (looked++ == WAIT_THREADS_MAX)
			return false;
		th.tid = (uint32_t)strtoul(e->d_name, NULL, 10);
		if (!read_thread(&th)) {
			all = false;
			continue;
		}
		if (th.state == 'Z' || th.state == 'X')
			continue; /* a main thread that has ended before the others */
		on_thread(&th, &step);
		fn(ctx, &th, &step);
	}
	return d && looked && all;
}

struct choice {
	struct wait_step *step;
	unsigned rank;
};

/* Of equals the main thread: helpers of a runtime sleep and poll all the time. */
static void choose_thread(void *ctx, const struct wait_thread *th, const struct wait_step *step)
{
	struct choice *c = ctx;
	unsigned rank = 1 + wait_rank(&step->step) + (th->tid == th->pid ? 30 : 0);

	if (rank <= c->rank)
		return;
	c->rank = rank;
	*c->step = *step;
}

void wait_step_of(const struct wait_table *t, const struct wait_process *p, struct wait_step *ret)
{
	struct choice c = { .step = ret };

	*ret = (struct wait_step){ 0 };
	if (wait_still(t, p))
		wait_each_thread(p, choose_thread, &c);
	/* what was read of a program that is now another user's, or of another process
	 * that was given the number, is not to be told */
	if (!wait_still(t, p))
		*ret = (struct wait_step){ .step.flags = STEP_DENIED };
	if (ret->next == NEXT_CHILD) {
		ret->pid = wait_child_of(t, p, ret->pid);
		ret->next = ret->pid ? NEXT_CHILD : NEXT_ANY_CHILD;
	}
	ret->step.pid = p->pid;
	memcpy(ret->step.comm, p->comm, sizeof(ret->step.comm));
}
