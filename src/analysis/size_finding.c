/* SPDX-License-Identifier: Apache-2.0 */
/* A size as findings: the ids and thresholds are those of `tracer tune`. */
#include <math.h>

#include "src/analysis/size_advice.h"
#include "src/base/human.h"

#define OVER	 1.25 /* a request by a quarter above the advice, or more, is a waste */
#define ONE_CORE 1.2
#define CHECK	 "apply it, run again, and compare with `tracer diff`"

struct judged {
	enum verdict verdict;
	enum severity severity;
};

static struct judged judge_memory(const struct size_advice *a)
{
	double asked = (double)a->asked_bytes;

	if (a->killed && (!a->known || asked < a->size.bytes))
		return (struct judged){ VERDICT_MEMORY_UNDER, SEVERITY_WARNING };
	if (!a->asked_bytes)
		return (struct judged){ VERDICT_SIZE, SEVERITY_INFO };
	if (a->peak_bytes > a->asked_bytes)
		return (struct judged){ VERDICT_MEMORY_UNDER, SEVERITY_NOTICE };
	if (size_is_waste(a->asked_bytes, a->peak_bytes, a->seconds) &&
	    (!a->known || asked > a->size.bytes))
		return (struct judged){ VERDICT_MEMORY_OVER, SEVERITY_WARNING };
	if (a->known && asked > OVER * a->size.bytes)
		return (struct judged){ VERDICT_MEMORY_OVER, SEVERITY_NOTICE };
	return (struct judged){ VERDICT_SIZE, SEVERITY_INFO };
}

static void memory_figures(struct finding *one, const struct size_advice *a)
{
	figure_bytes(one, "used_at_most_bytes", a->peak_bytes);
	figure_bytes(one, "largest_process_bytes", a->largest_bytes);
	if (a->asked_bytes)
		figure_bytes(one, "requested_memory_bytes", a->asked_bytes);
	figure_count(one, "killed_for_memory", a->killed);
	if (!a->known)
		return;
	figure_bytes(one, "memory_bytes", size_advice_mib(a) << 20);
	figure_text(one, "model",
		    a->size.cautious ? "largest + 10 %" : sizing_model_name(a->size.model));
	figure_count(one, "tried", a->risk.tried);
	figure_count(one, "failures", a->risk.failures);
	figure_ratio(one, "failure_share_upper_ratio", a->risk.failure_share_upper);
	if (!isnan(a->saving_byte_s))
		figure_ratio(one, "saving_gb_h_per_run", a->saving_byte_s / GB_H);
}

static const char *memory_summary(struct findings *all, const struct size_advice *a,
				  enum verdict verdict)
{
	char asked[HUMAN_MAX], used[HUMAN_MAX];

	human_bytes(used, a->peak_bytes);
	if (a->killed && verdict == VERDICT_MEMORY_UNDER)
		return findings_text(all, "%zu of %zu tasks %s were killed for memory", a->killed,
				     a->samples, a->name);
	if (!a->asked_bytes)
		return findings_text(all, "%s: its processes used at most %s", a->name, used);
	return findings_text(all, "%s asked for %s of memory and its processes used at most %s",
			     a->name, human_bytes(asked, a->asked_bytes), used);
}

const char *size_saving_text(struct findings *all, const struct size_advice *a)
{
	if (!a->known || !(a->saving_byte_s > 0))
		return "";
	return findings_text(all, ", which saves %.2g GB h a run", a->saving_byte_s / GB_H);
}

static const char *memory_advice(struct findings *all, const struct size_advice *a,
				 enum verdict verdict)
{
	char size[HUMAN_MAX];

	if (!a->known)
		return findings_text(all, "%snot enough data for a size: %zu of %d tasks",
				     verdict == VERDICT_MEMORY_OVER ? "ask for less; " : "",
				     a->samples, SIZER_FEW);
	return findings_text(all,
			     "ask for %s%s: learned from %zu tasks, less than %.0f %% of those to "
			     "come need more; mind page cache and tmpfs, which are not in this "
			     "figure",
			     human_bytes(size, size_advice_mib(a) << 20), size_saving_text(all, a),
			     a->samples, ceil(100 * a->risk.failure_share_upper));
}

static void memory_finding(struct findings *all, const struct size_advice *a)
{
	struct judged j = judge_memory(a);
	struct finding *one = findings_add(all, j.verdict, SUBJECT_TASK, a->name);

	if (!one)
		return;
	one->severity = j.severity;
	one->class = FINDING_SIZE;
	one->samples = (unsigned)a->samples;
	one->confidence = size_confidence(a);
	if (j.verdict == VERDICT_MEMORY_OVER)
		one->share = 1 - (double)a->peak_bytes / (double)a->asked_bytes;
	one->summary = memory_summary(all, a, j.verdict);
	if (a->killed && j.verdict != VERDICT_MEMORY_UNDER)
		one->cause = findings_text(all,
					   "%zu of its tasks were killed for memory, at less than "
					   "that",
					   a->killed);
	one->advice = memory_advice(all, a, j.verdict);
	memory_figures(one, a);
	one->check = CHECK;
}

static bool judge_cores(const struct size_advice *a, struct judged *ret)
{
	if (!a->cpus || !a->asked_cpus || a->asked_cpus == a->cpus)
		return false;
	if (a->asked_cpus < a->cpus)
		*ret = (struct judged){ VERDICT_CPUS_UNDER, SEVERITY_NOTICE };
	else if (a->busy_p90 >= 0.5 && a->busy_p90 <= ONE_CORE)
		*ret = (struct judged){ VERDICT_SINGLE_THREADED, SEVERITY_WARNING };
	else
		*ret = (struct judged){ VERDICT_CPUS_OVER, a->busy_p90 < 0.5 * a->asked_cpus
								   ? SEVERITY_WARNING
								   : SEVERITY_NOTICE };
	return a->seconds >= 1 || a->asked_cpus < a->cpus;
}

static void cores_finding(struct findings *all, const struct size_advice *a)
{
	struct finding *one;
	struct judged j;

	if (!judge_cores(a, &j))
		return;
	one = findings_add(all, j.verdict, SUBJECT_TASK, a->name);
	if (!one)
		return;
	one->severity = j.severity;
	one->class = FINDING_SIZE;
	one->samples = (unsigned)a->samples;
	one->confidence = a->samples < SIZER_CAUTIOUS ? 40 : a->starved ? 60 : 80;
	if (a->asked_cpus > a->cpus)
		one->share = 1 - a->busy_p90 / a->asked_cpus;
	one->summary = findings_text(all, "%s asked for %u core%s and kept %.1f busy", a->name,
				     a->asked_cpus, a->asked_cpus == 1 ? "" : "s", a->busy_p90);
	one->cause = a->starved ? "its threads waited for CPUs: it could have used more" : NULL;
	one->advice = findings_text(all, "ask for %u", a->cpus);
	figure_count(one, "requested_cpus", a->asked_cpus);
	figure_count(one, "cpus", a->cpus);
	figure_ratio(one, "cores_used", a->busy_p90);
	figure_ratio(one, "cores_wanted", a->wanted_p90);
	if (a->workers)
		figure_count(one, "working_threads", a->workers);
	if (!isnan(a->saving_core_s))
		figure_ratio(one, "saving_core_h_per_run", a->saving_core_s / 3600);
	one->check = CHECK;
}

void size_findings(struct findings *all, const struct size_advice *a)
{
	memory_finding(all, a);
	cores_finding(all, a);
}
