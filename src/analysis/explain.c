/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/explain.h"

#include <errno.h>
#include <stdlib.h>

#include "src/base/cleanup.h"

/* A busy lock hands over often. Idle pools wait long; a thread that wakes 20 times a
 * second and waits less than 50 ms at a time (ten times Python's 5 ms switch interval)
 * is being passed something. */
#define CONTENDED_LOCK_SHARE   0.4
#define CONTENDED_WAIT_MAX_NS  50e6
#define CONTENDED_WAITS_PER_S  20.0
#define CONTENDED_DISK_SHARE   0.5 /* from here on the disk holds them up, lock or not */
#define CONTENDED_CORES_UNUSED 0.8 /* fewer of its cores in use than this */
/* The master worked for half of a worker's wait or more: that was a wait for work. */
#define MASTER_SHARE 0.5
/* Below this a socket says "are you there", it does not transfer: 64 KiB/s is what a
 * 1990s line carried. */
#define SILENT_NET_BYTES_PER_S 65536.0
#define THRASH_RECLAIM_SHARE   0.05
#define SLEEPER_SHARE	       0.9
#define SUPERVISOR_SHARE       0.5 /* of its life with children alive */
#define LIKE_MAX	       64  /* looked at */
#define PARALLEL_CORES	       1.5
#define SERIAL_CORES_MIN       0.5
#define SERIAL_CORES_MAX       1.2
#define FIRST_CHILDREN	       0.8 /* of the time to its last child's end: it only waited */

static const enum ledger_state own_states[] = { LEDGER_CPU,   LEDGER_RUNQ,    LEDGER_DISK,
						LEDGER_OTHER, LEDGER_RECLAIM, LEDGER_NET };
/* What helper threads use least first; see src/cli/where.h. */
static const enum ledger_state waits[] = { LEDGER_SLEEP, LEDGER_STOPPED, LEDGER_NET,  LEDGER_PIPE,
					   LEDGER_POLL,	 LEDGER_LOCK,	 LEDGER_CHILD };

static double life_of(const struct fact_process *p)
{
	double life = (double)(p->end_ns - p->start_ns), threads = (double)p->ledger.thread_ns;

	return life > 0 && life < threads ? life : threads;
}

/* CPU that direct reclaim burns is the price of missing memory; so is the disk, where a
 * process waits for its own pages while memory is being freed for it, or fetches the same
 * data again and again. */
static void load_states(double state[LEDGER_STATES], const struct wire_ledger *l, double life,
			bool rereads)
{
	double more = (double)l->direct_reclaim_ns - (double)l->state_ns[LEDGER_RECLAIM];

	for (unsigned i = 0; i < LEDGER_STATES; i++)
		state[i] = (double)l->state_ns[i];
	if (more > state[LEDGER_CPU])
		more = state[LEDGER_CPU];
	if (more > 0) {
		state[LEDGER_CPU] -= more;
		state[LEDGER_RECLAIM] += more;
	}
	if (rereads || (state[LEDGER_RECLAIM] >= THRASH_RECLAIM_SHARE * life && l->disk_waits &&
			l->major_faults >= l->disk_waits / 2)) {
		state[LEDGER_RECLAIM] += state[LEDGER_DISK];
		state[LEDGER_DISK] = 0;
	}
}

void process_states(const struct fact_process *p, double ret[LEDGER_STATES])
{
	load_states(ret, &p->ledger, life_of(p), p->rereads);
}

static bool is_contended(const struct fact_process *p, const double *state, double life,
			 unsigned cpus)
{
	double waits_n = (double)p->ledger.switches_voluntary;
	/* a lock that is handed over wakes one before the other leaves: half of that is no use */
	double cores = (state[LEDGER_CPU] + state[LEDGER_RUNQ] / 2) / life;
	double most = p->threads_peak < cpus ? p->threads_peak : cpus;
	double threads = (double)p->ledger.thread_ns / life; /* mean */
	/* without the time in which one lacked a CPU and the others may have waited for it */
	double thread = (double)p->ledger.thread_ns - state[LEDGER_RUNQ] * threads;
	double lock = state[LEDGER_LOCK] - state[LEDGER_RUNQ] * (threads - 1);

	double fetched = state[LEDGER_DISK] + state[LEDGER_RECLAIM];

	/* they wait for one that waits for a CPU: it is the CPU that lacks */
	if (state[LEDGER_RUNQ] > state[LEDGER_CPU])
		return false;
	return p->threads_peak > 1 && waits_n > 0 && thread > 0 &&
	       fetched < CONTENDED_DISK_SHARE * life && lock >= CONTENDED_LOCK_SHARE * thread &&
	       state[LEDGER_LOCK] / waits_n <= CONTENDED_WAIT_MAX_NS &&
	       waits_n / (life / 1e9) >= CONTENDED_WAITS_PER_S &&
	       cores < CONTENDED_CORES_UNUSED * most;
}

/* A worker that waits for its turn has as much to do as its like, who fill one CPU; one
 * that waits for work has done far less than the busiest of them, or its master worked
 * meanwhile, or together they fill what there is. */
static bool is_idle_worker(const struct fact_process *p, double life, unsigned cpus)
{
	uint64_t own = p->ledger.state_ns[LEDGER_CPU], most = own, all = 0;
	const struct fact_process *up = p->up;
	double lock = (double)p->ledger.state_ns[LEDGER_LOCK];
	unsigned n = 0, alike = 0;

	for (const struct fact_process *c = up ? up->child : NULL; c && n < LIKE_MAX;
	     c = c->next, n++) {
		uint64_t cpu = c->ledger.state_ns[LEDGER_CPU];

		if (c->name != p->name)
			continue;
		alike++;
		all += cpu + c->ledger.state_ns[LEDGER_RUNQ];
		most = cpu > most ? cpu : most;
	}
	if (own < most / 4)
		return true;
	if (alike < 2)
		return false;
	if (up->name == p->name && (double)up->ledger.state_ns[LEDGER_CPU] >= MASTER_SHARE * lock)
		return true;
	return (double)all >= CONTENDED_CORES_UNUSED * life * (alike < cpus ? alike : cpus);
}

static bool is_supervisor(const struct fact_process *p, double life)
{
	double with = 0;

	for (const struct fact_process *c = p->child; c && with < life; c = c->next) {
		uint64_t end = c->end_ns < p->end_ns ? c->end_ns : p->end_ns;

		with += end > c->start_ns ? (double)(end - c->start_ns) : 0;
	}
	return with >= SUPERVISOR_SHARE * life;
}

static unsigned rest_goes_to(const double *state, double rest, bool net)
{
	unsigned largest = LEDGER_OTHER;
	double most = 0;

	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		unsigned s = waits[i];

		if (s == LEDGER_NET && !net)
			continue;
		if (state[s] > 0 && state[s] >= rest / 2)
			return s;
		if (state[s] > most) {
			most = state[s];
			largest = s;
		}
	}
	return largest;
}

/* All of its threads wait for one another, none for anything else, and yet it went on:
 * one of them had a timer. Java sleeps like that, and so does every timed wait. */
static bool is_timed(const struct fact_process *p, const double *state, double rest)
{
	double others = 0;

	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		if (waits[i] != LEDGER_LOCK)
			others += state[waits[i]];
	return p->threads_peak > 1 && !p->signal && others < rest / 4;
}

void profile_make(struct profile *ret, const struct fact_process *p, unsigned cpus)
{
	double state[LEDGER_STATES], life = life_of(p), active = 0, used;
	bool many = p->threads_peak > 1, own_net;
	double bytes = (double)(p->ledger.net_rx_bytes + p->ledger.net_tx_bytes);

	*ret = (struct profile){ .life_ns = (uint64_t)life };
	if (life <= 0)
		return;
	load_states(state, &p->ledger, life, p->rereads);
	ret->silent_net = bytes < SILENT_NET_BYTES_PER_S * state[LEDGER_NET] / 1e9;
	ret->contended = is_contended(p, state, life, cpus);
	ret->supervisor = is_supervisor(p, life);
	ret->idle_worker = !many && state[LEDGER_LOCK] > life / 10 && is_idle_worker(p, life, cpus);
	own_net = !many || !ret->silent_net;
	if (ret->contended) {
		for (unsigned i = 0; i < LEDGER_STATES; i++)
			ret->share[i] = state[i] / (double)p->ledger.thread_ns;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(own_states); i++)
		if (own_states[i] != LEDGER_NET || own_net)
			active += state[own_states[i]];
	used = active < life ? active : life;
	for (size_t i = 0; i < ARRAY_SIZE(own_states) && active > 0; i++)
		if (own_states[i] != LEDGER_NET || own_net)
			ret->share[own_states[i]] = state[own_states[i]] / active * used / life;
	if (used < life) {
		unsigned to = rest_goes_to(state, life - used, !own_net);

		ret->timed = to == LEDGER_LOCK && is_timed(p, state, life - used);
		ret->share[ret->timed ? LEDGER_SLEEP : to] += (life - used) / life;
	}
	ret->sleeper = ret->share[LEDGER_SLEEP] + ret->share[LEDGER_STOPPED] >= SLEEPER_SHARE;
}

/* Tier of a state in a profile: 0 own, 1 waits for others, 2 supervises. */
static unsigned tier_of(const struct profile *f, const struct fact_process *p, unsigned state)
{
	switch (state) {
	case LEDGER_CPU:
	case LEDGER_RUNQ:
	case LEDGER_DISK:
	case LEDGER_RECLAIM:
	case LEDGER_OTHER:
		return 0;
	case LEDGER_NET:
		if (!f->silent_net)
			return 0;
		break;
	case LEDGER_LOCK:
		if (f->contended || (p->threads_peak <= 1 && !f->idle_worker))
			return 0;
		break;
	case LEDGER_SLEEP:
	case LEDGER_STOPPED:
		if (!f->sleeper && !f->supervisor && !f->timed)
			return 0;
		break;
	default:
		break;
	}
	return f->supervisor || state == LEDGER_CHILD ? 2 : 1;
}

double profile_own(const struct profile *f, const struct fact_process *p)
{
	double own = 0;

	for (unsigned i = 0; i < LEDGER_STATES; i++)
		if (tier_of(f, p, i) == 0 && i != LEDGER_LOCK)
			own += f->share[i];
	return own;
}

struct sweep {
	double tier[3][LEDGER_STATES];
	double cores; /* CPU and run queue, as thread time */
	double runq;  /* of it: the run queue */
	size_t alive;
};

static void enter(struct sweep *s, const struct fact_process *p, unsigned cpus, double sign)
{
	struct profile f;
	double life;

	profile_make(&f, p, cpus);
	if (!f.life_ns)
		return;
	life = (double)f.life_ns;
	for (unsigned i = 0; i < LEDGER_STATES; i++)
		if (f.share[i] > 0)
			s->tier[tier_of(&f, p, i)][i] += sign * f.share[i];
	s->cores += sign *
		    (double)(p->ledger.state_ns[LEDGER_CPU] + p->ledger.state_ns[LEDGER_RUNQ]) /
		    life;
	s->runq += sign * (double)p->ledger.state_ns[LEDGER_RUNQ] / life;
}

/* A shell that runs programs and then becomes the last of them waits first and works
 * then: as the mean of its life it would do half of each all the time. Returns when its
 * work begins; start_ns: from the start, or that is not known. */
static uint64_t work_begins(const struct fact_process *p)
{
	double waited = (double)p->ledger.state_ns[LEDGER_CHILD];
	uint64_t last = p->start_ns;

	if (p->threads_peak > 1)
		return p->start_ns;
	for (const struct fact_process *c = p->child; c; c = c->next)
		last = c->end_ns > last ? c->end_ns : last;
	return last < p->end_ns && waited > FIRST_CHILDREN * (double)(last - p->start_ns)
		       ? last
		       : p->start_ns;
}

static void enter_waiting(struct sweep *s, double sign)
{
	s->tier[2][LEDGER_CHILD] += sign;
}

/* What it is once its children have ended. */
static void enter_working(struct sweep *s, const struct fact_process *p, unsigned cpus, double sign)
{
	struct fact_process later = *p;

	later.start_ns = work_begins(p);
	if (later.start_ns > p->start_ns) {
		later.ledger.thread_ns -= later.ledger.state_ns[LEDGER_CHILD];
		later.ledger.state_ns[LEDGER_CHILD] = 0;
		later.child = NULL;
	}
	enter(s, &later, cpus, sign);
}

/* As many threads as there are CPUs could all run if nobody else did. */
static void explain_runq(struct explained *e, const struct sweep *s, double ns, unsigned cpus)
{
	double more = s->cores - cpus;

	if (s->runq <= 0)
		return;
	e->runq_ns += ns * s->runq;
	e->runq_used_ns += ns * s->runq * (s->cores - s->runq) / cpus;
	if (more > 0)
		e->runq_own_ns += ns * (more < s->runq ? more : s->runq);
}

static unsigned choose(const struct sweep *s, double rest, bool *ret_asleep)
{
	unsigned part;
	double sum = 0;

	*ret_asleep = false;
	for (unsigned i = 0; i < LEDGER_STATES; i++)
		sum += s->tier[1][i];
	part = rest_goes_to(s->tier[sum >= rest / 2 ? 1 : 2], rest, true);
	if (part == LEDGER_OTHER)
		part = rest_goes_to(s->tier[1], rest, true);
	if (part == LEDGER_SLEEP && s->tier[1][LEDGER_PIPE] >= rest / 2) {
		*ret_asleep = true;
		return LEDGER_PIPE;
	}
	return part;
}

static void explain_piece(struct explained *e, const struct sweep *s, double ns)
{
	double own = 0, used, rest;
	bool asleep;
	unsigned part;

	e->total_ns += ns;
	if (!s->alive) {
		e->ns[EXPLAIN_IDLE] += ns;
		return;
	}
	for (unsigned i = 0; i < LEDGER_STATES; i++)
		own += s->tier[0][i] > 0 ? s->tier[0][i] : 0;
	used = own < 1 ? own : 1;
	for (unsigned i = 0; i < LEDGER_STATES && own > 0; i++)
		if (s->tier[0][i] > 0)
			e->ns[i] += ns * used * s->tier[0][i] / own;
	e->cores_ns += ns * s->cores;
	if (s->cores >= PARALLEL_CORES)
		e->parallel_ns += ns;
	else if (s->cores >= SERIAL_CORES_MIN && s->cores <= SERIAL_CORES_MAX)
		e->serial_ns += ns;
	rest = 1 - used;
	if (rest < 1e-6)
		return;
	part = choose(s, rest, &asleep);
	e->ns[part] += ns * rest;
	if (asleep)
		e->pipe_asleep_ns += ns * rest;
}

static int compare_end(const void *first, const void *second)
{
	const struct fact_process *const *a = first, *const *b = second;

	return ((*a)->end_ns > (*b)->end_ns) - ((*a)->end_ns < (*b)->end_ns);
}

struct turn { /* from waiting for its children to work of its own */
	uint64_t at_ns;
	const struct fact_process *process;
};

static int compare_turn(const void *first, const void *second)
{
	const struct turn *a = first, *b = second;

	return (a->at_ns > b->at_ns) - (a->at_ns < b->at_ns);
}

struct timeline { /* three lists of the same processes, each by time */
	struct fact_process *const *starts;
	struct fact_process **ends;
	struct turn *turns;
	size_t n, n_turns, in, turned, out;
};

static int timeline_init(struct timeline *t, struct fact_process *const *list, size_t n)
{
	*t = (struct timeline){ .starts = list, .n = n };
	t->ends = reallocarray(NULL, n + 1, sizeof(struct fact_process *));
	t->turns = reallocarray(NULL, n + 1, sizeof(struct turn));
	if (!t->ends || !t->turns)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		uint64_t at = work_begins(list[i]);

		t->ends[i] = list[i];
		if (at > list[i]->start_ns)
			t->turns[t->n_turns++] = (struct turn){ at, list[i] };
	}
	if (n)
		qsort(t->ends, n, sizeof(struct fact_process *), compare_end);
	if (t->n_turns)
		qsort(t->turns, t->n_turns, sizeof(struct turn), compare_turn);
	return 0;
}

static void timeline_fini(struct timeline *t)
{
	free(t->ends);
	free(t->turns);
}

/* When the next thing happens, and what. */
enum what { WHAT_START, WHAT_TURN, WHAT_END };

static enum what timeline_next(const struct timeline *t, uint64_t *ret_at)
{
	enum what what = WHAT_END;

	*ret_at = t->ends[t->out]->end_ns;
	if (t->turned < t->n_turns && t->turns[t->turned].at_ns <= *ret_at) {
		what = WHAT_TURN;
		*ret_at = t->turns[t->turned].at_ns;
	}
	if (t->in < t->n && t->starts[t->in]->start_ns <= *ret_at) {
		what = WHAT_START;
		*ret_at = t->starts[t->in]->start_ns;
	}
	return what;
}

static void timeline_take(struct timeline *t, struct sweep *s, enum what what, unsigned cpus)
{
	const struct fact_process *p;

	if (what == WHAT_START) {
		p = t->starts[t->in++];
		s->alive++;
		if (work_begins(p) > p->start_ns)
			enter_waiting(s, 1);
		else
			enter_working(s, p, cpus, 1);
	} else if (what == WHAT_TURN) {
		enter_waiting(s, -1);
		enter_working(s, t->turns[t->turned++].process, cpus, 1);
	} else {
		s->alive--;
		enter_working(s, t->ends[t->out++], cpus, -1);
	}
	if (!s->alive)
		*s = (struct sweep){ 0 }; /* no rounding is carried on */
}

int explain_add(struct explained *e, struct fact_process *const *list, size_t n,
		const uint64_t span[2], unsigned cpus)
{
	struct sweep s = { 0 };
	struct timeline t;
	uint64_t now = span[0];
	int r = timeline_init(&t, list, n);

	while (r == 0 && t.out < n) {
		uint64_t at;
		enum what what = timeline_next(&t, &at);

		at = at > span[1] ? span[1] : at;
		if (at > now) {
			explain_runq(e, &s, (double)(at - now), cpus);
			explain_piece(e, &s, (double)(at - now));
			now = at;
		}
		timeline_take(&t, &s, what, cpus);
	}
	timeline_fini(&t);
	if (r == 0 && span[1] > now)
		explain_piece(e, &s, (double)(span[1] - now));
	return r;
}

void explained_add(struct explained *to, const struct explained *more)
{
	for (unsigned i = 0; i < EXPLAIN_PARTS; i++)
		to->ns[i] += more->ns[i];
	to->total_ns += more->total_ns;
	to->pipe_asleep_ns += more->pipe_asleep_ns;
	to->parallel_ns += more->parallel_ns;
	to->serial_ns += more->serial_ns;
	to->cores_ns += more->cores_ns;
	to->runq_ns += more->runq_ns;
	to->runq_own_ns += more->runq_own_ns;
	to->runq_used_ns += more->runq_used_ns;
}

double explained_share(const struct explained *e, unsigned part)
{
	return e->total_ns > 0 ? e->ns[part] / e->total_ns : 0;
}
