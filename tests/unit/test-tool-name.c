/* SPDX-License-Identifier: Apache-2.0 */
/* Tool naming against launches as they really look (docs/tools.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/track/tool_name.h"
#include "src/track/tool_role.h"

enum { P = 1, F = 2, K = 4 }; /* probe, facade, known */

struct launch {
	const char *file;
	const char *argv; /* words apart by | */
	enum tool_class kind;
	const char *display;
	unsigned flags;
};

static const struct launch launches[] = {
	{ "/usr/bin/samtools", "samtools|sort|-@|4|a.bam", TOOL_NATIVE, "samtools sort", K },
	{ "/usr/bin/samtools", "samtools|--version", TOOL_NATIVE, "samtools", K | P },
	{ "/usr/bin/samtools", "samtools|version", TOOL_NATIVE, "samtools", K | P },
	{ "/usr/bin/samtools", "samtools|view|--help", TOOL_NATIVE, "samtools view", K | P },
	{ "/usr/bin/samtools", "samtools", TOOL_NATIVE, "samtools", K },
	{ "/usr/bin/samtools", "samtools|a.bam", TOOL_NATIVE, "samtools", K },
	{ "/opt/samtools-1.19/bin/samtools-1.19", "samtools-1.19|view", TOOL_NATIVE,
	  "samtools view", K },
	{ "/usr/bin/bcftools", "bcftools|+fill-tags|a.vcf", TOOL_NATIVE, "bcftools +fill-tags", K },
	{ "/usr/bin/bwa", "bwa|mem|-t|2|ref.fa", TOOL_NATIVE, "bwa mem", K },
	{ "/x/bwa-mem2.avx2", "/x/bwa-mem2.avx2|mem|ref", TOOL_NATIVE, "bwa-mem2 mem", K },
	{ "/x/bwa-0.7.17", "bwa-0.7.17|index|r.fa", TOOL_NATIVE, "bwa index", K },
	{ "/usr/bin/git", "git|-C|/src|status", TOOL_NATIVE, "git status", K },
	{ "/usr/bin/git", "git|--no-pager|log", TOOL_NATIVE, "git log", K },
	{ "/x/STAR", "STAR|--runThreadN|8|--runMode|genomeGenerate", TOOL_NATIVE,
	  "STAR genomeGenerate", K },
	{ "/x/STAR", "STAR|--genomeDir|g", TOOL_NATIVE, "STAR alignReads", K },
	{ "/x/star", "star|--runMode=x", TOOL_NATIVE, "STAR x", K },
	{ "/usr/bin/bowtie2", "/usr/bin/perl|/usr/bin/bowtie2|-p|8|-x|i", TOOL_SCRIPT, "bowtie2",
	  K | F },
	{ "/usr/bin/bowtie2-align-s", "/usr/bin/bowtie2-align-s|--wrapper|basic-0", TOOL_NATIVE,
	  "bowtie2-align", K },
	{ "/usr/bin/trim_galore", "perl|/usr/bin/trim_galore|x.fq", TOOL_SCRIPT, "trim_galore",
	  K | F },
	{ "/x/spades.py", "/usr/bin/python3|/x/spades.py|-o|out", TOOL_SCRIPT, "spades", K | F },
	{ "/x/kraken2", "perl|/x/kraken2|--db|d", TOOL_SCRIPT, "kraken2", K | F },
	{ "/usr/bin/multiqc", "/usr/bin/python3|/usr/bin/multiqc|.", TOOL_SCRIPT, "multiqc", K },
	{ "/usr/bin/multiqc", "/usr/bin/python3|/usr/bin/multiqc|--version", TOOL_SCRIPT, "multiqc",
	  K | P },
	{ "/usr/bin/python3", "python3|/usr/bin/multiqc|.", TOOL_SCRIPT, "multiqc", K },
	{ "/usr/bin/env", "/usr/bin/env|python3|/x/multiqc|.", TOOL_WRAPPER, "multiqc", K },
	{ "/x/multiqc", "/usr/bin/env|python3|/x/multiqc|.", TOOL_SCRIPT, "multiqc", K },
	{ "/usr/bin/python3.11", "python3.11|-u|-W|ignore|plot.py|x", TOOL_SCRIPT, "plot", 0 },
	{ "/usr/bin/python3", "python3|-m|pip|install|x", TOOL_SCRIPT, "pip install", K },
	{ "/usr/bin/python3", "python3|-um|cwltool|w.cwl", TOOL_ENGINE, "cwltool", K },
	{ "/usr/bin/python3", "python3|-m|prefect.engine", TOOL_ENGINE, "prefect", K },
	{ "/usr/bin/python3", "python3|-m|mypkg.cli.main|x", TOOL_SCRIPT, "mypkg", 0 },
	{ "/usr/bin/python3", "python3|-m|torch.distributed.run|--nproc_per_node|4|train.py",
	  TOOL_WRAPPER, "train", 0 },
	{ "/usr/bin/python3", "python3|-c|print(1)", TOOL_SCRIPT, "python:inline", 0 },
	{ "/usr/bin/python3",
	  "python3|-c|from multiprocessing.spawn import spawn_main; spawn_main()", TOOL_INHERIT,
	  "python:inline", 0 },
	{ "/usr/bin/python3", "python3|--version", TOOL_SCRIPT, "python", P },
	{ "/usr/bin/python3", "python3", TOOL_SCRIPT, "python", 0 },
	{ "/usr/bin/python3", "python3|/w/.snakemake/scripts/tmpi84ljsk0.plot.py", TOOL_SCRIPT,
	  "plot", 0 },
	{ "/root/.pyenv/shims/python3", "bash|/root/.pyenv/shims/python3|x.py", TOOL_SCRIPT, "x",
	  0 },
	{ "/usr/bin/snakemake", "/usr/bin/python3|/usr/bin/snakemake|-c|2", TOOL_ENGINE,
	  "snakemake", K },
	{ "/usr/bin/Rscript", "Rscript|--vanilla|norm.R|x", TOOL_SCRIPT, "norm", 0 },
	{ "/usr/lib/R/bin/exec/R", "/usr/lib/R/bin/exec/R|--no-echo|--no-restore|--file=a/norm.R",
	  TOOL_SCRIPT, "norm", 0 },
	{ "/usr/bin/R", "/bin/sh|/usr/bin/R|CMD|BATCH|--vanilla|fit.r", TOOL_SCRIPT, "fit", 0 },
	{ "/usr/bin/Rscript", "Rscript|-e|1+1", TOOL_SCRIPT, "Rscript:inline", 0 },
	{ "/usr/bin/perl", "perl|-w|/x/run.pl|a", TOOL_SCRIPT, "run", 0 },
	{ "/usr/bin/perl", "perl|-ne|print", TOOL_SCRIPT, "perl:inline", 0 },
	{ "/usr/bin/node", "node|--require|x|/srv/app.js", TOOL_SCRIPT, "app", 0 },
	{ "/usr/bin/java", "java|-Xmx4g|-jar|/x/picard.jar|MarkDuplicates|I=a", TOOL_SCRIPT,
	  "picard MarkDuplicates", K },
	{ "/usr/bin/java", "java|-cp|a:b|-Xmx1g|uk.ac.babraham.FastQC.FastQCApplication|x.fq",
	  TOOL_SCRIPT, "fastqc", K },
	{ "/usr/bin/java", "java|-cp|x|org.usadellab.trimmomatic.TrimmomaticPE|a", TOOL_SCRIPT,
	  "trimmomatic PE", K },
	{ "/usr/bin/java", "java|-jar|/x/trimmomatic-0.39.jar|SE|a", TOOL_SCRIPT, "trimmomatic SE",
	  K },
	{ "/usr/bin/java",
	  "java|-Xmx4g|-jar|/x/gatk-package-4.5.0.0-local.jar|HaplotypeCaller|-I|a", TOOL_SCRIPT,
	  "gatk HaplotypeCaller", K },
	{ "/x/gatk", "python3|/x/gatk|--java-options|-Xmx4g|Mutect2", TOOL_SCRIPT, "gatk Mutect2",
	  K },
	{ "/usr/bin/java", "java|-jar|GenomeAnalysisTK.jar|-T|UnifiedGenotyper", TOOL_SCRIPT,
	  "gatk3 UnifiedGenotyper", K },
	{ "/usr/bin/java", "java|-jar|snpEff.jar|GRCh38|x.vcf", TOOL_SCRIPT, "snpEff ann", K },
	{ "/usr/bin/java", "java|-ea|com.acme.Sorter|x", TOOL_SCRIPT, "Sorter", 0 },
	{ "/usr/bin/java", "java|-version", TOOL_SCRIPT, "java", P },
	{ "/usr/bin/java", "java|-jar|/n/nextflow-24.10.0-one.jar|run|main.nf", TOOL_ENGINE,
	  "nextflow run", K },
	{ "/usr/bin/bash", "bash|-c|samtools sort x", TOOL_SHELL, "bash", 0 },
	{ "/usr/bin/bash", "/usr/bin/bash|-euo|pipefail|-c|x", TOOL_SHELL, "bash", 0 },
	{ "/usr/bin/bash", "-bash", TOOL_SHELL, "bash", 0 },
	{ "/bin/sh", "sh|-ec|x", TOOL_SHELL, "sh", 0 },
	{ "/usr/bin/bash", "bash|--norc|run_all.sh", TOOL_SCRIPT, "run_all", 0 },
	{ "./run_all.sh", "/bin/bash|./run_all.sh|x", TOOL_SCRIPT, "run_all", 0 },
	{ "/bin/bash", "/bin/bash|-ue|/w/ab/cdef/.command.sh", TOOL_TASK_MARKER, ".command", 0 },
	{ "/w/tmp.1/snakejob.map.3.sh", "/bin/sh|/w/tmp.1/snakejob.map.3.sh", TOOL_TASK_MARKER,
	  "snakejob.map", 0 },
	{ "/bin/bash", "-bash|/var/spool/pbs/mom_priv/jobs/7[2].head.SC", TOOL_TASK_MARKER,
	  "7[2].head.SC", 0 },
	{ "/bin/sh", "/bin/sh|/home/u/.lsbatch/1700000000.77.shell", TOOL_TASK_MARKER,
	  "1700000000.77.shell", 0 },
	{ "/bin/sh", "/bin/sh|/data/1700000000.csv.sh", TOOL_SCRIPT, "1700000000.csv", 0 },
	{ "/var/spool/job1/slurm_script", "/bin/bash|/var/spool/job1/slurm_script",
	  TOOL_TASK_MARKER, "slurm_script", 0 },
	{ "/usr/bin/env", "env|-u|X|A=b|nice|-n|5|bwa|mem|r.fa", TOOL_WRAPPER, "bwa mem", K },
	{ "/usr/bin/timeout", "timeout|-k|5|10m|samtools|sort", TOOL_WRAPPER, "samtools sort", K },
	{ "/usr/bin/time", "time|-v|-o|log|fastp|-i|x", TOOL_WRAPPER, "fastp", K },
	{ "/usr/bin/taskset", "taskset|-c|0-3|bwa|mem", TOOL_WRAPPER, "bwa mem", K },
	{ "/usr/bin/stdbuf", "stdbuf|-o|L|sort|x", TOOL_WRAPPER, "sort", K },
	{ "/usr/bin/xargs", "xargs|-n|1|-P|4|samtools|index", TOOL_WRAPPER, "samtools index", K },
	{ "/usr/bin/xargs", "xargs", TOOL_WRAPPER, "xargs", 0 },
	{ "/usr/bin/docker", "docker|run|--rm|-v|/a:/a|--name|x|biocontainers/bwa:v1|bwa|mem",
	  TOOL_WRAPPER, "bwa mem", K },
	{ "/usr/bin/docker", "docker|pull|x", TOOL_NATIVE, "docker pull", K },
	{ "/usr/bin/singularity", "singularity|exec|-B|/a|i.sif|/bin/bash|-c|x", TOOL_WRAPPER,
	  "bash", 0 },
	{ "/x/conda", "/x/python|/x/conda|run|-n|e|samtools|view", TOOL_WRAPPER, "samtools view",
	  K },
	{ "/x/conda", "/x/python|/x/conda|install|bwa", TOOL_SCRIPT, "conda install", K },
	{ "/usr/bin/srun", "srun|-n|1|--cpus-per-task=4|STAR", TOOL_WRAPPER, "STAR alignReads", K },
	{ "/usr/bin/mpirun", "mpirun|--mca|btl|self|-np|4|gmx_mpi|mdrun", TOOL_WRAPPER, "gmx mdrun",
	  K },
	{ "/bin/busybox", "busybox|sort|x", TOOL_NATIVE, "sort", K },
	{ "/bin/busybox", "sort|x", TOOL_NATIVE, "sort", K },
	{ "/usr/bin/coreutils", "coreutils|--coreutils-prog=sort|x", TOOL_NATIVE, "sort", K },
	{ "/usr/bin/aws", "aws|s3|cp|a|b", TOOL_NATIVE, "aws s3 cp", K },
	{ "/x/intersectBed", "/bin/sh|/x/intersectBed|-a|x", TOOL_SCRIPT, "bedtools intersect", K },
	{ "/x/infer_experiment.py", "python3|/x/infer_experiment.py|-r|x", TOOL_SCRIPT,
	  "infer_experiment.py", K },
	{ "/x/mystery", "mystery|--version", TOOL_NATIVE, "mystery", P },
	{ "/x/mystery", "mystery|-v|file", TOOL_NATIVE, "mystery", 0 },
	{ "/x/mystery_v2.3.1-x86_64", "mystery", TOOL_NATIVE, "mystery", 0 },
	{ "/x/a2b", "a2b", TOOL_NATIVE, "a2b", 0 },
	{ "/proc/self/fd/7", "runc|init", TOOL_NATIVE, "runc", 0 },
	{ "/usr/bin/gawk", "awk|-f|sum.awk|x", TOOL_SCRIPT, "sum.awk", 0 },
	{ "/usr/bin/gawk", "awk|{print}|x", TOOL_NATIVE, "awk", K },
	/* python */
	{ "/usr/bin/python3", "python3|-um|pip|install|x", TOOL_SCRIPT, "pip install", K },
	{ "/usr/bin/python3", "python3|-cprint(1)", TOOL_SCRIPT, "python:inline", 0 },
	{ "/usr/bin/python3", "python3|-m|venv|e", TOOL_SCRIPT, "venv", K },
	{ "/usr/bin/python3", "python3|-m|accelerate.commands.launch|train.py", TOOL_WRAPPER,
	  "train", 0 },
	{ "/usr/bin/python3", "python3|-c|from multiprocessing.forkserver import main; main(3)",
	  TOOL_INHERIT, "python:inline", 0 },
	{ "/usr/bin/python3",
	  "python3|-c|from multiprocessing.resource_tracker import main;main(4)", TOOL_INHERIT,
	  "python:inline", 0 },
	{ "/usr/bin/python3",
	  "python3|-m|joblib.externals.loky.backend.popen_loky_posix|--process-name|x",
	  TOOL_INHERIT, "python:inline", 0 },
	{ "/usr/bin/python3", "python3|-", TOOL_SCRIPT, "python", 0 },
	/* R, perl, node, dotnet, awk */
	{ "/usr/lib/R/bin/exec/R", "R|--no-save|--args|a|b", TOOL_SCRIPT, "R", 0 },
	{ "/usr/bin/perl", "perl|-0777ne|print", TOOL_SCRIPT, "perl:inline", 0 },
	{ "/usr/bin/perl", "perl|-eprint 1", TOOL_SCRIPT, "perl:inline", 0 },
	{ "/usr/bin/perl", "perl|-Mstrict|x.pl", TOOL_SCRIPT, "x", 0 },
	{ "/usr/bin/node", "node|/usr/lib/node_modules/npm/bin/npm-cli.js|install", TOOL_SCRIPT,
	  "npm install", K },
	{ "/usr/bin/node", "node|/w/node_modules/@scope/tool/cli.js|x", TOOL_SCRIPT, "tool", 0 },
	{ "/usr/bin/node", "node|/w/node_modules/.bin/esbuild|x", TOOL_SCRIPT, "esbuild", 0 },
	{ "/usr/bin/dotnet", "dotnet|exec|--depsfile|d.json|/x/Reads.dll|a", TOOL_SCRIPT, "Reads",
	  0 },
	{ "/usr/bin/dotnet", "dotnet|build", TOOL_SCRIPT, "dotnet", 0 },
	{ "/usr/bin/lua5.3", "lua5.3|/x/run.lua", TOOL_SCRIPT, "run", 0 },
	{ "/usr/bin/tclsh8.6", "tclsh8.6|/x/modulecmd.tcl|bash|load|x", TOOL_SCRIPT,
	  "modulecmd.tcl", 0 },
	{ "/usr/bin/ruby", "ruby|-I|lib|x.rb", TOOL_SCRIPT, "x", 0 },
	/* java */
	{ "/usr/bin/java", "java|@args|--add-opens|a/b=c|-ea|-agentlib:x|com.acme.Sorter",
	  TOOL_SCRIPT, "Sorter", 0 },
	{ "/usr/bin/java", "java|--add-opens=a/b=c|-p|mods|-m|org.x/org.x.Main|a", TOOL_SCRIPT,
	  "Main", 0 },
	{ "/usr/bin/java", "java|/w/Count.java|x", TOOL_SCRIPT, "Count", 0 },
	{ "/usr/bin/java", "java|-jar|/x/tool-1.2-SNAPSHOT.jar|x", TOOL_SCRIPT, "tool", 0 },
	{ "/usr/bin/java", "java|-jar|/x/tool_v2.jar|x", TOOL_SCRIPT, "tool", 0 },
	/* shells, and scripts of a task */
	{ "/bin/bash", "bash|-ce|x", TOOL_SHELL, "bash", 0 },
	{ "/bin/bash", "bash|-lc|samtools sort x", TOOL_SHELL, "bash", 0 },
	{ "/bin/bash", "/bin/bash|/c/call-x/execution/script", TOOL_TASK_MARKER, "script", 0 },
	{ "/usr/bin/script", "script|-qec|bwa mem|/dev/null", TOOL_WRAPPER, "script", 0 },
	{ "/bin/bash", "bash|step_1.sh", TOOL_SCRIPT, "step_1", 0 },
	{ "/usr/bin/python3", "python3|train_v2.py", TOOL_SCRIPT, "train_v2", 0 },
	{ "/usr/bin/python3", "python3|tool-1.2.py", TOOL_SCRIPT, "tool", 0 },
	/* launchers */
	{ "/bin/su", "su|-c|bwa mem|user", TOOL_WRAPPER, "su", 0 },
	{ "/bin/run-parts", "run-parts|/etc/cron.daily", TOOL_WRAPPER, "run-parts", 0 },
	{ "/usr/bin/gosu", "gosu|user|bwa|mem", TOOL_WRAPPER, "bwa mem", K },
	{ "/usr/bin/prlimit", "prlimit|--nofile=9|bwa|mem", TOOL_WRAPPER, "bwa mem", K },
	{ "/usr/bin/chrt", "chrt|-b|0|bwa|mem", TOOL_WRAPPER, "bwa mem", K },
	{ "/usr/bin/numactl", "numactl|-N|0|-m|0|bwa|mem", TOOL_WRAPPER, "bwa mem", K },
	{ "/usr/bin/flock", "flock|-w|5|/l|bwa|mem", TOOL_WRAPPER, "bwa mem", K },
	{ "/usr/bin/perf", "perf|stat|-e|cycles|bwa|mem", TOOL_WRAPPER, "bwa mem", K },
	{ "/usr/bin/strace", "strace|-f|-o|x|bwa|mem", TOOL_WRAPPER, "bwa mem", K },
	{ "/usr/bin/sudo", "sudo|-u|a|--|bwa|mem", TOOL_WRAPPER, "bwa mem", K },
	{ "/sbin/tini", "tini|-g|--|bwa|mem", TOOL_WRAPPER, "bwa mem", K },
	{ "/command/s6-setuidgid", "s6-setuidgid|u|bwa|mem", TOOL_WRAPPER, "bwa mem", K },
	{ "/x/poetry", "/x/python|/x/poetry|run|bwa|mem", TOOL_WRAPPER, "bwa mem", K },
	{ "/usr/bin/sudo", "sudo|--", TOOL_WRAPPER, "sudo", 0 },
	{ "/usr/bin/timeout", "timeout|5|nice|bash|-c|x", TOOL_WRAPPER, "bash", 0 },
	{ "/bin/toybox", "toybox|sort|x", TOOL_NATIVE, "sort", K },
	/* probes */
	{ "/usr/bin/STAR", "STAR|--version", TOOL_NATIVE, "STAR", K | P },
	{ "/usr/bin/bwa", "bwa|mem|-h", TOOL_NATIVE, "bwa mem", K | P },
	{ "/usr/bin/sort", "sort|-h", TOOL_NATIVE, "sort", K },
	{ "/usr/bin/sort", "sort|--version", TOOL_NATIVE, "sort", K | P },
	{ "/usr/bin/gzip", "gzip|-v", TOOL_NATIVE, "gzip", K },
	{ "/bin/grep", "grep|version", TOOL_NATIVE, "grep", 0 },
	{ "/usr/bin/samtools", "samtools|view|--versions-file", TOOL_NATIVE, "samtools view", K },
	{ "/usr/bin/samtools", "samtools|view|a.bam|--help", TOOL_NATIVE, "samtools view", K },
	{ "/usr/bin/timeout", "timeout|--version", TOOL_WRAPPER, "timeout", P },
};

static struct bytes pack(const char *text, char *buf, size_t size)
{
	size_t len = strlen(text) + 1;

	assert_true(len <= size);
	memcpy(buf, text, len);
	for (size_t i = 0; i < len; i++)
		if (buf[i] == '|')
			buf[i] = '\0';
	return (struct bytes){ buf, len };
}

static void test_launches(void **state)
{
	char buf[512], display[160];
	struct tool_name t;
	unsigned failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(launches); i++) {
		const struct launch *l = &launches[i];

		tool_name(l->file, NULL, pack(l->argv, buf, sizeof(buf)), &t);
		tool_display(&t, display, sizeof(display));
		if (strcmp(display, l->display) || t.kind != l->kind ||
		    t.probe != !!(l->flags & P) || t.facade != !!(l->flags & F) ||
		    t.known != !!(l->flags & K)) {
			print_error("%s: \"%s\" kind %d%s%s%s, not \"%s\" kind %d flags %u\n",
				    l->argv, display, t.kind, t.probe ? " probe" : "",
				    t.facade ? " facade" : "", t.known ? " known" : "", l->display,
				    l->kind, l->flags);
			failed++;
		}
		if (t.known)
			assert_true(*t.area);
	}
	assert_int_equal(failed, 0);
}

static const char *launches_path;

static bool has_trait(const char *traits, const char *trait)
{
	const char *p = strstr(traits, trait);

	return p && (p == traits || p[-1] == ',') && strchr(",", p[strlen(trait)]);
}

/* One line of launches.tsv; false, and said, if it is named otherwise. */
static bool check_line(char *line, unsigned number)
{
	const char *name = strsep(&line, "\t"), *area = strsep(&line, "\t");
	const char *traits = strsep(&line, "\t"), *file = strsep(&line, "\t");
	char display[160];
	struct tool_name t;
	size_t len;

	assert_non_null(line);
	len = strlen(line) + 1;
	for (char *p = line; *p; p++)
		if (*p == ' ')
			*p = '\0';
	tool_name(file, NULL, (struct bytes){ line, len }, &t);
	tool_display(&t, display, sizeof(display));
	if (!strcmp(display, name) && t.known == !!strcmp(area, "-") &&
	    (!t.known || !strcmp(t.area, area)) && t.facade == has_trait(traits, "facade") &&
	    (t.kind == TOOL_ENGINE) == has_trait(traits, "engine") &&
	    (t.kind == TOOL_WRAPPER) == has_trait(traits, "wrapper") && !t.probe)
		return true;
	print_error("line %u: \"%s\" (%s) kind %d%s%s, not \"%s\" (%s) %s\n", number, display,
		    t.area, t.kind, t.facade ? " facade" : "", t.probe ? " probe" : "", name, area,
		    traits);
	return false;
}

/* Every tool that is meant to be known, in every form in which it is started. */
static void test_list(void **state)
{
	char line[4096];
	FILE *f = fopen(launches_path, "r");
	unsigned number = 0, checked = 0, failed = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		number++;
		line[strcspn(line, "\n")] = '\0';
		if (!*line || *line == '#')
			continue;
		checked++;
		failed += !check_line(line, number);
	}
	fclose(f);
	assert_int_equal(failed, 0);
	assert_true(checked > 1000);
}

/* The row that a launch is booked on, and what that row is to a reader. */
static void test_rows(void **state)
{
	static const struct {
		const char *argv, *row, *path;
		enum tool_role role;
	} rows[] = {
		{ "samtools|sort|a.bam", "samtools sort", NULL, TOOL_ROLE_TOOL },
		{ "samtools|--version", "samtools (probe)", NULL, TOOL_ROLE_PROBE },
		{ "samtools|sort|--help", "samtools sort (probe)", NULL, TOOL_ROLE_PROBE },
		/* it goes on as the parent of what it runs, so it is not that */
		{ "timeout|5|bwa|mem", "timeout", NULL, TOOL_ROLE_GLUE },
		{ "mpirun|-np|4|lmp|-in|x", "mpirun", NULL, TOOL_ROLE_GLUE },
		{ "srun|-n|4|gmx_mpi|mdrun", "srun", NULL, TOOL_ROLE_GLUE },
		{ "podman|run|i|bwa|mem", "docker run", NULL, TOOL_ROLE_GLUE },
		{ "conda|run|-n|e|bwa|mem", "conda run", NULL, TOOL_ROLE_GLUE },
		{ "xargs|timeout|5|bwa|mem", "xargs", NULL, TOOL_ROLE_GLUE },
		{ "nice|timeout|5|bwa|mem", "timeout", NULL, TOOL_ROLE_GLUE },
		/* it becomes what it runs */
		{ "env|A=b|bwa|mem", "bwa mem", NULL, TOOL_ROLE_TOOL },
		{ "env|bwa|--version", "bwa (probe)", NULL, TOOL_ROLE_PROBE },
		{ "conda|create|-n|e", "conda create", NULL, TOOL_ROLE_ENV_SETUP },
		{ "micromamba|install|x", "conda install", NULL, TOOL_ROLE_ENV_SETUP },
		{ "pip3|install|x", "pip install", NULL, TOOL_ROLE_ENV_SETUP },
		{ "apt-get|install|x", "apt install", NULL, TOOL_ROLE_ENV_SETUP },
		{ "conda|shell.posix|activate", "conda shell.posix", NULL, TOOL_ROLE_GLUE },
		{ "docker|inspect|x", "docker inspect", NULL, TOOL_ROLE_GLUE },
		{ "docker|build|x", "docker build", NULL, TOOL_ROLE_TOOL },
		{ "aws|s3|cp|a|b", "aws s3 cp", NULL, TOOL_ROLE_GLUE },
		{ "aws|batch|submit-job", "aws batch submit-job", NULL, TOOL_ROLE_TOOL },
		{ "snakemake|-c|2", "snakemake", NULL, TOOL_ROLE_ENGINE },
		{ "bash|-c|x", "bash", NULL, TOOL_ROLE_GLUE },
		{ "bash|/w/.command.run", ".command.run", NULL, TOOL_ROLE_GLUE },
		{ "cat|x", "cat", "/usr/bin/cat", TOOL_ROLE_GLUE },
		{ "mawk|{print}", "awk", "/usr/bin/mawk", TOOL_ROLE_GLUE },
		{ "zcat|x", "zcat", "/usr/bin/dash", TOOL_ROLE_GLUE },
		{ "python3|split.py", "split", "/usr/bin/python3.11", TOOL_ROLE_TOOL },
		{ "bash|install.sh", "install", "/usr/bin/bash", TOOL_ROLE_TOOL },
	};
	char buf[512], text[160];
	struct tool_name t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bytes argv = pack(rows[i].argv, buf, sizeof(buf));

		tool_name(argv.data, NULL, argv, &t);
		assert_string_equal(tool_row_name(&t, text, sizeof(text)), rows[i].row);
		if (tool_role(text, rows[i].path) != rows[i].role)
			fail_msg("%s is %s", text, tool_role_name(tool_role(text, rows[i].path)));
	}
}

/* Every word of the list of glue is found: the list is searched by halves. */
static void test_glue(void **state)
{
	static const char words[] =
		"cat ls mkdir rm mv cp ln touch tee basename dirname readlink date sleep true test "
		"[ "
		"printf echo sed awk grep cut tr sort uniq head tail wc xargs find which uname "
		"hostname id stat mktemp env ps tput locale gzip tar md5sum sh bash zsh rmdir yes";
	char buf[sizeof(words)], *rest = buf, *word;

	memcpy(buf, words, sizeof(words));
	while ((word = strsep(&rest, " ")))
		if (!tool_role_is_noise(tool_role(word, NULL)))
			fail_msg("%s is no glue", word);
	assert_int_equal(tool_role("", NULL), TOOL_ROLE_TOOL);
	assert_int_equal(tool_role(NULL, NULL), TOOL_ROLE_TOOL);
	assert_int_equal(tool_role("catalog", NULL), TOOL_ROLE_TOOL);
	assert_int_equal(tool_role("(glue)", NULL), TOOL_ROLE_GLUE);
	assert_int_equal(tool_role("(probe)", NULL), TOOL_ROLE_PROBE);
}

static void test_nothing_known(void **state)
{
	struct tool_name t;

	tool_name(NULL, NULL, (struct bytes){ 0 }, &t);
	assert_string_equal(t.name, "unknown");
	tool_name(NULL, "bwa", (struct bytes){ 0 }, &t);
	assert_string_equal(t.name, "bwa");
	tool_name("/", "", (struct bytes){ "", 1 }, &t);
	assert_string_equal(t.name, "unknown");
	tool_name(NULL, NULL, (struct bytes){ "seqtk", 5 }, &t);
	assert_string_equal(t.name, "seqtk");
}

static void test_hostile(void **state)
{
	static const char words[][12] = { "env",     "bash", "-c", "-jar",   "java",  "timeout",
					  "",	     "-",    "--", "docker", "run",   "\xff\xfe\n",
					  "python3", "-m",   "R",  "CMD",    "BATCH", "xargs",
					  "a=b",     "+",    "-o" };
	char argv[8192];
	struct tool_name t;
	uint32_t seed = 1;

	for (unsigned round = 0; round < 20000; round++) {
		size_t len = 0, max = round % 100 ? 200 : sizeof(argv);

		for (;;) {
			const char *w = words[(seed = seed * 1664525 + 1013904223) >> 8 & 0xffff
						      ? (seed >> 8) % ARRAY_SIZE(words)
						      : 0];
			size_t n = strlen(w) + 1;

			if (len + n > max)
				break;
			memcpy(argv + len, w, n);
			len += n;
		}
		tool_name(round & 1 ? argv : NULL, "x",
			  (struct bytes){ argv, len - (round & 2 ? 1 : 0) }, &t);
		assert_true(*t.name);
		assert_true(strlen(t.name) < sizeof(t.name));
		assert_true(strlen(t.subcommand) < sizeof(t.subcommand));
		assert_true(strlen(t.launcher) < sizeof(t.launcher));
		for (const char *p = t.name; *p; p++)
			assert_true((unsigned char)*p >= ' ');
	}
	memset(argv, 'x', sizeof(argv));
	tool_name(NULL, NULL, (struct bytes){ argv, sizeof(argv) }, &t);
	assert_int_equal(strlen(t.name), sizeof(t.name) - 1);
	for (unsigned i = 1; i < 200; i++) /* two bytes a character, from an odd place */
		argv[i] = i & 1 ? (char)0xc3 : (char)0xa4;
	tool_name(NULL, NULL, (struct bytes){ argv, sizeof(argv) }, &t);
	assert_int_equal(strlen(t.name), sizeof(t.name) - 1);
	assert_int_equal((unsigned char)t.name[sizeof(t.name) - 2], 0xa4);
	tool_name(NULL, NULL, (struct bytes){ argv + 1, sizeof(argv) - 1 }, &t);
	assert_int_equal(strlen(t.name), sizeof(t.name) - 2);
	memset(argv, 0, sizeof(argv));
	tool_name(NULL, "c", (struct bytes){ argv, sizeof(argv) }, &t);
	assert_string_equal(t.name, "c");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_launches),      cmocka_unit_test(test_list),
		cmocka_unit_test(test_rows),	      cmocka_unit_test(test_glue),
		cmocka_unit_test(test_nothing_known), cmocka_unit_test(test_hostile),
	};

	if (argc < 2)
		return 2;
	launches_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
