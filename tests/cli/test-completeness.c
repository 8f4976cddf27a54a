/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever makes a run incomplete is said, and said once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/cli/completeness.h"
#include "src/model/fields.h"

#define ALL_FEATURES (~0ULL)

static struct run_row perfect_run(void)
{
	return (struct run_row){
		.uid = "u", .end_ns = 1, .collector = COLLECTOR_EBPF, .features = ALL_FEATURES
	};
}

static json_t *notes_of(const struct run_row *run, size_t n)
{
	json_t *notes = completeness_notes(run);

	assert_non_null(notes);
	assert_int_equal(json_array_size(notes), n);
	return notes;
}

static void test_perfect(void **state)
{
	struct run_row run = perfect_run();

	assert_true(run_is_complete(&run));
	json_decref(notes_of(&run, 0));
}

/* Each counter alone: one sentence that begins with the number, unlike all others. */
static void test_every_counter(void **state)
{
	enum { COUNTERS = sizeof(struct completeness) / sizeof(uint64_t) };
	json_t *seen = json_object();

	for (unsigned i = 0; i < COUNTERS; i++) {
		struct run_row run = perfect_run();
		uint64_t counts[COUNTERS] = { 0 };
		const char *text;
		json_t *notes;

		counts[i] = 7;
		memcpy(&run.completeness, counts, sizeof(counts));
		notes = notes_of(&run, 1);
		text = json_string_value(json_array_get(notes, 0));
		assert_int_equal(strncmp(text, "7 ", 2), 0);
		assert_null(json_object_get(seen, text));
		json_object_set_new(seen, text, json_true());
		json_decref(notes);
	}
	json_decref(seen);
}

static void test_given(void **state)
{
	struct run_row run = perfect_run();
	json_t *notes;

	run.completeness.still_running = 1;
	run.notes = "[\"The clock moved.\", \"Records: 1.\"]";
	notes = notes_of(&run, 3);
	assert_string_equal(json_string_value(json_array_get(notes, 1)), "The clock moved.");
	json_decref(notes);
	run.notes = "no JSON";
	notes = notes_of(&run, 2);
	assert_string_equal(json_string_value(json_array_get(notes, 1)), "no JSON");
	json_decref(notes);
}

static void test_unobserved(void **state)
{
	struct run_row run = perfect_run();
	json_t *notes, *object;

	run.collector = COLLECTOR_NONE;
	run.features = 0;
	run.notes = "[\"no BPF here\"]";
	notes = notes_of(&run, 2);
	assert_string_equal(json_string_value(json_array_get(notes, 1)), "no BPF here");
	json_decref(notes);
	object = completeness_object(&run);
	assert_true(json_is_false(json_object_get(object, "complete")));
	assert_true(json_is_null(json_object_get(object, "processes_lost")));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_perfect),
		cmocka_unit_test(test_every_counter),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_unobserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
