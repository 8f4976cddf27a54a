/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as people read them. Each function writes into buf (HUMAN_MAX bytes
 * are always enough) and returns it. What is unknown is the caller's "-".
 */
#ifndef TRACER_BASE_HUMAN_H
#define TRACER_BASE_HUMAN_H

#include <stddef.h>
#include <stdint.h>

#define HUMAN_MAX     40
#define HUMAN_UNKNOWN "-"

const char *human_bytes(char *buf, uint64_t bytes);	  /* IEC: "1.2 GiB", "512 B" */
const char *human_bytes_short(char *buf, uint64_t bytes); /* IEC too: "1.2G", "512" */
const char *human_duration(char *buf, uint64_t ns);	  /* "450 us", "3.2 s", "1m04s", "2h05m" */
const char *human_count(char *buf, uint64_t n);		  /* "1,234,567" */
const char *human_percent(char *buf, uint64_t part, uint64_t whole); /* "32 %", "<1 %" */
const char *human_time(char *buf, uint64_t unix_ns); /* local: "2026-11-23 08:09:31" */
/* "SIGKILL" for 9; "signal 70" for one without a name. */
const char *human_signal(char *buf, int signal);

#endif
