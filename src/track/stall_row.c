/* SPDX-License-Identifier: Apache-2.0 */
/* WIRE_STALL records become incidents of kind "stall": one row each, written when it
 * begins and again, with its end, when it is over. Its time is the last progress. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "src/model/stall.h"
#include "src/track/tracker.h"

static struct stall_said *said(struct tracker *t, const struct wire_stall *r)
{
	struct wire_id id = { r->id.start_ns, r->id.pid, 0 };
	struct process *p;
	struct stall_said *s;

	for (unsigned i = 0; i < STALLS_MAX; i++) {
		s = &t->stalls_said[i];
		if (s->since_ns == r->since_ns && !memcmp(&s->id, &id, sizeof(id)))
			return s;
	}
	p = process_find(t, id);
	s = &t->stalls_said[t->next_said++ % STALLS_MAX];
	free(s->task);
	*s = (struct stall_said){ .id = id,
				  .since_ns = r->since_ns,
				  .process = p ? tracker_row_id(t, p->number) : 0 };
	if (p && p->scope->task->id && p->scope->task->name && r->unit != STALL_RUN)
		s->task = strdup(p->scope->task->name);
	return s;
}

static json_t *text_value(const char *text, size_t len)
{
	json_t *value = json_stringn(text, len);

	return value ? value : json_null(); /* a name that is not UTF-8 */
}

static json_t *step_object(const struct wire_stall_step *s)
{
	json_t *object = json_object();

	json_object_set_new(object, "pid", json_integer(s->pid));
	json_object_set_new(object, "comm", text_value(s->comm, strnlen(s->comm, sizeof(s->comm))));
	json_object_set_new(object, "wait", json_string(wait_name(s->wait)));
	json_object_set_new(object, "object",
			    s->object[0] ? text_value(s->object, strlen(s->object)) : json_null());
	json_object_set_new(object, "nobody", json_boolean(s->flags & STEP_NOBODY));
	json_object_set_new(object, "itself", json_boolean(s->flags & STEP_ITSELF));
	json_object_set_new(object, "beside", json_boolean(s->flags & STEP_BESIDE));
	json_object_set_new(object, "deadlock", json_boolean(s->flags & STEP_CYCLE));
	json_object_set_new(object, "seen",
			    json_boolean(!(s->flags & (STEP_DENIED | STEP_NO_ANSWER))));
	json_object_set_new(object, "sleep_ns",
			    s->flags & STEP_TIMEOUT ? json_integer((json_int_t)s->number)
						    : json_null());
	return object;
}

static void set_time(struct tracker *t, json_t *detail, const char *key, uint64_t boot_ns)
{
	json_object_set_new(detail, key,
			    boot_ns ? json_integer((json_int_t)tracker_unix_ns(t, boot_ns))
				    : json_null());
}

static void set_chain(json_t *detail, const struct wire_stall *r)
{
	struct wire_stall_step steps[STALL_STEPS_MAX];
	unsigned n = stall_steps(r, steps, STALL_STEPS_MAX);
	struct str words = STR_INIT;
	json_t *chain = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(chain, step_object(&steps[i]));
	stall_words(steps, n, &words);
	json_object_set_new(detail, "chain", chain);
	json_object_set_new(detail, "words", n ? text_value(words.data, words.len) : json_null());
	str_fini(&words);
}

int incident_stall(struct tracker *t, const struct wire_stall *r)
{
	static const char *const units[] = { "run", "task", "process" };
	static const char *const ends[] = { NULL, "resumed", "exited" };
	struct stall_said *s;
	json_t *detail;

	if (r->unit > STALL_PROCESS || r->end > STALL_EXITED || !r->since_ns)
		return -EBADMSG;
	s = said(t, r);
	detail = json_object();
	json_object_set_new(detail, "unit", json_string(units[r->unit]));
	json_object_set_new(detail, "task",
			    s->task ? text_value(s->task, strlen(s->task)) : json_null());
	json_object_set_new(detail, "pid", json_integer(r->id.pid));
	json_object_set_new(detail, "processes", json_integer(r->processes));
	json_object_set_new(detail, "state", json_string(ledger_state_name(r->state)));
	set_time(t, detail, "since_ns", r->since_ns);
	set_time(t, detail, "end_ns", r->end ? r->h.time_ns : 0);
	json_object_set_new(detail, "end", r->end ? json_string(ends[r->end]) : json_null());
	set_chain(detail, r);
	return incident_send(t, "stall", s->process, r->since_ns, detail);
}

void stalls_free(struct tracker *t)
{
	for (unsigned i = 0; i < STALLS_MAX; i++)
		free(t->stalls_said[i].task);
}
