/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/json_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/base/text.h"

void csv_text(FILE *out, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void csv_value(FILE *out, const json_t *value)
{
	_cleanup_(str_fini) struct str safe = STR_INIT;
	char *text;

	if (!value || json_is_null(value))
		return;
	if (json_is_string(value)) {
		text_visible(&safe, json_string_value(value), json_string_length(value));
		csv_text(out, str_text(&safe));
		return;
	}
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	if (text)
		csv_text(out, text);
	free(text);
}

/* Members in the order of the first object: its header, or a row's values. */
static void csv_line(FILE *out, const json_t *first, const json_t *row)
{
	const char *name, *inner, *gap = "";
	json_t *value, *part;

	json_object_foreach((json_t *)first, name, value)
	{
		json_t *mine = json_object_get(row, name);

		if (!json_is_object(value)) {
			fputs(gap, out);
			gap = ",";
			if (row)
				csv_value(out, mine);
			else
				fputs(name, out);
			continue;
		}
		json_object_foreach(value, inner, part)
		{
			fputs(gap, out);
			gap = ",";
			if (row)
				csv_value(out, json_object_get(mine, inner));
			else
				fprintf(out, "%s.%s", name, inner);
		}
	}
	fputc('\n', out);
}

int json_rows_print(const json_t *array, enum format format, FILE *out)
{
	const json_t *first = json_array_get(array, 0);

	if (!array)
		return -ENOMEM;
	if (format == FORMAT_CSV && first)
		csv_line(out, first, NULL);
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *row = json_array_get(array, i);

		if (format == FORMAT_CSV) {
			csv_line(out, first, row);
			continue;
		}
		if (json_dumpf(row, out, JSON_COMPACT | JSON_REAL_PRECISION(6)) < 0)
			return -EIO;
		fputc('\n', out);
	}
	return ferror(out) ? -EIO : 0;
}
