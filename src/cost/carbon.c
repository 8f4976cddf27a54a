/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/carbon.h"

#include <stdio.h>
#include <string.h>

#include "src/base/str.h"
#include "src/cost/tables.h"

#define MEMORY_WATTS_PER_GIB 0.392
#define NS_PER_HOUR	     3.6e12
/* Mean of the three providers' averages in the table. */
#define DEFAULT_MIN_WATTS 0.72
#define DEFAULT_MAX_WATTS 3.72

static double real_of(const struct table_field *f)
{
	char text[32];
	int64_t nano;

	return decimal_parse(table_copy(f, text, sizeof(text)), 9, &nano) < 0 ? -1
									      : (double)nano / 1e9;
}

/* The line of kind, provider ("any" fits all) and key. */
static bool find(const char *kind, const char *provider, const char *key, struct table_line *ret)
{
	const char *at = carbon_table;

	while (table_next(&at, ret))
		if (table_is(&ret->field[0], kind) && table_is(&ret->field[2], key) &&
		    (table_is(&ret->field[1], provider) || table_is(&ret->field[1], "any")))
			return true;
	return false;
}

/* "c5.xlarge" of aws, "n2-standard-4" of gcp, "Standard_D4s_v5" of azure. */
static void family_of(const char *provider, const char *type, char *out, size_t size)
{
	str_copy(out, size, type);
	out[strcspn(out, !strcmp(provider, "aws")   ? "."
			 : !strcmp(provider, "gcp") ? "-"
						    : "")] = '\0';
}

static void cpu_watts(const char *provider, const char *type, struct carbon_model *ret,
		      double watts[2])
{
	char family[64], micro[48] = "";
	struct table_line line;

	watts[0] = DEFAULT_MIN_WATTS;
	watts[1] = DEFAULT_MAX_WATTS;
	str_copy(ret->source, sizeof(ret->source), "average of providers");
	if (!provider)
		return;
	family_of(provider, type ? type : "", family, sizeof(family));
	if (find("family", provider, family, &line))
		table_copy(&line.field[5], micro, sizeof(micro));
	if (!strncmp(micro, "EPYC 5th", 8)) /* an outlier of the source */
		str_copy(micro, sizeof(micro), "EPYC 4th Gen");
	if (!*micro || !find("cpu", provider, micro, &line)) {
		str_copy(micro, sizeof(micro), "default");
		if (!find("cpu", provider, micro, &line))
			return;
	}
	watts[0] = real_of(&line.field[3]);
	watts[1] = real_of(&line.field[4]);
	snprintf(ret->source, sizeof(ret->source), "%s %s", provider, micro);
}

static double gpu_watts(const char *model)
{
	static const char *const names[] = { "nvidia_%s", "nvidia_tesla_%s", "amd_%s" };
	struct table_line line;
	char key[64];

	for (size_t i = 0; i < 3; i++) {
		snprintf(key, sizeof(key), names[i], model);
		if (find("gpu", "any", key, &line))
			return real_of(&line.field[3]);
	}
	return 0;
}

/* Of the region, else of the provider, else fallback. */
static double place(const char *kind, const char *provider, const char *region, double fallback)
{
	struct table_line line;

	if (provider && region && find(kind, provider, region, &line))
		return real_of(&line.field[5]);
	if (provider && !strcmp(kind, "pue") && find(kind, provider, "default", &line))
		return real_of(&line.field[5]);
	return fallback;
}

void carbon_model_of(const char *provider, const char *type, const char *region,
		     const struct machine *m, const struct carbon_given *given,
		     struct carbon_model *ret)
{
	double watts[2], gib = (double)m->memory_bytes / (double)GIB;

	*ret = (struct carbon_model){ 0 };
	cpu_watts(provider, type, ret, watts);
	if (given && given->min_watts >= 0 && given->max_watts >= given->min_watts) {
		watts[0] = given->min_watts;
		watts[1] = given->max_watts;
		str_copy(ret->source, sizeof(ret->source), "given");
	}
	ret->static_watts = watts[0] * m->vcpus_milli / 1000 + gib * MEMORY_WATTS_PER_GIB +
			    gpu_watts(m->gpu_model) * m->gpus_milli / 1000;
	ret->watts_per_cpu = watts[1] - watts[0];
	ret->pue = given && given->pue >= 1 ? given->pue : place("pue", provider, region, 1);
	ret->grid_g_per_kwh = given && given->grid_g_per_kwh >= 0
				      ? given->grid_g_per_kwh
				      : place("grid", provider, region, -1);
}

double carbon_kwh_static(const struct carbon_model *m, uint64_t wall_ns)
{
	return m->static_watts * m->pue * ((double)wall_ns / NS_PER_HOUR) / 1000;
}

double carbon_kwh_dynamic(const struct carbon_model *m, uint64_t cpu_ns)
{
	return m->watts_per_cpu * m->pue * ((double)cpu_ns / NS_PER_HOUR) / 1000;
}
