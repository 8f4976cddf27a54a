/* SPDX-License-Identifier: Apache-2.0 */
/* Redaction of whole records: the strings of a record are laid out anew because
 * its argv may have become longer or shorter. */
#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/track/redact.h"
#include "src/track/redact_internal.h"

struct layout {
	size_t size;	   /* of the fixed part */
	size_t argv;	   /* offset of the struct wire_string to redact */
	size_t strings[9]; /* offsets of all of them; 0 ends */
	uint16_t cut_flag;
};

#define STRING(type, field) offsetof(struct type, field)

static const struct layout exec_layout = {
	sizeof(struct wire_exec),
	STRING(wire_exec, argv),
	{ STRING(wire_exec, file), STRING(wire_exec, interp), STRING(wire_exec, exe),
	  STRING(wire_exec, cwd), STRING(wire_exec, argv), STRING(wire_exec, env),
	  STRING(wire_exec, nodename), STRING(wire_exec, cwd_host), 0 },
	WIRE_F_ARGV_TRUNCATED,
};
static const struct layout rename_layout = {
	sizeof(struct wire_rename),
	STRING(wire_rename, argv),
	{ STRING(wire_rename, argv), 0 },
	WIRE_F_ARGV_TRUNCATED,
};
static const struct layout run_layout = {
	sizeof(struct wire_run_begin),
	STRING(wire_run_begin, argv),
	{ STRING(wire_run_begin, name), STRING(wire_run_begin, argv), STRING(wire_run_begin, cwd),
	  STRING(wire_run_begin, user), STRING(wire_run_begin, labels), 0 },
	WIRE_F_ARGV_TRUNCATED,
};

static const struct layout *layout_of(uint16_t type)
{
	switch (type) {
	case WIRE_EXEC:
		return &exec_layout;
	case WIRE_RENAME:
		return &rename_layout;
	case WIRE_RUN_BEGIN:
		return &run_layout;
	default:
		return NULL;
	}
}

static struct wire_string string_at(const void *record, size_t off)
{
	struct wire_string s;

	memcpy(&s, (const char *)record + off, sizeof(s));
	return s;
}

static int check(const struct wire_header *h, const struct layout *l)
{
	if (h->size < l->size || h->size > WIRE_RECORD_MAX || h->size % 8)
		return -EBADMSG;
	for (const size_t *off = l->strings; *off; off++) {
		struct wire_string s = string_at(h, *off);

		if (s.len && (s.off < l->size || (size_t)s.off + s.len > h->size))
			return -EBADMSG;
	}
	return 0;
}

int redact_record(const struct wire_header *record, void *out, bool *ret_changed)
{
	const struct layout *l = layout_of(record->type);
	const char *from = (const char *)record;
	struct wire_string argv;
	struct wire_header *h = out;
	char *to = out;
	size_t at, room;
	bool changed = false;
	int rc;

	if (!l)
		return 0;
	rc = check(record, l);
	if (rc < 0)
		return rc;
	argv = string_at(record, l->argv);
	if (!argv.len || !redact_may_apply(from + argv.off, argv.len)) {
		*ret_changed = false;
		return 0;
	}
	memcpy(to, from, l->size);
	at = l->size;
	room = WIRE_RECORD_MAX - l->size - 7; /* what the other strings leave */
	for (const size_t *off = l->strings; *off; off++)
		if (*off != l->argv) {
			size_t len = string_at(record, *off).len;

			if (len > room)
				return -EBADMSG; /* strings that overlap */
			room -= len;
		}
	for (const size_t *off = l->strings; *off; off++) {
		struct wire_string s = string_at(record, *off);
		size_t len = s.len;
		bool cut = false;

		if (!s.len)
			continue;
		if (*off == l->argv) {
			room = room < UINT16_MAX ? room : UINT16_MAX;
			changed = redact_argv((struct bytes){ from + s.off, s.len }, to + at, room,
					      &len, &cut) > 0;
			if (cut)
				h->flags |= l->cut_flag;
		} else {
			memcpy(to + at, from + s.off, s.len);
		}
		s = (struct wire_string){ .off = (uint16_t)at, .len = (uint16_t)len };
		memcpy(to + *off, &s, sizeof(s));
		at += len;
	}
	while (at % 8)
		to[at++] = '\0';
	h->size = (uint32_t)at;
	*ret_changed = changed;
	return (int)at;
}
