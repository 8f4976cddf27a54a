/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of a command: one table from which parsing and --help come. Values go
 * into a struct of the command's own, by offset.
 *
 *	struct values { bool all; const char *db; unsigned limit; int format; };
 *	static const struct option_spec options[] = {
 *		{ "all", 'a', OPTION_FLAG, offsetof(struct values, all), NULL, "show all" },
 *		...
 *		OPTIONS_END
 *	};
 */
#ifndef TRACER_CLI_OPTIONS_H
#define TRACER_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char * */
	OPTION_COUNT,  /* unsigned */
	OPTION_CHOICE, /* int: index of the word in `argument`, "table|json|csv" */
	OPTION_LIST,   /* struct option_list: may be given several times */
};

#define OPTION_LIST_MAX 64

struct option_list {
	unsigned n;
	const char *items[OPTION_LIST_MAX];
};

struct option_spec {
	const char *name; /* long name, without dashes */
	char letter;	  /* 0: none */
	enum option_kind kind;
	size_t offset;
	const char *argument; /* its name in the help; NULL for a flag */
	const char *help;
};

#define OPTIONS_END                                                                                \
	{                                                                                          \
		NULL, 0, OPTION_FLAG, 0, NULL, NULL                                                \
	}

struct command_spec {
	const char *name;  /* "show" */
	const char *words; /* what follows the options: "[RUN]", "-- COMMAND [ARG...]" */
	const char *about; /* a paragraph, wrapped by hand */
	const struct option_spec *options;
	bool in_order;	    /* options end at the first word: what follows is a command */
	unsigned max_words; /* refuse more; 0: no limit */
};

/* Fills *values (set its defaults before). Returns the index of the first word
 * in argv, which is argc if there is none, or -1 when the command is over (help
 * was printed, or a mistake): exit with *ret_rc. Words are moved to the end. */
int options_parse(const struct command_spec *spec, void *values, int argc, char **argv,
		  int *ret_rc);
void options_help(const struct command_spec *spec, FILE *out);
/* Says on stderr what is wrong and how to get help; returns EXIT_USAGE. */
int options_misuse(const struct command_spec *spec, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The candidate nearest to word by edit distance, or NULL if none is near. */
const char *suggest(const char *word, const char *const *candidates, size_t n);

#endif
