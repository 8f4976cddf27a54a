/* SPDX-License-Identifier: Apache-2.0 */
/* tracer run: observe a command and report. */
#include "src/cli/cli.h"
#include "src/cli/observe.h"

struct run_options {
	struct observe_options observe;
};

#define AT(member) offsetof(struct run_options, observe.member)

static const struct option_spec options[] = {
#include "src/cli/observe_options.def"
	{ "quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "no report at the end" },
	{ "record", 'o', OPTION_TEXT, AT(log), "FILE", "also write the event log to FILE" },
	{ "no-files", 0, OPTION_FLAG, AT(no_files), NULL,
	  "no file names: system calls of this host are\nthen not slowed by 40-90 ns each; "
	  "no dataflow,\nand names of Snakemake's tasks are guessed" },
	{ "strict", 0, OPTION_FLAG, AT(strict), NULL,
	  "without observation do not run the command" },
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "run",
	.words = "[--] COMMAND [ARGUMENT...]",
	.about = "Runs COMMAND and observes every process of it, from the kernel. The command is\n"
		 "not changed: its input, output, signals, terminal and exit code are its own\n"
		 "(128+N when killed by signal N; 126, 127 as env(1); 125 when tracer failed).\n"
		 "Under sudo it runs as the user who called sudo. A report follows on stderr.",
	.options = options,
	.in_order = true,
};

int cmd_run(int argc, char **argv)
{
	struct run_options o = { 0 };
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc == EXIT_USAGE ? 125 : rc;
	if (first >= argc) {
		options_misuse(&spec, "no command to run");
		return 125;
	}
	return observe(&o.observe, argv + first);
}
