/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/trace_file.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/base/cleanup.h"

#define NUMBER_MAX 1e24 /* of anything, with its unit */
#define SHOWN	   40	/* bytes of a value in a message */

static const struct {
	enum trace_column column;
	const char *name;
} known[] = {
	{ TRACE_PROCESS, "process" },	{ TRACE_PROCESS, "Task" },
	{ TRACE_NAME, "name" },		{ TRACE_STATUS, "status" },
	{ TRACE_EXIT, "exit" },		{ TRACE_CPUS, "cpus" },
	{ TRACE_MEMORY, "memory" },	{ TRACE_START, "start" },
	{ TRACE_REALTIME, "realtime" }, { TRACE_PCPU, "%cpu" },
	{ TRACE_PEAK_RSS, "peak_rss" }, { TRACE_RCHAR, "rchar" },
};

/* One field; *line moves behind it, or becomes NULL at the end. "" within quotes is one. */
static char *next_field(char **line, char separator)
{
	char *from = *line, *to = from, *field = from;
	bool quoted = separator == ',' && *from == '"';

	if (quoted)
		from++;
	for (; *from; from++) {
		if (quoted && *from == '"' && from[1] != '"') {
			quoted = false;
			continue;
		}
		if (quoted && *from == '"')
			from++;
		else if (!quoted && *from == separator)
			break;
		*to++ = *from;
	}
	*line = *from ? from + 1 : NULL;
	*to = '\0';
	return field;
}

static size_t split(char *line, char separator, char **fields)
{
	size_t n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	while (line && n < TRACE_FIELDS_MAX)
		fields[n++] = next_field(&line, separator);
	return line ? TRACE_FIELDS_MAX + 1 : n;
}

int trace_header_parse(struct trace_header *h, char *line, char *ret_why)
{
	char *fields[TRACE_FIELDS_MAX];
	struct trace_header made = { .separator = strchr(line, '\t') ? '\t' : ',' };

	if (!strncmp(line, "\xef\xbb\xbf", 3))
		line += 3;
	made.n_fields = split(line, made.separator, fields);
	if (made.n_fields > TRACE_FIELDS_MAX) {
		snprintf(ret_why, TRACE_WHY, "more than %d columns", TRACE_FIELDS_MAX);
		return -EINVAL;
	}
	for (unsigned c = 0; c < TRACE_COLUMNS; c++)
		made.at[c] = -1;
	for (size_t i = 0; i < made.n_fields; i++)
		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			if (!strcasecmp(fields[i], known[k].name) && made.at[known[k].column] < 0)
				made.at[known[k].column] = (int)i;
	if ((made.at[TRACE_PROCESS] < 0 && made.at[TRACE_NAME] < 0) ||
	    made.at[TRACE_PEAK_RSS] < 0 || made.at[TRACE_REALTIME] < 0) {
		snprintf(ret_why, TRACE_WHY,
			 "no trace file: it needs columns process (or name), realtime, peak_rss");
		return -EINVAL;
	}
	*h = made;
	return 0;
}

static bool missing(const char *text)
{
	return !*text || !strcmp(text, "-");
}

/* A number and what follows it, blanks skipped. */
static bool number(const char *text, double *ret, const char **ret_rest)
{
	char *end;

	if (!isdigit((unsigned char)*text) && *text != '.')
		return false;
	if (*text == '0' && tolower((unsigned char)text[1]) == 'x')
		return false;
	*ret = strtod(text, &end);
	if (end == text || !(*ret <= NUMBER_MAX))
		return false;
	*ret_rest = end + strspn(end, " ");
	return true;
}

bool trace_bytes(const char *text, double *ret)
{
	static const char units[] = "KMGTPE";
	const char *rest, *unit;
	double value;

	if (!number(text, &value, &rest))
		return false;
	unit = *rest ? strchr(units, toupper((unsigned char)*rest)) : NULL;
	if (unit && *unit) {
		value = ldexp(value, 10 * (int)(unit - units + 1));
		rest++;
		if (*rest == 'i')
			rest++;
	}
	if (toupper((unsigned char)*rest) == 'B')
		rest++;
	*ret = value;
	return !*rest && value <= NUMBER_MAX;
}

/* Raw ms, or "1d 2h 3m 4.5s", "345ms". */
static bool milliseconds(const char *text, double *ret)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { "ms", 1 }, { "s", 1e3 }, { "m", 60e3 }, { "h", 3600e3 }, { "d", 86400e3 } };
	double sum = 0, value;

	while (*text) {
		size_t k = 0;

		if (!number(text, &value, &text))
			return false;
		if (!*text) {
			*ret = sum + value;
			return sum == 0;
		}
		while (k < ARRAY_SIZE(units) &&
		       strncmp(text, units[k].unit, strlen(units[k].unit)) != 0)
			k++;
		if (k == ARRAY_SIZE(units))
			return false;
		sum += value * units[k].ms;
		text += strlen(units[k].unit);
		text += strspn(text, " ");
	}
	*ret = sum;
	return sum <= NUMBER_MAX;
}

/* Raw Unix ms, or "2024-01-02 03:04:05.678", of which only the order matters. */
static bool moment(const char *text, double *ret)
{
	static const double scale[] = { 86400e3 * 372, 86400e3 * 31, 86400e3, 3600e3, 60e3, 1e3 };
	const char *rest;
	double value, sum = 0;

	if (!number(text, &value, &rest))
		return false;
	if (!*rest) {
		*ret = value;
		return true;
	}
	for (size_t k = 0; k < ARRAY_SIZE(scale); k++) {
		if (!number(text, &value, &rest))
			return false;
		sum += value * scale[k];
		text = rest + strspn(rest, "-:T");
	}
	*ret = sum;
	return !*text;
}

static bool percent(const char *text, double *ret)
{
	const char *rest;

	if (!number(text, ret, &rest))
		return false;
	*ret /= 100;
	return !*rest || !strcmp(rest, "%");
}

static bool plain(const char *text, double *ret)
{
	const char *rest;

	return number(text, ret, &rest) && !*rest;
}

/* Of the row, as far as the file has it. */
static bool get(const struct trace_header *h, char **fields, enum trace_column column,
		bool (*parse)(const char *, double *), double *ret)
{
	double value;

	*ret = NAN;
	if (h->at[column] < 0 || missing(fields[h->at[column]]))
		return true;
	if (!parse(fields[h->at[column]], &value))
		return false;
	*ret = value;
	return true;
}

static enum trace_end end_of(const struct trace_header *h, char **fields)
{
	const char *status = h->at[TRACE_STATUS] >= 0 ? fields[h->at[TRACE_STATUS]] : "COMPLETED";
	const char *code = h->at[TRACE_EXIT] >= 0 ? fields[h->at[TRACE_EXIT]] : "0";

	if (!strcasecmp(status, "COMPLETED") || !strcasecmp(status, "CACHED"))
		return TRACE_DONE;
	return !strcmp(code, "137") ? TRACE_KILLED_FOR_MEMORY : TRACE_NOT_DONE;
}

int trace_task_parse(const struct trace_header *h, char *line, struct trace_task *ret,
		     char *ret_why)
{
	const struct {
		enum trace_column column;
		const char *name;
		bool (*parse)(const char *, double *);
		double *to;
	} columns[] = {
		{ TRACE_CPUS, "cpus", plain, &ret->cpus },
		{ TRACE_MEMORY, "memory", trace_bytes, &ret->memory_bytes },
		{ TRACE_START, "start", moment, &ret->start_ms },
		{ TRACE_REALTIME, "realtime", milliseconds, &ret->seconds },
		{ TRACE_PCPU, "%cpu", percent, &ret->cores },
		{ TRACE_PEAK_RSS, "peak_rss", trace_bytes, &ret->peak_bytes },
		{ TRACE_RCHAR, "rchar", trace_bytes, &ret->input_bytes },
	};
	char *fields[TRACE_FIELDS_MAX], *name;
	size_t n = split(line, h->separator, fields);

	if (n != h->n_fields) {
		snprintf(ret_why, TRACE_WHY, "%zu fields where the header has %zu", n, h->n_fields);
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (get(h, fields, columns[i].column, columns[i].parse, columns[i].to))
			continue;
		snprintf(ret_why, TRACE_WHY, "%s is `%.*s`", columns[i].name, SHOWN,
			 fields[h->at[columns[i].column]]);
		return -EINVAL;
	}
	ret->seconds /= 1000;
	ret->end = end_of(h, fields);
	name = fields[h->at[TRACE_PROCESS] >= 0 ? h->at[TRACE_PROCESS] : h->at[TRACE_NAME]];
	if (h->at[TRACE_PROCESS] < 0 && strstr(name, " ("))
		*strstr(name, " (") = '\0'; /* "align (NA02)" */
	ret->process = name;
	return 0;
}
