/* SPDX-License-Identifier: Apache-2.0 */
/* From argv to a command: --version, help, suggestions. Knows no command. */
#include "src/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/log.h"
#include "src/cli/options.h"

#define COMMANDS_MAX 64

static void print_help(const struct command *commands, FILE *out)
{
	fprintf(out, "Usage: tracer COMMAND [OPTION...]\n\n"
		     "What really runs on this machine, and what it costs: every process of a\n"
		     "pipeline, its CPU, memory, I/O and waits, by task and tool.\n\nCommands:\n");
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-13s %s\n", c->name, c->help);
	fprintf(out,
		"\n`tracer help COMMAND` says more about one; `tracer --version` its version.\n");
}

static int unknown_command(const struct command *commands, const char *word)
{
	const char *names[COMMANDS_MAX], *near;
	size_t n = 0;

	for (const struct command *c = commands; c->name && n < COMMANDS_MAX; c++)
		names[n++] = c->name;
	near = suggest(word, names, n);
	if (*word == '-')
		log_error("no such option: %s (see `tracer help`)", word);
	else if (near)
		log_error("no such command: %s; did you mean `tracer %s`?", word, near);
	else
		log_error("no such command: %s (see `tracer help`)", word);
	return EXIT_USAGE;
}

static int run_command(const struct command *commands, int argc, char **argv)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, argv[0]))
			return c->run(argc, argv);
	return unknown_command(commands, argv[0]);
}

static int help_command(const struct command *commands, int argc, char **argv)
{
	static char option[] = "--help";
	char *help_argv[] = { argv[1], option, NULL };

	if (argc > 1)
		return run_command(commands, 2, help_argv);
	print_help(commands, stdout);
	return EXIT_OK;
}

int cli_main(const struct command *commands, int argc, char **argv)
{
	int rc;

	if (argc < 2) {
		print_help(commands, stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		rc = printf("tracer %s\n", TRACER_VERSION) < 0 ? EXIT_ERROR : EXIT_OK;
	else if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		rc = help_command(commands, argc - 1, argv + 1);
	else
		rc = run_command(commands, argc - 1, argv + 1);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		if (errno != EPIPE)
			log_error("cannot write to standard output: %s", strerror(errno));
		return rc ? rc : EXIT_ERROR;
	}
	return rc;
}
