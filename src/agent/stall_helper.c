/* SPDX-License-Identifier: Apache-2.0 */
#include "src/agent/stall_helper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/io.h"
#include "src/collect/collect.h"

struct helper {
	int64_t owner; /* whose processes may be looked at; -1: all */
	pid_t stuck[STALL_STUCK_MAX];
	unsigned n_stuck;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Those that were left behind end once the file system lets go of them. */
static void reap(struct helper *h)
{
	for (unsigned i = 0; i < h->n_stuck;)
		if (waitpid(h->stuck[i], NULL, WNOHANG) == h->stuck[i])
			h->stuck[i] = h->stuck[--h->n_stuck];
		else
			i++;
}

/* The answer is larger than what a pipe takes at once without a reader: it is read as
 * it comes. */
static int read_answer(int fd, struct stall_reply *ret)
{
	uint64_t end = now_ms() + STALL_LOOK_MS, now = now_ms();
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t have = 0;

	for (; now < end; now = now_ms()) {
		ssize_t n;

		if (poll(&p, 1, (int)(end - now)) <= 0)
			continue;
		n = read(fd, (char *)ret + have, sizeof(*ret) - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPROTO;
		have += (size_t)n;
		if (have == sizeof(*ret))
			return 0;
	}
	return -ETIMEDOUT;
}

static void look(int fd, const struct helper *h, const struct stall_request *q)
{
	struct stall_reply a = { .id = q->id, .slot = q->slot };

	a.n = wait_chain(q->id.pid, q->id.start_ns, h->owner, a.steps);
	for (size_t done = 0; done < sizeof(a);) {
		ssize_t n = write(fd, (char *)&a + done, sizeof(a) - done);

		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

/* Blocked where nothing wakes it. */
static bool is_hung(pid_t pid)
{
	char path[40], text[512], *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	end = read_text(path, text, sizeof(text)) > 0 ? strrchr(text, ')') : NULL;
	return end && end[1] == ' ' && end[2] == 'D';
}

static int ask_child(struct helper *h, const struct stall_request *q, struct stall_reply *ret)
{
	int fds[2], error;
	pid_t pid;

	if (pipe(fds))
		return -errno;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		look(fds[1], h, q);
		_exit(0);
	}
	close(fds[1]);
	error = pid < 0 ? -errno : read_answer(fds[0], ret);
	close(fds[0]);
	if (error == -ETIMEDOUT && !is_hung(pid))
		error = -ETIME;
	if (pid > 0) {
		kill(pid, SIGKILL);
		if (error >= 0)
			waitpid(pid, NULL, 0);
		else
			h->stuck[h->n_stuck++] = pid;
	}
	return error;
}

static void answer(struct helper *h, const struct stall_request *q, struct stall_reply *ret)
{
	int error;

	reap(h);
	error = h->n_stuck < STALL_STUCK_MAX ? ask_child(h, q, ret) : -EBUSY;
	if (error >= 0)
		return;
	memset(ret, 0, sizeof(*ret));
	ret->id = q->id;
	ret->slot = q->slot;
	ret->error = error;
}

int stall_helper_main(int fd, const struct identity *id, bool all_processes)
{
	struct helper h = { .owner = all_processes || !id->uid ? -1 : (int64_t)id->uid };
	struct stall_request q;
	struct stall_reply a;

	/* its one descriptor is the socket: pipes and files of others stay closeable */
	if (dup2(fd, 3) < 0 || close_range(4, ~0U, 0))
		return 1;
	if (identity_become_looker(id, all_processes) < 0)
		return 1;
	while (recv(3, &q, sizeof(q), 0) == (ssize_t)sizeof(q)) {
		answer(&h, &q, &a);
		if (send(3, &a, sizeof(a), MSG_NOSIGNAL) != (ssize_t)sizeof(a))
			return 1;
	}
	return 0;
}
