/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sample that a command line is about, where no engine says it: what the tool
 * itself is told (a read group's SM, --sample), else the names of its data files
 * without what sequencing and processing add to them. Pure.
 */
#ifndef TRACER_TRACK_SAMPLE_H
#define TRACER_TRACK_SAMPLE_H

#include "src/model/rows.h"

#define SAMPLE_MAX 64

enum sample_source { SAMPLE_NONE, SAMPLE_FROM_ARGUMENT, SAMPLE_FROM_FILES };

/* files: also by the names of data files, if all of them agree. */
enum sample_source sample_of(struct bytes argv, bool files, char ret[SAMPLE_MAX]);

#endif
