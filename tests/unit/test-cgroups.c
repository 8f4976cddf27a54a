/* SPDX-License-Identifier: Apache-2.0 */
/* How many paths of cgroups a recording remembers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "src/track/tracker.h"

static int count_row(void *ctx, const struct cgroup_row *row)
{
	++*(unsigned *)ctx;
	return 0;
}

static void test_beyond_the_limit(void **state)
{
	unsigned rows = 0;
	struct tracker t = { .sink = { .ctx = &rows, .cgroup = count_row }, .scratch = STR_INIT };
	struct {
		struct wire_cgroup r;
		char path[8];
	} record = { .path = "job" };

	record.r.h.size = sizeof(record);
	record.r.h.type = WIRE_CGROUP;
	record.r.path.off = sizeof(record.r);
	record.r.path.len = 4;
	for (record.r.cgroup_id = 1; record.r.cgroup_id <= CGROUPS_MAX + 3; record.r.cgroup_id++)
		assert_int_equal(incident_cgroup(&t, &record.r), 0);
	assert_int_equal(rows, CGROUPS_MAX + 3);
	assert_int_equal(t.cgroups_refused, 3);
	assert_string_equal(cgroup_find(&t, CGROUPS_MAX), "/job");
	assert_null(cgroup_find(&t, CGROUPS_MAX + 1));
	record.r.cgroup_id = 1; /* known: its limits have come */
	assert_int_equal(incident_cgroup(&t, &record.r), 0);
	assert_int_equal(t.cgroups_refused, 3);
	cgroups_free(&t);
	str_fini(&t.scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_beyond_the_limit) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
