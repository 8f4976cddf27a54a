/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/failure.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/oom.h"
#include "src/base/cleanup.h"
#include "src/base/human.h"

#define JUST_BEFORE_NS 1000000000ULL /* a file that was missed just before the end */
#define AT_ONCE_NS     100000000ULL  /* ... and the program did nothing else after it */
#define TICKS_ERROR_NS 50000000ULL   /* a second counted in ticks, by what is exact */
#define DEPTH_MAX      64
#define TOLD_MAX       16
#define FAILED_MAX     64 /* failed tasks that are told one by one */

static bool is_crash(int signal)
{
	return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE ||
	       signal == SIGABRT || signal == SIGSYS || signal == SIGTRAP;
}

/* Exit codes of these are answers. */
static bool is_question(const struct fact_process *p)
{
	static const char *const names[] = { "grep", "egrep", "fgrep", "test",	"[",
					     "diff", "cmp",   "which", "pgrep", "expr" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (p->exit_code == 1 && p->name && !strcmp(p->name, names[i]))
			return true;
	return false;
}

static bool ended_alike(const struct fact_process *p, const struct fact_process *child)
{
	if (child->signal)
		return p->exit_code == 128 + child->signal || p->signal == child->signal;
	return p->exit_code == child->exit_code;
}

static const struct fact_process *failed_child(const struct fact_process *p)
{
	const struct fact_process *alike = NULL, *first = NULL;

	for (const struct fact_process *c = p->child; c; c = c->next) {
		if (!c->failed || c->end_ns < p->exec_ns || c->end_ns > p->end_ns)
			continue;
		if (c->signal == SIGPIPE && !ended_alike(p, c))
			continue;
		if (ended_alike(p, c)) {
			if (!alike || c->end_ns > alike->end_ns)
				alike = c;
		} else if (!is_question(c) && (!first || c->end_ns < first->end_ns)) {
			first = c;
		}
	}
	return alike ? alike : first;
}

const struct fact_process *failure_origin(const struct fact_process *from)
{
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		const struct fact_process *child = failed_child(from);

		if (!child)
			break;
		from = child;
	}
	return from;
}

/* Where programs look for their own parts, one place after the other. */
static bool is_search(const char *path)
{
	static const char *const places[] = { "/usr/", "/lib",	"/etc/",  "/proc/", "/sys/",
					      "/dev/", "/opt/", "/snap/", "/nix/" };
	static const char *const parts[] = {
		"/lib/python", "/site-packages/", "/LC_MESSAGES/", "/__pycache__",
		"/.",	       "pyvenv.cfg"
	};

	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!strncmp(path, places[i], strlen(places[i])))
			return true;
	if (!strncmp(name, "lib", 3) && (strstr(name, ".so") || strstr(name, ".a")))
		return true; /* found in the end, where nobody notes it */
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strstr(path, parts[i]))
			return true;
	return false;
}

static bool is_full(int error)
{
	return error == ENOSPC || error == EDQUOT;
}

static enum verdict verdict_of_error(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return VERDICT_DISK_FULL;
	case EACCES:
	case EPERM:
	case EROFS:
		return VERDICT_PERMISSION;
	case ENOENT:
	case ENOTDIR:
		return VERDICT_MISSING_FILE;
	default:
		return VERDICT_EXIT;
	}
}

static const struct fact_file *telling_file(const struct run_facts *f, const struct fact_process *p)
{
	const struct fact_file *last = NULL;

	for (size_t i = 0; i < f->n_files; i++) {
		const struct fact_file *file = &f->files[i];

		if (file->process != p)
			continue;
		if (is_full(file->error))
			return file;
		if (file->time_ns + JUST_BEFORE_NS < p->end_ns || is_search(file->path) ||
		    file->found_elsewhere || verdict_of_error(file->error) == VERDICT_EXIT)
			continue;
		if (!last || file->time_ns > last->time_ns)
			last = file;
	}
	return last;
}

static const struct fact_event *deadly_signal(const struct run_facts *f,
					      const struct fact_process *p)
{
	const struct fact_event *last = NULL;

	for (size_t i = 0; i < f->n_events; i++)
		if (f->events[i].kind == FACT_SIGNAL && f->events[i].process == p &&
		    (!p->signal || f->events[i].signal == p->signal))
			last = &f->events[i];
	return last;
}

static const char *sender_words(const struct run_facts *f, struct findings *all,
				const struct fact_event *e)
{
	char name[HUMAN_MAX];

	if (!e)
		return NULL;
	if (!e->sender_pid)
		return findings_text(all, "%s came from the kernel", human_signal(name, e->signal));
	if (e->process && e->sender_pid == e->process->pid)
		return findings_text(all, "it sent %s to itself", human_signal(name, e->signal));
	return findings_text(all, "%s came from %s (pid %u), %s", human_signal(name, e->signal),
			     e->comm ? e->comm : "a process", e->sender_pid,
			     run_facts_find_pid(f, e->sender_pid) ? "a process of this run"
								  : "outside of this run");
}

/* A program that cleans up first sends the signal to itself again: its first sender is
 * not recorded, but timeout(1) above it says that it was its own doing. */
static bool below_timeout(const struct fact_process *p)
{
	for (int depth = 0; (p = p->up) && depth < DEPTH_MAX; depth++)
		if (p->exit_code == 124 && !strcmp(p->name, "timeout"))
			return true;
	return false;
}

static bool from_timeout(const struct fact_event *e)
{
	return e && e->comm && !strcmp(e->comm, "timeout");
}

/* RLIMIT_CPU counts seconds and is looked at each tick. */
static bool used_whole_seconds(const struct fact_process *p)
{
	uint64_t cpu = p->ledger.state_ns[LEDGER_CPU] + TICKS_ERROR_NS;

	return cpu >= 1000000000 && cpu % 1000000000 < 2 * TICKS_ERROR_NS;
}

static enum verdict verdict_of_signal(const struct run_facts *f, const struct fact_process *p,
				      struct findings *all, const char **ret_cause)
{
	const struct fact_event *e = deadly_signal(f, p);

	*ret_cause = sender_words(f, all, e);
	if (from_timeout(e))
		return VERDICT_TIMEOUT;
	if ((!e || e->sender_pid == p->pid) && p->signal == SIGTERM && below_timeout(p)) {
		*ret_cause = "timeout(1) ended its command";
		return VERDICT_TIMEOUT;
	}
	if (p->signal == SIGXCPU) {
		*ret_cause = "it used up its limit of CPU time (ulimit -t)";
		return VERDICT_TIMEOUT;
	}
	if (p->signal == SIGKILL && e && !e->sender_pid && used_whole_seconds(p)) {
		*ret_cause = "the kernel killed it after a whole number of seconds of CPU: a limit "
			     "of CPU time (ulimit -t)";
		return VERDICT_TIMEOUT;
	}
	return is_crash(p->signal) ? VERDICT_CRASH : VERDICT_KILLED;
}

static enum verdict verdict_of_code(const struct fact_process *p, struct findings *all,
				    const char **ret_cause)
{
	char name[HUMAN_MAX];

	if (p->exit_code == 124 && p->name && !strcmp(p->name, "timeout")) {
		*ret_cause = "timeout(1) ended its command";
		return VERDICT_TIMEOUT;
	}
	if (p->exit_code == 127) {
		*ret_cause = "a command, or a shared library of it, was not found; of bash -c "
			     "also: a variable was not set";
		return VERDICT_MISSING_FILE;
	}
	if (p->exit_code == 126) {
		*ret_cause = "the shell was not allowed to run a command";
		return VERDICT_PERMISSION;
	}
	if (p->exit_code > 128 && p->exit_code <= 128 + 64) {
		*ret_cause =
			findings_text(all, "its code says: a process below it was killed by %s",
				      human_signal(name, p->exit_code - 128));
		return VERDICT_KILLED;
	}
	return VERDICT_EXIT;
}

enum verdict failure_verdict(const struct run_facts *f, const struct fact_process *p,
			     struct findings *all, const char **ret_cause)
{
	const struct fact_file *file;
	enum verdict verdict;

	*ret_cause = NULL;
	if (p->oom_killed)
		return VERDICT_OOM;
	file = telling_file(f, p);
	if (file && is_full(file->error)) {
		*ret_cause = findings_text(all, "no space left for %s", file->path);
		return VERDICT_DISK_FULL;
	}
	if (p->signal)
		return verdict_of_signal(f, p, all, ret_cause);
	verdict = verdict_of_code(p, all, ret_cause);
	if (!file || (verdict != VERDICT_EXIT && verdict != verdict_of_error(file->error)))
		return verdict;
	*ret_cause = findings_text(
		all, "%s: %s, %s before its end", file->path, strerrordesc_np(file->error),
		human_duration((char[HUMAN_MAX]){ 0 },
			       p->end_ns > file->time_ns ? p->end_ns - file->time_ns : 0));
	return verdict_of_error(file->error);
}

const char *ending_words(struct findings *all, const struct fact_process *p)
{
	char name[HUMAN_MAX];

	if (p->oom_killed)
		return "was killed for want of memory";
	if (p->signal)
		return findings_text(all, "was killed by %s", human_signal(name, p->signal));
	if (p->exit_code < 0)
		return "ended in a way that was not seen";
	return p->exit_code ? findings_text(all, "ended with exit code %d", p->exit_code)
			    : "ended well";
}

/* Ctrl-C, or a signal that was sent to tracer, which hands it on. A signal from anybody
 * else is somebody's doing. */
static bool was_cancelled(const struct run_facts *f, const struct fact_process *p)
{
	const struct fact_event *e = deadly_signal(f, p);

	if (f->run.status != RUN_CANCELLED)
		return false;
	return !e || e->signal == SIGINT || (e->comm && !strncmp(e->comm, "tracer", 6));
}

static const char *advice_of(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_DISK_FULL:
		return "make room, or write elsewhere";
	case VERDICT_MISSING_FILE:
		return "see that it is there when the task starts, and that its name is right";
	case VERDICT_PERMISSION:
		return "see its owner and mode, and who runs the task";
	case VERDICT_TIMEOUT:
		return "allow it more time, if it advanced; else see what it waited for";
	case VERDICT_CRASH:
		return "a fault of the program or of its input; a core dump shows where";
	default:
		return NULL;
	}
}

static bool is_same_work(const struct fact_task *a, const struct fact_task *b)
{
	if (strcmp(a->name, b->name) != 0)
		return false;
	if (a->root && b->root && a->root->command && a->root->command == b->root->command)
		return true;
	return a->detail && b->detail && !strcmp(a->detail, b->detail);
}

/* A later attempt did it: what that cost is told as a retry. */
static bool was_repeated(const struct run_facts *f, const struct fact_task *failed)
{
	for (size_t i = 0; i < f->n_tasks; i++)
		if (f->tasks[i].start_ns >= failed->end_ns &&
		    f->tasks[i].status == TASK_STATUS_SUCCEEDED &&
		    is_same_work(&f->tasks[i], failed))
			return true;
	return false;
}

static enum severity severity_of(const struct run_facts *f, const struct fact_task *task,
				 enum verdict verdict)
{
	if (verdict == VERDICT_CANCELLED)
		return SEVERITY_NOTICE;
	if (task && was_repeated(f, task))
		return SEVERITY_INFO;
	return task && f->run.status == RUN_SUCCEEDED ? SEVERITY_WARNING : SEVERITY_CRITICAL;
}

/* What was missed at once before the end is why; the longer before, the less sure. */
static unsigned confidence_in(const struct run_facts *f, const struct fact_process *p,
			      enum verdict verdict)
{
	const struct fact_file *file;

	if (verdict != VERDICT_MISSING_FILE && verdict != VERDICT_PERMISSION)
		return 95;
	file = telling_file(f, p);
	if (!file)
		return 65; /* its exit code alone */
	return file->time_ns + AT_ONCE_NS >= p->end_ns ? 80 : 60;
}

static void add_failure(const struct run_facts *f, struct findings *all,
			const struct fact_task *task, const struct fact_process *from)
{
	const struct fact_process *p = failure_origin(from);
	enum verdict verdict;
	struct finding *one;
	const char *cause;

	verdict = failure_verdict(f, p, all, &cause);
	if (verdict == VERDICT_OOM && oom_is_told(all))
		return;
	if (!task && (verdict == VERDICT_KILLED || verdict == VERDICT_EXIT) && was_cancelled(f, p))
		verdict = VERDICT_CANCELLED;
	one = findings_add(all, verdict, task ? SUBJECT_TASK : SUBJECT_RUN,
			   task ? task->name : p->name);
	if (!one)
		return;
	one->severity = severity_of(f, task, verdict);
	one->class = FINDING_FAILURE;
	one->pid = p->pid;
	one->confidence = confidence_in(f, p, verdict);
	one->cause = cause;
	one->advice = advice_of(verdict);
	if (task && !p->failed && !p->alive) {
		one->cause = "no process of it says so: its engine does (an output that is "
			     "missing or empty, a check, a limit)";
		one->advice = "see the engine's log of this task, and that it made all its outputs";
	}
	if (verdict == VERDICT_OOM) /* no record of the kernel's: its mark alone */
		one->cause =
			findings_text(all, "whose limit it was is not recorded; it had grown to %s",
				      human_bytes((char[HUMAN_MAX]){ 0 }, p->peak_rss_bytes));
	one->summary =
		task && !p->failed && !p->alive
			? findings_text(all,
					"%s failed, as its engine says; %s (pid %u) ended well",
					task->name, p->name, p->pid)
			: findings_text(all, "%s%s%s (pid %u) %s", task ? task->name : "",
					task ? ": " : "", p->name, p->pid, ending_words(all, p));
	if (p->exit_code >= 0)
		figure_count(one, "exit_code", (uint64_t)p->exit_code);
	if (p->signal)
		figure_count(one, "signal", (uint64_t)p->signal);
	figure_ns(one, "wall_ns", p->end_ns - p->start_ns);
	figure_bytes(one, "peak_rss_bytes", p->peak_rss_bytes);
	if (task)
		figure_text(one, "which", task->detail);
	one->check = findings_text(all, "tracer why %u", p->pid);
}

static int compare_end(const void *first, const void *second)
{
	const struct fact_task *const *a = first, *const *b = second;

	return ((*a)->end_ns > (*b)->end_ns) - ((*a)->end_ns < (*b)->end_ns);
}

static const struct fact_process *root_of(const struct fact_task *t)
{
	return t->root ? t->root : t->n_processes ? t->processes[0] : NULL;
}

static int failed_tasks(const struct run_facts *f, struct findings *all, unsigned *ret_n)
{
	_cleanup_free_ const struct fact_task **failed =
		calloc(f->n_tasks + 1, sizeof(struct fact_task *));
	size_t n = 0;

	if (!failed)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_tasks; i++) {
		const struct fact_task *t = &f->tasks[i];

		if (!t->outer && root_of(t) &&
		    (t->status == TASK_STATUS_FAILED || t->status == TASK_STATUS_OOM))
			failed[n++] = t;
	}
	qsort(failed, n, sizeof(*failed), compare_end);
	for (size_t i = 0; i < n && i < FAILED_MAX; i++)
		add_failure(f, all, failed[i], root_of(failed[i]));
	*ret_n = (unsigned)n;
	return 0;
}

/* A write for which there was no room matters, whatever the program made of it. */
static void full_disks(const struct run_facts *f, struct findings *all)
{
	for (unsigned i = 0; i < all->n; i++)
		if (all->list[i].verdict == VERDICT_DISK_FULL)
			return;
	for (size_t i = 0; i < f->n_files; i++) {
		const struct fact_file *file = &f->files[i];
		struct finding *one;

		if (!is_full(file->error) || !file->process)
			continue;
		one = findings_add(all, VERDICT_DISK_FULL, SUBJECT_PROCESS, file->process->name);
		if (!one)
			return;
		one->severity =
			f->run.status == RUN_SUCCEEDED ? SEVERITY_WARNING : SEVERITY_CRITICAL;
		one->class = FINDING_FAILURE;
		one->confidence = 95;
		one->pid = file->process->pid;
		one->summary = findings_text(all, "%s (pid %u) found no space left for %s",
					     file->process->name, file->process->pid, file->path);
		one->advice = advice_of(VERDICT_DISK_FULL);
		one->check = findings_text(all, "tracer why %u", file->process->pid);
		return;
	}
}

/* The run went on, but not all of it was meant to end so. */
static void killed_on_the_way(const struct run_facts *f, struct findings *all)
{
	unsigned told = 0;

	for (size_t i = 0; i < f->n_events; i++) {
		const struct fact_event *e = &f->events[i];
		bool timed_out = from_timeout(e);
		struct finding *one;

		if (e->kind != FACT_SIGNAL || !e->process || !e->process->signal ||
		    e->process->signal != e->signal || e->process->oom_killed || !e->sender_pid ||
		    (!timed_out && run_facts_find_pid(f, e->sender_pid)))
			continue;
		if (told++ == TOLD_MAX)
			return;
		one = findings_add(all, timed_out ? VERDICT_TIMEOUT : VERDICT_KILLED,
				   SUBJECT_PROCESS, e->process->name);
		if (!one)
			return;
		one->severity = SEVERITY_WARNING;
		one->class = FINDING_FAILURE;
		one->confidence = 95;
		one->pid = e->process->pid;
		one->summary =
			findings_text(all, "%s (pid %u) %s; the run went on", e->process->name,
				      e->process->pid, ending_words(all, e->process));
		one->cause = sender_words(f, all, e);
		one->advice = advice_of(one->verdict);
		one->check = findings_text(all, "tracer why %u", e->process->pid);
	}
}

static const struct fact_process *root_process(const struct run_facts *f)
{
	for (size_t i = 0; i < f->n_processes; i++)
		if (!f->processes[i].up)
			return &f->processes[i];
	return NULL;
}

int failures_explain(const struct run_facts *f, struct findings *all)
{
	const struct fact_process *root = root_process(f);
	unsigned n = 0;
	int r;

	oom_find(f, all);
	r = failed_tasks(f, all, &n);
	if (r < 0)
		return r;
	if (!n && root &&
	    (f->run.status == RUN_FAILED || f->run.status == RUN_CANCELLED || f->run.signal))
		add_failure(f, all, NULL, root);
	else if (!n && !root && f->run.status == RUN_FAILED)
		findings_add(all, VERDICT_EXIT, SUBJECT_RUN, "command");
	full_disks(f, all);
	if (f->run.status == RUN_SUCCEEDED)
		killed_on_the_way(f, all);
	return all->failed ? -ENOMEM : 0;
}
