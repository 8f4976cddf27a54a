/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracker's life: it takes records, has each handled by the module that owns
 * its subject, and sends what is alive when asked. See tracker.h for the map.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/track/tracker.h"

static void set_default(uint32_t *limit, uint32_t value)
{
	if (!*limit)
		*limit = value;
}

int tracker_new(const struct tracker_options *options, const struct track_sink *sink,
		struct tracker **ret)
{
	struct tracker *t = calloc(1, sizeof(*t));
	struct tracker_limits *l;
	int err;

	if (!t)
		return -ENOMEM;
	t->options = *options;
	t->sink = *sink;
	l = &t->options.limits;
	set_default(&l->live_processes, 262144);
	set_default(&l->ended_processes, 2048);
	set_default(&l->open_tasks, 65536);
	set_default(&l->closed_tasks, 64);
	set_default(&l->tools, 4096);
	set_default(&l->files_per_process, 4096);
	set_default(&l->files_per_run, 200000);
	set_default(&l->files_per_directory, 1000);
	t->facts.exit_code = -1;
	err = scope_init(t);
	if (err) {
		free(t);
		return err;
	}
	*ret = t;
	return 0;
}

void tracker_free(struct tracker *t)
{
	struct process *p, *tmp;
	struct task_key *k, *k_tmp;

	if (!t)
		return;
	HASH_ITER (hh, t->processes, p, tmp) {
		process_forget(t, p);
	}
	HASH_ITER (hh, t->task_keys, k, k_tmp) {
		HASH_DELETE(hh, t->task_keys, k);
		free(k);
	}
	scope_fini(t);
	stalls_free(t);
	cgroups_free(t);
	engine_texts_free(t);
	free(t->file_names);
	run_fini(t);
	str_fini(&t->scratch);
	str_fini(&t->scratch2);
	free(t);
}

uint64_t tracker_unix_ns(const struct tracker *t, uint64_t boot_ns)
{
	return boot_ns ? boot_ns + (uint64_t)t->offset_ns : 0;
}

int64_t tracker_row_id(const struct tracker *t, uint32_t number)
{
	return number ? (int64_t)((uint64_t)t->options.run_id << 32 | number) : 0;
}

static int on_exec(struct tracker *t, const struct wire_exec *r)
{
	struct process *p = process_get(t, &r->h, r->id, r->parent);

	if (!p)
		return -ENOMEM;
	stall_progress(p, r->h.time_ns);
	return p->ended ? segment_late_exec(t, p, r) : segment_exec(t, p, r);
}

static int dispatch(struct tracker *t, const struct wire_header *h)
{
	switch (h->type) {
	case WIRE_RUN_BEGIN:
		return run_begin(t, (const struct wire_run_begin *)h);
	case WIRE_HOST:
		return run_host(t, (const struct wire_host *)h);
	case WIRE_FORK:
		return process_fork(t, (const struct wire_fork *)h);
	case WIRE_EXEC:
		return on_exec(t, (const struct wire_exec *)h);
	case WIRE_EXIT:
		return process_exit(t, (const struct wire_exit *)h);
	case WIRE_RENAME:
		return process_rename(t, (const struct wire_rename *)h);
	case WIRE_SAMPLE:
		return process_sample(t, (const struct wire_sample *)h);
	case WIRE_FILE:
		return file_event(t, (const struct wire_file_event *)h);
	case WIRE_CGROUP:
		return incident_cgroup(t, (const struct wire_cgroup *)h);
	case WIRE_OOM:
		return incident_oom(t, (const struct wire_oom *)h);
	case WIRE_SIGNAL:
		return incident_signal(t, (const struct wire_signal *)h);
	case WIRE_LOSS:
		return run_loss(t, (const struct wire_loss *)h);
	case WIRE_CPU:
		t->facts.cpu = *(const struct wire_cpu *)h;
		return 0;
	case WIRE_CLOCK:
		return incident_clock(t, (const struct wire_clock *)h);
	case WIRE_TEXT:
		return engine_text(t, (const struct wire_text *)h);
	case WIRE_STALL:
		return incident_stall(t, (const struct wire_stall *)h);
	case WIRE_RUN_END:
		return run_end(t, (const struct wire_run_end *)h);
	default:
		t->unknown++;
		return 0;
	}
}

int tracker_feed(struct tracker *t, const struct wire_header *record)
{
	if (event_check(record, WIRE_RECORD_MAX) < 0) {
		t->malformed++;
		return -EBADMSG;
	}
	if (t->now_ns < record->time_ns)
		t->now_ns = record->time_ns;
	return dispatch(t, record);
}

/* Adds what live processes used since they were last settled to the totals, or
 * takes it away again: rows then show it without it being booked. */
static void show_live(struct tracker *t, bool show)
{
	struct wire_ledger piece;
	struct process *p, *tmp;

	HASH_ITER (hh, t->processes, p, tmp) {
		if (!p->tool || p->foreign || !process_live_piece(p, &piece))
			continue;
		if (show)
			tool_book(t, p->scope->task, p->tool, &piece);
		else
			tool_unbook(t, p->scope->task, p->tool, &piece);
	}
}

static int send_processes(struct tracker *t, uint64_t min_age_ns)
{
	struct process *p, *tmp;
	int err;

	HASH_ITER (hh, t->processes, p, tmp) {
		if (p->ended || p->foreign)
			continue;
		if (t->now_ns - p->id.start_ns < min_age_ns && p->id.start_ns < t->now_ns)
			continue;
		err = files_send(t, p);
		if (!err)
			err = process_send(t, p, NULL);
		if (err)
			return err;
	}
	return 0;
}

static int send_summaries(struct tracker *t, bool all)
{
	struct task *task;
	int err = 0;

	for (task = t->open_first; task && !err; task = task->next) {
		err = task_send(t, task);
		if (!err)
			err = tools_send(t, task, all);
	}
	if (!err)
		err = tools_send(t, &t->run, all);
	return err ? err : run_send(t);
}

int tracker_flush(struct tracker *t, uint64_t min_age_ns)
{
	int err = send_processes(t, min_age_ns);

	if (err)
		return err;
	show_live(t, true);
	err = send_summaries(t, false);
	show_live(t, false);
	return err;
}

/* Whose end was not seen: alive until the last sample, or lost. */
static int close_processes(struct tracker *t, bool clean)
{
	uint32_t n_last = 0, others = 0;
	struct process *p, *tmp;
	int err = 0, failed;

	t->options.limits.ended_processes = UINT32_MAX; /* nothing is freed under this walk */
	HASH_ITER (hh, t->processes, p, tmp) {
		n_last += !p->ended && p->live && p->live->last;
	}
	n_last += t->ended_at_last;
	if (clean && t->facts.still_running > n_last)
		others = t->facts.still_running - n_last;
	HASH_ITER (hh, t->processes, p, tmp) {
		bool alive = (p->live && p->live->last) ||
			     (t->last_sample_ns && p->id.start_ns > t->last_sample_ns);

		if (p->ended)
			continue;
		if (!alive && others) {
			others--;
			alive = true;
		}
		failed = process_close_lost(t, p, clean && alive);
		if (!err)
			err = failed;
	}
	return err;
}

int tracker_finish(struct tracker *t, bool clean, uint64_t rows_lost, uint64_t recorder_cpu_ns)
{
	int err, failed;

	t->completeness.rows_lost = rows_lost;
	t->facts.recorder_cpu_ns = recorder_cpu_ns;
	if (!clean || !t->facts.ended) {
		t->facts.status = RUN_INTERRUPTED;
		t->facts.end_ns = tracker_unix_ns(t, t->now_ns);
	}
	err = close_processes(t, clean && t->facts.ended);
	failed = engine_texts_end(t);
	if (!err)
		err = failed;
	failed = tasks_finish(t);
	if (!err)
		err = failed;
	failed = run_scopes_end(t);
	if (!err)
		err = failed;
	failed = send_summaries(t, true);
	return err ? err : failed;
}
