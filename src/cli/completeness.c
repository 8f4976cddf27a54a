/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/completeness.h"

#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/json_out.h"
#include "src/base/str.h"
#include "src/model/fields.h"

#define NOT_OBSERVED "not observed: only the command's end and its own CPU (wait4) are known"

static const char *const loss_names[LOSS_KINDS] = {
	[LOSS_FORK] = "fork",
	[LOSS_EXEC] = "exec",
	[LOSS_EXIT] = "exit",
	[LOSS_RENAME] = "rename",
	[LOSS_FILE] = "file",
	[LOSS_CGROUP] = "cgroup",
	[LOSS_INCIDENT] = "incident",
	[LOSS_THREAD_STATE] = "thread_state",
	[LOSS_GROUP_STATE] = "group_state",
	[LOSS_ARGV] = "argv",
	[LOSS_PATH] = "path",
	[LOSS_CLOCK] = "clock",
};

static void note(json_t *notes, uint64_t n, const char *one, const char *many)
{
	_cleanup_(str_fini) struct str line = STR_INIT;
	char count[HUMAN_MAX];

	if (!n)
		return;
	str_addf(&line, "%s %s", human_count(count, n), n == 1 ? one : many);
	json_array_append_new(notes, json_string(str_text(&line)));
}

static void note_events(json_t *notes, const struct completeness *c)
{
	_cleanup_(str_fini) struct str line = STR_INIT;
	uint64_t lost = completeness_events_lost(c);
	const char *gap = "";
	char count[HUMAN_MAX];

	if (!lost)
		return;
	str_addf(&line, "%s event%s lost (", human_count(count, lost), lost == 1 ? "" : "s");
	for (unsigned i = LOSS_FORK; i <= LOSS_INCIDENT; i++) {
		if (!c->lost[i])
			continue;
		str_addf(&line, "%s%s %s", gap, loss_names[i], human_count(count, c->lost[i]));
		gap = ", ";
	}
	str_addc(&line, ')');
	json_array_append_new(notes, json_string(str_text(&line)));
}

/* What no counter says, in the recorder's own words: a JSON array of strings; anything else is
 * shown as is. */
static void note_given(json_t *notes, const char *text)
{
	json_t *given;

	if (!text)
		return;
	given = json_loads(text, 0, NULL);
	if (json_is_array(given)) {
		json_array_extend(notes, given);
	} else {
		json_array_append_new(notes, json_out_text(text, strlen(text)));
	}
	json_decref(given);
}

static void note_features(json_t *notes, const struct run_row *run)
{
	static const struct {
		uint64_t bit;
		const char *what;
	} features[] = {
		{ FEATURE_CPU_EXACT, "CPU of process teardown" },
		{ FEATURE_RUNQ, "waiting for a CPU" },
		{ FEATURE_WAIT_CLASS, "what threads waited for" },
		{ FEATURE_IO_BYTES, "bytes read and written" },
		{ FEATURE_NET_BYTES, "network bytes" },
		{ FEATURE_FILES, "file names" },
		{ FEATURE_RECLAIM, "memory reclaim" },
		{ FEATURE_OOM, "out-of-memory kills" },
	};
	_cleanup_(str_fini) struct str line = STR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		if (!(run->features & features[i].bit))
			str_addf(&line, "%s%s",
				 line.len ? ", " : "not measured: ", features[i].what);
	if (line.len)
		json_array_append_new(notes, json_string(str_text(&line)));
}

json_t *completeness_notes(const struct run_row *run)
{
	const struct completeness *c = &run->completeness;
	json_t *notes = json_array();

	if (!notes)
		return NULL;
	if (!run_is_observed(run))
		json_array_append_new(notes, json_string(NOT_OBSERVED));
	note_events(notes, c);
	note(notes, c->processes_lost,
	     "process whose end was not seen: what it used at last is missing",
	     "processes whose end was not seen: what they used at last is missing");
	note(notes, c->rows_lost, "row could not be stored", "rows could not be stored");
	note(notes, c->joined_late,
	     "process already ran when observation began: what it used before is not included",
	     "processes already ran when observation began: what they used before is not "
	     "included");
	note(notes, c->still_running, "process outlives the observation",
	     "processes outlive the observation");
	note(notes, c->without_parent,
	     "process whose parent is not known: placed at the run itself",
	     "processes whose parent is not known: placed at the run itself");
	note(notes, c->files_folded, "use of a file beyond the limit: counted, not listed",
	     "uses of files beyond the limit: counted, not listed");
	note(notes, c->lost[LOSS_THREAD_STATE], "thread whose time is not in the ledger",
	     "threads whose time is not in the ledger");
	note(notes, c->lost[LOSS_GROUP_STATE], "process whose threads were not summed",
	     "processes whose threads were not summed");
	note(notes, c->lost[LOSS_ARGV], "command line or environment could not be read",
	     "command lines or environments could not be read");
	note(notes, c->lost[LOSS_PATH], "path could not be read", "paths could not be read");
	note(notes, c->lost[LOSS_CLOCK], "interval was cut to fit", "intervals were cut to fit");
	if (run_is_observed(run))
		note_features(notes, run);
	note_given(notes, run->notes);
	return notes;
}

json_t *completeness_object(const struct run_row *run)
{
	const struct completeness *c = &run->completeness;
	const struct {
		const char *name;
		uint64_t n;
	} counts[] = {
		{ "events_lost", completeness_events_lost(c) },
		{ "processes_lost", c->processes_lost },
		{ "joined_late", c->joined_late },
		{ "still_running", c->still_running },
		{ "without_parent", c->without_parent },
		{ "rows_lost", c->rows_lost },
		{ "files_folded", c->files_folded },
	};
	json_t *object = json_object(), *lost = json_object();
	bool known = run_is_observed(run);

	json_object_set_new(object, "complete", json_boolean(run_is_complete(run)));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		json_object_set_new(object, counts[i].name,
				    known ? json_out_uint(counts[i].n) : json_null());
	for (unsigned i = 0; i < LOSS_KINDS; i++)
		json_object_set_new(lost, loss_names[i],
				    known ? json_out_uint(c->lost[i]) : json_null());
	json_object_set_new(object, "lost", lost);
	json_object_set_new(object, "notes", completeness_notes(run));
	return object;
}
