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

#define OVER 1.25 /* a request by a quarter above the advice, or more, is a waste */

uint64_t size_advice_mib(const struct size_advice *a)
{
	return (uint64_t)ceil(a->bytes / (1 << 20));
}

static const char *severity_of(const struct size_advice *a)
{
	if (!a->known)
		return "info";
	if (a->killed)
		return "warning";
	return a->asked_bytes && (double)a->asked_bytes > OVER * a->bytes ? "notice" : "info";
}

static json_t *known_uint(uint64_t n)
{
	return n ? json_out_uint(n) : json_null();
}

static json_t *evidence_object(const struct size_advice *a)
{
	json_t *o = json_object();

	json_object_set_new(o, "peak_together_bytes", known_uint(a->peak_bytes));
	json_object_set_new(o, "peak_largest_process_bytes", known_uint(a->largest_bytes));
	json_object_set_new(o, "input_p95_bytes", known_uint((uint64_t)a->input_bytes));
	json_object_set_new(o, "killed_for_memory", json_out_uint(a->killed));
	json_object_set_new(o, "cores_busy_p90", json_real(a->busy_p90));
	json_object_set_new(o, "requested_memory_bytes", known_uint(a->asked_bytes));
	json_object_set_new(o, "requested_cpus", known_uint(a->asked_cpus));
	if (!a->known)
		return o;
	json_object_set_new(o, "model", json_string(sizing_model_name(a->sizing.model)));
	json_object_set_new(o, "margin", json_real(a->sizing.margin));
	json_object_set_new(o, "replayed", json_out_uint(a->sizing.samples));
	json_object_set_new(o, "failures", json_out_uint(a->sizing.failures));
	json_object_set_new(o, "failure_share_upper", json_real(a->sizing.failure_share_upper));
	return o;
}

json_t *size_advice_object(const struct size_advice *a)
{
	json_t *o = json_object();
	char id[512];

	snprintf(id, sizeof(id), "size:task:%s", a->name);
	json_object_set_new(o, "id", json_out_text(id, strlen(id)));
	json_object_set_new(o, "severity", json_string(severity_of(a)));
	json_object_set_new(o, "task", json_out_text(a->name, strlen(a->name)));
	json_object_set_new(o, "memory_bytes",
			    a->known ? json_out_uint(size_advice_mib(a) << 20) : json_null());
	json_object_set_new(o, "cpus", known_uint(a->cpus));
	json_object_set_new(o, "samples", json_out_uint(a->samples));
	json_object_set_new(o, "confidence", json_integer(a->confidence));
	json_object_set_new(o, "saving_gb_h_per_run",
			    isnan(a->saving_byte_s) ? json_null()
						    : json_real(a->saving_byte_s / 3.6e12));
	json_object_set_new(o, "evidence", evidence_object(a));
	json_object_set_new(o, "check",
			    json_string("apply it, run again, and compare with `tracer diff`"));
	return o;
}

/* One line of text that no quoting and no newline of a name can leave. */
static void add_comment(FILE *out, const char *lead, const struct size_advice *a)
{
	_cleanup_(str_fini) struct str name = STR_INIT;
	char peak[HUMAN_MAX];

	text_visible(&name, a->name, strlen(a->name));
	fprintf(out, "%s%s: %zu tasks, peak %s, %zu of %zu would have failed (< %.0f %%)\n", lead,
		str_text(&name), a->samples, human_bytes(peak, a->peak_bytes), a->sizing.failures,
		a->sizing.samples, ceil(100 * a->sizing.failure_share_upper));
}

static bool is_word(const char *name, const char *more)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(more, *c))
			return false;
	return *name;
}

void size_settings_begin(FILE *out, enum sizes_format format, unsigned runs)
{
	const char *lead = format == SIZES_NEXTFLOW ? "//" : "#";

	if (format != SIZES_BATCH)
		fprintf(out, "%s by tracer tune --sizes, from %u run%s\n", lead, runs,
			runs == 1 ? "" : "s");
	if (format == SIZES_NEXTFLOW)
		fputs("process {\n"
		      "    errorStrategy = { task.exitStatus in [104, 134, 137, 139, 140, 143] ? "
		      "'retry' : 'finish' }\n"
		      "    maxRetries = 2\n",
		      out);
	else if (format == SIZES_SNAKEMAKE)
		fputs("snakemake --cores all --retries 2 \\\n  --set-resources", out);
	else if (format == SIZES_BATCH)
		fputs("{\n", out);
}

static void nextflow(FILE *out, const struct size_advice *a)
{
	add_comment(out, "    // ", a);
	if (!is_word(a->name, "_:.-")) {
		fputs("    // its name cannot stand in a withName selector\n", out);
		return;
	}
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

void size_settings_task(FILE *out, enum sizes_format format, const struct size_advice *a,
			bool first)
{
	if (format == SIZES_NEXTFLOW)
		nextflow(out, a);
	else if (format == SIZES_SLURM)
		slurm(out, a);
	else if (format == SIZES_BATCH)
		batch(out, a, first);
	else if (is_word(a->name, "_"))
		fprintf(out, " \\\n    %s:mem_mb=%" PRIu64, a->name, size_advice_mib(a));
}

void size_settings_threads(FILE *out, const struct size_advice *a, bool first)
{
	if (is_word(a->name, "_"))
		fprintf(out, "%s \\\n    %s=%u", first ? " \\\n  --set-threads" : "", a->name,
			a->cpus);
}

void size_settings_end(FILE *out, enum sizes_format format)
{
	if (format == SIZES_NEXTFLOW)
		fputs("}\n", out);
	else if (format == SIZES_SNAKEMAKE)
		fputc('\n', out);
	else if (format == SIZES_BATCH)
		fputs("\n}\n", out);
}
