/* SPDX-License-Identifier: Apache-2.0 */
/* How complete a run's record is, in words and as JSON. */
#ifndef TRACER_CLI_COMPLETENESS_H
#define TRACER_CLI_COMPLETENESS_H

#include <jansson.h>

#include "src/model/rows.h"

/* Sentences about everything that is missing or unusual; an empty array when the
 * record is perfect. A new reference, or NULL without memory. */
json_t *completeness_notes(const struct run_row *run);
/* {complete, events_lost, processes_lost, joined_late, ..., lost{}, notes[]} */
json_t *completeness_object(const struct run_row *run);

#endif
