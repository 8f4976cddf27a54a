/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tool that an exec segment is, from its file, comm and argv alone:
 * interpreters, java, wrappers, sub-commands, facades and version suffixes, as
 * docs/tools.md lists them. Pure; the table is rules/tools/tools.tsv.
 */
#ifndef TRACER_TRACK_TOOL_NAME_H
#define TRACER_TRACK_TOOL_NAME_H

#include "src/model/rows.h"

enum tool_class {
	TOOL_NATIVE,	  /* a program of its own */
	TOOL_SCRIPT,	  /* named after the script, class or module it interprets */
	TOOL_SHELL,	  /* a shell -c: not a tool if it runs a known one */
	TOOL_WRAPPER,	  /* transparent: env, nice, timeout, time, ... */
	TOOL_TASK_MARKER, /* .command.sh, snakejob.*, slurm_script: never a tool */
	TOOL_INHERIT,	  /* multiprocessing helper: belongs to its parent's tool */
	TOOL_ENGINE,	  /* a workflow engine or scheduler daemon */
};

struct tool_name {
	enum tool_class kind;
	char name[64];	     /* "samtools" */
	char subcommand[64]; /* "sort", or empty */
	char area[24];	     /* "align", or empty: not in the table */
	char launcher[64];   /* "mpirun", "docker run": goes on as the parent of name; or empty */
	bool known;	     /* in the table */
	bool probe;	     /* only --version or --help: not a run of the tool */
	bool facade;	     /* runs other programs under its name (bowtie2, trim_galore) */
};

/* Always fills *ret; with nothing known the name is comm or "unknown". */
void tool_name(const char *file, const char *comm, struct bytes argv, struct tool_name *ret);
/* "samtools sort" into buf. */
const char *tool_display(const struct tool_name *t, char *buf, size_t size);
/* What the process is booked on: a launcher that stays is itself, not what it runs;
 * a probe is apart from the runs of the tool. */
const char *tool_row_name(const struct tool_name *t, char *buf, size_t size);

#endif
