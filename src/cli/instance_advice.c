/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of `tracer tune --instances`: what would save money, or time for no more. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "src/base/human.h"
#include "src/cli/instance_subject.h"

#define WORTH_SHARE 0.1	  /* of the observed cost: less is info */
#define WORTH_USD   0.001 /* a run */
#define WORTH_S	    60	  /* a machine of its own is paid for a minute at least */

int choice_price_days(const struct inquiry *q, const struct choice *c)
{
	return price_age_days(c->price->as_of, inquiry_time_ns(q));
}

unsigned choice_confidence(const struct inquiry *q, const struct subject *s, const struct choice *c)
{
	double confidence = s->is_run ? 70 : s->n < 10 ? 60 : 85;

	confidence -= c->outcome.speed_error > 0 ? 15 : 0;
	confidence -= c->outcome.time_error * 100;
	confidence -= c->price->type->facts.coremark_of_cpu ? 10 : 0;
	confidence -= s->loose ? 10 : 0;
	confidence -= choice_price_days(q, c) > PRICE_STALE_DAYS ? 15 : 0;
	confidence -= c->machine->spot && q->taken < 0 ? 20 : 0;
	confidence -= c->way == WAY_REGION && q->transfer_assumed ? 5 : 0;
	return (unsigned)fmax(confidence, 10);
}

static const char *saving_text(struct findings *f, const struct instance_range *r)
{
	return findings_text(f, "%.4f USD a run less (95 %%: %.4f to %.4f)", r->middle, r->low,
			     r->high);
}

static const char *subject_words(struct findings *f, const struct subject *s)
{
	return s->is_run ? "the run" : findings_text(f, "%s (%zu tasks)", s->name, s->n);
}

static const char *cause_words(struct findings *f, const struct subject *s,
			       const struct instance_outcome *o)
{
	const char *limit = subject_limit(s);
	char bytes[HUMAN_MAX];

	if (s->is_run)
		return findings_text(f,
				     "most of its tasks' time: %s; up to %.1f cores and %s of "
				     "memory at a time; there %s binds",
				     limit ? limit : "not known", s->peak.cores,
				     human_bytes(bytes, (uint64_t)s->peak.memory_bytes),
				     instance_binds_word(o->binds));
	return findings_text(
		f, "most of its time: %s; %.0f core%s and %s each; %s binds",
		limit ? limit : "not known", s->need.cores, s->need.cores > 1 ? "s" : "",
		human_bytes(bytes, (uint64_t)s->need.memory_bytes), instance_binds_word(o->binds));
}

static void set_figures(const struct inquiry *q, struct finding *one, const struct subject *s,
			const struct instance_outcome *o, const struct instance_range *saving)
{
	figure_ratio(one, "observed_usd", s->usd);
	figure_ratio(one, "predicted_usd", o->usd);
	figure_ratio(one, "saving_usd", saving->middle);
	figure_ratio(one, "saving_low_usd", saving->low);
	figure_ratio(one, "saving_high_usd", saving->high);
	figure_ns(one, "predicted_ns", (uint64_t)(o->seconds * 1e9));
	figure_count(one, "tasks_at_a_time", o->at_a_time);
	one->samples = (unsigned)s->n;
	one->runs = s->is_run ? q->n_used : s->runs;
}

static enum severity severity_of(const struct subject *s, const struct instance_outcome *o,
				 const struct instance_range *r)
{
	bool worth = r->low > 0 && r->middle >= WORTH_SHARE * s->usd && r->middle >= WORTH_USD &&
		     o->seconds >= WORTH_S;

	return worth ? SEVERITY_NOTICE : SEVERITY_INFO;
}

static struct finding *begin(struct inquiry *q, const struct subject *s, const char *way)
{
	struct findings *f = &q->findings;
	struct finding *one =
		findings_add(f, VERDICT_INSTANCE, s->is_run ? SUBJECT_RUN : SUBJECT_TASK, s->name);

	if (!one)
		return NULL;
	one->class = FINDING_SIZE;
	one->id = s->is_run ? findings_text(f, "instance-%s:run", way)
			    : findings_text(f, "instance-%s:task:%s", way, s->name);
	one->check = "run it so, and compare with `tracer diff` and `tracer cost`";
	return one;
}

static const char *spot_words(struct findings *f, const struct inquiry *q, const struct choice *c)
{
	if (!c->machine->spot)
		return "";
	return findings_text(f,
			     "; %.4f interruptions an hour are %s, cheaper up to %.3g an hour "
			     "for the longest task",
			     c->machine->taken, q->taken < 0 ? "assumed" : "given",
			     c->break_even_rate);
}

static void advise_choice(struct inquiry *q, const struct subject *s, const struct choice *c)
{
	struct findings *f = &q->findings;
	const struct instance *m = c->machine;
	const char *way = instance_way_word(c->way, q->was.spot);
	struct finding *one = begin(q, s, way);
	char time[HUMAN_MAX];

	if (!one)
		return;
	one->severity = severity_of(s, &c->outcome, &c->saving);
	if (c->way == WAY_FASTER)
		one->severity = SEVERITY_INFO; /* nobody said that it is too slow */
	one->confidence = choice_confidence(q, s, c);
	one->summary = findings_text(
		f, "%s would take %s on %s in %s (%s): %s", subject_words(f, s),
		human_duration(time, (uint64_t)(c->outcome.seconds * 1e9)), m->type, m->region,
		m->spot ? "spot" : "on-demand", saving_text(f, &c->saving));
	one->cause = findings_text(f, "%s%s", cause_words(f, s, &c->outcome), spot_words(f, q, c));
	one->advice = findings_text(
		f, "use %s%s%s for %s, %u at a time", m->type, m->spot ? " spot machines" : "",
		c->way == WAY_REGION ? " in another region" : "", s->is_run ? "the run" : s->name,
		c->outcome.at_a_time ? c->outcome.at_a_time : 1);
	if (s->is_run)
		one->advice =
			findings_text(f, "use %s%s", m->type, m->spot ? " spot machines" : "");
	if (m->arm != s->need.arm)
		one->advice = findings_text(f,
					    "%s; its CPUs are of another architecture: programs "
					    "and containers must be there for it",
					    one->advice);
	if (c->way == WAY_FASTER && s->same.reason == INSTANCE_FITS &&
	    s->same.seconds > c->outcome.seconds)
		one->saving_ns = (uint64_t)((s->same.seconds - c->outcome.seconds) * 1e9);
	set_figures(q, one, s, &c->outcome, &c->saving);
	figure_text(one, "machine", m->type);
	figure_text(one, "region", m->region);
	if (m->spot && isfinite(c->break_even_rate))
		figure_ratio(one, "break_even_interruptions_per_hour", c->break_even_rate);
}

/* The machine that there is, with as many tasks as it has room for. */
static void advise_same(struct inquiry *q, const struct subject *s)
{
	struct findings *f = &q->findings;
	struct finding *one;

	if (s->is_run || s->same.reason != INSTANCE_FITS || !isfinite(s->same_saving.middle) ||
	    severity_of(s, &s->same, &s->same_saving) < SEVERITY_NOTICE)
		return;
	one = begin(q, s, "filled");
	if (!one)
		return;
	one->severity = SEVERITY_NOTICE;
	one->confidence = s->n < 10 ? 60 : 80;
	one->summary =
		findings_text(f, "%s would cost on %s, if it were full: %s", subject_words(f, s),
			      q->was.type, saving_text(f, &s->same_saving));
	one->cause = cause_words(f, s, &s->same);
	one->advice = findings_text(f,
				    "let %u of them run at a time: see `tracer tune --sizes` for "
				    "what to request",
				    s->same.at_a_time);
	set_figures(q, one, s, &s->same, &s->same_saving);
}

int subjects_advise(struct inquiry *q)
{
	for (size_t i = 0; i < q->n_subjects; i++) {
		const struct subject *s = &q->subjects[i];

		if (s->unjudged || !isfinite(s->usd))
			continue;
		advise_same(q, s);
		for (unsigned k = 0; k < s->n_choices; k++)
			if (isfinite(s->choices[k].saving.middle))
				advise_choice(q, s, &s->choices[k]);
	}
	findings_sort(&q->findings);
	return q->findings.failed ? -ENOMEM : 0;
}
