/* SPDX-License-Identifier: Apache-2.0 */
/* Matrices of victims and culprits, by hand, and that every wait is in them once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "src/analysis/contention.h"
#include "src/base/cleanup.h"

#define MS 1000000ULL
#define MB 1000000ULL
#define T0 1000000000000ULL

struct made { /* times in ms, sizes in MB */
	const char *name;
	uint64_t start, end, runq, cpu, disk, reclaim, bytes, peak, cgroup;
};

static void build(struct run_facts *f, const struct made *made, size_t n)
{
	int64_t *none = calloc(n + 1, sizeof(*none));
	uint64_t end = 0;

	*f = (struct run_facts){ 0 };
	f->run.cpus = 2;
	f->run.memory_bytes = 2000 * MB;
	f->run.features = FEATURE_WAIT_CLASS;
	f->run.collector = COLLECTOR_EBPF;
	for (size_t i = 0; i < n; i++) {
		struct fact_process *p = run_facts_process(f);
		const struct made *m = &made[i];
		struct wire_ledger *l = &p->ledger;

		p->id = (int64_t)i + 1;
		p->pid = (uint32_t)i + 100;
		p->name = m->name;
		p->threads_peak = 1;
		p->start_ns = T0 + m->start * MS;
		p->end_ns = T0 + m->end * MS;
		p->peak_rss_bytes = m->peak * MB;
		p->cgroup_id = m->cgroup;
		l->state_ns[LEDGER_RUNQ] = m->runq * MS;
		l->state_ns[LEDGER_CPU] = m->cpu * MS;
		l->state_ns[LEDGER_DISK] = m->disk * MS;
		l->state_ns[LEDGER_RECLAIM] = m->reclaim * MS;
		l->thread_ns = (m->end - m->start) * MS;
		l->state_ns[LEDGER_SLEEP] =
			l->thread_ns - (m->runq + m->cpu + m->disk + m->reclaim) * MS;
		l->read_bytes = m->bytes * MB / 2;
		l->write_bytes = m->bytes * MB - l->read_bytes;
		end = m->end > end ? m->end : end;
	}
	*run_facts_cgroup(f) = (struct fact_cgroup){ 7, 100 * MB, 0, "/job/x" };
	*run_facts_cgroup(f) = (struct fact_cgroup){ 8, 100 * MB, 0, "/job" };
	*run_facts_cgroup(f) = (struct fact_cgroup){ 9, 100 * MB, 0, "/jobs" };
	f->run.start_ns = T0;
	f->run.end_ns = T0 + end * MS;
	assert_int_equal(run_facts_index(f, &(struct fact_links){ none, none, none, none }), 0);
	free(none);
}

static unsigned at(const struct contention *c, const char *name)
{
	for (unsigned i = 0; i <= c->n; i++)
		if (!strcmp(c->names[i], name))
			return i;
	fail_msg("no group %s", name);
	return 0;
}

static void expect(const struct contention *c, unsigned resource, const char *victim,
		   const char *culprit, double ms)
{
	double got = c->wait_ns[resource][at(c, victim)][at(c, culprit)] / 1e6;

	if (fabs(got - ms) > 1e-6)
		fail_msg("%s: %s by %s: %g ms, expected %g", contention_name(resource), victim,
			 culprit, got, ms);
}

static void make(struct contention *c, struct run_facts *f, struct units *u,
		 const struct made *made, size_t n)
{
	build(f, made, n);
	*u = (struct units){ 0 };
	assert_int_equal(units_make(u, f), 0);
	assert_int_equal(contention_make(c, f, u), 0);
}

static void test_disk(void **state)
{
	static const struct made made[] = {
		{ "a", 0, 1000, .disk = 800, .bytes = 30 },
		{ "b", 0, 500, .disk = 100, .bytes = 10 },
		{ "c", 500, 1000, .disk = 0 },
		{ "d", 2000, 3000, .disk = 70 },
	};
	struct contention c;
	struct run_facts f;
	struct units u;

	make(&c, &f, &u, made, ARRAY_SIZE(made));
	/* until 500: a moves 30, b 20 a unit of time; a waits 400, b 100 */
	expect(&c, CONTENTION_DISK, "a", "b", 160);
	expect(&c, CONTENTION_DISK, "a", "a", 240 + 400);
	expect(&c, CONTENTION_DISK, "b", "a", 60);
	expect(&c, CONTENTION_DISK, "b", "b", 40);
	expect(&c, CONTENTION_DISK, "a", "c", 0);
	expect(&c, CONTENTION_DISK, "a", "outside", 0);
	expect(&c, CONTENTION_DISK, "d", "outside", 70); /* nobody transferred */
	units_fini(&u);
	run_facts_fini(&f);
}

static void test_memory(void **state)
{
	static const struct made made[] = {
		{ "a", 0, 1000, .reclaim = 500, .peak = 60, .cgroup = 7 },
		{ "b", 0, 1000, .peak = 20, .cgroup = 8 },
		{ "e", 0, 1000, .reclaim = 200, .peak = 1000 },
		{ "g", 0, 1000, .peak = 90, .cgroup = 9 }, /* another one of that size */
	};
	struct contention c;
	struct run_facts f;
	struct units u;

	make(&c, &f, &u, made, ARRAY_SIZE(made));
	/* of the 100 of /job: a 60, b 20, the rest in no process */
	expect(&c, CONTENTION_MEMORY, "a", "a", 300);
	expect(&c, CONTENTION_MEMORY, "a", "b", 100);
	expect(&c, CONTENTION_MEMORY, "a", "outside", 100);
	expect(&c, CONTENTION_MEMORY, "a", "e", 0);
	expect(&c, CONTENTION_MEMORY, "a", "g", 0);
	/* of the 2000 of the host */
	expect(&c, CONTENTION_MEMORY, "e", "a", 6);
	expect(&c, CONTENTION_MEMORY, "e", "b", 2);
	expect(&c, CONTENTION_MEMORY, "e", "e", 100);
	expect(&c, CONTENTION_MEMORY, "e", "g", 9);
	expect(&c, CONTENTION_MEMORY, "e", "outside", 83);
	units_fini(&u);
	run_facts_fini(&f);
}

/* Pages that are fetched again are waits for memory, and then not for the disk. */
static void test_refaults(void **state)
{
	static const struct made made[] = {
		{ "a", 0, 1000, .disk = 300, .reclaim = 100, .peak = 60, .bytes = 5, .cgroup = 8 },
		{ "b", 0, 1000, .peak = 40, .bytes = 5, .cgroup = 8 },
	};
	struct contention c;
	struct run_facts f;
	struct units u;

	build(&f, made, ARRAY_SIZE(made));
	f.processes[0].rereads = true;
	u = (struct units){ 0 };
	assert_int_equal(units_make(&u, &f), 0);
	assert_int_equal(contention_make(&c, &f, &u), 0);
	expect(&c, CONTENTION_MEMORY, "a", "b", 160);
	expect(&c, CONTENTION_MEMORY, "a", "a", 240);
	expect(&c, CONTENTION_DISK, "a", "a", 0);
	expect(&c, CONTENTION_DISK, "a", "b", 0);
	units_fini(&u);
	run_facts_fini(&f);
}

static uint64_t next_random(uint64_t *seed, uint64_t below)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*seed >> 33) % below;
}

/* Whatever there is: a row sums to what its victims waited. */
static void test_conserved(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
	uint64_t seed = 1;

	for (unsigned times = 0; times < 300; times++) {
		struct made made[20];
		struct contention c;
		struct run_facts f;
		struct units u;

		for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
			uint64_t start = next_random(&seed, 5000);
			uint64_t life = 40 + next_random(&seed, 3000);

			made[i] = (struct made){ names[next_random(&seed, 6)],
						 start,
						 start + life,
						 next_random(&seed, life / 4),
						 next_random(&seed, life / 4),
						 next_random(&seed, life / 4),
						 next_random(&seed, life / 4),
						 next_random(&seed, 2) * next_random(&seed, 500),
						 next_random(&seed, 300),
						 6 + next_random(&seed, 4) };
		}
		make(&c, &f, &u, made, ARRAY_SIZE(made));
		for (unsigned v = 0; v < c.n; v++) {
			double want[CONTENTIONS] = { 0 }, got[CONTENTIONS] = { 0 };

			for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
				if (strcmp(made[i].name, c.names[v]) != 0)
					continue;
				want[CONTENTION_CPU] += (double)made[i].runq;
				want[CONTENTION_DISK] += (double)made[i].disk;
				want[CONTENTION_MEMORY] += (double)made[i].reclaim;
			}
			for (unsigned r = 0; r < CONTENTIONS; r++) {
				for (unsigned by = 0; by <= c.n; by++)
					got[r] += c.wait_ns[r][v][by] / 1e6;
				if (fabs(got[r] - want[r]) > 1e-6 * (1 + want[r]))
					fail_msg("%s of %s: %g, waited %g", contention_name(r),
						 c.names[v], got[r], want[r]);
			}
		}
		units_fini(&u);
		run_facts_fini(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_refaults),
		cmocka_unit_test(test_conserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
