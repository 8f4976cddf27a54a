/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace files of others: a row is refused with a text, or all its numbers are finite
 * and not negative, or not known; what was read can be replayed, and the sums of that
 * are numbers. JSON is WfFormat, anything else lines.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/backtest.h"
#include "src/analysis/trace_file.h"
#include "src/cli/wfformat.h"
#include "tests/fuzz/fuzz.h"

static void check(double value)
{
	if (!isnan(value) && !(value >= 0 && value <= 1e25))
		abort();
}

static int take(void *ctx, const struct trace_task *t, const char *why)
{
	struct past_tasks *p = ctx;

	if (why) {
		if (!*why || strlen(why) >= TRACE_WHY)
			abort();
		return 0;
	}
	if (!t->process)
		abort();
	check(t->cpus);
	check(t->memory_bytes);
	check(t->seconds);
	check(t->cores);
	check(t->peak_bytes);
	check(t->input_bytes);
	if (!(t->peak_bytes > 0) || !(t->seconds > 0) || t->end == TRACE_NOT_DONE)
		return 0;
	return past_tasks_add(
		p, &(struct past_task){
			   .kind = t->process,
			   .usage = { .input_bytes = isnan(t->input_bytes) ? 0 : t->input_bytes,
				      .peak_bytes = t->peak_bytes,
				      .seconds = t->seconds,
				      .limit_bytes = t->memory_bytes > 0 ? t->memory_bytes : 0,
				      .killed_for_memory = t->end == TRACE_KILLED_FOR_MEMORY },
			   .requested_bytes = t->memory_bytes,
			   .cpus = t->cpus,
			   .cores = t->cores,
			   .start = t->start_ms });
}

static void lines(char *text, struct past_tasks *p)
{
	struct trace_header h;
	struct trace_task t;
	char why[TRACE_WHY] = "";
	char *line = strsep(&text, "\n");

	if (!line || trace_header_parse(&h, line, why) < 0)
		return;
	while ((line = strsep(&text, "\n"))) {
		int r = trace_task_parse(&h, line, &t, why);

		take(p, r < 0 ? NULL : &t, r < 0 ? why : NULL);
	}
}

static void json(const char *text, size_t size, struct past_tasks *p)
{
	struct wfformat_sink sink = { p, take };
	struct wfformat *w;
	int r = 0;

	if (wfformat_new(&sink, &w) < 0)
		return;
	for (unsigned pass = 0; r == 0 && pass < WFFORMAT_PASSES; pass++) {
		wfformat_begin(w, pass);
		r = wfformat_feed(w, text, size / 2);
		if (r == 0)
			r = wfformat_feed(w, text + size / 2, size - size / 2);
		if (r == 0)
			r = wfformat_end(w);
	}
	wfformat_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct past_tasks p = { 0 };
	char *text = malloc(size + 1);
	struct backtest b;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (size && *data == '{')
		json(text, size, &p);
	else
		lines(text, &p);
	if (backtest_run(&p, &sizing_defaults, &b) == 0)
		for (unsigned way = 0; way < BACKTEST_WAYS; way++)
			if (!(b.ways[way].waste_byte_s >= 0))
				abort();
	past_tasks_fini(&p);
	free(text);
	return 0;
}
