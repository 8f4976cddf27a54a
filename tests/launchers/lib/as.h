/* SPDX-License-Identifier: Apache-2.0 */
/*
 * as: a program that plays another. What it does is in a play (see as.c); this
 * is what its parts share. A failure of a play ends it with exit code 99.
 */
#ifndef TRACER_TESTS_LAUNCHERS_AS_H
#define TRACER_TESTS_LAUNCHERS_AS_H

#include <stdbool.h>
#include <sys/types.h>

#define AS_WORDS_MAX 512
#define AS_CAST_MAX  256

/* One that was started, by the name that the play gave it. */
struct as_child {
	const char *name;
	pid_t pid;
	int status;
	bool ended;
};

struct as {
	char **words; /* of the current step, expanded */
	unsigned n_words;
	const char *truth; /* file that `truth` appends to */
	struct as_child cast[AS_CAST_MAX];
	unsigned n_cast;
	char *title; /* argv[0], and how much may be written over it */
	size_t title_len;
	long skip; /* steps of a body that a child executes */
	long left; /* steps of our own body and this one; 0: to the end of the play */
};

_Noreturn void as_die(const char *what);
struct as_child *as_find(struct as *as, const char *name); /* dies if there is none */
long as_number(const char *text);

/* `spawn NAME OPTION... -- ARGV...` and `exec OPTION... -- ARGV...`. */
void as_spawn(struct as *as);
void as_exec(struct as *as);
/* mkdir -p; the last component too if `whole`. */
void as_make_path(const char *path, bool whole);
/* Waits for one; its code as a shell has it: 128 + N for a signal. */
int as_wait(struct as_child *child);

#endif
