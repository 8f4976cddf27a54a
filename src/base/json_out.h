/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON values from rows, on jansson. Unknown is null. Names are bytes: those
 * that are not valid UTF-8 appear as the four characters \xHH each, so that the
 * document is always valid and nothing is dropped. Times leave as decimal
 * strings, because a browser's number cannot hold them.
 */
#ifndef TRACER_BASE_JSON_OUT_H
#define TRACER_BASE_JSON_OUT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* Each returns a new reference, or NULL without memory. */
json_t *json_out_text(const char *text, size_t len); /* text NULL: null */
json_t *json_out_args(const char *args, size_t len); /* NUL-ended arguments: an array */
json_t *json_out_time(uint64_t unix_ns);
json_t *json_out_uint(uint64_t n); /* beyond int64: its largest value */

/* Sets a member, stealing value; "a.b" goes into the object a. 0 or -ENOMEM. */
int json_out_set(json_t *object, const char *name, json_t *value);

enum json_style { JSON_ONE_LINE, JSON_PRETTY };
int json_out_write(const json_t *value, FILE *out, enum json_style style); /* 0 or -EIO */

#endif
