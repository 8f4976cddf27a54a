/* SPDX-License-Identifier: Apache-2.0 */
#include "src/agent/stall_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/str.h"
#include "src/model/stall.h"

#define TOLD_MAX       6 /* lines for the user: he wants to know that, not read a log */
#define ANSWER_WAIT_MS (STALL_LOOK_MS + 1000)

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void stall_watch_init(struct stall_watch *w, int helper_fd)
{
	memset(w, 0, sizeof(*w));
	w->fd = helper_fd;
}

void stall_watch_fini(struct stall_watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	for (unsigned i = 0; i < STALLS_MAX; i++)
		free(w->slots[i].steps);
}

/* ---- words ---- */

static void add_name(struct str *line, const struct stall_slot *s)
{
	if (s->task[0])
		str_addf(line, "task %s: ", s->task);
	str_addf(line, "`%.*s` (pid %u)", (int)strnlen(s->comm, sizeof(s->comm)), s->comm,
		 s->stall.id.pid);
}

/* A terminal's user knows what he has not typed. */
static bool is_worth_telling(struct stall_watch *w, const struct stall_slot *s)
{
	if (s->n && s->steps[s->n - 1].wait == WAIT_TERMINAL)
		return false;
	return w->told < TOLD_MAX;
}

static void begin_line(const struct stall_slot *s, struct str *line)
{
	char time[HUMAN_MAX];

	str_add(line, "stalled: ");
	add_name(line, s);
	str_addc(line, ' ');
	if (s->n)
		stall_words(s->steps, s->n, line);
	else
		str_add(line, "waits, and what for cannot be seen");
	str_addf(line, "; no progress for %s",
		 human_duration(time, s->stall.h.time_ns - s->stall.since_ns));
}

static void end_line(const struct stall_slot *s, struct str *line)
{
	char time[HUMAN_MAX];

	str_add(line, s->stall.end == STALL_RESUMED ? "goes on: " : "ended: ");
	add_name(line, s);
	str_addf(line, " after %s without progress",
		 human_duration(time, s->stall.h.time_ns - s->stall.since_ns));
}

/* ---- records ---- */

static int write_record(struct stall_watch *w, struct stall_slot *s, stall_record_fn fn, void *ctx)
{
	_Alignas(8) unsigned char record[STALL_RECORD_MAX];
	_cleanup_(str_fini) struct str line = STR_INIT;
	size_t bytes = s->n * sizeof(*s->steps);
	bool tell = is_worth_telling(w, s);

	s->stall.h.size = (uint32_t)(sizeof(s->stall) + bytes);
	s->stall.steps = (struct wire_string){ bytes ? sizeof(s->stall) : 0, (uint16_t)bytes };
	memcpy(record, &s->stall, sizeof(s->stall));
	if (bytes)
		memcpy(record + sizeof(s->stall), s->steps, bytes);
	s->written = true;
	if (tell && s->stall.end)
		end_line(s, &line);
	else if (tell)
		begin_line(s, &line);
	w->told += tell;
	return fn(ctx, (const struct wire_header *)record, tell ? str_text(&line) : NULL);
}

static void drop(struct stall_slot *s)
{
	free(s->steps);
	*s = (struct stall_slot){ 0 };
}

/* ---- what the tracker says ---- */

struct change {
	struct stall_watch *w;
	stall_record_fn fn;
	void *ctx;
	int error;
};

static void ask(struct stall_watch *w, unsigned slot)
{
	struct stall_slot *s = &w->slots[slot];
	struct stall_request q = { .id = s->stall.id, .slot = slot };

	s->asked = w->fd >= 0 &&
		   send(w->fd, &q, sizeof(q), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(q);
	s->asked_ms = now_ms();
}

static void on_change(void *ctx, unsigned slot, const struct stall_state *state)
{
	struct change *c = ctx;
	struct stall_slot *s = &c->w->slots[slot];

	if (!state->end) {
		drop(s);
		s->used = true;
		s->stall =
			(struct wire_stall){ .h = { .type = WIRE_STALL, .time_ns = state->now_ns },
					     .id = state->id,
					     .since_ns = state->since_ns,
					     .unit = state->unit,
					     .processes = state->processes,
					     .state = state->state };
		memcpy(s->comm, state->comm, sizeof(s->comm));
		str_copy(s->task, sizeof(s->task), state->task ? state->task : "");
		ask(c->w, slot);
		return;
	}
	if (!s->used)
		return;
	s->stall.end = state->end;
	s->stall.h.time_ns = state->now_ns;
	if (!c->error)
		c->error = write_record(c->w, s, c->fn, c->ctx);
	drop(s);
}

/* ---- what the helper says ---- */

static void take_answer(struct stall_watch *w, const struct stall_reply *a)
{
	struct stall_slot *s = &w->slots[a->slot % STALLS_MAX];

	if (!s->used || s->written || memcmp(&s->stall.id, &a->id, sizeof(a->id)) != 0)
		return;
	s->asked = false;
	s->n = a->n < STALL_STEPS_MAX ? a->n : STALL_STEPS_MAX;
	if (a->error == -ETIMEDOUT || a->error == -ETIME)
		s->n = 1;
	s->steps = s->n ? calloc(s->n, sizeof(*s->steps)) : NULL;
	if (!s->steps) {
		s->n = 0;
		return;
	}
	memcpy(s->steps, a->steps, s->n * sizeof(*s->steps));
	if (a->error == -ETIMEDOUT || a->error == -ETIME) {
		s->steps[0].pid = s->stall.id.pid;
		s->steps[0].flags = a->error == -ETIME ? STEP_SLOW : STEP_NO_ANSWER;
		memcpy(s->steps[0].comm, s->comm, sizeof(s->comm));
	}
}

static void take_answers(struct stall_watch *w)
{
	struct stall_reply a;
	ssize_t n;

	while (w->fd >= 0 && (n = recv(w->fd, &a, sizeof(a), MSG_DONTWAIT)) != -1) {
		if (n == (ssize_t)sizeof(a)) {
			take_answer(w, &a);
			continue;
		}
		close(w->fd); /* it has ended */
		w->fd = -1;
	}
}

/* Those whose answer has come, or is not to be waited for any longer. */
static int write_begun(struct stall_watch *w, bool all, stall_record_fn fn, void *ctx)
{
	uint64_t now = now_ms();
	int error = 0;

	for (unsigned i = 0; i < STALLS_MAX && !error; i++) {
		struct stall_slot *s = &w->slots[i];
		bool waits = s->asked && w->fd >= 0 && now < s->asked_ms + ANSWER_WAIT_MS;

		if (s->used && !s->written && (all || !waits))
			error = write_record(w, s, fn, ctx);
	}
	return error;
}

int stall_watch_run(struct stall_watch *w, struct tracker *t, unsigned interval_ms,
		    stall_record_fn fn, void *ctx)
{
	struct change c = { .w = w, .fn = fn, .ctx = ctx };
	uint64_t now = now_ms();
	int error;

	take_answers(w);
	error = write_begun(w, false, fn, ctx);
	if (error || now < w->next_ms)
		return error;
	w->next_ms = now + interval_ms;
	tracker_stalls(t, on_change, &c);
	return c.error;
}

int stall_watch_end(struct stall_watch *w, struct tracker *t, stall_record_fn fn, void *ctx)
{
	struct change c = { .w = w, .fn = fn, .ctx = ctx };

	take_answers(w);
	tracker_stalls(t, on_change, &c);
	return c.error ? c.error : write_begun(w, true, fn, ctx);
}
