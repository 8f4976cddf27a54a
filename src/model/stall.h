/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading WIRE_STALL records, and saying in words what a chain of waits is about. Used
 * by who reports a stall while it happens and by who reads it later. Pure.
 */
#ifndef TRACER_MODEL_STALL_H
#define TRACER_MODEL_STALL_H

#include "src/base/str.h"
#include "src/model/rows.h"

/* Steps of a checked record, each made sound (ends, numbers). How many. */
unsigned stall_steps(const struct wire_stall *record, struct wire_stall_step *ret, unsigned max);

const char *wait_name(unsigned wait); /* "pipe-read"; "unknown" beyond the last */
unsigned wait_of_name(const char *name);
bool wait_is_chosen(unsigned wait); /* nothing is wrong: it sleeps, or a user is to type */

/* Appends "waits for its child `sort` (pid 12), which reads from pipe:[5], whose other end
 * nobody holds": about the first process, whom the caller has named. */
void stall_words(const struct wire_stall_step *steps, unsigned n, struct str *out);

#endif
