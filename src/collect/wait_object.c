/* SPDX-License-Identifier: Apache-2.0 */
/* See wait_internal.h. Links of /proc/PID/fd are read, what they lead to is not touched:
 * a file system that hangs would keep whoever asks it. */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "src/base/cleanup.h"
#include "src/base/io.h"
#include "src/base/str.h"
#include "src/collect/wait_internal.h"

#define PATH_READ_MAX 200
#define HOLDERS_FDS   4096 /* of one process that are looked at */

ssize_t wait_read(const struct wait_thread *th, const char *name, char *buf, size_t size)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/%s", th->pid, th->tid, name);
	return read_text(path, buf, size);
}

bool wait_memory(const struct wait_thread *th, uint64_t address, void *buf, size_t size)
{
	struct iovec mine = { buf, size }, theirs = { (void *)(uintptr_t)address, size };

	return address &&
	       process_vm_readv((pid_t)th->tid, &mine, 1, &theirs, 1, 0) == (ssize_t)size;
}

bool wait_link(const struct wait_thread *th, int fd, char *buf, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", th->pid, fd);
	n = readlink(path, buf, size - 1);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	return true;
}

/* ---- file systems ---- */

/* Of a line of mountinfo: where it is mounted and of what type. */
static bool split_mount(char *line, char **ret_at, char **ret_type)
{
	char *dash = strstr(line, " - "), *at = line;

	for (int i = 0; i < 4 && at; i++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	if (!at || !dash || at > dash)
		return false;
	at[strcspn(at, " ")] = '\0';
	dash += 3;
	dash[strcspn(dash, " ")] = '\0';
	*ret_at = at;
	*ret_type = dash;
	return true;
}

static bool is_below(const char *path, const char *mount)
{
	size_t len = strlen(mount);

	return !strcmp(mount, "/") ||
	       (!strncmp(path, mount, len) && (!path[len] || path[len] == '/'));
}

/* "PATH (fuse.sshfs at /mnt)": the mount with the longest name above it. */
static void describe_path(const struct wait_thread *th, const char *path, char *out, size_t size)
{
	char file[48], type[64] = "", at[128] = "", *line = NULL, *line_at, *line_type;
	_cleanup_fclose_ FILE *f = NULL;
	size_t room = 0;

	snprintf(file, sizeof(file), "/proc/%u/mountinfo", th->pid);
	f = fopen(file, "re");
	while (f && getline(&line, &room, f) > 0)
		if (split_mount(line, &line_at, &line_type) && is_below(path, line_at) &&
		    strlen(line_at) >= strlen(at) && strlen(line_at) < sizeof(at)) {
			str_copy(at, sizeof(at), line_at);
			str_copy(type, sizeof(type), line_type);
		}
	free(line);
	if (type[0])
		snprintf(out, size, "%.140s (%.30s at %.40s)", path, type, at);
	else
		snprintf(out, size, "%.200s", path);
}

/* A path as the program passed it, absolute as far as links of /proc tell. */
static bool read_path(const struct wait_thread *th, int dir, uint64_t address, char *out,
		      size_t size)
{
	char name[PATH_READ_MAX + 1] = "", base[256] = "", where[64];
	size_t page = 4096 - address % 4096, want = PATH_READ_MAX;
	ssize_t n;

	/* the next page may not be there */
	if (!wait_memory(th, address, name, want) && page < want)
		wait_memory(th, address, name, page);
	if (!name[0])
		return false;
	if (name[0] != '/') {
		if (dir == AT_FDCWD)
			snprintf(where, sizeof(where), "/proc/%u/cwd", th->pid);
		else
			snprintf(where, sizeof(where), "/proc/%u/fd/%d", th->pid, dir);
		n = readlink(where, base, sizeof(base) - 1);
		base[n > 0 ? n : 0] = '\0';
	}
	if (base[0])
		snprintf(out, size, "%s/%s", strcmp(base, "/") ? base : "", name);
	else
		str_copy(out, size, name);
	return true;
}

void wait_on_path(const struct wait_thread *th, int dir, uint64_t path, struct wait_step *ret)
{
	char text[512];
	bool fifo = strstr(th->wchan, "wait_for_partner") || strstr(th->wchan, "fifo_open");

	ret->step.wait = fifo ? WAIT_FIFO_OPEN : WAIT_FILE;
	if (!read_path(th, dir, path, text, sizeof(text)))
		return;
	if (fifo)
		snprintf(ret->step.object, sizeof(ret->step.object), "%.200s", text);
	else
		describe_path(th, text, ret->step.object, sizeof(ret->step.object));
}

/* ---- descriptors ---- */

static bool is_terminal(const char *link)
{
	return !strncmp(link, "/dev/pts/", 9) || !strncmp(link, "/dev/tty", 8) ||
	       !strcmp(link, "/dev/console");
}

static uint64_t info_number(uint32_t pid, const char *fd, const char *key, int base)
{
	char path[64], text[512], *at;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%.16s", pid, fd);
	at = read_text(path, text, sizeof(text)) > 0 ? strstr(text, key) : NULL;
	return at ? strtoull(at + strlen(key), NULL, base) : 0;
}

static void on_pipe(const struct wait_thread *th, int fd, const char *link, bool write,
		    struct wait_step *ret)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", fd);
	if (link[0] == '/')
		ret->inode = info_number(th->pid, name, "\nino:", 10);
	ret->step.wait = write ? WAIT_PIPE_WRITE : WAIT_PIPE_READ;
	ret->next = write ? NEXT_READERS : NEXT_WRITERS;
	str_copy(ret->link, sizeof(ret->link), link);
}

void wait_on_fd(const struct wait_thread *th, int fd, bool write, struct wait_step *ret)
{
	char link[sizeof(ret->link)];
	struct wire_stall_step *s = &ret->step;

	if (!wait_link(th, fd, link, sizeof(link))) {
		s->wait = WAIT_UNKNOWN;
		s->flags |= STEP_DENIED;
		return;
	}
	snprintf(s->object, sizeof(s->object), "%.200s", link);
	if (!strncmp(link, "socket:", 7))
		wait_on_socket(th, fd, write ? WAIT_SEND : WAIT_RECEIVE, ret);
	else if (!strncmp(link, "pipe:", 5) || strstr(th->wchan, "pipe"))
		on_pipe(th, fd, link, write, ret);
	else if (!strncmp(link, "anon_inode:", 11))
		s->wait = WAIT_POLL;
	else if (is_terminal(link))
		s->wait = write ? WAIT_DEVICE : WAIT_TERMINAL;
	else if (!strncmp(link, "/dev/", 5) && strncmp(link, "/dev/shm/", 9) != 0)
		s->wait = WAIT_DEVICE;
	else {
		s->wait = WAIT_FILE;
		describe_path(th, link, s->object, sizeof(s->object));
	}
}

/* ---- sockets ---- */

struct socket_entry {
	const char *protocol;
	char local[64], remote[64];	      /* as the kernel writes them */
	char local_text[64], remote_text[64]; /* as people do */
	uint64_t inode;
};

static void address_text(const char *hex, bool v6, char out[64])
{
	uint32_t word[4] = { 0 };
	char text[INET6_ADDRSTRLEN] = "?";
	const char *port = strchr(hex, ':');

	for (int i = 0; i < (v6 ? 4 : 1); i++) {
		char part[9] = "";

		memcpy(part, hex + (size_t)i * 8, 8);
		word[i] = (uint32_t)strtoul(part, NULL, 16);
	}
	inet_ntop(v6 ? AF_INET6 : AF_INET, word, text, sizeof(text));
	snprintf(out, 64, v6 ? "[%s]:%lu" : "%s:%lu", text, port ? strtoul(port + 1, NULL, 16) : 0);
}

static bool parse_socket(const char *line, const char *name, struct socket_entry *e)
{
	bool v6 = strchr(name, '6');
	size_t digits = v6 ? 32 : 8;

	wait_word(line, 1, e->local, sizeof(e->local));
	wait_word(line, 2, e->remote, sizeof(e->remote));
	e->inode = wait_number(line, 9, 10);
	if (strcspn(e->local, ":") != digits || strcspn(e->remote, ":") != digits)
		return false;
	e->protocol = strncmp(name, "tcp", 3) ? "udp" : "tcp";
	address_text(e->local, v6, e->local_text);
	address_text(e->remote, v6, e->remote_text);
	return true;
}

/* By inode, or, peer given, the other end of a connection within this host. */
static bool find_socket(const struct wait_thread *th, uint64_t inode,
			const struct socket_entry *peer, struct socket_entry *ret)
{
	static const char *const tables[] = { "tcp", "tcp6", "udp", "udp6" };
	char path[48], line[256];

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		_cleanup_fclose_ FILE *f = NULL;
		struct socket_entry e;

		snprintf(path, sizeof(path), "/proc/%u/net/%s", th->pid, tables[i]);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f)) {
			if (!parse_socket(line, tables[i], &e))
				continue;
			if (peer ? strcmp(e.local, peer->remote) || strcmp(e.remote, peer->local)
				 : e.inode != inode)
				continue;
			*ret = e;
			return true;
		}
	}
	return false;
}

static bool find_unix(const struct wait_thread *th, uint64_t inode, char *out, size_t size)
{
	char path[48], line[320], name[128];
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%u/net/unix", th->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (wait_number(line, 6, 10) == inode) {
			wait_word(line, 7, name, sizeof(name));
			snprintf(out, size, "unix socket %s", name[0] ? name : "(no name)");
			return true;
		}
	}
	return false;
}

/* The address that connect() was given: of a local socket nothing else tells it. */
static bool connect_address(const struct wait_thread *th, char *out, size_t size)
{
	struct sockaddr_un a = { 0 };
	char text[INET6_ADDRSTRLEN] = "?";
	struct sockaddr_in6 *six = (void *)&a;
	struct sockaddr_in *four = (void *)&a;
	size_t len = th->arg[2] < sizeof(a) ? th->arg[2] : sizeof(a);

	if (len < sizeof(sa_family_t) || !wait_memory(th, th->arg[1], &a, len))
		return false;
	a.sun_path[sizeof(a.sun_path) - 1] = '\0';
	if (a.sun_family == AF_UNIX)
		snprintf(out, size, "unix socket %s%s", a.sun_path[0] ? "" : "@",
			 a.sun_path[0] ? a.sun_path : a.sun_path + 1);
	else if (a.sun_family == AF_INET)
		snprintf(out, size, "%s:%u",
			 inet_ntop(AF_INET, &four->sin_addr, text, sizeof(text)),
			 ntohs(four->sin_port));
	else if (a.sun_family == AF_INET6)
		snprintf(out, size, "[%s]:%u",
			 inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof(text)),
			 ntohs(six->sin6_port));
	return a.sun_family == AF_UNIX || a.sun_family == AF_INET || a.sun_family == AF_INET6;
}

void wait_on_socket(const struct wait_thread *th, int fd, unsigned wait, struct wait_step *ret)
{
	struct wire_stall_step *s = &ret->step;
	struct socket_entry e, other;
	char link[64];
	uint64_t inode;

	s->wait = (uint16_t)wait;
	if (wait == WAIT_CONNECT && connect_address(th, s->object, sizeof(s->object)))
		return;
	if (!wait_link(th, fd, link, sizeof(link)) || strncmp(link, "socket:[", 8) != 0) {
		s->flags |= STEP_DENIED;
		return;
	}
	inode = strtoull(link + 8, NULL, 10);
	str_copy(s->object, sizeof(s->object), link);
	if (find_unix(th, inode, s->object, sizeof(s->object)) || !find_socket(th, inode, NULL, &e))
		return;
	snprintf(s->object, sizeof(s->object), "%s %s", e.protocol,
		 wait == WAIT_ACCEPT ? e.local_text : e.remote_text);
	if (wait != WAIT_ACCEPT && find_socket(th, 0, &e, &other)) {
		snprintf(ret->link, sizeof(ret->link), "socket:[%" PRIu64 "]", other.inode);
		ret->next = NEXT_WRITERS;
	}
}

/* ---- locks ---- */

/* Lines are "1: POSIX ADVISORY WRITE PID ..."; of those who wait "1: -> POSIX ...". */
void wait_on_lock(const struct wait_thread *th, int fd, struct wait_step *ret)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/locks", "re");
	char line[160], link[256];
	uint64_t waiting = 0;

	ret->step.wait = WAIT_FILE_LOCK;
	if (wait_link(th, fd, link, sizeof(link)))
		describe_path(th, link, ret->step.object, sizeof(ret->step.object));
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "->") && wait_number(line, 5, 10) == th->pid)
			waiting = strtoull(line, NULL, 10);
	if (!waiting)
		return;
	rewind(f);
	while (fgets(line, sizeof(line), f))
		if (!strstr(line, "->") && strtoull(line, NULL, 10) == waiting) {
			ret->next = NEXT_PID;
			ret->pid = (uint32_t)wait_number(line, 4, 10);
		}
}

/* ---- sets of descriptors ---- */

unsigned wait_on_epoll(const struct wait_thread *th, int fd, int *ret_fds, unsigned max)
{
	char name[32], text[WAIT_TEXT_MAX], *p = text;
	unsigned n = 0;

	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	if (wait_read(th, name, text, sizeof(text)) <= 0)
		return 0;
	while (n < max && (p = strstr(p, "tfd:"))) {
		p += 4;
		ret_fds[n++] = (int)strtol(p, NULL, 10);
	}
	return n;
}

/* Who could wake it is known where there is one pipe or connection only. */
void wait_on_poll(const struct wait_thread *th, const int *fds, unsigned n, struct wait_step *ret)
{
	size_t used = 0, size = sizeof(ret->step.object);
	unsigned telling = 0;
	bool terminal = false;

	for (unsigned i = 0; i < n; i++) {
		struct wait_step one = { 0 };

		wait_on_fd(th, fds[i], false, &one);
		terminal = n == 1 && one.step.wait == WAIT_TERMINAL; /* as line editors do */
		if (one.step.object[0] && used + 48 < size)
			used += (size_t)snprintf(ret->step.object + used, size - used, "%s%.*s",
						 used ? ", " : "", n > 1 ? 44 : 200,
						 one.step.object);
		if (one.next != NEXT_WRITERS || telling++)
			continue;
		str_copy(ret->link, sizeof(ret->link), one.link);
		ret->inode = one.inode;
	}
	ret->loose = true;
	ret->step.wait = terminal ? WAIT_TERMINAL : WAIT_POLL;
	ret->next = telling == 1 ? NEXT_WRITERS : NEXT_NONE;
}

/* ---- the other ends ---- */

static void close_directory(DIR **d)
{
	if (*d)
		closedir(*d);
}

static bool open_for(uint32_t pid, const char *fd, bool writers)
{
	char path[64], text[512], *flags;
	unsigned long mode;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%.16s", pid, fd);
	flags = read_text(path, text, sizeof(text)) > 0 ? strstr(text, "flags:") : NULL;
	if (!flags)
		return true; /* not told: perhaps */
	mode = strtoul(flags + 6, NULL, 8) & O_ACCMODE;
	return mode == O_RDWR || mode == (writers ? O_WRONLY : O_RDONLY);
}

/* A FIFO has other names elsewhere: the same inode number in another file system, too. */
enum match { MATCH_NONE, MATCH_PERHAPS, MATCH };

static enum match matches(uint32_t pid, const char *fd, const char *target,
			  const struct wait_step *step)
{
	bool same = !strcmp(target, step->link);
	uint64_t inode;

	if (step->link[0] != '/')
		return same ? MATCH : MATCH_NONE;
	if (target[0] != '/')
		return MATCH_NONE;
	inode = info_number(pid, fd, "\nino:", 10);
	if (!inode || !step->inode)
		return same ? MATCH : MATCH_PERHAPS;
	return inode != step->inode ? MATCH_NONE : same ? MATCH : MATCH_PERHAPS;
}

/* 1: it holds one; 0: none; -1: it cannot be seen. */
static int holds(struct wait_table *t, uint32_t pid, const struct wait_step *step)
{
	_cleanup_(close_directory) DIR *d = NULL;
	bool writers = step->next == NEXT_WRITERS;
	char path[32], target[256];
	struct dirent *e;
	unsigned looked = 0;
	int none = 0;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : -1;
	while ((e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		enum match match;

		if (looked++ == HOLDERS_FDS || (looked % 64 == 0 && wait_too_late(t)))
			return -1;
		if (n <= 0) {
			/* "." and "..", or closed; the host's init is no part of a pipeline */
			none = errno == ENOENT || errno == EINVAL || pid == 1 ? none : -1;
			continue;
		}
		target[n] = '\0';
		match = matches(pid, e->d_name, target, step);
		if (match == MATCH_NONE || !open_for(pid, e->d_name, writers))
			continue;
		if (match == MATCH)
			return 1;
		none = -1;
	}
	return none;
}

unsigned wait_holders(struct wait_table *t, const struct wait_step *step, bool all,
		      uint32_t ret[WAIT_PEERS_MAX], bool *ret_hidden)
{
	unsigned n = 0, others = 0;

	*ret_hidden = t->cut;
	for (unsigned i = 0; i < t->n * WAIT_DISTANCES; i++) {
		const struct wait_process *p = &t->list[i % t->n];
		int found;

		if (p->distance != i / t->n)
			continue;
		if (n == WAIT_PEERS_MAX || (!all && others && p->distance) || wait_too_late(t)) {
			*ret_hidden = true;
			break;
		}
		found = wait_allowed(t, p->pid) ? holds(t, p->pid, step) : -1;
		/* init may be closed to everybody; it gives descriptors away, and keeps none */
		*ret_hidden |= found < 0 && p->pid != 1;
		if (found <= 0)
			continue;
		ret[n++] = p->pid;
		others += p->pid != step->step.pid;
	}
	return n;
}
