/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/critical_path.h"

#include <errno.h>
#include <stdlib.h>

#include "src/analysis/critical_walk.h"

/* Where the walk is: segments after until_ns are there; the time before it is to be
 * explained, beginning with what task did until then. */
struct position {
	uint32_t task;
	uint64_t until_ns;
};

struct reason {
	uint32_t before; /* FLOW_ENGINE: nothing */
	enum path_why why;
	uint64_t end_ns; /* up to which it is followed */
};

static int add_segment(struct walk *w, const struct path_segment *s)
{
	struct critical_path *path = w->out;
	struct path_segment *last = path->n ? &path->segments[path->n - 1] : NULL;

	if (s->end_ns <= s->start_ns)
		return 0;
	path->sums_ns[s->kind] += s->end_ns - s->start_ns;
	if (last && last->kind == s->kind && last->task == s->task && last->why == s->why &&
	    last->start_ns == s->end_ns) {
		last->start_ns = s->start_ns;
		return 0;
	}
	if (path->n == w->size) {
		size_t size = w->size ? w->size * 2 : 256;
		struct path_segment *more = reallocarray(path->segments, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		path->segments = more;
		w->size = size;
	}
	path->segments[path->n++] = *s;
	return 0;
}

static bool staged_between(const struct walk *w, uint64_t start_ns, uint64_t end_ns)
{
	size_t low = 0, high = w->flow->n_staging;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (w->flow->staging[middle].start_ns < start_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low < w->flow->n_staging && w->flow->staging[low].start_ns <= end_ns;
}

/* How many of the engine's spans begin before end_ns. */
static size_t alive_before(const struct walk *w, uint64_t end_ns)
{
	size_t low = 0, high = w->n_alive;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (w->alive[middle].start_ns < end_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Time in which no task of the path ran: the engine's, as far as a process of it was
 * alive, else unknown. From the end backwards, as all segments. */
static int add_engine_time(struct walk *w, struct path_segment s)
{
	const uint64_t start_ns = s.start_ns;
	const enum path_kind kind = s.kind;
	int r = 0;

	if (kind == PATH_START || kind == PATH_END) /* it is where it is: that is known */
		return add_segment(w, &s);
	for (size_t i = alive_before(w, s.end_ns); i > 0 && r == 0; i--) {
		const struct flow_span *a = &w->alive[i - 1];
		uint64_t end_ns = a->end_ns < s.end_ns ? a->end_ns : s.end_ns;

		if (a->end_ns <= start_ns || s.end_ns <= start_ns)
			break;
		s.kind = PATH_UNKNOWN;
		s.start_ns = end_ns;
		r = add_segment(w, &s);
		s.kind = kind;
		s.end_ns = end_ns;
		s.start_ns = a->start_ns > start_ns ? a->start_ns : start_ns;
		if (r == 0)
			r = add_segment(w, &s);
		s.end_ns = s.start_ns;
	}
	s.kind = PATH_UNKNOWN;
	s.start_ns = start_ns;
	return r == 0 ? add_segment(w, &s) : r;
}

static uint64_t submitted(const struct walk *w, uint32_t task)
{
	uint64_t time_ns = 0;

	for (; task != FLOW_ENGINE && !time_ns; task = w->in->tasks[task].parent)
		time_ns = w->in->tasks[task].submitted_ns;
	return time_ns;
}

/* Between the end of what was before and the begin of a task, outside of the tasks
 * around it. */
static int add_gap(struct walk *w, struct path_segment s)
{
	uint64_t queued_ns = s.task == FLOW_ENGINE ? 0 : submitted(w, s.task);
	int r;

	if (queued_ns && queued_ns < s.end_ns) {
		struct path_segment queue = s;

		queue.kind = PATH_QUEUE;
		queue.start_ns = queued_ns > s.start_ns ? queued_ns : s.start_ns;
		r = add_segment(w, &queue);
		if (r < 0)
			return r;
		s.end_ns = queue.start_ns;
	}
	if (s.kind == PATH_ENGINE && staged_between(w, s.start_ns, s.end_ns))
		s.kind = PATH_STAGING;
	return add_engine_time(w, s);
}

/* A gap before a task; what lies inside of the tasks around it is theirs. */
static int add_gap_before(struct walk *w, struct path_segment s)
{
	uint32_t around = w->in->tasks[s.task].parent;

	for (; around != FLOW_ENGINE; around = w->in->tasks[around].parent) {
		struct path_segment own = s;
		int r;

		own.kind = PATH_TASK;
		own.task = around;
		own.why = WHY_INSIDE;
		if (walk_start(w, around) > own.start_ns)
			own.start_ns = walk_start(w, around);
		r = add_segment(w, &own);
		if (r < 0)
			return r;
		w->out->tasks[around].on_path = true;
		if (own.start_ns < s.end_ns)
			s.end_ns = own.start_ns;
		if (s.end_ns <= s.start_ns)
			return 0;
	}
	return add_gap(w, s);
}

static bool is_around(const struct walk *w, uint32_t outer, uint32_t inner)
{
	while (inner != FLOW_ENGINE && inner != outer)
		inner = w->in->tasks[inner].parent;
	return inner == outer;
}

/* The latest, not yet on the path, that ended at time_ns or before; within: only tasks
 * inside of this one. Around `of` is nothing that ended before it. */
static uint32_t ended_before(const struct walk *w, uint64_t time_ns, uint32_t of, uint32_t within)
{
	size_t low = 0, high = w->n_by_end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (walk_end(w, w->by_end[middle]) <= time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low > 0; low--) {
		uint32_t t = w->by_end[low - 1];

		if (within != FLOW_ENGINE && walk_end(w, t) < walk_start(w, within))
			break;
		if (w->seen[t] || (within != FLOW_ENGINE && !is_around(w, within, t)))
			continue;
		if (of == FLOW_ENGINE || (!is_around(w, t, of) && !is_around(w, of, t)))
			return t;
	}
	return FLOW_ENGINE;
}

/* A producer for which the task waited while it ran: it began, then the producer
 * ended, then it opened the file. */
static struct reason awaited(const struct walk *w, const struct position *at)
{
	struct reason found = { FLOW_ENGINE, WHY_NOTHING, walk_start(w, at->task) };

	for (uint32_t k = w->first[at->task]; k < w->first[at->task + 1]; k++) {
		const struct producer *p = &w->producers[k];
		uint64_t end_ns = walk_end(w, p->task);

		if (p->stream || w->seen[p->task] || end_ns <= found.end_ns ||
		    end_ns > at->until_ns || end_ns > p->read_ns)
			continue;
		found = (struct reason){ p->task, WHY_DATA, end_ns };
	}
	return found;
}

/* One that was still producing when the task began. */
static struct reason streaming(const struct walk *w, uint32_t task)
{
	struct reason found = { FLOW_ENGINE, WHY_NOTHING, 0 };
	uint64_t start_ns = walk_start(w, task), first_ns = start_ns;

	for (uint32_t k = w->first[task]; k < w->first[task + 1]; k++) {
		const struct producer *p = &w->producers[k];

		if (!p->stream || w->seen[p->task] || walk_start(w, p->task) >= first_ns ||
		    walk_end(w, p->task) <= start_ns)
			continue;
		first_ns = walk_start(w, p->task);
		found = (struct reason){ p->task, WHY_STREAM, start_ns };
	}
	return found;
}

static struct reason last_producer(const struct walk *w, uint32_t task)
{
	struct reason found = { FLOW_ENGINE, WHY_NOTHING, 0 };

	for (uint32_t k = w->first[task]; k < w->first[task + 1]; k++) {
		uint32_t p = w->producers[k].task;
		uint64_t end_ns = walk_end(w, p);

		if (w->seen[p] || end_ns > walk_start(w, task) || end_ns < found.end_ns)
			continue;
		found = (struct reason){ p, WHY_DATA, end_ns };
	}
	return found;
}

static bool had_no_room(const struct walk *w, uint32_t task, uint64_t before_ns)
{
	return walk_running_before(w, before_ns) + walk_weight(&w->in->tasks[task]) > w->most;
}

/* What held a task back until it began. */
static struct reason held_by(const struct walk *w, uint32_t task)
{
	uint64_t start_ns = walk_start(w, task);
	struct reason stream = streaming(w, task), data = last_producer(w, task);
	uint32_t last = ended_before(w, start_ns, task, FLOW_ENGINE);
	uint64_t last_ns = last == FLOW_ENGINE ? 0 : walk_end(w, last);

	if (stream.before != FLOW_ENGINE)
		return stream;
	if (last == FLOW_ENGINE || last == data.before ||
	    (data.before != FLOW_ENGINE && start_ns - data.end_ns <= w->patience_ns))
		return data;
	if (last_ns > data.end_ns && had_no_room(w, task, last_ns))
		return (struct reason){ last, WHY_SLOT, last_ns };
	if (data.before == FLOW_ENGINE ||
	    (last_ns > data.end_ns && start_ns - last_ns <= w->patience_ns))
		return (struct reason){ last, WHY_ORDER, last_ns };
	return data;
}

/* Whose end it was: a task around the one before that does not go on beside `task`. */
static void leave(const struct walk *w, uint32_t task, struct reason *reason)
{
	uint64_t until_ns = walk_start(w, task);
	uint32_t t =
		reason->before == FLOW_ENGINE ? FLOW_ENGINE : w->in->tasks[reason->before].parent;

	for (; t != FLOW_ENGINE; t = w->in->tasks[t].parent) {
		if (w->seen[t] || walk_end(w, t) > until_ns)
			return;
		reason->before = t;
		reason->end_ns = walk_end(w, t);
	}
}

static int add_task_time(struct walk *w, const struct position *at, uint64_t start_ns,
			 const struct reason *reason)
{
	struct path_segment s = {
		.start_ns = start_ns,
		.end_ns = at->until_ns,
		.kind = PATH_TASK,
		.task = at->task,
		.why = reason->why,
		.after = reason->before,
	};

	return add_segment(w, &s);
}

/* Goes to what was before; at->task is FLOW_ENGINE when there is nothing. */
static int follow(struct walk *w, struct position *at, const struct reason *reason)
{
	struct path_segment gap = {
		.start_ns = reason->before == FLOW_ENGINE ? w->out->start_ns : reason->end_ns,
		.end_ns = at->until_ns,
		.kind = reason->before == FLOW_ENGINE ? PATH_START : PATH_ENGINE,
		.task = at->task,
		.why = reason->why,
		.after = reason->before,
	};
	int r = add_gap_before(w, gap);

	*at = (struct position){ reason->before, gap.start_ns };
	return r;
}

/* One task: its time, then the gap before it. */
static int step(struct walk *w, struct position *at)
{
	uint64_t start_ns = walk_start(w, at->task);
	struct reason reason = { FLOW_ENGINE, WHY_INSIDE, 0 };
	int r;

	w->seen[at->task] = true;
	w->out->tasks[at->task].on_path = true;
	if (w->in->tasks[at->task].encloses)
		reason.before = ended_before(w, at->until_ns, FLOW_ENGINE, at->task);
	if (reason.before != FLOW_ENGINE) {
		reason.end_ns = walk_end(w, reason.before);
	} else {
		reason = awaited(w, at);
		if (reason.before == FLOW_ENGINE)
			reason = held_by(w, at->task);
		leave(w, at->task, &reason);
	}
	if (reason.before != FLOW_ENGINE && reason.end_ns > start_ns)
		start_ns = reason.end_ns;
	if (start_ns > at->until_ns)
		start_ns = at->until_ns;
	r = add_task_time(w, at, start_ns, &reason);
	at->until_ns = start_ns;
	return r == 0 ? follow(w, at, &reason) : r;
}

static void reverse(struct critical_path *path)
{
	for (size_t i = 0; i < path->n / 2; i++) {
		struct path_segment s = path->segments[i];

		path->segments[i] = path->segments[path->n - 1 - i];
		path->segments[path->n - 1 - i] = s;
	}
}

static int walk_all(struct walk *w)
{
	struct position at = { ended_before(w, w->out->end_ns, FLOW_ENGINE, FLOW_ENGINE),
			       w->out->start_ns };
	struct path_segment end = {
		.end_ns = w->out->end_ns,
		.kind = PATH_END,
		.task = FLOW_ENGINE,
		.after = at.task,
	};
	int r;

	if (at.task == FLOW_ENGINE) /* no tasks: nothing is explained */
		end.kind = PATH_UNKNOWN;
	else
		at.until_ns = walk_end(w, at.task);
	end.start_ns = at.until_ns;
	r = end.kind == PATH_END ? add_engine_time(w, end) : add_segment(w, &end);
	while (r == 0 && at.task != FLOW_ENGINE)
		r = step(w, &at);
	if (r == 0 && w->in->n_tasks)
		r = slack_find(w);
	reverse(w->out);
	return r;
}

static uint64_t last_end(const struct flow_input *in)
{
	uint64_t end_ns = 0;

	for (uint32_t i = 0; i < in->n_tasks; i++) {
		if (in->tasks[i].end_ns > end_ns)
			end_ns = in->tasks[i].end_ns;
		if (in->tasks[i].start_ns > end_ns)
			end_ns = in->tasks[i].start_ns;
	}
	return end_ns;
}

int critical_path_find(const struct flow_input *in, const struct flow *flow,
		       const struct flow_span *run, struct critical_path *ret)
{
	struct critical_path path = {
		.start_ns = run->start_ns,
		.end_ns = run->end_ns ? run->end_ns : last_end(in),
	};
	struct walk w = { .in = in, .flow = flow, .out = &path };
	int r;

	if (path.end_ns < path.start_ns)
		path.end_ns = path.start_ns;
	path.tasks = calloc(in->n_tasks + 1, sizeof(*path.tasks));
	r = path.tasks ? walk_prepare(&w) : -ENOMEM;
	if (r == 0)
		r = walk_all(&w);
	walk_fini(&w);
	if (r < 0)
		critical_path_fini(&path);
	else
		*ret = path;
	return r;
}

void critical_path_fini(struct critical_path *path)
{
	free(path->segments);
	free(path->tasks);
	*path = (struct critical_path){ 0 };
}

const char *path_kind_name(enum path_kind kind)
{
	static const char *const names[PATH_KINDS] = {
		[PATH_START] = "start",	    [PATH_TASK] = "task",	[PATH_ENGINE] = "engine",
		[PATH_QUEUE] = "queue",	    [PATH_STAGING] = "staging", [PATH_END] = "end",
		[PATH_UNKNOWN] = "unknown",
	};

	return names[kind];
}
