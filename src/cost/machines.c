/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/machines.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/str.h"
#include "src/cost/money.h"
#include "src/cost/tables.h"

#define CPUS_MAX 128

enum {
	AT_PROVIDER,
	AT_TYPE,
	AT_CPU,
	AT_SPEED,
	AT_NVME,
	AT_NETWORK,
	AT_STORAGE,
	AT_FLAGS,
	AT_BANDS
};

static unsigned long whole(const struct table_field *f)
{
	char text[24];

	return strtoul(table_copy(f, text, sizeof(text)), NULL, 10);
}

static uint32_t mbit(const struct table_field *f)
{
	char text[24];
	int64_t n;

	return decimal_parse(table_copy(f, text, sizeof(text)), 3, &n) < 0 ? 0 : (uint32_t)n;
}

static bool flag(const struct table_field *f, char letter)
{
	return f->len && memchr(f->text, letter, f->len);
}

static void read_facts(const struct table_line *line, const struct table_field *cpus,
		       struct machine_facts *ret)
{
	const struct table_field *speed = &line->field[AT_SPEED], *bands = &line->field[AT_BANDS];

	*ret = (struct machine_facts){ .coremark = (uint32_t)whole(speed) };
	table_copy(&line->field[AT_TYPE], ret->type, sizeof(ret->type));
	table_copy(&cpus[whole(&line->field[AT_CPU]) % CPUS_MAX], ret->cpu, sizeof(ret->cpu));
	ret->coremark_of_cpu = speed->len && speed->text[speed->len - 1] == '~';
	ret->nvme_gb = line->field[AT_NVME].len ? (int32_t)whole(&line->field[AT_NVME]) : -1;
	ret->network_mbit_s = mbit(&line->field[AT_NETWORK]);
	ret->storage_mbit_s = mbit(&line->field[AT_STORAGE]);
	ret->burstable = flag(&line->field[AT_FLAGS], 'b');
	ret->threads = flag(&line->field[AT_FLAGS], 't');
	for (size_t i = 0; i < BAND_REGIONS_MAX; i++)
		ret->bands[i] = i < bands->len && isdigit((unsigned char)bands->text[i])
					? (int8_t)(bands->text[i] - '0')
					: -1;
}

int machine_each(const char *provider, int (*visit)(void *ctx, const struct machine_facts *facts),
		 void *ctx)
{
	struct table_field cpus[CPUS_MAX] = { 0 };
	const char *at = machine_table;
	struct machine_facts facts;
	struct table_line line;
	int r = 0;

	while (r == 0 && table_next(&at, &line)) {
		if (table_is(&line.field[0], "@cpu"))
			cpus[whole(&line.field[1]) % CPUS_MAX] = line.field[2];
		if (!table_is(&line.field[AT_PROVIDER], provider))
			continue;
		read_facts(&line, cpus, &facts);
		r = visit(ctx, &facts);
	}
	return r;
}

int machine_region(const char *provider, const char *region)
{
	const char *at = machine_table;
	struct table_line line;

	while (table_next(&at, &line)) {
		if (!table_is(&line.field[0], "@regions") || !table_is(&line.field[1], provider))
			continue;
		for (size_t i = 2; i < line.n && i < BAND_REGIONS_MAX + 2; i++)
			if (table_is(&line.field[i], region))
				return (int)i - 2;
	}
	return -1;
}

bool band_share(int band, struct band_share *ret)
{
	static const struct band_share shares[] = {
		{ 0, 0.025, 0.05 },   { 0.05, 0.075, 0.1 }, { 0.1, 0.125, 0.15 },
		{ 0.15, 0.175, 0.2 }, { 0.2, 0.25, 0.5 },
	};

	if (band < 0 || (size_t)band >= sizeof(shares) / sizeof(shares[0]))
		return false;
	*ret = shares[band];
	return true;
}

/* Azure writes the number of vCPUs in the middle of the name. */
static const char *without_digits(const char *type, char *buf, unsigned size)
{
	const char *from = type + strcspn(type, "_");
	size_t head = (size_t)(from - type), n;

	head += strcspn(from, "0123456789");
	str_copy(buf, size, type);
	if (head >= size)
		return buf;
	n = strspn(type + head, "0123456789");
	str_copy(buf + head, size - head, type + head + n);
	return buf;
}

const char *machine_family(const char *provider, const char *type, char *buf, unsigned size)
{
	size_t len;

	if (!strcmp(provider, "azure"))
		return without_digits(type, buf, size);
	len = strcspn(type, strcmp(provider, "gcp") ? "." : "-");
	str_copy(buf, size, type);
	if (len < size)
		buf[len] = '\0';
	return buf;
}
