/* SPDX-License-Identifier: Apache-2.0 */
/* tracer record: observe into an event log, or the whole host. */
#include "src/cli/cli.h"
#include "src/cli/observe.h"

struct record_options {
	struct observe_options observe;
};

#define AT(member) offsetof(struct record_options, observe.member)

static const struct option_spec options[] = {
	{ "output", 'o', OPTION_TEXT, AT(log), "FILE",
	  "write the event log to FILE, and no database\nunless --db is given too" },
	{ "all", 'a', OPTION_FLAG, AT(all), NULL, "the whole host, until a signal or --duration" },
	{ "duration", 'd', OPTION_COUNT, AT(duration_s), "SECONDS",
	  "with --all: stop after this time" },
	{ "files", 0, OPTION_FLAG, AT(files), NULL,
	  "with --all: file names too, which costs every\nsystem call of the host 40-90 ns" },
	{ "no-files", 0, OPTION_FLAG, AT(no_files), NULL, "with a command: no file names" },
	{ "strict", 0, OPTION_FLAG, AT(strict), NULL,
	  "without observation do not run the command" },
	{ "quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "no report at the end" },
#include "src/cli/observe_options.def"
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "record",
	.words = "[--] [COMMAND [ARGUMENT...]]",
	.about = "Observes COMMAND as `tracer run` does, but into an event log that `tracer\n"
		 "replay` brings into a database later, here or elsewhere; or, with --all, every\n"
		 "process of this host. Secrets are taken out before anything is written.",
	.options = options,
	.in_order = true,
};

int cmd_record(int argc, char **argv)
{
	struct record_options o = { .observe.log_only = true };
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc == EXIT_USAGE ? 125 : rc;
	if (o.observe.all && first < argc)
		rc = options_misuse(&spec, "--all observes the host: no command with it");
	else if (!o.observe.all && first >= argc)
		rc = options_misuse(&spec, "no command to run (or --all for the whole host)");
	else if (!o.observe.all && !o.observe.log)
		rc = options_misuse(&spec, "-o FILE says where the event log goes");
	else
		return observe(&o.observe, first < argc ? argv + first : NULL);
	return 125;
}
