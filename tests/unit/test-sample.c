/* SPDX-License-Identifier: Apache-2.0 */
/* Samples by what a tool is told and by the names of its files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/track/sample.h"

/* "a|b|c": arguments */
static enum sample_source ask(const char *line, bool files, char ret[SAMPLE_MAX])
{
	char argv[512];
	size_t len = strlen(line);

	memcpy(argv, line, len + 1);
	for (size_t i = 0; i < len; i++)
		if (argv[i] == '|')
			argv[i] = '\0';
	ret[0] = '\0';
	return sample_of((struct bytes){ argv, len + 1 }, files, ret);
}

static void test_samples(void **state)
{
	static const struct {
		const char *argv, *sample; /* NULL: none */
	} cases[] = {
		{ "bwa|mem|-R|@RG\\tID:1\\tSM:NA12878\\tPL:ILLUMINA|ref.fa|x_1.fq.gz", "NA12878" },
		{ "minimap2|-R|@RG\tID:1\tSM:S-1|ref.fa|a.fq", "S-1" },
		{ "picard|AddOrReplaceReadGroups|I=a.bam|RGSM=HG002", "HG002" },
		{ "salmon|--sample=A1|x", "A1" },
		{ "tool|--sample|B2|x", "B2" },
		{ "fastp|-i|raw/NA01_1.fq.gz|-I|raw/NA01_2.fq.gz|-o|t/NA01_1.fq.gz", "NA01" },
		{ "fastqc|A_S12_L001_R1_001.fastq.gz|A_S12_L001_R2_001.fastq.gz", "A" },
		{ "samtools|sort|-o|x/T7.sorted.bam|x/T7.bam", "T7" },
		{ "samtools|markdup|T7.sorted.dedup.bam|T7.bam", "T7" },
		{ "bcftools|merge|A.vcf.gz|B.vcf.gz", NULL },
		{ "bwa|index|ref.fa", NULL },
		{ "samtools|faidx|genome.fasta", NULL },
		{ "samtools|view|../../etc/x;rm.bam", NULL },
		{ "echo|@RG", NULL },
		{ "echo|SM=", NULL },
		{ "", NULL },
	};
	char got[SAMPLE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum sample_source from = ask(cases[i].argv, true, got);

		if (!cases[i].sample != (from == SAMPLE_NONE) ||
		    (cases[i].sample && strcmp(got, cases[i].sample)))
			fail_msg("%s: %s", cases[i].argv, from ? got : "none");
	}
}

static void test_only_arguments(void **state)
{
	char got[SAMPLE_MAX];

	assert_int_equal(ask("samtools|sort|T7.bam", false, got), SAMPLE_NONE);
	assert_int_equal(ask("bwa|mem|-R|@RG\\tSM:q", false, got), SAMPLE_FROM_ARGUMENT);
	assert_int_equal(ask("samtools|sort|T7.bam", true, got), SAMPLE_FROM_FILES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_only_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
