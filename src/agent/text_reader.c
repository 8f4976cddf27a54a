/* SPDX-License-Identifier: Apache-2.0 */
/* See text_reader.h. The first half runs in the reader, the second in the recorder. */
#include "src/agent/text_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"

struct request {
	struct text_place place;
	uint32_t want;
	char path[WIRE_PATH_MAX + 1];
};

struct reply {
	struct text_place place;
	int64_t file_size;
	uint64_t cpu_ns;
	int32_t result; /* bytes that follow, or -errno */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* ---- the reader ---- */

static ssize_t read_file(const struct request *q, struct reply *a, char *buf)
{
	_cleanup_close_ int fd =
		open(q->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return -EINVAL;
	a->file_size = st.st_size;
	a->place = q->place;
	if (a->place.dev != st.st_dev || a->place.inode != st.st_ino || a->place.at > st.st_size)
		a->place = (struct text_place){ .dev = st.st_dev, .inode = st.st_ino };
	if (a->place.at < st.st_size)
		n = pread(fd, buf, q->want, a->place.at);
	return n < 0 ? -errno : n;
}

/* Its one descriptor is the socket, as 0: whatever else it held, the stream, the
 * store, somebody's pipe, would stay open for as long as it may be stuck. */
static void serve(int fd, pid_t parent, char *buf)
{
	struct request q;
	struct reply a;
	struct iovec parts[2] = { { &a, sizeof(a) }, { buf, 0 } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	prctl(PR_SET_NAME, "tracer-texts");
	if (dup2(fd, 0) < 0 || close_range(1, ~0U, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL) ||
	    getppid() != parent)
		return;
	while (recv(0, &q, sizeof(q), 0) == (ssize_t)sizeof(q)) {
		memset(&a, 0, sizeof(a));
		a.result = (int32_t)read_file(&q, &a, buf);
		a.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		parts[1].iov_len = a.result > 0 ? (size_t)a.result : 0;
		if (sendmsg(0, &message, MSG_NOSIGNAL) < 0)
			return;
	}
}

/* ---- the recorder ---- */

void text_reader_init(struct text_reader *r)
{
	r->pid = 0;
	r->fd = -1;
	r->error = 0;
	r->cpu_ns = 0;
}

void text_reader_fini(struct text_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	if (r->pid > 0)
		waitpid(r->pid, NULL, WNOHANG);
	r->pid = 0;
}

static int start(struct text_reader *r)
{
	pid_t parent = getpid();
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	r->pid = fork();
	if (!r->pid) {
		serve(fds[1], parent, r->data);
		_exit(0);
	}
	close(fds[1]);
	r->fd = fds[0];
	return r->pid < 0 ? -errno : 0;
}

static int give_up(struct text_reader *r, const char *path, int error)
{
	r->error = error;
	str_copy(r->path, sizeof(r->path), path);
	if (r->pid > 0)
		kill(r->pid, SIGKILL); /* works once the file system lets go of it */
	text_reader_fini(r);
	return error;
}

static int await_answer(int fd)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), end = now + TEXT_WAIT_MS * 1000000ULL;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (; now < end; now = clock_ns(CLOCK_MONOTONIC)) {
		int n = poll(&p, 1, (int)((end - now + 999999) / 1000000));

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
	return -ETIMEDOUT;
}

static int exchange(struct text_reader *r, const struct request *q, struct reply *ret)
{
	struct iovec parts[2] = { { ret, sizeof(*ret) }, { r->data, sizeof(r->data) } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;
	int error;

	if (send(r->fd, q, sizeof(*q), MSG_NOSIGNAL) != (ssize_t)sizeof(*q))
		return -errno;
	error = await_answer(r->fd);
	if (error < 0)
		return error;
	n = recvmsg(r->fd, &message, 0);
	if (n < 0)
		return -errno;
	if (n < (ssize_t)sizeof(*ret))
		return -ECONNRESET;
	n -= (ssize_t)sizeof(*ret);
	return n == (ret->result > 0 ? ret->result : 0) ? 0 : -EBADMSG;
}

ssize_t text_reader_read(struct text_reader *r, const char *path, size_t want,
			 struct text_place *place)
{
	struct request q = { .place = *place, .want = TEXT_READ_MAX };
	struct reply a;
	int error;

	if (r->error)
		return r->error;
	if (strlen(path) >= sizeof(q.path))
		return -ENAMETOOLONG;
	str_copy(q.path, sizeof(q.path), path);
	if (want < q.want)
		q.want = (uint32_t)want;
	error = r->fd < 0 ? start(r) : 0;
	if (error >= 0)
		error = exchange(r, &q, &a);
	if (error < 0)
		return give_up(r, path, error);
	r->cpu_ns = a.cpu_ns;
	if (a.result >= 0) {
		r->file_size = a.file_size;
		*place = a.place;
	}
	return a.result;
}
