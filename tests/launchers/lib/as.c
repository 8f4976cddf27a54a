/* SPDX-License-Identifier: Apache-2.0 */
/*
 * as: plays the part of a program that cannot be installed here. A copy or hard
 * link of it has the name of that program, so that exe, comm and argv are what
 * the real one has; beside it lies its play, a file with `.play` added to its
 * name. Without a play it computes for 2 ms and exits with 0, as a tool would.
 *
 * A play is a list of steps, each `N\0word\0...`: N words. `@{pid}`, `@{ppid}`,
 * `@{pid.NAME}` and `@{code.NAME}` in a word are replaced. The steps:
 *
 *   truthfile F   truth TEXT         appends a line to F (several may do so)
 *   mkdir P (and parents)  write P TEXT  append P TEXT  touch P  read P  hold P  unlink P
 *   rename A B    symlink A B        chmod P OCTAL     chdir P
 *   env NAME=VALUE   unenv NAME      hostname NAME
 *   spawn NAME OPTION... -- ARGV...  starts one and goes on (options: as_spawn.c)
 *   fork NAME N                      the next N steps are a child's, without exec
 *   exec OPTION... -- ARGV...        becomes it
 *   wait NAME     kill NAME SIGNAL   await P (until the file is there)
 *   sleep MS      burn MS            hog MIB
 *   title TEXT    argv TEXT          over argv, with and without PR_SET_NAME
 *   comm TEXT     trap SIGNAL CODE   on SIGNAL: TERM to all it started, their end, exit CODE
 *   exit CODE     exitas NAME        raise SIGNAL
 *
 * launcher.py writes plays. A play ends with code 0.
 */
#include "tests/launchers/lib/as.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct as self;
static volatile sig_atomic_t trapped_code = -1;

_Noreturn void as_die(const char *what)
{
	fprintf(stderr, "as: %s: %s\n", what, strerror(errno));
	_exit(99);
}

long as_number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 0);

	if (end == text || *end) {
		errno = EINVAL;
		as_die(text);
	}
	return n;
}

struct as_child *as_find(struct as *as, const char *name)
{
	for (unsigned i = as->n_cast; i-- > 0;)
		if (strcmp(as->cast[i].name, name) == 0)
			return &as->cast[i];
	errno = ESRCH;
	as_die(name);
}

int as_wait(struct as_child *child)
{
	while (!child->ended && waitpid(child->pid, &child->status, 0) < 0)
		if (errno != EINTR)
			as_die("waitpid");
	child->ended = true;
	if (WIFSIGNALED(child->status))
		return 128 + WTERMSIG(child->status);
	return WEXITSTATUS(child->status);
}

static long long now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void nap(long ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static void burn(long ms)
{
	long long end = now_ns(CLOCK_PROCESS_CPUTIME_ID) + ms * 1000000LL;

	while (now_ns(CLOCK_PROCESS_CPUTIME_ID) < end)
		;
}

/* In the pid namespace of /proc, which is that of the launcher. */
static long own_pid(void)
{
	char text[32];
	ssize_t len = readlink("/proc/self", text, sizeof(text) - 1);

	if (len <= 0)
		return getpid();
	text[len] = '\0';
	return as_number(text);
}

/* The value of a @{variable}. */
static long variable(struct as *as, const char *name)
{
	if (strcmp(name, "pid") == 0)
		return own_pid();
	if (strcmp(name, "ppid") == 0)
		return getppid();
	if (strncmp(name, "pid.", 4) == 0)
		return as_find(as, name + 4)->pid;
	if (strncmp(name, "code.", 5) == 0)
		return as_wait(as_find(as, name + 5));
	errno = EINVAL;
	as_die(name);
}

static char *expand(struct as *as, char *text)
{
	char *out, *from, *end;
	size_t len;
	FILE *f;

	if (!strstr(text, "@{"))
		return text;
	f = open_memstream(&out, &len);
	if (!f)
		as_die("open_memstream");
	while ((from = strstr(text, "@{")) && (end = strchr(from, '}'))) {
		*end = '\0';
		fprintf(f, "%.*s%ld", (int)(from - text), text, variable(as, from + 2));
		text = end + 1;
	}
	fprintf(f, "%s", text);
	fclose(f);
	return out;
}

static void put(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		as_die(path);
	close(fd);
}

static void look(const char *path, bool keep)
{
	char buf[4096];
	int fd = open(path, (keep ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0644);

	if (fd < 0)
		as_die(path);
	while (!keep && read(fd, buf, sizeof(buf)) > 0)
		;
	if (!keep)
		close(fd);
}

/* The environment moves away, so that a title may use its place too. */
static void make_room(struct as *as)
{
	char *end = as->title + as->title_len;

	for (char **e = environ; *e; e++) {
		if (*e != end)
			break;
		end += strlen(*e) + 1;
		*e = strdup(*e);
	}
	as->title_len = (size_t)(end - as->title);
}

/* Over argv and, as setproctitle() does, into the environment behind it. */
static void set_title(struct as *as, const char *text, bool rename)
{
	size_t len = strlen(text);

	if (len >= as->title_len)
		len = as->title_len - 1;
	memset(as->title, 0, as->title_len);
	memcpy(as->title, text, len);
	if (rename && prctl(PR_SET_NAME, text) < 0)
		as_die("PR_SET_NAME");
}

static void on_signal(int sig)
{
	(void)sig;
	for (unsigned i = 0; i < self.n_cast; i++)
		if (!self.cast[i].ended)
			kill(self.cast[i].pid, SIGTERM);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	_exit(trapped_code);
}

static void await(const char *path)
{
	for (int i = 0; access(path, F_OK) < 0; i++) {
		if (i == 30000)
			as_die(path);
		nap(1);
	}
}

static void hog(long mib)
{
	char *p = malloc((size_t)mib << 20);

	if (!p)
		as_die("malloc");
	memset(p, 1, (size_t)mib << 20);
	__asm__ volatile("" : : "r"(p) : "memory");
}

static bool step_file(char **w)
{
	const char *what = w[0];
	int rc = 0;

	if (strcmp(what, "mkdir") == 0)
		as_make_path(w[1], true);
	else if (strcmp(what, "write") == 0)
		put(w[1], w[2], O_TRUNC);
	else if (strcmp(what, "append") == 0)
		put(w[1], w[2], O_APPEND);
	else if (strcmp(what, "touch") == 0)
		put(w[1], "", 0);
	else if (strcmp(what, "read") == 0 || strcmp(what, "hold") == 0)
		look(w[1], what[0] == 'h');
	else if (strcmp(what, "unlink") == 0)
		rc = unlink(w[1]);
	else if (strcmp(what, "rename") == 0)
		rc = rename(w[1], w[2]);
	else if (strcmp(what, "symlink") == 0)
		rc = symlink(w[1], w[2]);
	else if (strcmp(what, "chmod") == 0)
		rc = chmod(w[1], (mode_t)strtoul(w[2], NULL, 8));
	else if (strcmp(what, "chdir") == 0)
		rc = chdir(w[1]);
	else if (strcmp(what, "await") == 0)
		await(w[1]);
	else
		return false;
	if (rc < 0)
		as_die(w[1]);
	return true;
}

static bool step_self(struct as *as, char **w)
{
	const char *what = w[0];
	char line[4096];

	if (strcmp(what, "truthfile") == 0) {
		as->truth = w[1];
	} else if (strcmp(what, "truth") == 0) {
		snprintf(line, sizeof(line), "%s\n", w[1]);
		put(as->truth, line, O_APPEND);
	} else if (strcmp(what, "env") == 0) {
		putenv(w[1]);
	} else if (strcmp(what, "unenv") == 0) {
		unsetenv(w[1]);
	} else if (strcmp(what, "hostname") == 0) {
		if (sethostname(w[1], strlen(w[1])) < 0)
			as_die("sethostname");
	} else if (strcmp(what, "sleep") == 0) {
		nap(as_number(w[1]));
	} else if (strcmp(what, "burn") == 0) {
		burn(as_number(w[1]));
	} else if (strcmp(what, "hog") == 0) {
		hog(as_number(w[1]));
	} else if (strcmp(what, "title") == 0 || strcmp(what, "argv") == 0) {
		set_title(as, w[1], what[0] == 't');
	} else if (strcmp(what, "comm") == 0) {
		prctl(PR_SET_NAME, w[1]);
	} else {
		return false;
	}
	return true;
}

/* The steps of the body belong to the child; its parent passes over them. */
static void fork_body(struct as *as, const char *name, long steps)
{
	pid_t pid = as->n_cast < AS_CAST_MAX ? fork() : -1;

	if (pid < 0)
		as_die("fork");
	if (pid == 0) {
		as->left = steps + 1;
		return;
	}
	as->cast[as->n_cast++] = (struct as_child){ .name = name, .pid = pid };
	as->skip = steps;
}

static bool step_others(struct as *as, char **w)
{
	const char *what = w[0];

	if (strcmp(what, "spawn") == 0) {
		as_spawn(as);
	} else if (strcmp(what, "fork") == 0) {
		fork_body(as, w[1], as_number(w[2]));
	} else if (strcmp(what, "exec") == 0) {
		as_exec(as);
	} else if (strcmp(what, "wait") == 0) {
		as_wait(as_find(as, w[1]));
	} else if (strcmp(what, "kill") == 0) {
		if (kill(as_find(as, w[1])->pid, (int)as_number(w[2])) < 0)
			as_die("kill");
	} else if (strcmp(what, "trap") == 0) {
		trapped_code = (sig_atomic_t)as_number(w[2]);
		signal((int)as_number(w[1]), on_signal);
	} else if (strcmp(what, "raise") == 0) {
		signal((int)as_number(w[1]), SIG_DFL);
		raise((int)as_number(w[1]));
	} else if (strcmp(what, "exit") == 0) {
		exit((int)as_number(w[1]));
	} else if (strcmp(what, "exitas") == 0) {
		exit(as_wait(as_find(as, w[1])));
	} else {
		return false;
	}
	return true;
}

static char *read_play(const char *program, size_t *ret_len)
{
	char path[4096], *text;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s.play", program);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !(text = calloc(1, (size_t)st.st_size + 1)))
		as_die(path);
	if (read(fd, text, (size_t)st.st_size) != st.st_size)
		as_die(path);
	close(fd);
	*ret_len = (size_t)st.st_size;
	return text;
}

/* One step from the play at *at: its words, expanded unless skipped, and a NULL. */
static void next_step(struct as *as, char **at, char *words[AS_WORDS_MAX + 1])
{
	long n = as_number(*at);

	*at += strlen(*at) + 1;
	if (n < 1 || n > AS_WORDS_MAX - 4) {
		errno = E2BIG;
		as_die("a step of the play");
	}
	memset(words, 0, sizeof(*words) * (AS_WORDS_MAX + 1));
	for (long i = 0; i < n; i++) {
		size_t len = strlen(*at) + 1;

		words[i] = as->skip ? *at : expand(as, *at);
		*at += len;
	}
	as->words = words;
	as->n_words = (unsigned)n;
}

int main(int argc, char **argv)
{
	const char *program = (const char *)getauxval(AT_EXECFN);
	static char *words[AS_WORDS_MAX + 1];
	char *play, *at;
	size_t len;

	play = read_play(program ? program : argv[0], &len);
	if (!play) {
		burn(2);
		return 0;
	}
	self.title = argv[0];
	self.title_len = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0]);
	make_room(&self);
	for (at = play; at < play + len;) {
		next_step(&self, &at, words);
		if (self.skip) {
			self.skip--;
		} else if (!step_file(words) && !step_self(&self, words) &&
			   !step_others(&self, words)) {
			errno = ENOSYS;
			as_die(words[0]);
		}
		if (self.left && --self.left == 0)
			return 0;
	}
	return 0;
}
