/* SPDX-License-Identifier: Apache-2.0 */
/* tracer tune --what-if: the wall time that a run would have had otherwise. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/trace_file.h"
#include "src/analysis/whatif.h"
#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/json_out.h"
#include "src/base/log.h"
#include "src/cli/cli.h"
#include "src/cli/history.h"
#include "src/cli/reader.h"
#include "src/cli/tune_sizing.h"

#define FASTER_MAX 32

struct change {
	struct whatif_world was, would;
	double cpus; /* NAN: as it was */
	const char *faster[FASTER_MAX];
	double by[FASTER_MAX];
	size_t n_faster, matched[FASTER_MAX];
	char *text; /* owned: cut up */
};

static bool positive(const char *text, double most, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value > 0) || !(value <= most))
		return false;
	*ret = value;
	return true;
}

static bool take_item(struct change *c, char *item)
{
	char *value = strrchr(item, '=');
	double tasks;

	if (!value)
		return false;
	*value++ = '\0';
	if (!strcmp(item, "cpus"))
		return positive(value, 65536, &c->cpus);
	if (!strcmp(item, "had"))
		return positive(value, 65536, &c->was.cores);
	if (!strcmp(item, "memory"))
		return trace_bytes(value, &c->would.memory_bytes) && c->would.memory_bytes > 0;
	if (!strcmp(item, "tasks")) {
		if (!positive(value, 1e6, &tasks) || tasks < 1)
			return false;
		c->would.tasks = (size_t)tasks;
		return true;
	}
	if (strncmp(item, "faster.", 7) != 0 || c->n_faster == FASTER_MAX)
		return false;
	c->faster[c->n_faster] = item + 7;
	return positive(value, 1e6, &c->by[c->n_faster++]);
}

static int change_parse(struct change *c, const char *text, const struct command_spec *spec)
{
	char *rest, *item;

	*c = (struct change){ .cpus = NAN, .text = strdup(text) };
	if (!c->text)
		return EXIT_ERROR;
	for (item = strtok_r(c->text, ",", &rest); item; item = strtok_r(NULL, ",", &rest))
		if (!take_item(c, item))
			return options_misuse(spec,
					      "--what-if takes cpus=N, had=N, tasks=N, "
					      "memory=SIZE, faster.TASK=K; not `%s`",
					      item);
	return EXIT_OK;
}

static void change_fini(struct change *c)
{
	free(c->text);
}

static struct whatif_task whatif_task_of(const struct history_task *t, struct change *c)
{
	struct whatif_task w = {
		.start_s = (double)t->start_ns / 1e9,
		.end_s = (double)t->end_ns / 1e9,
		.queue_s = (double)t->where.ns[LEDGER_RUNQ] / 1e9,
		.cpu_s = (double)t->cpu_ns / 1e9,
		.cpu_wall_s = (double)t->where.ns[LEDGER_CPU] / 1e9,
		.memory_bytes = (double)(t->together_bytes ? t->together_bytes : t->largest_bytes),
		.faster = 1,
	};

	for (size_t i = 0; i < c->n_faster; i++)
		if (!strcmp(t->name, c->faster[i])) {
			w.faster = c->by[i];
			c->matched[i]++;
		}
	return w;
}

static int predict(const struct history *h, struct change *c, struct whatif *ret)
{
	const struct run_row *run = &h->runs[0].row;
	_cleanup_free_ struct whatif_task *tasks = calloc(h->n + 1, sizeof(*tasks));
	double base = (double)run->start_ns / 1e9;
	size_t n = 0;

	if (!tasks)
		return -ENOMEM;
	for (size_t i = 0; i < h->n; i++) {
		struct whatif_task t = whatif_task_of(&h->tasks[i], c);

		t.start_s -= base;
		t.end_s -= base;
		if (t.end_s > t.start_s)
			tasks[n++] = t;
	}
	if (!(c->was.cores > 0))
		c->was.cores = run->cpus;
	c->would.cores = isnan(c->cpus) ? c->was.cores : c->cpus;
	return whatif_predict(tasks, n, 0, (double)(run->end_ns - run->start_ns) / 1e9, &c->was,
			      &c->would, ret);
}

static void print_text(const struct history *h, const struct whatif *w, const char *what)
{
	char was[HUMAN_MAX], is[HUMAN_MAX], low[HUMAN_MAX], high[HUMAN_MAX];

	printf("run %s took %s", h->runs[0].row.uid,
	       human_duration(was, (uint64_t)(w->observed_s * 1e9)));
	if (w->tasks_most)
		printf(", with up to %zu tasks at a time", w->tasks_most);
	printf("\nwith %s: ", what);
	if (w->doubt != WHATIF_NONE) {
		printf("not known: %s", whatif_doubt_words(w->doubt));
		if (w->doubt == WHATIF_NO_ROOM)
			printf(" (%s)", human_bytes(was, (uint64_t)w->needed_bytes));
		putchar('\n');
		return;
	}
	printf("%s (%s to %s)\n", human_duration(is, (uint64_t)(w->predicted_s * 1e9)),
	       human_duration(low,
			      (uint64_t)(w->predicted_s * (1 - fmin(w->error_ratio, 1)) * 1e9)),
	       human_duration(high, (uint64_t)(w->predicted_s * (1 + w->error_ratio) * 1e9)));
	printf("from %zu tasks, their order and how many ran at a time; the data that pass "
	       "between\nthem are not looked at. Replaying what was gives %s.\n"
	       "%s"
	       "check: run it so, and compare with `tracer diff`\n",
	       h->n, human_duration(is, (uint64_t)(w->replayed_s * 1e9)),
	       w->cores_share < 0.95 ? "Others used the CPUs, too: they are taken to go on so.\n"
				     : "");
}

static json_t *seconds_as_ns(double s)
{
	return isfinite(s) ? json_out_time((uint64_t)(s * 1e9)) : json_null();
}

static int print_json(const struct history *h, const struct whatif *w, const char *what)
{
	json_t *o = json_object();
	bool known = w->doubt == WHATIF_NONE;
	int r;

	json_object_set_new(o, "id", json_string("what-if:run"));
	json_object_set_new(o, "severity", json_string("info"));
	json_object_set_new(o, "run", json_string(h->runs[0].row.uid));
	json_object_set_new(o, "change", json_out_text(what, strlen(what)));
	json_object_set_new(o, "known", json_boolean(known));
	json_object_set_new(o, "doubt",
			    known ? json_null() : json_string(whatif_doubt_words(w->doubt)));
	json_object_set_new(o, "observed_ns", seconds_as_ns(w->observed_s));
	json_object_set_new(o, "replayed_ns", seconds_as_ns(w->replayed_s));
	json_object_set_new(o, "predicted_ns", seconds_as_ns(w->predicted_s));
	json_object_set_new(o, "error_ratio", known ? json_real(w->error_ratio) : json_null());
	json_object_set_new(o, "cores_share", known ? json_real(w->cores_share) : json_null());
	json_object_set_new(o, "samples", json_out_uint(h->n));
	json_object_set_new(o, "tasks_at_a_time_most", json_out_uint(w->tasks_most));
	json_object_set_new(o, "from", json_string("start order and tasks at a time"));
	r = json_out_write(o, stdout, JSON_PRETTY);
	json_decref(o);
	return r;
}

static int judge(const struct history *h, struct change *c, const struct tune_sizing_options *o)
{
	struct whatif w;
	int r;

	if (h->runs[0].missing) {
		log_error("nothing is predicted from run %s: %s", h->runs[0].row.uid,
			  h->runs[0].missing);
		return EXIT_ERROR;
	}
	r = predict(h, c, &w);
	if (r < 0)
		return reader_result(r);
	for (size_t i = 0; i < c->n_faster; i++)
		if (!c->matched[i]) {
			log_error("no task `%s` in run %s (see `tracer tasks`)", c->faster[i],
				  h->runs[0].row.uid);
			return EXIT_NOT_FOUND;
		}
	if (o->json)
		return reader_result(print_json(h, &w, o->what_if));
	print_text(h, &w, o->what_if);
	return ferror(stdout) ? EXIT_ERROR : EXIT_OK;
}

int tune_what_if(const struct tune_sizing_options *o, const struct command_spec *spec)
{
	_cleanup_(reader_close) struct reader r = { 0 };
	_cleanup_(history_fini) struct history h = { 0 };
	_cleanup_(change_fini) struct change c;
	int rc = change_parse(&c, o->what_if, spec);

	if (!rc)
		rc = reader_open_run(&r, o->db, o->run);
	if (!rc)
		rc = reader_result(history_add_run(&h, r.store, r.run.id));
	return rc ? rc : judge(&h, &c, o);
}
