/* SPDX-License-Identifier: Apache-2.0 */
/* Paths whose files are no data of a run, and base names. Looks at nothing on disk. */
#ifndef TRACER_ANALYSIS_FLOW_PATH_H
#define TRACER_ANALYSIS_FLOW_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* What an engine, a program or the kernel keeps for itself: /dev, /proc, .snakemake,
 * __pycache__, hidden directories outside of cwd and so on. cwd: where the run
 * began, NULL if unknown; a hidden directory in its own path means nothing. */
bool flow_path_is_private(const char *path, const char *cwd);
/* Also what was installed: no input of a run, if the run did not write it. */
bool flow_path_is_software(const char *path);
const char *flow_base_name(const char *path);

#endif
