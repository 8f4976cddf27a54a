/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/stall.h"

#include <errno.h>
#include <string.h>

#include "src/base/human.h"
#include "src/model/stall.h"

/* As for bottlenecks: a quarter and a hundredth of the run (docs/tune.md). */
#define SHARE_WARNING 0.25
#define SHARE_NOTICE  0.01

static uint64_t end_of(const struct run_facts *f, const struct fact_stall *s)
{
	if (s->end_ns)
		return s->end_ns;
	return f->now_ns ? f->now_ns : f->run.end_ns ? f->run.end_ns : f->end_ns;
}

uint64_t stall_duration_ns(const struct run_facts *f, const struct fact_stall *s)
{
	uint64_t end = end_of(f, s);

	return end > s->since_ns ? end - s->since_ns : 0;
}

static const char *advice_of(unsigned wait, bool for_ever)
{
	if (for_ever)
		return "it would wait for ever: end it, and look who should have held the other "
		       "end (a program that failed or never started, or a copy of a descriptor "
		       "that was not closed)";
	switch (wait) {
	case WAIT_FIFO_OPEN:
		return "start what opens the other end, or end it";
	case WAIT_FILE:
		return "look at that file system: its server, its network, its FUSE process";
	case WAIT_KERNEL:
		return "look at the kernel's log (dmesg) for a hung device or file system";
	case WAIT_CONNECT:
	case WAIT_RECEIVE:
	case WAIT_SEND:
		return "look at the other side of the connection, and give the client a timeout";
	case WAIT_FILE_LOCK:
		return "end who holds the lock, or wait for it";
	case WAIT_STOPPED:
	case WAIT_FROZEN:
	case WAIT_TRACED:
		return "let it go on: kill -CONT, thaw its cgroup, or detach the debugger";
	case WAIT_FUTEX:
		return "threads that wait for each other: look at their stacks with a debugger";
	case WAIT_TERMINAL:
		return "give it its input, or close it: < /dev/null";
	default:
		return NULL;
	}
}

static enum severity severity_of(const struct fact_stall *s, double share)
{
	unsigned wait = wait_of_name(s->wait);

	if (s->wait && wait_is_chosen(wait))
		return SEVERITY_INFO;
	if (share >= SHARE_WARNING || s->for_ever)
		return SEVERITY_WARNING;
	return share >= SHARE_NOTICE ? SEVERITY_NOTICE : SEVERITY_INFO;
}

static const char *summary_of(const struct run_facts *f, const struct fact_stall *s,
			      const char *name, struct findings *all)
{
	char time[HUMAN_MAX];
	const char *who = s->task ? findings_text(all, "%s (pid %u)", name, s->pid)
				  : findings_text(all, "`%s` (pid %u)", name, s->pid);

	return findings_text(all, "%s %s no progress for %s%s", who,
			     !s->end_ns && f->now_ns ? "makes" : "made",
			     human_duration(time, stall_duration_ns(f, s)),
			     s->end_ns	 ? ""
			     : f->now_ns ? ", until now"
					 : ", to the end of the run");
}

static struct finding *find(struct findings *all, enum subject_kind kind, const char *name)
{
	for (unsigned i = 0; i < all->n; i++) {
		struct finding *one = &all->list[i];

		if (one->verdict == VERDICT_STALL && one->subject == kind &&
		    !strcmp(one->name, name))
			return one;
	}
	return NULL;
}

/* The longest of its kind speaks for the others. */
static void describe(const struct run_facts *f, const struct fact_stall *s, struct finding *one,
		     struct findings *all)
{
	one->pid = s->pid;
	one->summary = summary_of(f, s, one->name, all);
	one->cause = s->words ? findings_text(all, "it %s", s->words) : NULL;
	one->advice = s->wait ? advice_of(wait_of_name(s->wait), s->for_ever) : NULL;
	one->check =
		s->end_ns || !f->now_ns
			? NULL
			: findings_text(all, "cat /proc/%u/syscall /proc/%u/wchan", s->pid, s->pid);
	one->n_figures = 0;
	figure_ns(one, "longest_stall_ns", stall_duration_ns(f, s));
	figure_count(one, "processes", s->processes);
	figure_text(one, "waits_for", s->wait);
	figure_text(one, "state", s->end_ns ? "over" : f->now_ns ? "goes on" : "never over");
}

static void add(const struct run_facts *f, const struct fact_stall *s, struct findings *all)
{
	double wall = (double)(end_of(f, &(struct fact_stall){ 0 }) - f->start_ns);
	uint64_t lasted = stall_duration_ns(f, s);
	bool run = !strcmp(s->unit, "run");
	enum subject_kind kind = s->task ? SUBJECT_TASK : run ? SUBJECT_RUN : SUBJECT_PROCESS;
	const char *name = s->task ? s->task : s->process ? s->process->name : "command";
	struct finding *one = find(all, kind, name);
	enum severity severity;

	if (one) {
		one->samples++;
		one->explained_ns += lasted;
	} else {
		one = findings_add(all, VERDICT_STALL, kind, name);
		if (!one)
			return;
		one->class = FINDING_BOTTLENECK;
		one->confidence = s->words ? 95 : 60;
		one->explained_ns = lasted;
	}
	if (!one->summary || lasted > one->figures[0].number)
		describe(f, s, one, all);
	one->share = wall > 0 ? (double)one->explained_ns / wall : 0;
	one->share = one->share > 1 ? 1 : one->share;
	severity = severity_of(s, one->share);
	one->severity = severity > one->severity ? severity : one->severity;
}

int stalls_find(const struct run_facts *f, struct findings *ret)
{
	for (size_t i = 0; i < f->n_stalls; i++)
		add(f, &f->stalls[i], ret);
	return ret->failed ? -ENOMEM : 0;
}
