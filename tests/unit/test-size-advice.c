/* SPDX-License-Identifier: Apache-2.0 */
/* src/analysis/{together,size_advice,size_finding}: what tasks should ask for, and how
 * it is said. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/analysis/size_advice.h"
#include "src/analysis/together.h"

#define MIB (1ULL << 20)

struct sum {
	int64_t task[8];
	uint64_t bytes[8];
	uint32_t workers[8];
	size_t n;
};

static int on_sum(void *ctx, int64_t task, uint64_t bytes, uint32_t workers)
{
	struct sum *s = ctx;

	assert_true(s->n < 8);
	s->task[s->n] = task;
	s->bytes[s->n] = bytes;
	s->workers[s->n++] = workers;
	return 0;
}

/* Ends come before starts at one time, whatever the bytes; sums do not wrap. */
static void test_together_borders(void **state)
{
	static const struct together_process p[] = {
		{ 1, 0, 50, 30, 50, 1 },
		{ 1, 50, 90, 30, 40, 1 },
		{ 2, 0, 50, 20, 50, 1 },
		{ 2, 50, 90, 30, 40, 1 },
		{ 3, 0, 9, 1ULL << 63, 9, 1 },
		{ 4, 0, 9, 1ULL << 63, 9, 1 },
		{ 4, 1, 8, 1ULL << 63, 7, 1 },
		{ 4, 20, 30, 5, 10, 1 },
		{ 5, 10, 10, 7, 0, 1 },
		{ 6, 0, 9, UINT64_MAX, 9, UINT32_MAX },
		{ 6, 0, 9, UINT64_MAX, 9, UINT32_MAX },
	};
	static const uint64_t bytes[] = { 30, 30, 1ULL << 63, UINT64_MAX, 7, UINT64_MAX };
	static const uint32_t workers[] = { 1, 1, 1, 2, 1, 4095 };
	struct together t = { 0 };
	struct sum s = { 0 };

	for (size_t i = 0; i < sizeof(p) / sizeof(*p); i++)
		assert_int_equal(together_add(&t, &p[i]), 0);
	assert_int_equal(together_each(&t, on_sum, &s), 0);
	assert_int_equal(s.n, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(s.bytes[i], bytes[i]);
		assert_int_equal(s.workers[i], workers[i]);
	}
	together_fini(&t);
}

static void test_together(void **state)
{
	/* a shell around two that follow each other at the same instant, four threads in
	 * the second; another task; one that ends before it starts; a helper that is
	 * busy for a moment beside the one thread of a third task */
	static const struct together_process p[] = {
		{ 7, 0, 100, 5, 1, 1 },	    { 7, 10, 50, 30, 40, 1 },	{ 7, 50, 90, 40, 160, 4 },
		{ 3, 0, 1000, 99, 500, 0 }, { 7, 60, 20, 9999, 10, 1 }, { 9, 0, 1000, 5, 900, 1 },
		{ 9, 10, 40, 5, 20, 1 },
	};
	struct together t = { 0 };
	struct sum s = { 0 };

	for (size_t i = 0; i < sizeof(p) / sizeof(*p); i++)
		assert_int_equal(together_add(&t, &p[i]), 0);
	assert_int_equal(together_each(&t, on_sum, &s), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.workers[2], 1);
	assert_int_equal(s.task[0], 3);
	assert_int_equal(s.bytes[0], 99);
	assert_int_equal(s.workers[0], 1);
	assert_int_equal(s.bytes[1], 45);
	assert_int_equal(s.workers[1], 4); /* the shell only waits */
	together_fini(&t);
	assert_int_equal(together_bounded(100, 0, 50), 100);
	assert_int_equal(together_bounded(100, 80, 50), 80);
	assert_int_equal(together_bounded(100, 80, 90), 90);
}

static struct size_task usual(void)
{
	return (struct size_task){ .seconds = 10,
				   .peak_bytes = 100 * MIB,
				   .largest_bytes = 90 * MIB,
				   .cpu_s = 10,
				   .workers = 1,
				   .requested_cpus = 4,
				   .requested_bytes = 4096 * MIB };
}

static struct size_advice advise(const struct size_task *t, size_t n)
{
	struct size_advice a;
	struct size_kind *k;

	assert_int_equal(size_kind_new(&sizing_defaults, "k", &k), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(size_kind_add(k, &t[i]), 0);
	size_kind_advise(k, 1, 8, &a);
	size_kind_free(k);
	return a;
}

static struct size_advice all_like(struct size_task t, size_t n)
{
	struct size_task list[16];

	for (size_t i = 0; i < n; i++)
		list[i] = t;
	return advise(list, n);
}

static void test_cores(void **state)
{
	struct size_task t = usual();

	assert_int_equal(all_like(t, 2).cpus, 0);
	assert_int_equal(all_like(t, 5).cpus, 1); /* one thread: a second core is of no use */
	t.workers = 0;
	assert_int_equal(all_like(t, 5).cpus, 2);
	t.workers = 2;
	t.cpu_s = 19;
	assert_int_equal(all_like(t, 5).cpus, 2); /* 1.9 of two threads: never less */
	t.workers = 8;
	t.cpu_s = 15;
	t.waited_s = 45; /* it wanted 6 */
	assert_true(all_like(t, 5).starved);
	assert_int_equal(all_like(t, 5).cpus, 4); /* not beyond what it asks for */
	t.requested_cpus = 0;
	assert_int_equal(all_like(t, 5).cpus, 7);
	t.waited_s = 0.5;
	assert_false(all_like(t, 5).starved);
	assert_int_equal(all_like(t, 5).cpus, 2);
}

static void test_newest_request(void **state)
{
	struct size_task t[4] = { usual(), usual(), usual(), usual() };
	struct size_advice a;

	t[2].requested_bytes = 200 * MIB;
	t[3].requested_bytes = 400 * MIB;
	t[3].attempt = 2;
	a = advise(t, 4);
	assert_int_equal(a.asked_bytes, 200 * MIB);
	assert_true(a.saving_byte_s > 0 && a.saving_byte_s < 4 * 10 * 100.0 * MIB);
	for (size_t i = 0; i < 4; i++)
		t[i].requested_bytes = 0;
	a = advise(t, 4);
	assert_true(isnan(a.saving_byte_s));
	assert_true(a.known);
}

static void test_killed(void **state)
{
	struct size_task t[4] = { usual(), usual(), usual(), usual() };

	t[1].killed_for_memory = true; /* its limit is not known: more than it had */
	assert_int_equal(size_advice_mib(&(struct size_advice){ .size.bytes = 1 }), 1);
	assert_true(advise(t, 4).size.bytes >= 120 * MIB);
	t[1].limit_bytes = 1000 * MIB;
	assert_true(advise(t, 4).size.bytes >= 1200 * MIB);
}

static const struct finding *find(const struct findings *f, const char *id)
{
	for (unsigned i = 0; i < f->n; i++)
		if (!strcmp(f->list[i].id, id))
			return &f->list[i];
	return NULL;
}

static void said(struct size_task t, size_t n, const char *id, enum severity severity)
{
	struct size_advice a = all_like(t, n);
	struct findings f = { 0 };
	const struct finding *one;

	size_findings(&f, &a);
	one = find(&f, id);
	if (!one)
		fail_msg("no %s but %s", id, f.n ? f.list[0].id : "nothing");
	assert_int_equal(one->severity, severity);
	assert_non_null(one->summary);
	assert_non_null(one->check);
	assert_true(one->n_figures > 2);
	findings_fini(&f);
}

static void test_findings(void **state)
{
	struct size_task t = usual();

	said(t, 5, "memory-over-requested:task:k", SEVERITY_WARNING);
	said(t, 2, "memory-over-requested:task:k", SEVERITY_WARNING);
	said(t, 5, "single-threaded:task:k", SEVERITY_WARNING);
	t.requested_bytes = 400 * MIB; /* a waste, but of no GiB */
	t.cpu_s = 25;
	t.workers = 4;
	said(t, 5, "memory-over-requested:task:k", SEVERITY_NOTICE);
	said(t, 2, "size:task:k", SEVERITY_INFO);
	said(t, 5, "cpus-over-requested:task:k", SEVERITY_NOTICE);
	t.requested_bytes = 120 * MIB;
	t.requested_cpus = 1;
	said(t, 5, "size:task:k", SEVERITY_INFO);
	said(t, 5, "cpus-under-requested:task:k", SEVERITY_NOTICE);
	t.requested_bytes = 80 * MIB;
	said(t, 5, "memory-under-requested:task:k", SEVERITY_NOTICE);
	t.killed_for_memory = true;
	t.limit_bytes = 80 * MIB;
	said(t, 2, "memory-under-requested:task:k", SEVERITY_WARNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_together), cmocka_unit_test(test_together_borders),
		cmocka_unit_test(test_cores),	 cmocka_unit_test(test_newest_request),
		cmocka_unit_test(test_killed),	 cmocka_unit_test(test_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
