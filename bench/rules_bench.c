/* SPDX-License-Identifier: Apache-2.0 */
/* rules_bench [ROUNDS]: time of what every exec passes through: redaction, tool
 * name, rules. Prints ns per exec for typical launches. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/track/redact.h"
#include "src/track/rules.h"
#include "src/track/tool_name.h"

#define PACKED(text)                                                                               \
	{                                                                                          \
		text, sizeof(text)                                                                 \
	}

static const struct {
	const char *what;
	struct rule_input in;
} launches[] = {
	{ "samtools sort",
	  { .file = "/usr/bin/samtools",
	    .exe = "/usr/bin/samtools",
	    .comm = "samtools",
	    .cwd = "/data/project",
	    .argv = PACKED("samtools\0sort\0-@\0004\0-o\0/data/project/results/A.sorted.bam\0"
			   "/data/project/results/A.unsorted.bam\0-T\0/tmp/A") } },
	{ "mkdir",
	  { .file = "/usr/bin/mkdir",
	    .exe = "/usr/bin/mkdir",
	    .comm = "mkdir",
	    .cwd = "/data",
	    .argv = PACKED("mkdir\0-p\0out") } },
	{ "bash -c",
	  { .file = "/usr/bin/bash",
	    .exe = "/usr/bin/bash",
	    .comm = "bash",
	    .cwd = "/data",
	    .argv = PACKED("/usr/bin/bash\0-c\0set -euo pipefail;  bwa mem -t 2 ref.fa A.fq | "
			   "samtools sort -o out/A.bam -") } },
	{ "python3 script",
	  { .file = "/usr/bin/python3",
	    .exe = "/usr/bin/python3.11",
	    .comm = "python3",
	    .cwd = "/data",
	    .argv = PACKED("python3\0/data/scripts/plot.py\0--in\0x.tsv") } },
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 200000;
	struct rules_error error;
	struct rules *r;

	if (!rounds || rules_load(NULL, 0, &r, &error) < 0)
		return 1;
	printf("%-16s %10s %10s %10s  ns per exec\n", "launch", "redact", "tool name", "rules");
	for (size_t i = 0; i < ARRAY_SIZE(launches); i++) {
		const struct rule_input *in = &launches[i].in;
		struct rule_result m;
		struct tool_name t;
		char out[8192];
		double at[4];
		size_t len;
		bool cut;

		at[0] = now_ns();
		for (unsigned n = 0; n < rounds; n++)
			redact_argv(in->argv, out, sizeof(out), &len, &cut);
		at[1] = now_ns();
		for (unsigned n = 0; n < rounds; n++)
			tool_name(in->file, in->comm, in->argv, &t);
		at[2] = now_ns();
		for (unsigned n = 0; n < rounds; n++)
			for (unsigned kind = 0; kind < RULE_KINDS; kind++)
				rules_match(r, kind, in, &m);
		at[3] = now_ns();
		printf("%-16s %10.0f %10.0f %10.0f\n", launches[i].what, (at[1] - at[0]) / rounds,
		       (at[2] - at[1]) / rounds, (at[3] - at[2]) / rounds);
	}
	rules_free(r);
	return 0;
}
