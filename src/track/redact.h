/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets out of command lines, before anything is stored or written: option
 * values (--password x, --token=x, -p of mysql and the like), NAME=value pairs
 * with telling names, Authorization headers, URL userinfo and signed query
 * parameters, key shapes of AWS, GCP, Azure, GitHub, GitLab, Slack, JWT and PEM.
 * Each is replaced by "[redacted]". Idempotent. `tracer redact` shows it at work.
 */
#ifndef TRACER_TRACK_REDACT_H
#define TRACER_TRACK_REDACT_H

#include "src/model/rows.h"

/* Redacts NUL-ended arguments into out; *ret_len <= out_size always. Returns the
 * number of replacements. If the result does not fit it is cut and *ret_cut set. */
unsigned redact_argv(struct bytes argv, char *out, size_t out_size, size_t *ret_len, bool *ret_cut);
/* The same, saying why; for `tracer redact` and tests. No fast way out. */
struct redact_hits {
	unsigned n; /* replacements; may exceed the table */
	bool cut;
	const char *rules[32]; /* name of the rule of each, static */
};
unsigned redact_argv_explain(struct bytes argv, char *out, size_t out_size, size_t *ret_len,
			     struct redact_hits *ret_hits);
/* The same for one text (a title, a path, a command line in a single string). */
unsigned redact_text(struct bytes text, char *out, size_t out_size, size_t *ret_len, bool *ret_cut);

/* Copies a record, redacting argv of EXEC, RENAME and RUN_BEGIN. out must hold
 * WIRE_RECORD_MAX bytes. Returns the size of the new record, or -EBADMSG.
 * Records that surely hold no secret are not copied: returns 0, use the original. */
int redact_record(const struct wire_header *record, void *out, bool *ret_changed);

#endif
