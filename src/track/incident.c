/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong around processes: OOM kills, deadly signals, steps of the wall
 * clock. Keeps the paths of cgroups, which the details need.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "src/model/ledger.h"
#include "src/track/tracker.h"

#define CLOCK_STEP_MIN_NS 50000000 /* less is the daily work of NTP */

int incident_send(struct tracker *t, const char *kind, int64_t process, uint64_t time_ns,
		  json_t *detail)
{
	char *text = json_dumps(detail, JSON_COMPACT);
	struct incident_row row = {
		.run_id = t->options.run_id,
		.process = process,
		.time_ns = tracker_unix_ns(t, time_ns),
		.kind = kind,
		.detail = text,
	};
	int err = text ? 0 : -ENOMEM;

	json_decref(detail);
	if (!err && ++t->incidents <= INCIDENTS_MAX)
		err = t->sink.incident(t->sink.ctx, &row);
	free(text);
	return err;
}

static int send(struct tracker *t, const char *kind, const struct process *p, uint64_t time_ns,
		json_t *detail)
{
	return incident_send(t, kind, p ? tracker_row_id(t, p->number) : 0, time_ns, detail);
}

static void set_text(json_t *object, const char *key, const char *array, size_t size)
{
	struct bytes text = event_array(array, size);
	json_t *value = text.data ? json_stringn(text.data, text.len) : NULL;

	json_object_set_new(object, key, value ? value : json_null());
}

static void set_number(json_t *object, const char *key, uint64_t value, bool known)
{
	json_object_set_new(object, key, known ? json_integer((json_int_t)value) : json_null());
}

int incident_oom(struct tracker *t, const struct wire_oom *r)
{
	struct process *p = process_find(t, r->victim);
	const char *cgroup = cgroup_find(t, r->limit_cgroup_id);
	json_t *detail, *path;

	if (p && p->foreign)
		return 0;
	if (p)
		p->oom = true;
	detail = json_object();
	path = cgroup ? json_string(cgroup) : NULL;
	set_number(detail, "pid", r->victim.pid, true);
	set_text(detail, "comm", r->comm, sizeof(r->comm));
	set_number(detail, "rss_bytes", r->rss_bytes, r->rss_bytes);
	set_number(detail, "limit_bytes", r->limit_bytes, r->limit_cgroup_id);
	set_number(detail, "usage_bytes", r->usage_bytes, r->limit_cgroup_id);
	set_number(detail, "trigger_pid", r->trigger_pid, r->trigger_pid);
	json_object_set_new(detail, "whole_host", json_boolean(!r->limit_cgroup_id));
	json_object_set_new(detail, "cgroup", path ? path : json_null());
	return send(t, "oom", p, r->h.time_ns, detail);
}

int incident_signal(struct tracker *t, const struct wire_signal *r)
{
	struct process *p = process_find(t, r->target);
	json_t *detail;

	if (p && p->foreign)
		return 0;
	detail = json_object();
	if (p && p->root && (r->signal == SIGINT || r->signal == SIGTERM || r->signal == SIGHUP))
		t->cancelled = true;
	if (p && !p->ended)
		scope_signal(p, r->signal);
	set_number(detail, "signal", r->signal, true);
	set_number(detail, "pid", r->target.pid, true);
	set_number(detail, "sender_pid", r->sender_pid, true);
	set_text(detail, "sender_comm", r->sender_comm, sizeof(r->sender_comm));
	return send(t, "signal", p, r->h.time_ns, detail);
}

/* With what it had used by then: that is what `tracer rebuild` cannot know otherwise. */
static json_t *ledger_array(const struct wire_ledger *l)
{
	uint64_t numbers[LEDGER_NUMBERS];
	unsigned n = ledger_numbers(l, numbers);
	json_t *array = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(array, json_integer((json_int_t)numbers[i]));
	return array;
}

int incident_title(struct tracker *t, struct process *p, const struct wire_rename *r,
		   const char *title)
{
	json_t *detail, *text = json_string(title);

	if (!text || t->titles == TITLES_MAX) {
		json_decref(text);
		return 0;
	}
	t->titles++;
	detail = json_object();
	json_object_set_new(detail, "title", text);
	json_object_set_new(detail, "ledger", ledger_array(&r->ledger));
	return send(t, "title", p, r->h.time_ns, detail);
}

/* The cloud said that it takes the machine away: when is in the run's machine. */
int incident_interruption(struct tracker *t, uint64_t time_ns)
{
	json_t *machine = json_loads(t->facts.machine, 0, NULL), *detail = json_object();

	json_object_set(detail, "at_ns", json_object_get(machine, "interrupted_ns"));
	json_object_set(detail, "provider", json_object_get(machine, "provider"));
	json_decref(machine);
	return send(t, "interruption", NULL, time_ns, detail);
}

int incident_clock(struct tracker *t, const struct wire_clock *r)
{
	int64_t step;
	json_t *detail;

	if (__builtin_sub_overflow(r->realtime_offset_ns, t->offset_ns, &step) ||
	    step == t->clock_step_ns ||
	    (step > -CLOCK_STEP_MIN_NS && step < CLOCK_STEP_MIN_NS && !t->clock_step_ns))
		return 0;
	t->clock_step_ns = step;
	detail = json_object();
	json_object_set_new(detail, "step_ns", json_integer(step));
	return send(t, "clock", NULL, r->h.time_ns, detail);
}

static struct cgroup_path *find(struct tracker *t, uint64_t id)
{
	struct cgroup_path *c;

	HASH_FIND(hh, t->cgroups, &id, sizeof(id), c);
	return c;
}

const char *cgroup_find(struct tracker *t, uint64_t id)
{
	struct cgroup_path *c = find(t, id);

	return c ? c->path : NULL;
}

bool cgroup_limits(struct tracker *t, uint64_t id, uint64_t *ret_memory_bytes,
		   uint64_t *ret_cpu_milli)
{
	struct cgroup_path *c = find(t, id);

	*ret_memory_bytes = c ? c->memory_limit_bytes : 0;
	*ret_cpu_milli = c ? c->cpu_limit_milli : 0;
	return *ret_memory_bytes || *ret_cpu_milli;
}

int incident_cgroup(struct tracker *t, const struct wire_cgroup *r)
{
	struct cgroup_path *c;

	str_reset(&t->scratch);
	if (!event_path(event_bytes(&r->h, r->path), r->h.flags & WIRE_F_PATH_TRUNCATED,
			&t->scratch))
		return 0;
	if (t->scratch.failed)
		return -ENOMEM;
	HASH_FIND(hh, t->cgroups, &r->cgroup_id, sizeof(r->cgroup_id), c);
	if (c) { /* its limits have come later than its first process */
		c->memory_limit_bytes = r->memory_limit_bytes;
		c->cpu_limit_milli = r->cpu_limit_milli;
	} else if (t->n_cgroups < CGROUPS_MAX) {
		c = calloc(1, sizeof(*c) + t->scratch.len + 1);
		if (!c)
			return -ENOMEM;
		c->id = r->cgroup_id;
		c->memory_limit_bytes = r->memory_limit_bytes;
		c->cpu_limit_milli = r->cpu_limit_milli;
		memcpy(c->path, t->scratch.data, t->scratch.len);
		HASH_ADD(hh, t->cgroups, id, sizeof(c->id), c);
		if (!c->hh.tbl) {
			free(c);
			return -ENOMEM;
		}
		t->n_cgroups++;
	} else {
		t->cgroups_refused++;
	}
	return t->sink.cgroup(t->sink.ctx,
			      &(struct cgroup_row){ .run_id = t->options.run_id,
						    .id = r->cgroup_id,
						    .path = t->scratch.data,
						    .memory_limit_bytes = r->memory_limit_bytes,
						    .cpu_limit_milli = r->cpu_limit_milli });
}

void cgroups_free(struct tracker *t)
{
	struct cgroup_path *c, *tmp;

	HASH_ITER (hh, t->cgroups, c, tmp) {
		HASH_DELETE(hh, t->cgroups, c);
		free(c);
	}
}
