/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a document whose members are no fields of the table, as JSON lines or CSV. */
#ifndef TRACER_CLI_JSON_ROWS_H
#define TRACER_CLI_JSON_ROWS_H

#include "src/base/json_out.h"
#include "src/cli/reader.h"

/* format FORMAT_JSONL: an object a line; FORMAT_CSV: columns are the members of the first
 * object, those of objects in it as "a.b"; other values that are no scalar as JSON. 0 or
 * -errno. */
int json_rows_print(const json_t *array, enum format format, FILE *out);
/* RFC 4180: quoted where needed, quotes doubled. */
void csv_text(FILE *out, const char *text);

#endif
