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
#define CONTENDED_CORES_UNUSED 0.8 /* fewer of its cores in use than this */
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
	double cores = (state[LEDGER_CPU] + state[LEDGER_RUNQ]) / life;
	double most = p->threads_peak < cpus ? p->threads_peak : cpus;

	return p->threads_peak > 1 && waits_n > 0 &&
	       state[LEDGER_LOCK] >= CONTENDED_LOCK_SHARE * (double)p->ledger.thread_ns &&
	       state[LEDGER_LOCK] / waits_n <= CONTENDED_WAIT_MAX_NS &&
	       waits_n / (life / 1e9) >= CONTENDED_WAITS_PER_S &&
	       cores < CONTENDED_CORES_UNUSED * most;
}

/* A worker that waits for its turn has as much to do as its like; one that waits for
 * work has done far less than the busiest of them. */
static bool is_idle_worker(const struct fact_process *p)
{
	uint64_t own = p->ledger.state_ns[LEDGER_CPU], most = own;
	unsigned n = 0;

	for (const struct fact_process *c = p->up ? p->up->child : NULL; c && n < LIKE_MAX;
	     c = c->next, n++)
		if (c->name == p->name && c->ledger.state_ns[LEDGER_CPU] > most)
			most = c->ledger.state_ns[LEDGER_CPU];
	return own < most / 4;
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
	ret->idle_worker = !many && state[LEDGER_LOCK] > life / 10 && is_idle_worker(p);
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
	if (used < life)
		ret->share[rest_goes_to(state, life - used, !own_net)] += (life - used) / life;
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
		if (!f->sleeper && !f->supervisor)
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

int explain_add(struct explained *e, struct fact_process *const *list, size_t n,
		const uint64_t span[2], unsigned cpus)
{
	struct fact_process **ends = reallocarray(NULL, n + 1, sizeof(struct fact_process *));
	struct sweep s = { 0 };
	uint64_t now = span[0];
	size_t in = 0, out = 0;

	if (!ends)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		ends[i] = list[i];
	if (n)
		qsort(ends, n, sizeof(*ends), compare_end);
	while (out < n) {
		bool start = in < n && list[in]->start_ns <= ends[out]->end_ns;
		uint64_t at = start ? list[in]->start_ns : ends[out]->end_ns;

		at = at > span[1] ? span[1] : at;
		if (at > now) {
			explain_piece(e, &s, (double)(at - now));
			now = at;
		}
		s.alive += start ? 1 : (size_t)-1;
		enter(&s, start ? list[in++] : ends[out++], cpus, start ? 1 : -1);
		if (!s.alive)
			s = (struct sweep){ 0 }; /* no rounding is carried on */
	}
	if (span[1] > now)
		explain_piece(e, &s, (double)(span[1] - now));
	free(ends);
	return 0;
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
}

double explained_share(const struct explained *e, unsigned part)
{
	return e->total_ns > 0 ? e->ns[part] / e->total_ns : 0;
}
