/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/stalls.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/cli/tune_print.h"

static int add(void *ctx, const struct incident_row *row)
{
	json_t *detail;

	if (strcmp(row->kind, "stall") != 0 || !row->detail)
		return 0;
	detail = json_loads(row->detail, 0, NULL);
	if (detail)
		json_array_append_new(ctx, detail);
	return 0;
}

/* As all times of JSON documents: text, because a browser's numbers are too short. */
static void set_as_text(json_t *object, const char *key)
{
	char digits[24];
	json_int_t n = json_integer_value(json_object_get(object, key));

	snprintf(digits, sizeof(digits), "%lld", (long long)n);
	if (n)
		json_object_set_new(object, key, json_string(digits));
}

static json_t *load(struct store *store, int64_t run_id)
{
	json_t *array = json_array();

	if (array && store_each_incident(store, run_id, add, array) < 0) {
		json_decref(array);
		return NULL;
	}
	return array;
}

json_t *stalls_array(struct store *store, int64_t run_id)
{
	json_t *array = load(store, run_id), *one;
	size_t i;

	json_array_foreach(array, i, one)
	{
		set_as_text(one, "since_ns");
		set_as_text(one, "end_ns");
	}
	return array;
}

static const char *text(const json_t *detail, const char *key)
{
	return json_string_value(json_object_get(detail, key));
}

static uint64_t unix_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static void print(const json_t *d, uint64_t end_ns, const char *head, FILE *out)
{
	const json_t *first = json_array_get(json_object_get(d, "chain"), 0);
	uint64_t since = (uint64_t)json_integer_value(json_object_get(d, "since_ns"));
	const char *comm = text(first, "comm"), *task = text(d, "task"), *words = text(d, "words");
	char time[HUMAN_MAX];

	fputs(head, out);
	if (task) {
		fputs("task ", out);
		safe_print(out, task);
		fputs(": ", out);
	}
	if (comm) {
		fputc('`', out);
		safe_print(out, comm);
		fputs("` ", out);
	}
	fprintf(out, "(pid %lld) ", (long long)json_integer_value(json_object_get(d, "pid")));
	safe_print(out, words ? words : "waits, nobody saw for what");
	fprintf(out, "; no progress for %s\n",
		human_duration(time, end_ns > since ? end_ns - since : 0));
}

int stalls_print_open(struct store *store, const struct run_row *run, const char *head, FILE *out)
{
	json_t *all = load(store, run->id), *one;
	size_t i;
	int n = 0;

	if (!all)
		return -ENOMEM;
	json_array_foreach(all, i, one)
	{
		if (!json_is_null(json_object_get(one, "end")))
			continue;
		print(one, run->end_ns ? run->end_ns : unix_now_ns(), head, out);
		n++;
	}
	json_decref(all);
	return n;
}
