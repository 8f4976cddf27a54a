/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/structure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/unit_size.h"
#include "src/base/cleanup.h"
#include "src/base/human.h"

#define LIKE_MIN	   3   /* of one kind, before one of them can be the odd one */
#define STRAGGLER_RATIO	   2.0 /* times the median: beyond the noise of one machine */
#define NEXT_RATIO	   1.5 /* times the next: a queue ends with one last, too */
#define TAIL_MIN_NS	   5e8 /* as for any wait: nobody acts on less */
#define TAIL_NOTICE_SHARE  0.10
#define TAIL_WARNING_SHARE 0.25
#define LOOKED_AT	   8
#define SERIAL_SHARE	   0.5
#define SERIAL_MIN_NS	   5e8
/* Processes of one tool that compute side by side for so long are no accident. */
#define PARALLEL_SHARE	    0.05
#define PARALLEL_MIN_NS	    1e8
#define THREADED_CORES_MIN  1.15 /* its other threads did work at times ... */
#define THREADED_EFFICIENCY 0.7	 /* ... but most of the time they did not */
#define ONE_CORE	    1.2
#define UNUSED_SHARE	    0.5
#define REQUEST_MIN_NS	    1e9

struct span {
	uint64_t start, end;
	const char *name, *detail;
	const struct fact_process *process;
	const struct fact_task *task;
};

static int compare_length(const void *first, const void *second)
{
	const struct span *a = first, *b = second;
	uint64_t x = a->end - a->start, y = b->end - b->start;

	return (x > y) - (x < y);
}

/* Sorts the spans; the last one is the longest. Returns the time in which it ran after
 * all the others had ended, 0: it is no straggler. */
static double tail_of(struct span *spans, size_t n, double *ret_median)
{
	const struct span *longest = &spans[n - 1];
	uint64_t others = 0;
	double length;

	qsort(spans, n, sizeof(*spans), compare_length);
	*ret_median = (double)(spans[(n - 1) / 2].end - spans[(n - 1) / 2].start);
	length = (double)(longest->end - longest->start);
	for (size_t i = 0; i + 1 < n; i++)
		others = spans[i].end > others ? spans[i].end : others;
	if (n < LIKE_MIN || length < STRAGGLER_RATIO * *ret_median ||
	    length < NEXT_RATIO * (double)(spans[n - 2].end - spans[n - 2].start) ||
	    longest->start >= others || longest->end <= others)
		return 0;
	return (double)(longest->end - others);
}

static void explain_straggler(const struct run_facts *f, struct findings *all, struct finding *one,
			      const struct span *s)
{
	struct explained e = { 0 };
	struct fact_process *process = run_facts_find(f, s->process ? s->process->id : 0);
	unsigned largest = 0;
	uint64_t span[2] = { s->start, s->end };

	if (s->task)
		explain_add(&e, s->task->processes, s->task->n_processes, span, f->run.cpus);
	else if (process)
		explain_add(&e, &process, 1, span, f->run.cpus);
	for (unsigned i = 0; i < EXPLAIN_PARTS; i++)
		largest = e.ns[i] > e.ns[largest] ? i : largest;
	one->cause = findings_text(all, "it %s for %s", verdict_words(verdict_of_part(largest)),
				   share_text(all, e.ns[largest], e.total_ns));
}

static bool straggler(const struct run_facts *f, struct findings *all, const struct unit *u,
		      struct span *spans, size_t n)
{
	double median, wall = (double)(f->end_ns - f->start_ns), tail = tail_of(spans, n, &median);
	const struct span *s = &spans[n - 1];
	char a[HUMAN_MAX], b[HUMAN_MAX], c[HUMAN_MAX];
	struct finding *one;

	if (tail < TAIL_MIN_NS || tail < TAIL_NOTICE_SHARE * wall)
		return false;
	one = findings_add(all, VERDICT_STRAGGLER, u->kind, s->name);
	if (!one)
		return false;
	one->severity = tail >= TAIL_WARNING_SHARE * wall ? SEVERITY_WARNING : SEVERITY_NOTICE;
	one->class = FINDING_STRUCTURE;
	one->share = tail / wall;
	one->explained_ns = one->saving_ns = (uint64_t)tail;
	one->samples = (unsigned)n;
	one->confidence = n >= 5 ? 85 : 70;
	one->pid = s->process ? s->process->pid : 0;
	one->summary = findings_text(
		all, "%s%s%s took %s, the median of %zu is %s; for %s the others had ended",
		s->name, s->detail ? " " : "", s->detail ? s->detail : "",
		human_duration(a, s->end - s->start), n, human_duration(b, (uint64_t)median),
		human_duration(c, (uint64_t)tail));
	figure_ns(one, "wall_ns", s->end - s->start);
	figure_ns(one, "median_ns", (uint64_t)median);
	figure_ns(one, "alone_ns", (uint64_t)tail);
	figure_count(one, "like_it", n);
	figure_text(one, "which", s->detail);
	explain_straggler(f, all, one, s);
	one->advice = "split its input, start it first, or look why it is slow";
	one->check = one->pid ? findings_text(all, "tracer why %u", one->pid)
			      : findings_text(all, "tracer tasks --sort wall_ns");
	return true;
}

static int stragglers_of_tasks(const struct run_facts *f, struct findings *all,
			       const struct unit *u)
{
	_cleanup_free_ struct span *spans = calloc(u->n + 1, sizeof(*spans));

	if (!spans)
		return -ENOMEM;
	for (unsigned i = 0; i < u->n; i++) {
		const struct fact_task *t = u->tasks[i];

		spans[i] = (struct span){ t->start_ns, t->end_ns, t->name, t->detail, t->root, t };
	}
	straggler(f, all, u, spans, u->n);
	return 0;
}

/* A pool's workers live as long as their pool: what they did counts, not how long. */
static uint64_t end_of_work(const struct fact_process *p)
{
	uint64_t work = 0;

	for (unsigned i = 0; i < LEDGER_STATES; i++)
		if (i != LEDGER_LOCK && i != LEDGER_PIPE && i != LEDGER_POLL)
			work += p->ledger.state_ns[i];
	return p->start_ns + (p->threads_peak > 1 ? p->end_ns - p->start_ns : work);
}

/* The parent of most of them, as far as the first few tell. */
static const struct fact_process *common_parent(const struct unit *u)
{
	const struct fact_process *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < u->n_processes && i < LOOKED_AT; i++) {
		const struct fact_process *up = u->processes[i]->up;
		size_t n = 0;

		for (size_t j = i; up && up != best && j < u->n_processes; j++)
			n += u->processes[j]->up == up;
		if (n > most) {
			most = n;
			best = up;
		}
	}
	return best;
}

/* Without tasks: processes of one tool and one parent. */
static int stragglers_of_tool(const struct run_facts *f, struct findings *all, const struct unit *u)
{
	_cleanup_free_ struct span *spans = calloc(u->n_processes + 1, sizeof(*spans));
	const struct fact_process *up = common_parent(u);
	size_t n = 0;

	if (!spans)
		return -ENOMEM;
	for (size_t i = 0; i < u->n_processes && up; i++) {
		const struct fact_process *p = u->processes[i];

		if (p->up == up && !p->alive)
			spans[n++] =
				(struct span){ p->start_ns, p->end_ns, u->name, NULL, p, NULL };
	}
	if (n < LIKE_MIN)
		return 0;
	if (straggler(f, all, u, spans, n))
		return 0;
	for (size_t i = 0; i < n; i++)
		spans[i].end = end_of_work(spans[i].process);
	straggler(f, all, u, spans, n);
	return 0;
}

static void serial_finding(const struct run_facts *f, struct findings *all, const struct unit *run,
			   double serial_ns, const char *cause)
{
	double wall = run->explained.total_ns;
	struct finding *one = findings_add(all, VERDICT_SERIAL, SUBJECT_RUN, unit_name(f, run));

	if (!one)
		return;
	one->severity = SEVERITY_WARNING;
	one->class = FINDING_STRUCTURE;
	one->share = serial_ns / wall;
	one->explained_ns = (uint64_t)serial_ns;
	one->saving_ns = (uint64_t)(serial_ns * (1 - 1.0 / f->run.cpus));
	one->confidence = confidence_of(wall, 1, one->share);
	one->summary = findings_text(all, "%s ran on one core at a time for %s", one->name,
				     share_text(all, serial_ns, wall));
	one->cause = cause;
	figure_ns(one, "wall_ns", (uint64_t)wall);
	figure_ns(one, "serial_ns", (uint64_t)serial_ns);
	figure_ns(one, "parallel_ns", (uint64_t)run->explained.parallel_ns);
	figure_ratio(one, "cores_wanted", run->explained.cores_ns / wall);
	one->advice =
		"no number of cores speeds this part up: divide its work, or ask for fewer cores";
	one->check = "tracer export --format trace";
}

static bool is_parallel_tool(const struct unit *u, const struct unit *run)
{
	return u->kind == SUBJECT_TOOL && u->n > 1 &&
	       u->explained.parallel_ns >= PARALLEL_SHARE * run->explained.total_ns &&
	       u->explained.parallel_ns >= PARALLEL_MIN_NS;
}

/* A long process whose threads worked side by side for a part of its life only. */
static void serial_threads(const struct run_facts *f, struct findings *all, const struct unit *run)
{
	for (size_t i = 0; i < f->n_processes; i++) {
		const struct fact_process *p = &f->processes[i];
		bool later = p->exec_ns > p->start_ns && p->exec_ns < p->end_ns;
		uint64_t start = later ? p->exec_ns : p->start_ns;
		double life = (double)(p->end_ns - start), most, cores, serial;
		struct profile profile;

		profile_make(&profile, p, f->run.cpus);
		if (profile.contended) /* its locks say why */
			continue;
		if (profile.share[LEDGER_RUNQ] > profile.share[LEDGER_CPU] / 2)
			continue; /* how many would have run, nobody knows */
		if (p->threads_peak < 2 || life < SERIAL_SHARE * run->explained.total_ns)
			continue;
		most = p->threads_peak < f->run.cpus ? p->threads_peak : f->run.cpus;
		cores = (double)(p->ledger.state_ns[LEDGER_CPU] + p->ledger.state_ns[LEDGER_RUNQ]) /
			life;
		if (cores < THREADED_CORES_MIN || cores > THREADED_EFFICIENCY * most)
			continue;
		serial = life * (most - cores) / (most - 1); /* Amdahl: one core, or all of them */
		if (serial >= SERIAL_MIN_NS && serial >= SERIAL_SHARE * run->explained.total_ns) {
			serial_finding(f, all, run, serial,
				       findings_text(all,
						     "%s (pid %u) used %.1f of %.0f cores: its "
						     "threads worked side by side in a part of "
						     "its life",
						     p->name, p->pid, cores, most));
			return;
		}
	}
}

static void serial(const struct run_facts *f, struct findings *all, const struct units *units)
{
	const struct unit *run = &units->list[0];
	const struct explained *e = &run->explained;
	unsigned before = all->n;

	if (f->run.cpus < 2)
		return;
	if (e->serial_ns >= SERIAL_MIN_NS && e->serial_ns >= SERIAL_SHARE * e->total_ns)
		for (unsigned i = 1; i < units->n && all->n == before; i++)
			if (is_parallel_tool(&units->list[i], run))
				serial_finding(f, all, run, e->serial_ns,
					       findings_text(all,
							     "%s ran in parallel at other times",
							     units->list[i].name));
	if (all->n == before)
		serial_threads(f, all, run);
}

/* "(...)": what a number rests on; the size from all runs may be another one. */
static const char *rests_on(struct findings *all, const struct size_advice *a)
{
	if (!a->known)
		return findings_text(all,
				     "a size needs %d tasks, there are %zu: see `tracer tune "
				     "--sizes`",
				     SIZER_FEW, a->samples);
	return findings_text(all,
			     "from %zu tasks of this run; `tracer tune --sizes` learns from "
			     "all runs",
			     a->samples);
}

static void unused_cpus(struct findings *all, const struct unit *u, const struct size_advice *a)
{
	double busy = u->explained.total_ns - u->explained.ns[EXPLAIN_IDLE], used;
	unsigned asked = 0, enough;
	bool one_core;
	struct finding *one;

	for (unsigned i = 0; i < u->n; i++)
		asked = u->tasks[i]->requested_cpus > asked ? u->tasks[i]->requested_cpus : asked;
	if (asked < 2 || busy < REQUEST_MIN_NS)
		return;
	used = u->explained.cores_ns / busy;
	one_core = used >= 0.5 && used <= ONE_CORE;
	enough = a->cpus ? a->cpus : used <= ONE_CORE ? 1 : (unsigned)(used + 1);
	if ((!one_core && used >= UNUSED_SHARE * asked) || enough >= asked)
		return;
	one = findings_add(all, one_core ? VERDICT_SINGLE_THREADED : VERDICT_CPUS_OVER, u->kind,
			   u->name);
	if (!one)
		return;
	one->severity = SEVERITY_WARNING;
	one->class = FINDING_SIZE;
	one->samples = u->n;
	one->confidence = confidence_of(busy, u->n, 0.5);
	one->share = 1 - used / asked;
	one->summary =
		findings_text(all, "%s asked for %u cores and used %.1f", u->name, asked, used);
	one->cause = one_core ? "one thread did all the work" : NULL;
	one->advice = findings_text(all, "ask for %u", enough);
	figure_count(one, "requested_cpus", asked);
	figure_ratio(one, "cores_used", used);
	figure_ns(one, "wall_ns", (uint64_t)u->explained.total_ns);
	if (a->cpus && a->asked_cpus)
		figure_ratio(one, "saving_core_h_per_run", a->saving_core_s / 3600);
	one->check = findings_text(all, "tracer tasks --columns name,requested.cpus,cores_ratio");
}

static void unused_memory(struct findings *all, const struct unit *u, const struct size_advice *a)
{
	uint64_t asked = a->asked_bytes, used = a->peak_bytes;
	char asked_text[HUMAN_MAX], used_text[HUMAN_MAX], size[HUMAN_MAX] = "less";
	struct finding *one;

	if ((a->killed && !a->known) || !size_is_waste(asked, used, a->seconds) ||
	    (a->known && a->size.bytes >= (double)asked))
		return;
	one = findings_add(all, VERDICT_MEMORY_OVER, u->kind, u->name);
	if (!one)
		return;
	one->severity = SEVERITY_WARNING;
	one->class = FINDING_SIZE;
	one->share = 1 - (double)used / (double)asked;
	one->samples = u->n;
	one->confidence = confidence_of(u->explained.total_ns, u->n, 0);
	one->summary = findings_text(
		all, "%s asked for %s of memory and its processes used at most %s", u->name,
		human_bytes(asked_text, asked), human_bytes(used_text, used));
	if (a->known)
		human_bytes(size, size_advice_mib(a) << 20);
	one->advice = findings_text(
		all, "ask for %s%s (%s); mind page cache and tmpfs, which are not in this figure",
		size, size_saving_text(all, a), rests_on(all, a));
	figure_bytes(one, "requested_memory_bytes", asked);
	figure_bytes(one, "used_at_most_bytes", used);
	if (a->known) {
		figure_bytes(one, "memory_bytes", size_advice_mib(a) << 20);
		figure_ratio(one, "failure_share_upper_ratio", a->risk.failure_share_upper);
		figure_ratio(one, "saving_gb_h_per_run", a->saving_byte_s / GB_H);
	}
	one->check = "tracer tasks --columns name,requested.memory_bytes,peak_rss_bytes";
}

static int unused(const struct run_facts *f, struct findings *all, const struct unit *u)
{
	struct size_advice a = { 0 };
	int r = unit_size(f, u, &a);

	if (r < 0 && r != -ENOENT)
		return r;
	unused_cpus(all, u, &a);
	if (r == 0)
		unused_memory(all, u, &a);
	return 0;
}

/* A parent that never blocks in wait(), outlives a child by long and has no other. */
static void zombies(const struct run_facts *f, struct findings *all)
{
	for (size_t i = 0; i < f->n_processes; i++) {
		const struct fact_process *p = &f->processes[i], *c = p->child;
		double life = (double)(p->end_ns - p->start_ns), after;
		char text[HUMAN_MAX];
		struct finding *one;

		if (!c || p->ledger.state_ns[LEDGER_CHILD] || p->last->end_ns >= p->end_ns)
			continue;
		after = (double)(p->end_ns - p->last->end_ns);
		if (after < 1e9 || after < life / 2)
			continue;
		one = findings_add(all, VERDICT_ZOMBIE, SUBJECT_PROCESS, p->name);
		if (!one)
			return;
		one->pid = p->pid;
		one->class = FINDING_STRUCTURE;
		one->confidence = 40;
		one->summary =
			findings_text(all,
				      "%s (pid %u) never waited for its children; the last one had "
				      "ended %s before "
				      "it did",
				      p->name, p->pid, human_duration(text, (uint64_t)after));
		one->cause = "a child that nobody waits for stays a zombie; one that was asked for "
			     "without waiting looks the same";
		figure_ns(one, "after_ns", (uint64_t)after);
		one->check = "ps -o pid,stat,ppid while it runs";
		return;
	}
}

int structure_find(const struct run_facts *f, const struct units *units, struct findings *ret)
{
	bool tasks = units->n > 1 && units->list[1].kind == SUBJECT_TASK;
	unsigned before = ret->n;
	int r = 0;

	if (run_facts_missing(f))
		return 0;
	for (unsigned i = 0; i < units->n && r == 0; i++) {
		const struct unit *u = &units->list[i];

		if (u->kind == SUBJECT_TASK)
			r = stragglers_of_tasks(f, ret, u);
		else if (u->kind == SUBJECT_TOOL && !tasks)
			r = stragglers_of_tool(f, ret, u);
	}
	if (r == 0 && ret->n == before) /* a straggler is a serial section, too */
		serial(f, ret, units);
	for (unsigned i = 0; i < units->n && r == 0; i++)
		if (units->list[i].kind == SUBJECT_TASK)
			r = unused(f, ret, &units->list[i]);
	zombies(f, ret);
	return r < 0 || ret->failed ? -ENOMEM : 0;
}
