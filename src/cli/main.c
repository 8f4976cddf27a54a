/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, in the order in which `tracer help` lists them. */
#include "src/cli/cli.h"

#include <stddef.h>

static const struct command commands[] = {
	{ NULL, NULL, NULL },
};

int main(int argc, char **argv)
{
	return cli_main(commands, argc, argv);
}
