/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/pipe_peer.h"

#include "src/analysis/explain.h"

#define ENDS_LOOKED_AT 256 /* of one pipe */
#define HOPS_MAX       16

static bool related(const struct fact_process *a, const struct fact_process *b)
{
	return (a->up && a->up == b->up) || a->up == b || b->up == a;
}

static double overlap_ns(const struct fact_process *a, const struct fact_process *b)
{
	uint64_t from = a->start_ns > b->start_ns ? a->start_ns : b->start_ns;
	uint64_t to = a->end_ns < b->end_ns ? a->end_ns : b->end_ns;

	return to > from ? (double)(to - from) : 0;
}

/* How long it worked, or slept, while p lived. */
static double worked_ns(const struct fact_process *p, const struct fact_process *other,
			unsigned cpus)
{
	struct profile f;
	double worked;

	profile_make(&f, other, cpus);
	worked = overlap_ns(p, other) * (profile_own(&f, other) + f.share[LEDGER_SLEEP]);
	return f.supervisor ? worked / 2 : worked; /* a shell beside the pipe */
}

static size_t first_end(const struct run_facts *f, uint64_t inode)
{
	size_t low = 0, high = f->n_pipes;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (f->pipes_by_inode[mid]->inode < inode)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The same of one at the end of a pipe: what a shell's children do there counts, too. */
static double held_up_ns(const struct fact_process *p, const struct fact_process *other,
			 unsigned cpus)
{
	struct profile f;

	profile_make(&f, other, cpus);
	return overlap_ns(p, other) *
	       (profile_own(&f, other) + f.share[LEDGER_SLEEP] + f.share[LEDGER_CHILD]);
}

enum { PRODUCERS = 1, CONSUMERS = 2 };

static struct pipe_peer at_the_other_end(const struct run_facts *f, const struct fact_process *p,
					 unsigned which)
{
	struct pipe_peer best = { .known = true };
	double most = 0;

	for (size_t i = p->first_pipe; i < f->n_pipes && f->pipes[i].process == p; i++) {
		const struct fact_pipe *own = &f->pipes[i];
		size_t at = first_end(f, own->inode), end = at + ENDS_LOOKED_AT;

		for (; at < f->n_pipes && at < end && f->pipes_by_inode[at]->inode == own->inode;
		     at++) {
			const struct fact_pipe *other = f->pipes_by_inode[at];
			bool producer = (which & PRODUCERS) && own->reads && other->writes;
			bool consumer = (which & CONSUMERS) && own->writes && other->reads;
			double worked;

			if (other->process == p || !(producer || consumer))
				continue;
			worked = held_up_ns(p, other->process, f->run.cpus);
			if (worked <= most)
				continue;
			most = worked;
			best.process = other->process;
			best.producer = producer;
		}
	}
	return best;
}

static bool waits_at_pipe(const struct run_facts *f, const struct fact_process *p)
{
	struct profile profile;

	profile_make(&profile, p, f->run.cpus);
	return profile.share[LEDGER_PIPE] >= 0.5;
}

/* Who waits at a pipe in turn is not the slow end: on, in the same direction. */
static struct pipe_peer known_peer(const struct run_facts *f, const struct fact_process *p)
{
	struct pipe_peer peer = at_the_other_end(f, p, PRODUCERS | CONSUMERS);

	for (int hops = 0; peer.process && hops < HOPS_MAX && waits_at_pipe(f, peer.process);
	     hops++) {
		struct pipe_peer next =
			at_the_other_end(f, peer.process, peer.producer ? PRODUCERS : CONSUMERS);

		if (!next.process || next.process == p)
			break;
		peer = next;
	}
	return peer;
}

static void consider(struct pipe_peer *best, double *most, const struct run_facts *f,
		     const struct fact_process *p, const struct fact_process *other)
{
	double worked;

	if (other == p || !related(p, other))
		return;
	worked = worked_ns(p, other, f->run.cpus);
	if (worked > *most) {
		*most = worked;
		best->process = other;
	}
}

/* Shells fork a pipeline from its beginning to its end. */
static bool comes_before(const struct fact_process *p, const struct fact_process *peer)
{
	if (p->up == peer)
		return p->ledger.rchar_bytes >= p->ledger.wchar_bytes;
	return peer->id < p->id;
}

static struct pipe_peer guessed_peer(const struct run_facts *f, const struct fact_process *p)
{
	struct pipe_peer best = { 0 };
	double most = 0;

	for (const struct fact_process *c = p->up ? p->up->child : NULL; c; c = c->next)
		consider(&best, &most, f, p, c);
	for (const struct fact_process *c = p->child; c; c = c->next)
		consider(&best, &most, f, p, c);
	if (!best.process && p->up)
		consider(&best, &most, f, p, p->up);
	best.producer = best.process && comes_before(p, best.process);
	return best;
}

struct pipe_peer pipe_peer_find(const struct run_facts *f, const struct fact_process *p)
{
	struct pipe_peer peer = known_peer(f, p);

	return peer.process ? peer : guessed_peer(f, p);
}
