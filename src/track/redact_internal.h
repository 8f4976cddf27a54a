/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the parts of redaction: what is secret by name and by shape. */
#ifndef TRACER_TRACK_REDACT_INTERNAL_H
#define TRACER_TRACK_REDACT_INTERNAL_H

#include "src/track/argv.h"
#include "src/track/redact.h"

enum secret_place {
	SECRET_OPTION, /* --name value, --name=value */
	SECRET_ASSIGN, /* name=value */
	SECRET_QUERY,  /* ?name=value, &name=value */
	SECRET_HEADER, /* Name: value, "name": "value" */
};

/* Whether a value of that name is secret; the rule's name, or NULL. */
const char *redact_name(struct word name, enum secret_place place);
/* Whether the whole line after the name goes (Authorization:, Cookie:). */
bool redact_name_takes_line(struct word name);
/* Length of the key that starts at p, 0 if none does; *ret_rule its name. */
size_t redact_shape(const char *p, const char *end, const char **ret_rule);
/* Options that mean a secret only to one program (mysql -p, curl -u). */
bool redact_is_program(struct word name);
/* *ret_prefix: length of the option in a word that holds its value too, else 0. */
const char *redact_program_option(struct word program, struct word option, size_t *ret_prefix);
/* False if the bytes surely hold nothing to redact: the fast way out. */
bool redact_may_apply(const char *p, size_t len);

#endif
