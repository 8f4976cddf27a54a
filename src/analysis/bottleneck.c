/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/bottleneck.h"

#include <errno.h>
#include <string.h>

#include "src/analysis/pipe_peer.h"
#include "src/base/cleanup.h"
#include "src/base/human.h"

/* Nobody acts on half a second, nor on less than a hundredth of the run. */
#define WORTH_NS    500000000.0
#define WORTH_SHARE 0.01
/* Pressure is the first sign of a kill, and the waits that it makes are not in it. */
#define WORTH_RECLAIM_NS 200000000.0
/* Network volumes promise 125 MB/s and up, disks stream 100-200: what moves 200 MB for
 * each second of waiting is not slow. An SSD answers within 0.1 ms, a busy one within
 * 2; a disk that turns needs 10. */
#define DISK_FAST_BYTES_PER_S 200e6
#define DISK_FAST_WAIT_NS     2e6
/* 1 Gbit/s, the least that a machine of today has, carries 117 MB/s. */
#define NET_FAST_BYTES_PER_S 100e6
/* A quota that is used by two thirds in the mean was hit in its busy periods. */
#define QUOTA_USED_MIN 0.66
#define NAMES_MAX      64
/* Five times as slow as it could be: worth a look at whom it shares the machine with. */
#define NEIGHBOURS_NOTICE 0.8
/* As close to a threshold as the next measurement may be on its other side. */
#define NEAR_SHARE 0.05
#define NEAR_COST  15

const char *share_text(struct findings *f, double part_ns, double total_ns)
{
	char percent[HUMAN_MAX], total[HUMAN_MAX];

	return findings_text(f, "%s of %s",
			     human_percent(percent, (uint64_t)part_ns, (uint64_t)total_ns),
			     human_duration(total, (uint64_t)total_ns));
}

/* Sums over the processes of a unit that matter for one part. */
struct tally {
	double part_ns;			    /* thread time in the state */
	const char *name;		    /* the tool with most of it */
	const struct fact_process *process; /* the process with most of it */
	double quota_ns, quota_cpu_ns;	    /* of it, and CPU, in cgroups with a quota */
	uint64_t quota_milli;
	uint64_t bytes, waits, switches, major_faults;
	unsigned n; /* processes that have some */
};

static void find_name(struct tally *t, const struct unit *u, unsigned part)
{
	struct {
		const char *name;
		double ns;
	} names[NAMES_MAX];
	unsigned n = 0, best = 0;

	for (size_t i = 0; i < u->n_processes; i++) {
		const struct fact_process *p = u->processes[i];
		unsigned at = 0;

		if (!p->ledger.state_ns[part])
			continue;
		while (at < n && strcmp(names[at].name, p->name) != 0)
			at++;
		if (at == NAMES_MAX)
			continue;
		if (at == n) {
			names[n].name = p->name;
			names[n++].ns = 0;
		}
		names[at].ns += (double)p->ledger.state_ns[part];
		if (names[at].ns > names[best].ns)
			best = at;
	}
	t->name = n ? names[best].name : NULL;
}

static void add_quota(struct tally *t, const struct run_facts *f, const struct fact_process *p)
{
	const struct fact_cgroup *c = run_facts_find_cgroup(f, p->cgroup_id);

	if (!c || !c->cpu_limit_milli || c->cpu_limit_milli >= f->run.cpus * 1000ULL)
		return;
	t->quota_ns += (double)p->ledger.state_ns[LEDGER_RUNQ];
	t->quota_cpu_ns += (double)p->ledger.state_ns[LEDGER_CPU];
	if (!t->quota_milli || c->cpu_limit_milli < t->quota_milli)
		t->quota_milli = c->cpu_limit_milli;
}

static void tally(struct tally *t, const struct run_facts *f, const struct unit *u, unsigned part)
{
	uint64_t most = 0;

	*t = (struct tally){ 0 };
	if (part >= LEDGER_STATES)
		return;
	for (size_t i = 0; i < u->n_processes; i++) {
		const struct fact_process *p = u->processes[i];
		const struct wire_ledger *l = &p->ledger;

		if (part == LEDGER_RUNQ)
			add_quota(t, f, p);
		if (!l->state_ns[part])
			continue;
		t->n++;
		t->part_ns += (double)l->state_ns[part];
		t->bytes += part == LEDGER_NET ? l->net_rx_bytes + l->net_tx_bytes
					       : l->read_bytes + l->write_bytes;
		t->waits += l->disk_waits;
		t->switches += l->switches_voluntary;
		t->major_faults += l->major_faults;
		if (l->state_ns[part] > most) {
			most = l->state_ns[part];
			t->process = p;
		}
	}
	find_name(t, u, part);
}

static bool is_throttled(const struct tally *t, const struct unit *u)
{
	double allowed = (double)t->quota_milli / 1000 * u->explained.total_ns;

	return t->quota_milli && t->quota_ns >= t->part_ns / 2 &&
	       t->quota_cpu_ns >= QUOTA_USED_MIN * allowed;
}

bool unit_is_throttled(const struct run_facts *f, const struct unit *u)
{
	struct tally t;

	tally(&t, f, u, LEDGER_RUNQ);
	return is_throttled(&t, u);
}

static bool is_fast(const struct tally *t, unsigned part)
{
	double rate = t->part_ns > 0 ? (double)t->bytes / (t->part_ns / 1e9) : 0;

	if (part == LEDGER_NET)
		return rate >= NET_FAST_BYTES_PER_S;
	if (part != LEDGER_DISK)
		return false;
	return rate >= DISK_FAST_BYTES_PER_S ||
	       (t->waits && t->part_ns / (double)t->waits <= DISK_FAST_WAIT_NS);
}

static enum severity severity_of(const struct run_facts *f, const struct unit *u, unsigned part,
				 const struct tally *t)
{
	double share = unit_share(u, part), ns = u->explained.ns[part];

	if (share < share_notice(part) ||
	    ns < (part == LEDGER_RECLAIM ? WORTH_RECLAIM_NS : WORTH_NS) || is_fast(t, part) ||
	    ns < WORTH_SHARE * (double)(f->end_ns - f->start_ns))
		return SEVERITY_INFO;
	if (part == LEDGER_CHILD || part == EXPLAIN_IDLE) /* by themselves they say little */
		return SEVERITY_NOTICE;
	/* the neighbours' doing: no fault of the run, and another day it is not there */
	if (part == LEDGER_RUNQ && u->neighbours)
		return share >= NEIGHBOURS_NOTICE ? SEVERITY_NOTICE : SEVERITY_INFO;
	return share >= share_warning(part) ? SEVERITY_WARNING : SEVERITY_NOTICE;
}

static void cause_of_runq(const struct run_facts *f, struct findings *all, struct finding *one,
			  const struct unit *u, const struct tally *t)
{
	double capacity = (double)f->run.cpus * (double)(f->end_ns - f->start_ns);
	double used = (double)f->run.ledger.state_ns[LEDGER_CPU] / (capacity > 0 ? capacity : 1);
	bool own = !u->neighbours;

	figure_ratio(one, "run_cores_used", used * f->run.cpus);
	figure_count(one, "machine_cores", f->run.cpus);
	figure_ratio(one, "cores_wanted", u->explained.cores_ns / u->explained.total_ns);
	if (one->verdict == VERDICT_THROTTLED) {
		figure_ratio(one, "quota_cores", (double)t->quota_milli / 1000);
		figure_ratio(one, "quota_used_share",
			     t->quota_cpu_ns * 1000 / (double)t->quota_milli /
				     u->explained.total_ns);
		one->cause = findings_text(all, "a quota of %.2f CPUs on its cgroup",
					   (double)t->quota_milli / 1000);
		one->advice =
			"raise the CPU limit of the container or cgroup, or run fewer threads";
		return;
	}
	one->cause =
		own ? findings_text(all,
				    "the run itself: more of its threads were ready than there "
				    "are CPUs; it kept %.1f of %u busy",
				    used * f->run.cpus, f->run.cpus)
		    : findings_text(all,
				    "load outside of the run, or a limit that was not seen: "
				    "the run itself used %.1f of %u CPUs",
				    used * f->run.cpus, f->run.cpus);
	one->advice = own ? "fewer jobs or threads at a time, or more CPUs"
			  : "look at the machine's other load (tracer record --all)";
}

static void cause_of_disk(struct findings *all, struct finding *one, const struct tally *t)
{
	char rate[HUMAN_MAX], wait[HUMAN_MAX];
	double per_s = t->part_ns > 0 ? (double)t->bytes / (t->part_ns / 1e9) : 0;

	figure_bytes(one, "storage_bytes", t->bytes);
	figure_count(one, "disk_waits", t->waits);
	figure_count(one, "major_faults", t->major_faults);
	if (t->waits)
		figure_ns(one, "mean_wait_ns", (uint64_t)(t->part_ns / (double)t->waits));
	if (t->bytes < 4096 * (t->waits + 1) && t->waits > 0)
		one->cause = findings_text(
			all,
			"%s waits and hardly a byte of block I/O: a network or FUSE file system, "
			"or a journal",
			human_count(rate, t->waits));
	else
		one->cause = findings_text(
			all, "%s: a second of waiting moved %s, one wait took %s",
			t->name ? t->name : "it", human_bytes(rate, (uint64_t)per_s),
			t->waits ? human_duration(wait, (uint64_t)(t->part_ns / (double)t->waits))
				 : "an unknown time");
	one->advice = "a faster or nearer file system, larger reads, or the data staged beforehand";
}

static void cause_of_net(struct findings *all, struct finding *one, const struct tally *t)
{
	char rate[HUMAN_MAX];
	double per_s = t->part_ns > 0 ? (double)t->bytes / (t->part_ns / 1e9) : 0;

	figure_bytes(one, "network_bytes", t->bytes);
	one->cause = t->bytes < 65536
			     ? findings_text(all, "%s waited for an answer; hardly any data moved",
					     t->name ? t->name : "it")
			     : findings_text(all, "%s moved %s for each second of waiting",
					     t->name ? t->name : "it",
					     human_bytes(rate, (uint64_t)per_s));
	one->advice = "stage the data before the run, nearer, or with several connections";
}

static void cause_of_pipe(const struct run_facts *f, struct findings *all, struct finding *one,
			  const struct unit *u, const struct tally *t)
{
	struct pipe_peer peer = { 0 };
	bool asleep = u->explained.pipe_asleep_ns > u->explained.ns[LEDGER_PIPE] / 2;
	const char *role;

	if (t->process)
		peer = pipe_peer_find(f, t->process);
	if (!peer.process) {
		one->cause = "nobody in this run worked at its other end";
		one->advice = "see who should write to it, or read from it";
		return;
	}
	role = peer.producer ? "producer" : "consumer";
	figure_text(one, "peer", peer.process->name);
	figure_count(one, "peer_pid", peer.process->pid);
	figure_text(one, "peer_is", role);
	figure_text(one, "peer_by", peer.known ? "pipe" : "kinship");
	one->cause =
		findings_text(all, "its %s %s (pid %u) is the slow end%s%s", role,
			      peer.process->name, peer.process->pid, asleep ? ": it slept" : "",
			      peer.known ? "" : " (a guess: which pipe it was is not known)");
	one->advice = "speed up the slow end; the other one cannot help it";
}

static void cause_of(const struct run_facts *f, struct findings *all, struct finding *one,
		     const struct unit *u, const struct tally *t)
{
	switch (one->verdict) {
	case VERDICT_CPU_STARVED:
	case VERDICT_THROTTLED:
		cause_of_runq(f, all, one, u, t);
		return;
	case VERDICT_DISK:
		cause_of_disk(all, one, t);
		return;
	case VERDICT_NETWORK:
		cause_of_net(all, one, t);
		return;
	case VERDICT_PIPE:
		cause_of_pipe(f, all, one, u, t);
		return;
	case VERDICT_LOCK:
		figure_count(one, "switches_voluntary", t->switches);
		figure_count(one, "threads", t->process ? t->process->threads_peak : 0);
		one->advice = "fewer threads, smaller critical sections, or a lock for each part";
		break;
	case VERDICT_MEMORY:
		figure_count(one, "major_faults", t->major_faults);
		one->advice = "more memory for the task, or fewer tasks at a time";
		break;
	case VERDICT_SLEEP:
		one->advice = "wait for the event itself instead of sleeping in a loop";
		if (t->part_ns < u->explained.ns[LEDGER_SLEEP] / 2) {
			one->cause = "timed waits at a lock: all threads waited for one another, "
				     "and went on";
			return;
		}
		break;
	default:
		break;
	}
	if (t->name)
		one->cause = findings_text(all, "mostly %s", t->name);
}

/* More of everything makes it surer; one short look is two thirds sure. */
unsigned confidence_of(double total_ns, unsigned samples, double share)
{
	return 65 + (total_ns >= 5e9 ? 10 : 0) + (samples >= 3 ? 10 : 0) + (share >= 0.5 ? 10 : 0);
}

static bool is_near(double share, double threshold)
{
	return share >= threshold - NEAR_SHARE && share < threshold + NEAR_SHARE;
}

const char *unit_name(const struct run_facts *f, const struct unit *u)
{
	if (u->kind != SUBJECT_RUN)
		return u->name;
	return f->run.pipeline ? f->run.pipeline : f->run.name ? f->run.name : "command";
}

static void add_part(const struct run_facts *f, struct findings *all, const struct unit *u,
		     unsigned part)
{
	double ns = u->explained.ns[part];
	enum verdict verdict = verdict_of_part(part);
	enum severity severity;
	struct finding *one;
	struct tally t;

	if (explained_share(&u->explained, part) < share_notice(part))
		return;
	tally(&t, f, u, part);
	/* as fast as it can be, and less than half of the time: it streams */
	if ((is_fast(&t, part) && unit_share(u, part) < share_warning(part)) ||
	    (part == LEDGER_RUNQ && unit_is_jostled(u)))
		return;
	severity = severity_of(f, u, part, &t);
	if (part == LEDGER_RUNQ && is_throttled(&t, u))
		verdict = VERDICT_THROTTLED;
	one = findings_add(all, verdict, u->kind, unit_name(f, u));
	if (!one)
		return;
	one->severity = severity;
	one->class = FINDING_BOTTLENECK;
	one->share = explained_share(&u->explained, part);
	one->explained_ns = one->saving_ns = (uint64_t)ns;
	one->samples = u->n;
	one->confidence = confidence_of(u->explained.total_ns, u->n, one->share) -
			  (is_near(unit_share(u, part), share_notice(part)) ? NEAR_COST : 0);
	one->summary = findings_text(all, "%s %s for %s", one->name, verdict_words(verdict),
				     share_text(all, ns, u->explained.total_ns));
	figure_ns(one, "wall_ns", (uint64_t)u->explained.total_ns);
	figure_ns(one, "explained_ns", (uint64_t)ns);
	figure_ns(one, "thread_wait_ns", (uint64_t)t.part_ns);
	figure_ns(one, "cpu_ns", u->cpu_ns);
	figure_text(one, "mostly", t.name);
	cause_of(f, all, one, u, &t);
	one->check = findings_text(all, "tracer why %s",
				   u->kind == SUBJECT_RUN && t.process
					   ? findings_text(all, "%u", t.process->pid)
					   : u->name);
}

/* A wait that is almost a finding, or a CPU share that almost has another name. */
static bool is_border(const struct unit *u)
{
	for (unsigned part = 0; part < EXPLAIN_PARTS; part++)
		if (part != LEDGER_CPU && is_near(unit_share(u, part), share_notice(part)))
			return true;
	return is_near(unit_share(u, LEDGER_CPU), COMPUTE_CPU_SHARE) ||
	       is_near(unit_share(u, LEDGER_CPU), HEALTHY_CPU_SHARE);
}

static void add_verdict(const struct run_facts *f, struct findings *all, const struct unit *u)
{
	struct finding *one = findings_add(all, u->verdict, u->kind, unit_name(f, u));
	char wall[HUMAN_MAX];

	if (!one)
		return;
	one->class = FINDING_BOTTLENECK;
	one->share = u->share;
	one->explained_ns = (uint64_t)(u->share * u->explained.total_ns);
	one->samples = u->n;
	one->confidence = confidence_of(u->explained.total_ns, u->n, u->share) -
			  (u->trifle || u->neighbours || is_border(u) ? NEAR_COST : 0);
	if (unit_is_jostled(u) && !u->trifle)
		one->cause = findings_text(
			all, "load outside of the run made it wait for a CPU for %s",
			share_text(all, u->explained.ns[LEDGER_RUNQ], u->explained.total_ns));
	one->summary =
		u->trifle ? findings_text(all, "%s is too short to judge: %s", one->name,
					  human_duration(wall, (uint64_t)u->explained.total_ns))
			  : findings_text(all, "%s %s; %s on a CPU", one->name,
					  verdict_words(u->verdict),
					  share_text(all, u->explained.ns[LEDGER_CPU],
						     u->explained.total_ns));
	figure_ns(one, "wall_ns", (uint64_t)u->explained.total_ns);
	figure_ns(one, "cpu_ns", u->cpu_ns);
	figure_ratio(one, "cores_wanted",
		     u->explained.total_ns > 0 ? u->explained.cores_ns / u->explained.total_ns : 0);
	one->check = "tracer report";
}

static void add_unit(const struct run_facts *f, struct findings *all, const struct unit *u)
{
	unsigned before = all->n;

	for (unsigned part = 0; part < EXPLAIN_PARTS && !u->trifle; part++)
		if (part != LEDGER_CPU)
			add_part(f, all, u, part);
	if (all->n == before)
		add_verdict(f, all, u);
}

/* Tasks are there for half of the run or more: they say what it did. */
static bool tasks_cover(const struct run_facts *f)
{
	uint64_t end = 0, covered = 0;

	for (size_t i = 0; i < f->n_tasks; i++) { /* by start */
		const struct fact_task *t = &f->tasks[i];
		uint64_t from = t->start_ns > end ? t->start_ns : end;

		covered += t->end_ns > from ? t->end_ns - from : 0;
		end = t->end_ns > end ? t->end_ns : end;
	}
	return covered >= (f->end_ns - f->start_ns) / 2;
}

int bottlenecks_find(const struct run_facts *f, const struct units *units, struct findings *ret)
{
	const char *missing = run_facts_missing(f);
	bool tasks = units->n > 1 && units->list[1].kind == SUBJECT_TASK && tasks_cover(f);

	if (missing) {
		struct finding *one = findings_add(ret, VERDICT_UNKNOWN, SUBJECT_RUN,
						   f->run.pipeline ? f->run.pipeline : "command");

		if (one) {
			one->severity = SEVERITY_NOTICE;
			one->class = FINDING_BOTTLENECK;
			one->summary = findings_text(ret, "its time is not judged: %s", missing);
			one->check = "tracer report";
			one->confidence = 100;
		}
		return ret->failed ? -ENOMEM : 0;
	}
	for (unsigned i = 0; i < units->n; i++) {
		const struct unit *u = &units->list[i];

		if (u->kind == SUBJECT_TASK || (u->kind == SUBJECT_RUN && !tasks))
			add_unit(f, ret, u);
	}
	return ret->failed ? -ENOMEM : 0;
}
