/* SPDX-License-Identifier: Apache-2.0 */
/* tracer tune --what-if: the wall time and cost that a run would have had otherwise. */
#include "src/cli/what_if.h"

#include <ctype.h>
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

#define NAMES_MAX (FASTER_MAX + 5)

struct change {
	double had;  /* cores; NAN: as the run says */
	double cpus; /* NAN: as it was */
	struct whatif_world would;
	const char *faster[FASTER_MAX];
	double by[FASTER_MAX];
	size_t n_faster, matched[FASTER_MAX];
	const char *names[NAMES_MAX]; /* that were given */
	size_t n_names;
	char *text; /* owned: cut up */
};

/* Values that a change has; NULL: it is good. A size takes a unit: 16 is 16 bytes to nobody. */
static const char *take_memory(struct change *c, const char *value)
{
	double bytes;

	if (!trace_bytes(value, &bytes) || !(bytes > 0))
		return "a size like 16GB";
	if (!isalpha((unsigned char)value[strlen(value) - 1]))
		return "a size with its unit, like 16GB or 512MB";
	c->would.memory_bytes = bytes;
	return NULL;
}

static const char *take_count(const char *value, size_t *ret)
{
	double n;

	if (!tune_number(value, 1, 1e6, &n) || n != floor(n))
		return "a whole number from 1 to 1000000";
	*ret = (size_t)n;
	return NULL;
}

static const char *take_cores(const char *value, double *ret)
{
	return tune_number(value, CORES_LEAST, CORES_MOST, ret) ? NULL
								: "a number from 0.01 to 65536";
}

static bool is_faster(const char *name)
{
	return !strncmp(name, "faster.", 7) && name[7];
}

static const char *take_value(struct change *c, const char *name, const char *value)
{
	if (!strcmp(name, "cpus"))
		return take_cores(value, &c->cpus);
	if (!strcmp(name, "had"))
		return take_cores(value, &c->had);
	if (!strcmp(name, "memory"))
		return take_memory(c, value);
	if (!strcmp(name, "tasks"))
		return take_count(value, &c->would.tasks);
	if (!strcmp(name, "slots"))
		return take_count(value, &c->would.places);
	c->faster[c->n_faster] = name + 7;
	return tune_number(value, 1e-6, 1e6, &c->by[c->n_faster++])
		       ? NULL
		       : "a factor from 0.000001 to 1000000";
}

static bool is_name(const char *name)
{
	static const char *const names[] = { "cpus", "had", "tasks", "slots", "memory" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return is_faster(name);
}

static int take_item(struct change *c, char *item, const struct command_spec *spec)
{
	char *value = strrchr(item, '=');
	const char *wants;

	if (value)
		*value++ = '\0';
	if (!is_name(item))
		return options_misuse(spec,
				      "--what-if takes cpus=N, had=N, tasks=N, slots=N, "
				      "memory=SIZE, faster.TASK=K; not `%s`",
				      item);
	if (!value || !*value)
		return options_misuse(spec, "--what-if %s: a value is missing: %s=N", item, item);
	if (c->n_names == NAMES_MAX)
		return options_misuse(spec, "--what-if takes at most %d changes", NAMES_MAX);
	for (size_t i = 0; i < c->n_names; i++)
		if (!strcmp(c->names[i], item))
			return options_misuse(spec, "--what-if has `%s` twice", item);
	c->names[c->n_names++] = item;
	if (is_faster(item) && c->n_faster == FASTER_MAX)
		return options_misuse(spec, "--what-if takes at most %d faster.TASK", FASTER_MAX);
	wants = take_value(c, item, value);
	return wants ? options_misuse(spec, "--what-if %s takes %s, not `%s`", item, wants, value)
		     : EXIT_OK;
}

static int change_parse(struct change *c, const char *text, const struct command_spec *spec)
{
	char *rest, *item;
	int rc = EXIT_OK;

	*c = (struct change){ .cpus = NAN, .had = NAN, .text = strdup(text) };
	if (!c->text)
		return EXIT_ERROR;
	for (item = strtok_r(c->text, ",", &rest); item && !rc; item = strtok_r(NULL, ",", &rest))
		rc = take_item(c, item, spec);
	if (!rc && !c->n_names)
		rc = options_misuse(spec, "--what-if: which change? cpus=N, for example");
	return rc;
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
