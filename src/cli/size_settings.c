/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/size_settings.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/json_out.h"
#include "src/base/text.h"

static json_t *known_uint(uint64_t n)
{
	return n ? json_out_uint(n) : json_null();
}

static json_t *evidence_object(const struct size_advice *a)
{
	json_t *o = json_object();

	json_object_set_new(o, "peak_together_bytes", known_uint(a->peak_bytes));
	json_object_set_new(o, "peak_largest_process_bytes", known_uint(a->largest_bytes));
	json_object_set_new(o, "input_p95_bytes", known_uint((uint64_t)a->risk.input_bytes));
	json_object_set_new(o, "killed_for_memory", json_out_uint(a->killed));
	json_object_set_new(o, "cores_busy_p90", json_real(a->busy_p90));
	json_object_set_new(o, "cores_wanted_p90", json_real(a->wanted_p90));
	json_object_set_new(o, "waited_for_cpus", json_boolean(a->starved));
	json_object_set_new(o, "working_threads", known_uint(a->workers));
	json_object_set_new(o, "requested_memory_bytes", known_uint(a->asked_bytes));
	json_object_set_new(o, "requested_cpus", known_uint(a->asked_cpus));
	if (!a->known)
		return o;
	json_object_set_new(o, "model", json_string(sizing_model_name(a->size.model)));
	json_object_set_new(o, "margin", json_real(a->size.margin));
	json_object_set_new(o, "replayed", json_out_uint(a->risk.tried));
	json_object_set_new(o, "failures", json_out_uint(a->risk.failures));
	json_object_set_new(o, "failure_share_upper", json_real(a->risk.failure_share_upper));
	return o;
}

static json_t *known_real(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

json_t *size_advice_object(const struct size_advice *a, const struct finding *memory)
{
	json_t *o = json_object();
	char id[512];

	snprintf(id, sizeof(id), "size:task:%s", a->name);
	json_object_set_new(o, "id", json_out_text(id, strlen(id)));
	json_object_set_new(o, "finding",
			    memory ? json_out_text(memory->id, strlen(memory->id)) : json_null());
	json_object_set_new(o, "severity",
			    memory ? json_string(severity_name(memory->severity)) : json_null());
	json_object_set_new(o, "task", json_out_text(a->name, strlen(a->name)));
	json_object_set_new(o, "memory_bytes",
			    a->known ? json_out_uint(size_advice_mib(a) << 20) : json_null());
	json_object_set_new(o, "cpus", known_uint(a->cpus));
	json_object_set_new(o, "samples", json_out_uint(a->samples));
	json_object_set_new(o, "confidence", json_integer(size_confidence(a)));
	json_object_set_new(o, "saving_gb_h_per_run", known_real(a->saving_byte_s / GB_H));
	json_object_set_new(o, "saving_core_h_per_run", known_real(a->saving_core_s / 3600));
	json_object_set_new(o, "evidence", evidence_object(a));
	json_object_set_new(o, "check",
			    json_string("apply it, run again, and compare with `tracer diff`"));
	return o;
}

static const char *comment_lead(enum sizes_format format)
{
	return format == SIZES_NEXTFLOW ? "    // " : "# ";
}

/* One line of text that no quoting and no newline of a name can leave. */
static void add_comment(FILE *out, const char *lead, const struct size_advice *a)
{
	_cleanup_(str_fini) struct str name = STR_INIT;
	char peak[HUMAN_MAX];

	text_visible(&name, a->name, strlen(a->name));
	fprintf(out, "%s%s: %zu tasks, peak %s; of those to come less than %.0f %% need more\n",
		lead, str_text(&name), a->samples, human_bytes(peak, a->peak_bytes),
		ceil(100 * a->risk.failure_share_upper));
}

static bool is_word(const char *name, const char *more)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(more, *c))
			return false;
	return *name;
}

bool size_settings_takes(enum sizes_format format, const struct size_advice *a)
{
	if (!a->known)
		return false;
	if (format == SIZES_NEXTFLOW)
		return is_word(a->name, "_:.-");
	return format != SIZES_SNAKEMAKE || is_word(a->name, "_");
}

void size_settings_unknown(FILE *out, FILE *said, enum sizes_format format,
			   const struct size_advice *a)
{
	_cleanup_(str_fini) struct str name = STR_INIT;
	bool batch = format == SIZES_BATCH;

	text_visible(&name, a->name, strlen(a->name));
	fprintf(batch ? said : out, "%s%s: ", batch ? "tracer: " : comment_lead(format),
		str_text(&name));
	if (!a->known)
		fprintf(batch ? said : out, "not enough data: %zu of %d tasks\n", a->samples,
			SIZER_FEW);
	else
		fprintf(batch ? said : out,
			"%" PRIu64 " MiB, %u cores, but its name cannot stand in %s\n",
			size_advice_mib(a), a->cpus,
			format == SIZES_NEXTFLOW ? "a withName selector"
						 : "an option of Snakemake");
}

void size_settings_begin(FILE *out, enum sizes_format format, unsigned runs, bool any)
{
	const char *lead = format == SIZES_NEXTFLOW ? "//" : "#";

	if (format != SIZES_BATCH)
		fprintf(out, "%s by tracer tune --sizes, from %u run%s\n", lead, runs,
			runs == 1 ? "" : "s");
	if (format == SIZES_NEXTFLOW && any)
		fputs("process {\n"
		      "    errorStrategy = { task.exitStatus in [104, 134, 137, 139, 140, 143] ? "
		      "'retry' : 'finish' }\n"
		      "    maxRetries = 2\n",
		      out);
	else if (format == SIZES_BATCH)
		fputs("{\n", out);
	else if (format == SIZES_SNAKEMAKE && any)
		fputs("# rules without a line `threads:` do not take --set-threads\n", out);
}

static void nextflow(FILE *out, const struct size_advice *a)
{
	add_comment(out, comment_lead(SIZES_NEXTFLOW), a);
	fprintf(out,
		"    withName: '%s' {\n        memory = { %" PRIu64
		".MB * task.attempt }\n        cpus = %u\n    }\n",
		a->name, size_advice_mib(a), a->cpus);
}

static void slurm(FILE *out, const struct size_advice *a)
{
	add_comment(out, "\n# ", a);
	fprintf(out, "#SBATCH --mem=%" PRIu64 "M\n#SBATCH --cpus-per-task=%u\n", size_advice_mib(a),
		a->cpus);
}

static void batch(FILE *out, const struct size_advice *a, bool first)
{
	json_t *name = json_out_text(a->name, strlen(a->name));
	char *text = name ? json_dumps(name, JSON_ENCODE_ANY) : NULL;

	fprintf(out,
		"%s  %s: { \"resourceRequirements\": [\n"
		"    { \"type\": \"MEMORY\", \"value\": \"%" PRIu64 "\" },\n"
		"    { \"type\": \"VCPU\", \"value\": \"%u\" } ] }",
		first ? "" : ",\n", text ? text : "\"?\"", size_advice_mib(a), a->cpus);
	free(text);
	json_decref(name);
}

/* Its MB are 10^6 bytes. */
static void snakemake(FILE *out, const struct size_advice *a, bool first)
{
	uint64_t bytes = size_advice_mib(a) << 20;

	if (first)
		fputs("snakemake --cores all --retries 2 \\\n  --set-resources", out);
	fprintf(out, " \\\n    %s:mem_mb=%" PRIu64, a->name, (bytes + 999999) / 1000000);
}

void size_settings_task(FILE *out, enum sizes_format format, const struct size_advice *a,
			bool first)
{
	if (format == SIZES_NEXTFLOW)
		nextflow(out, a);
	else if (format == SIZES_SLURM)
		slurm(out, a);
	else if (format == SIZES_BATCH)
		batch(out, a, first);
	else
		snakemake(out, a, first);
}

void size_settings_threads(FILE *out, const struct size_advice *a, bool first)
{
	fprintf(out, "%s \\\n    %s=%u", first ? " \\\n  --set-threads" : "", a->name, a->cpus);
}

void size_settings_end(FILE *out, enum sizes_format format, bool any)
{
	if (format == SIZES_NEXTFLOW && any)
		fputs("}\n", out);
	else if (format == SIZES_SNAKEMAKE && any)
		fputc('\n', out);
	else if (format == SIZES_BATCH)
		fputs(any ? "\n}\n" : "}\n", out);
}
