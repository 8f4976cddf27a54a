/* SPDX-License-Identifier: Apache-2.0 */
/* tracer tune --what-if: the wall time and cost that a run would have had otherwise. */
#include "src/cli/what_if.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/trace_file.h"
#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/cli.h"
#include "src/cli/reader.h"
#include "src/cli/tune_sizing.h"

#define CORES_LEAST 0.01
#define CORES_MOST  65536

struct change {
	double had;  /* cores; NAN: as the run says */
	double cpus; /* NAN: as it was */
	struct whatif_world would;
	const char *faster[FASTER_MAX];
	double by[FASTER_MAX];
	size_t n_faster, matched[FASTER_MAX];
	char *text; /* owned: cut up */
};

static bool take_item(struct change *c, char *item)
{
	char *value = strrchr(item, '=');
	double tasks;

	if (!value)
		return false;
	*value++ = '\0';
	if (!strcmp(item, "cpus"))
		return tune_number(value, CORES_LEAST, CORES_MOST, &c->cpus);
	if (!strcmp(item, "had"))
		return tune_number(value, CORES_LEAST, CORES_MOST, &c->had);
	if (!strcmp(item, "memory"))
		return trace_bytes(value, &c->would.memory_bytes) && c->would.memory_bytes > 0;
	if (!strcmp(item, "tasks")) {
		if (!tune_number(value, 1, 1e6, &tasks))
			return false;
		c->would.tasks = (size_t)tasks;
		return true;
	}
	if (!strcmp(item, "slots")) {
		if (!tune_number(value, 1, 1e6, &tasks))
			return false;
		c->would.places = (size_t)tasks;
		return true;
	}
	if (strncmp(item, "faster.", 7) != 0 || c->n_faster == FASTER_MAX)
		return false;
	c->faster[c->n_faster] = item + 7;
	return tune_number(value, 1e-6, 1e6, &c->by[c->n_faster++]);
}

static int change_parse(struct change *c, const char *text, const struct command_spec *spec)
{
	char *rest, *item;

	*c = (struct change){ .cpus = NAN, .had = NAN, .text = strdup(text) };
	if (!c->text)
		return EXIT_ERROR;
	for (item = strtok_r(c->text, ",", &rest); item; item = strtok_r(NULL, ",", &rest))
		if (!take_item(c, item))
			return options_misuse(spec,
					      "--what-if takes cpus=N, had=N, tasks=N, slots=N, "
					      "memory=SIZE, faster.TASK=K; not `%s`",
					      item);
	return EXIT_OK;
}

static void change_fini(struct change *c)
{
	free(c->text);
}

static void apply(struct change *c, struct what_if_run *w)
{
	if (!isnan(c->had)) {
		w->run.was.cores = c->had;
		w->run.cores_told = true;
	}
	c->would.cores = isnan(c->cpus) ? 0 : c->cpus;
	for (size_t i = 0; i < w->run.n; i++)
		for (size_t k = 0; k < c->n_faster; k++)
			if (!strcmp(w->names[i], c->faster[k])) {
				w->tasks[i].faster = c->by[k];
				c->matched[k]++;
			}
}

static int unmatched(const struct change *c, const struct history *h)
{
	for (size_t i = 0; i < c->n_faster; i++)
		if (!c->matched[i]) {
			log_error("no task `%s` in run %s (see `tracer tasks`)", c->faster[i],
				  h->runs[0].row.uid);
			return EXIT_NOT_FOUND;
		}
	return EXIT_OK;
}

/* What other runs of it were off by, if there are enough; else the rule of thumb. */
static double error_of(const struct whatif *is, const struct what_if_trials *trials)
{
	return isnan(trials->error_ratio) ? is->error_ratio
					  : fmax(trials->error_ratio, WHATIF_ERROR_LEAST);
}

static int judge(struct reader *r, struct history *h, struct change *c,
		 const struct tune_sizing_options *o)
{
	_cleanup_(what_if_run_fini) struct what_if_run w = { 0 };
	struct what_if_trials trials;
	struct what_if_cost cost;
	struct whatif is;
	struct what_if_said said = { h, &w, &is, &trials, &cost, o->what_if, 0 };
	double cores[2];
	int rc, e = what_if_run_load(&w, h, r->store);

	if (e >= 0)
		e = what_if_trials(&w, h, r->store, &trials);
	if (e < 0)
		return reader_result(e);
	apply(c, &w);
	rc = unmatched(c, h);
	if (rc)
		return rc;
	e = whatif_predict(&w.run, &c->would, &is);
	if (e < 0)
		return reader_result(e);
	cores[0] = is.cores_had;
	cores[1] = c->would.cores > 0 ? c->would.cores : is.cores_had;
	rc = what_if_cost(r->store, &h->runs[0].row, &is, cores, &cost);
	if (rc)
		return rc;
	said.error_ratio = error_of(&is, &trials);
	return reader_result(o->json ? what_if_print_json(&said) : what_if_print_text(&said));
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
	if (rc)
		return rc;
	if (h.runs[0].missing) {
		log_error("nothing is predicted from run %s: %s", h.runs[0].row.uid,
			  h.runs[0].missing);
		return EXIT_ERROR;
	}
	return judge(&r, &h, &c, o);
}
