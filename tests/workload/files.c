/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files DIRECTORY: uses files there in every way that a program can, and prints
 * for each what a row of it must say. "files say WORDS": writes WORDS to its
 * standard output; "files hear": reads its standard input.
 */
#include "tests/workload/files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/workload/truth.h"

static const char *directory, *self;

void used(pid_t pid, const char *path, const char *access, const char *more)
{
	truth("{\"kind\":\"use\",\"pid\":%d,\"path\":\"%s\",\"access\":\"%s\"%s%s}", pid, path,
	      access, *more ? "," : "", more);
}

const char *in_dir(const char *name)
{
	static char paths[5][4096];
	static unsigned next;
	char *path = paths[next++ % 5];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

void fill(int fd, size_t bytes)
{
	char block[4096];

	memset(block, 'x', sizeof(block));
	while (bytes) {
		ssize_t n = write(fd, block, bytes < sizeof(block) ? bytes : sizeof(block));

		if (n <= 0)
			die("write");
		bytes -= (size_t)n;
	}
}

static int must(int fd, const char *what)
{
	if (fd < 0)
		die(what);
	return fd;
}

static int make(const char *path, size_t bytes)
{
	int fd = must(open(path, O_RDWR | O_CREAT, 0644), path);

	fill(fd, bytes);
	return fd;
}

/* ---- open, by every call that has a name ---- */

static void opens(void)
{
	struct open_how how = { .flags = O_WRONLY | O_CREAT, .mode = 0644 };
	const char *path = in_dir("openat");
	char buffer[100];
	int fd = must(openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0644), path);

	fill(fd, 5000);
	close(fd);
#ifdef SYS_open
	fd = must(syscall(SYS_open, path, O_RDONLY), "open");
#else
	fd = must(open(path, O_RDONLY), "open");
#endif
	if (read(fd, buffer, sizeof(buffer)) != sizeof(buffer))
		die("read");
	close(fd);
	used(getpid(), path, "rwc",
	     "\"opens\":2,\"size_bytes\":5000,\"written_to_bytes\":5000,\"read_to_bytes\":100");
	fd = syscall(SYS_openat2, AT_FDCWD, in_dir("openat2"), &how, sizeof(how));
	if (fd >= 0) {
		fill(fd, 7);
		close(fd);
		used(getpid(), in_dir("openat2"), "wc", "\"opens\":1,\"size_bytes\":7");
	}
#ifdef SYS_creat
	path = in_dir("creat");
	fd = must(syscall(SYS_creat, path, 0644), path);
	fill(fd, 8);
	close(fd);
	used(getpid(), path, "wct", "\"opens\":1,\"size_bytes\":8,\"written_to_bytes\":8");
#endif
	if (open(in_dir("nowhere"), O_RDONLY) >= 0)
		die("a file that is not there was opened");
	used(getpid(), in_dir("nowhere"), "", "\"opens\":1,\"failed\":1,\"size_bytes\":null");
}

/* ---- written without write() ---- */

static void mapped(void)
{
	const char *path = in_dir("mapped");
	int fd = must(open(path, O_RDWR | O_CREAT, 0644), path);
	char *p;

	if (ftruncate(fd, 4096))
		die("ftruncate");
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	close(fd);
	memcpy(p, "there", 5);
	munmap(p, 4096);
	used(getpid(), path, "rwc",
	     "\"size_bytes\":4096,\"written_to_bytes\":null,\"read_to_bytes\":null");
	path = in_dir("pwritten");
	fd = must(open(path, O_WRONLY | O_CREAT, 0644), path);
	if (pwrite(fd, "x", 1, 99) != 1)
		die("pwrite");
	close(fd);
	used(getpid(), path, "wc", "\"size_bytes\":100,\"written_to_bytes\":null");
}

static void moved_by_kernel(void)
{
	int from = must(open(in_dir("source"), O_RDONLY), "openat"), to, ends[2];

	to = must(open(in_dir("sendfile"), O_WRONLY | O_CREAT, 0644), "sendfile");
	if (sendfile(to, from, NULL, 5000) != 5000)
		die("sendfile");
	close(to);
	used(getpid(), in_dir("sendfile"), "wc", "\"size_bytes\":5000,\"written_to_bytes\":5000");
	to = must(open(in_dir("splice"), O_WRONLY | O_CREAT, 0644), "splice");
	lseek(from, 0, SEEK_SET);
	if (pipe(ends) || splice(from, NULL, ends[1], NULL, 3000, 0) != 3000 ||
	    splice(ends[0], NULL, to, NULL, 3000, 0) != 3000)
		die("splice");
	close(to);
	used(getpid(), in_dir("splice"), "wc", "\"size_bytes\":3000,\"written_to_bytes\":3000");
	to = must(open(in_dir("range"), O_WRONLY | O_CREAT, 0644), "range");
	lseek(from, 0, SEEK_SET);
	if (copy_file_range(from, NULL, to, NULL, 2000, 0) == 2000)
		used(getpid(), in_dir("range"), "wc", "\"size_bytes\":2000");
	close(to);
	close(from);
	close(ends[0]);
	close(ends[1]);
}

/* ---- names ---- */

static void links(void)
{
	char more[5000];
	const char *file = in_dir("linked"), *hard = in_dir("hard"), *soft = in_dir("soft");

	close(make(file, 33));
	if (link(file, hard) || symlink("linked", soft))
		die("link");
	snprintf(more, sizeof(more), "\"source\":\"%s\",\"size_bytes\":33,\"same_inode\":\"%s\"",
		 file, file);
	used(getpid(), hard, "wcl", more);
	snprintf(more, sizeof(more), "\"source\":\"%s\",\"file_kind\":\"symlink\"", file);
	used(getpid(), soft, "c", more);
}

static void renames(void)
{
	const char *one = in_dir("one"), *two = in_dir("two"), *three = in_dir("three");
	char more[5000];

	close(make(one, 11));
	close(make(two, 22));
	if (syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, two, 2 /* RENAME_EXCHANGE */) == 0) {
		snprintf(more, sizeof(more), "\"source\":\"%s\",\"size_bytes\":22", two);
		used(getpid(), one, "rwcm", more);
	} else if (rename(one, two)) {
		die("rename");
	}
	if (rename(two, three))
		die("rename");
	snprintf(more, sizeof(more), "\"source\":\"%s\",\"size_bytes\":11", two);
	used(getpid(), three, "wcm", more);
	close(make(in_dir("gone"), 3));
	if (unlink(in_dir("gone")))
		die("unlink");
	used(getpid(), in_dir("gone"), "rwcd", "\"size_bytes\":3");
	if (truncate(three, 5))
		die("truncate");
	used(getpid(), three, "wctm", "\"size_bytes\":5");
}

/* Made without a name, and named by its descriptor. */
static void nameless(void)
{
	int fd = open(directory, O_TMPFILE | O_RDWR, 0600);
	char link_path[64];

	if (fd < 0)
		return; /* not every file system can */
	fill(fd, 44);
	snprintf(link_path, sizeof(link_path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, link_path, AT_FDCWD, in_dir("named"), AT_SYMLINK_FOLLOW))
		die("linkat");
	close(fd);
	used(getpid(), in_dir("named"), "wl", "\"size_bytes\":44");
}

static void directories(void)
{
	if (mkdir(in_dir("made"), 0755) || mkdir(in_dir("kept"), 0755) ||
	    unlinkat(AT_FDCWD, in_dir("made"), AT_REMOVEDIR))
		die("mkdir");
	used(getpid(), in_dir("made"), "cd", "\"file_kind\":\"directory\"");
	used(getpid(), in_dir("kept"), "c", "\"file_kind\":\"directory\"");
}

/* ---- descriptors that outlive or change hands ---- */

static void left_open(void)
{
	int fd = must(open(in_dir("left"), O_WRONLY | O_CREAT, 0644), "left");

	fill(fd, 55);
	used(getpid(), in_dir("left"), "wc", "\"size_bytes\":55,\"written_to_bytes\":55");
}

/* As a shell redirects one of its own commands. */
static void redirected(void)
{
	int fd = must(open(in_dir("builtin"), O_WRONLY | O_CREAT, 0644), "builtin");

	must(dup2(fd, 20), "dup2");
	close(fd);
	fill(20, 66);
	must(dup2(STDERR_FILENO, 20), "dup2");
	fd = must(open(in_dir("builtin"), O_WRONLY | O_APPEND), "builtin");
	close(20);
	close(fd);
	used(getpid(), in_dir("builtin"), "wc", "\"size_bytes\":66,\"written_to_bytes\":66");
}

static pid_t spawn(int in, int out, const char *what, const char *words)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	if (in >= 0)
		dup2(in, STDIN_FILENO);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	execl(self, self, what, words, (char *)NULL);
	die("exec");
}

static void handed_over(void)
{
	int fd = must(open(in_dir("stdout"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644), "stdout");
	int in = must(open(in_dir("source"), O_RDONLY | O_CLOEXEC), "stdin");
	int unused = must(open(in_dir("unused"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644), "unused");
	pid_t pid = spawn(in, fd, "say", "eleven word"), silent;

	waitpid(pid, NULL, 0);
	silent = spawn(-1, unused, "say", "");
	waitpid(silent, NULL, 0);
	used(pid, in_dir("stdout"), "w",
	     "\"inherited\":true,\"descriptors\":2,\"size_bytes\":11,\"written_to_bytes\":11");
	used(pid, in_dir("source"), "", "\"inherited\":true,\"descriptors\":1");
	used(silent, in_dir("unused"), "", "\"inherited\":true,\"descriptors\":2,\"size_bytes\":0");
	close(fd);
	close(in);
	close(unused);
	pid = spawn(must(open(in_dir("source"), O_RDONLY | O_CLOEXEC), "stdin"), -1, "hear", "");
	waitpid(pid, NULL, 0);
	used(pid, in_dir("source"), "r",
	     "\"inherited\":true,\"size_bytes\":5000,\"read_to_bytes\":5000");
}

static void piped(void)
{
	struct stat st;
	int ends[2];
	pid_t from, to, forked;
	char name[64];

	if (pipe2(ends, O_CLOEXEC) || fstat(ends[0], &st))
		die("pipe");
	snprintf(name, sizeof(name), "pipe:[%llu]", (unsigned long long)st.st_ino);
	from = spawn(-1, ends[1], "say", "through");
	forked = fork();
	if (!forked) { /* no program of its own, as a shell's ( ... ) */
		dup2(ends[1], STDOUT_FILENO);
		fill(STDOUT_FILENO, 3);
		_exit(0);
	}
	to = spawn(ends[0], -1, "hear", "");
	close(ends[0]);
	close(ends[1]);
	waitpid(from, NULL, 0);
	waitpid(forked, NULL, 0);
	waitpid(to, NULL, 0);
	used(from, name, "w", "\"file_kind\":\"pipe\",\"descriptors\":2,\"size_bytes\":null");
	used(forked, name, "w", "\"file_kind\":\"pipe\",\"descriptors\":2,\"size_bytes\":null");
	used(to, name, "r", "\"file_kind\":\"pipe\",\"descriptors\":1,\"size_bytes\":null");
}

static void fifo(void)
{
	const char *path = in_dir("fifo");
	pid_t pid;
	int fd;

	if (mkfifo(path, 0644))
		die("mkfifo");
	pid = fork();
	if (!pid) {
		fd = must(open(path, O_WRONLY), path);
		fill(fd, 3);
		_exit(0);
	}
	fd = must(open(path, O_RDONLY), path);
	waitpid(pid, NULL, 0);
	close(fd);
	used(getpid(), path, "r", "\"file_kind\":\"fifo\",\"opens\":1,\"size_bytes\":null");
	used(pid, path, "w", "\"file_kind\":\"fifo\",\"opens\":1");
}

static void through_ring(void)
{
	if (!open_by_ring(in_dir("ring"), in_dir("slot"))) {
		truth("{\"kind\":\"skip\",\"what\":\"io_uring\"}");
		return;
	}
	used(getpid(), in_dir("ring"), "wc", "\"opens\":1,\"size_bytes\":12");
	used(getpid(), "io_uring", "", "\"file_kind\":\"ring\",\"opens\":1");
}

static int hear(void)
{
	char buffer[4096];

	while (read(STDIN_FILENO, buffer, sizeof(buffer)) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "say"))
		return write(STDOUT_FILENO, argv[2], strlen(argv[2])) < 0;
	if (argc > 1 && !strcmp(argv[1], "hear"))
		return hear();
	if (argc != 2)
		return 120;
	directory = argv[1];
	self = argv[0];
	close(make(in_dir("source"), 5000));
	opens();
	mapped();
	moved_by_kernel();
	links();
	renames();
	nameless();
	directories();
	redirected();
	handed_over();
	piped();
	fifo();
	through_ring();
	left_open();
	return 0;
}
