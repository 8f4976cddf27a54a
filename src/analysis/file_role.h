/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file was for the run that used it, judged by how it was opened and where
 * it lies; and the places whose many files are of no interest one by one (Python
 * modules, locales, a hidden directory). Pure: looks at nothing on disk.
 */
#ifndef TRACER_ANALYSIS_FILE_ROLE_H
#define TRACER_ANALYSIS_FILE_ROLE_H

#include <stdbool.h>
#include <stddef.h>

#include "src/model/rows.h"

enum file_role {		    /* in the order of tables */
		 FILE_INPUT,	    /* only read */
		 FILE_INTERMEDIATE, /* written, and read by another process of the run */
		 FILE_OUTPUT,	    /* written and still there */
		 FILE_TEMPORARY,    /* written, then deleted */
		 FILE_DELETED,	    /* of before the run */
		 FILE_MISSING,	    /* never opened with success */
		 FILE_SOFTWARE,	    /* what programs use for themselves */
		 FILE_ROLES
};

struct file_use {	 /* over all processes of the run */
	bool opened;	 /* with success at least once */
	bool written;	 /* also: created, truncated, a target of rename */
	bool read_apart; /* by a process that did not write it */
	bool deleted;
};

enum file_role file_role_of(const char *path, const struct file_use *use);
const char *file_role_name(enum file_role role);
#define FILE_ACCESS_MAX 8
void file_access_text(char out[FILE_ACCESS_MAX], const struct file_row *row);
const char *file_kind_name(unsigned kind); /* "regular", or "unknown" */
/* Written, created or truncated, or a name that a rename or a link gave. */
bool file_got_content(const struct file_row *row);
bool file_was_written(const struct file_row *row); /* that, or deleted */
/* Length of the beginning of path that is its place; 0: of interest by itself. */
size_t file_place(const char *path);

#endif
