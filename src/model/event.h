/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading records of bpf/wire.h that may come from anywhere: event_check() first,
 * then every accessor here is safe on that record. Paths of the kernel come as
 * components from the leaf to the root and become text here.
 */
#ifndef TRACER_MODEL_EVENT_H
#define TRACER_MODEL_EVENT_H

#include "src/base/str.h"
#include "src/model/rows.h"

/* Is it a whole record, `available` bytes at most, aligned to 8, every string
 * inside it? 0, or -EBADMSG. Types that this program does not know only need a
 * sound header. Also 0 or -EBADMSG for a stream's head (magic, version: -EPROTO). */
int event_check(const struct wire_header *record, size_t available);
int event_check_file(const struct wire_file *head, size_t available);

const char *event_type_name(unsigned type);    /* "fork", or "unknown" */
const char *ledger_state_name(unsigned state); /* "cpu", or "unknown" */
const char *loss_kind_name(unsigned kind);     /* "fork", or "unknown" */

/* A slice of a checked record; data NULL if absent. */
struct bytes event_bytes(const struct wire_header *record, struct wire_string s);
/* The same up to its first NUL: a text that arrived with or without its end. */
struct bytes event_text(const struct wire_header *record, struct wire_string s);
/* Fixed arrays that need not end in NUL. */
struct bytes event_array(const char *array, size_t size);

/* Walks a list whose items are ended by NUL (the last may not be); *pos from 0.
 * data NULL at the end. Items may be empty. */
struct bytes event_next(struct bytes list, size_t *pos);
unsigned event_count(struct bytes list);

/* Appends "/a/b/c" made from "c\0b\0a\0", or ".../b/c" if its root was cut off.
 * False and nothing appended if there is no path. A lone NUL is "/". */
bool event_path(struct bytes components, bool truncated, struct str *out);
/* Appends the path that a program wrote, from the directory it counted from,
 * with "." and ".." taken out by text alone (a symbolic link is not followed). */
bool event_resolve(struct bytes text, struct bytes directory, bool truncated, struct str *out);

#endif
