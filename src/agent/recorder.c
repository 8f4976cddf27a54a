/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See recorder.h. Failures of the store never stop reading: rows that cannot be
 * kept are counted, and the count is stored and shown when that is possible.
 */
#include "src/agent/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/agent/channel.h"
#include "src/agent/log_writer.h"
#include "src/agent/stall_watch.h"
#include "src/agent/stream.h"
#include "src/agent/text_watch.h"
#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/collect/collect.h"
#include "src/model/event.h"
#include "src/store/store.h"
#include "src/track/redact.h"
#include "src/track/rule_head.h"
#include "src/track/rule_text.h"
#include "src/track/track.h"

#define FLUSH_NS     1000000000ULL
#define LIVE_AGE_NS  1000000000ULL /* younger processes are stored once, at their end */
#define BUFFER_BYTES (256 * 1024)

#define HEADS_MAX	8    /* that one record can ask for */
#define MACHINE_WAIT_MS 3000 /* more than who asks takes to give up */

struct head_request {
	const struct rule *rule;
	unsigned index;
	char *path;
};

struct recorder {
	const struct recorder_options *o;
	struct store *store;
	struct tracker *tracker;
	struct log_writer *log;
	struct text_watch texts;
	struct text_reader reader; /* of the texts and the heads */
	struct stall_watch stalls;
	unsigned stall_interval_ms; /* 0: no stall is looked for */
	int control_fd;		    /* -1: none */
	struct head_request heads[HEADS_MAX];
	unsigned n_heads;
	int machine_fd; /* -1: nobody asks, or no more is to come */
	bool machine_asked, machine_answered;
	struct recorder_result *result;
	uint64_t next_flush_ns;
	uint64_t newest_ns; /* of the records so far */
	int64_t run_id;
	bool replayed;
	int store_error; /* the last one, for the note */
	_Alignas(8) unsigned char redacted[WIRE_RECORD_MAX];
	_Alignas(8) unsigned char ending[WIRE_RECORD_MAX];
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* ---- rows to the store: a row that is refused is counted, not fatal ---- */

static int keep(struct recorder *r, int error)
{
	if (error < 0) {
		r->result->rows_lost++;
		r->store_error = error;
	}
	return 0;
}

#define STORE_SINK(name, type)                                                                     \
	static int put_##name(void *ctx, const struct type *row)                                   \
	{                                                                                          \
		struct recorder *r = ctx;                                                          \
		return r->store ? keep(r, store_put_##name(r->store, row)) : 0;                    \
	}

STORE_SINK(run, run_row)
STORE_SINK(process, process_row)
STORE_SINK(exec, exec_row)
STORE_SINK(task, task_row)
STORE_SINK(scope, scope_row)
STORE_SINK(tool, tool_row)
STORE_SINK(file, file_row)
STORE_SINK(incident, incident_row)
STORE_SINK(text, text_row)
STORE_SINK(cgroup, cgroup_row)

static int want_text(void *ctx, const char *path, size_t bytes)
{
	struct recorder *r = ctx;

	return strlen(path) <= WIRE_PATH_MAX ? text_watch_add(&r->texts, path, bytes) : 0;
}

/* The record that asks for it comes first: its file is read after it, in take(). */
static int want_head(void *ctx, const struct rule *rule, unsigned index, const char *path)
{
	struct recorder *r = ctx;
	struct head_request *h = &r->heads[r->n_heads];

	if (strlen(path) > WIRE_PATH_MAX || r->n_heads == HEADS_MAX)
		return 0;
	h->path = strdup(path);
	if (!h->path)
		return -ENOMEM;
	h->rule = rule;
	h->index = index;
	r->n_heads++;
	return 0;
}

static void commit(struct recorder *r)
{
	uint64_t lost = 0;
	int error;

	if (!r->store)
		return;
	error = store_commit(r->store, &lost);
	if (error < 0)
		r->store_error = error;
	r->result->rows_lost += lost;
}

/* ---- the beginning: a run needs its name before it has a row ---- */

static void note(struct recorder *r, const char *what, const char *why)
{
	if (!r->result->note[0])
		snprintf(r->result->note, sizeof(r->result->note), "%s: %s", what, why);
}

/* A store that cannot be used does not lose the run: the events go to a log that
 * `tracer replay` can bring in later. error if there is no such log either. */
static int give_up_store(struct recorder *r, int error)
{
	const char *log = r->o->fallback_log;
	size_t len;

	note(r, r->o->db, store_strerror(error));
	store_close(r->store);
	r->store = NULL;
	if (r->log)
		return 0;
	if (!log || log_writer_open(log, &r->log) < 0)
		return error;
	len = strlen(r->result->note);
	snprintf(r->result->note + len, sizeof(r->result->note) - len,
		 "; the events are in %s: bring them in with `tracer replay`", log);
	return 0;
}

static int new_run(struct recorder *r, const struct wire_run_begin *begin, int64_t *ret_id)
{
	char uid[sizeof(begin->run_uid) + 1] = "";
	bool had_log = r->log;
	int error;

	memcpy(uid, begin->run_uid, sizeof(begin->run_uid));
	error = store_run_new(r->store, uid, ret_id);
	if (error >= 0 || r->replayed)
		return error;
	error = give_up_store(r, error);
	if (error >= 0 && !had_log)
		log_writer_put(r->log, &begin->h);
	return error;
}

static int begin_run(struct recorder *r, const struct wire_run_begin *begin)
{
	/* a replay must not depend on files that happen to lie here */
	bool read_texts = r->o->read_engine_files && !r->replayed;
	const struct track_sink sink = {
		.ctx = r,
		.run = put_run,
		.process = put_process,
		.exec = put_exec,
		.task = put_task,
		.scope = put_scope,
		.tool = put_tool,
		.file = put_file,
		.cgroup = put_cgroup,
		.incident = put_incident,
		.text = put_text,
		.want_text = read_texts ? want_text : NULL,
		.want_head = read_texts ? want_head : NULL,
	};
	struct tracker_options options = {
		.run_id = 1,
		.rules = r->o->rules,
		.replayed = r->replayed,
		.stall_after_ns = r->stall_interval_ms ? r->o->stall_after_s * 1000000000ULL : 0
	};
	int error = r->store ? new_run(r, begin, &options.run_id) : 0;

	if (error < 0)
		return error;
	r->run_id = options.run_id;
	return tracker_new(&options, &sink, &r->tracker);
}

/* ---- texts of engines: they become records like all others ---- */

static int take(struct recorder *r, const struct wire_header *h);

struct text_record {
	struct wire_text text;
	char bytes[WIRE_PATH_MAX + WIRE_TEXT_MAX];
};

/* As many whole lines as a record holds, not in the middle of a block if it can be. */
static size_t text_part(const char *text, size_t len)
{
	size_t line = 0, block = 0;

	if (len <= WIRE_TEXT_MAX)
		return len;
	for (size_t i = 1; i <= WIRE_TEXT_MAX; i++) {
		if (text[i - 1] != '\n')
			continue;
		line = i;
		if (text[i] == '\n')
			block = i + 1;
	}
	return block && block <= WIRE_TEXT_MAX ? block : line;
}

static int take_text(struct recorder *r, const char *path, const char *text, size_t len)
{
	size_t path_len = strlen(path), size = sizeof(struct wire_text) + path_len + len;
	struct text_record t = { .text = { .h = { .type = WIRE_TEXT, .time_ns = r->newest_ns } } };

	t.text.h.size = (uint32_t)((size + 7) & ~(size_t)7);
	t.text.path = (struct wire_string){ sizeof(t.text), (uint16_t)path_len };
	t.text.text = (struct wire_string){ (uint16_t)(sizeof(t.text) + path_len), (uint16_t)len };
	memcpy(t.bytes, path, path_len);
	memcpy(t.bytes + path_len, text, len);
	return take(r, &t.text.h);
}

static int give_text(void *ctx, struct text_file *f, const char *lines, size_t len)
{
	_cleanup_(str_fini) struct str kept = STR_INIT;
	struct recorder *r = ctx;
	size_t at = 0;
	int error = rules_filter_text(r->o->rules, f->path, (struct bytes){ lines, len }, &f->state,
				      &kept);

	while (error >= 0 && at < kept.len) {
		size_t part = text_part(kept.data + at, kept.len - at);

		if (!part)
			return -E2BIG;
		error = take_text(r, f->path, kept.data + at, part);
		at += part;
	}
	return error;
}

/* ---- what the machine is: said by options, or by who asks the metadata service ---- */

static int take_machine(struct recorder *r, const char *lines, size_t len)
{
	return len && len <= WIRE_TEXT_MAX ? take_text(r, MACHINE_TEXT, lines, len) : 0;
}

/* A block of lines is one write() of at most PIPE_BUF bytes: never in halves. */
static int read_machine(struct recorder *r)
{
	char lines[WIRE_TEXT_MAX];
	ssize_t n = read(r->machine_fd, lines, sizeof(lines));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	r->machine_answered |= n > 0;
	if (n > 0)
		return take_machine(r, lines, (size_t)n);
	close(r->machine_fd);
	r->machine_fd = -1;
	return 0;
}

/* The command ended before the service answered, which has until its time-out. */
static int await_machine(struct recorder *r)
{
	struct pollfd p = { .fd = r->machine_fd, .events = POLLIN };
	int error = 0;

	while (error >= 0 && r->machine_fd >= 0 &&
	       poll(&p, 1, r->machine_answered ? 0 : MACHINE_WAIT_MS) > 0)
		error = read_machine(r);
	return error;
}

/* What rules use of the beginnings of files that the last record asked for. */
static int read_heads(struct recorder *r)
{
	int error = 0;

	while (r->n_heads) {
		struct head_request h = r->heads[--r->n_heads];
		_cleanup_(str_fini) struct str kept = STR_INIT;
		_cleanup_free_ char *path = h.path;
		ssize_t len = text_head_read(&r->reader, path, rule_head_bytes(h.rule, h.index));

		if (len > 0)
			error = rule_head_filter(h.rule, h.index,
						 (struct bytes){ r->reader.data, (size_t)len },
						 &kept);
		if (error >= 0 && kept.len && kept.len <= WIRE_TEXT_MAX)
			error = take_text(r, path, kept.data, kept.len);
		if (error < 0)
			return error;
	}
	return 0;
}

/* Why no more files of engines are read; false: they are. */
static bool reader_note(const struct recorder *r, char *ret, size_t size)
{
	const struct text_reader *t = &r->reader;
	char why[96];

	if (!t->error)
		return false;
	if (t->error == -ETIMEDOUT)
		snprintf(why, sizeof(why), "no answer within %d s (hung file system?)",
			 TEXT_WAIT_MS / 1000);
	else
		snprintf(why, sizeof(why), "their reader failed (%s)", strerror(-t->error));
	snprintf(ret, size, "files of engines are no longer read, %s: %s", why, t->path);
	return true;
}

/* The run's end, saying so: in the log, the store and after a replay alike. */
static const struct wire_header *end_with_note(struct recorder *r, const struct wire_header *h)
{
	const struct wire_run_end *end = (const struct wire_run_end *)h;
	struct bytes given = event_text(h, end->note);
	char note[WIRE_PATH_MAX + 256];
	_cleanup_(str_fini) struct str all = STR_INIT;
	bool reader = reader_note(r, note, sizeof(note));
	bool machine = r->machine_asked && !r->machine_answered;

	if (h->size < sizeof(*end) || (!reader && !machine))
		return h;
	str_addn(&all, given.data, given.len);
	if (reader)
		str_addf(&all, "%s%s", all.len ? "; " : "", note);
	if (machine)
		str_addf(&all, "%s--detect: no metadata service answered", all.len ? "; " : "");
	stream_run_end(end, str_text(&all), r->ending);
	return (const struct wire_header *)r->ending;
}

/* ---- stalls: they become records like all others ---- */

static int take_stall(void *ctx, const struct wire_header *record, const char *line)
{
	struct message m = { .kind = MESSAGE_STALL };
	struct recorder *r = ctx;

	if (line && r->control_fd >= 0) {
		str_copy(m.text, sizeof(m.text), line);
		channel_try_send(r->control_fd, &m); /* nobody must wait for it */
	}
	return take(r, record);
}

static int watch_stalls(struct recorder *r)
{
	if (!r->tracker || !r->stall_interval_ms)
		return 0;
	return stall_watch_run(&r->stalls, r->tracker, r->stall_interval_ms, take_stall, r);
}

static void read_texts(struct recorder *r, bool all)
{
	if (r->tracker)
		text_watch_read(&r->texts, &r->reader, all, give_text, r);
}

/* ---- records ---- */

static void flush(struct recorder *r)
{
	read_texts(r, false);
	if (r->tracker && r->store)
		tracker_flush(r->tracker, LIVE_AGE_NS);
	commit(r);
	if (r->log)
		log_writer_flush(r->log);
}

/* Live, the wall decides when to flush; in a replay the records' own time does. */
static void flush_when_due(struct recorder *r, uint64_t now)
{
	if (now < r->next_flush_ns)
		return;
	if (r->next_flush_ns)
		flush(r);
	r->next_flush_ns = now + FLUSH_NS;
}

static int take(struct recorder *r, const struct wire_header *h)
{
	bool end = h->type == WIRE_RUN_END, changed = false;
	int error = 0;

	if (end) {
		error = await_machine(r);
		if (error < 0)
			return error;
		read_texts(r, true); /* nothing comes after it */
		if (r->tracker && r->stall_interval_ms)
			error = stall_watch_end(&r->stalls, r->tracker, take_stall, r);
		if (error < 0)
			return error;
		h = end_with_note(r, h);
	}
	error = redact_record(h, r->redacted, &changed);

	if (error < 0)
		return error;
	if (error > 0)
		h = (const struct wire_header *)r->redacted;
	if (r->newest_ns < h->time_ns)
		r->newest_ns = h->time_ns;
	if (r->log)
		log_writer_put(r->log, h);
	r->result->records++;
	if (!r->tracker) { /* without a store too: it says which texts to read */
		if (h->type != WIRE_RUN_BEGIN)
			return -EBADMSG;
		error = begin_run(r, (const struct wire_run_begin *)h);
		if (error < 0)
			return error;
	}
	error = tracker_feed(r->tracker, h);
	if (error >= 0 && h->type == WIRE_RUN_BEGIN && r->o->machine && !r->replayed)
		error = take_machine(r, r->o->machine, strlen(r->o->machine));
	if (error >= 0 && r->n_heads)
		error = read_heads(r);
	if (error >= 0 && end)
		r->result->clean = ((const struct wire_run_end *)h)->reason == END_COMPLETE;
	return error < 0 ? error : 0;
}

/* What was lost on the way, once; a store that was given up has been told already. */
static void note_reader(struct recorder *r)
{
	char *note = r->result->note;
	size_t len = strlen(note), size = sizeof(r->result->note);
	char text[WIRE_PATH_MAX + 256];

	if (reader_note(r, text, sizeof(text)))
		snprintf(note + len, size - len, "%s%s", len ? "; " : "", text);
}

static void finish(struct recorder *r)
{
	read_texts(r, true);
	note_reader(r);
	if (r->tracker)
		tracker_finish(r->tracker, r->result->clean, r->result->rows_lost,
			       r->replayed ? 0
					   : clock_ns(CLOCK_PROCESS_CPUTIME_ID) + r->reader.cpu_ns);
	commit(r);
	if (r->log && log_writer_close(r->log) < 0)
		note(r, "the event log is incomplete", strerror(errno));
	if (r->store_error < 0)
		note(r, "some rows could not be stored", store_strerror(r->store_error));
	r->result->stored = r->store != NULL;
	if (r->machine_fd >= 0)
		close(r->machine_fd);
	tracker_free(r->tracker);
	text_watch_fini(&r->texts);
	text_reader_fini(&r->reader);
	stall_watch_fini(&r->stalls);
	store_close(r->store);
}

static int open_outputs(struct recorder *r)
{
	int error = 0;

	if (r->o->log)
		error = log_writer_open(r->o->log, &r->log);
	if (error >= 0 && r->o->db) {
		error = store_open(r->o->db, STORE_WRITE, &r->store);
		if (error < 0)
			error = give_up_store(r, error);
	}
	return error;
}

/* ---- a live stream ---- */

/* Takes whole records from buf; returns the bytes used, or -errno. */
static ssize_t take_all(struct recorder *r, const unsigned char *buf, size_t len)
{
	size_t at = 0;

	while (len - at >= sizeof(struct wire_header)) {
		const struct wire_header *h = (const void *)(buf + at);
		int error;

		if (h->size < sizeof(*h) || h->size > WIRE_RECORD_MAX || h->size % 8)
			return -EBADMSG;
		if (h->size > len - at)
			break;
		error = take(r, h);
		if (error == -EBADMSG)
			r->result->damaged = true;
		else if (error < 0)
			return error;
		at += h->size;
	}
	return (ssize_t)at;
}

static int check_file_header(int fd)
{
	struct wire_file head;
	size_t have = 0;

	while (have < sizeof(head)) {
		ssize_t n = read(fd, (char *)&head + have, sizeof(head) - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		have += (size_t)n;
	}
	return head.magic == WIRE_MAGIC && head.version == WIRE_VERSION ? 0 : -EBADMSG;
}

static int read_stream(struct recorder *r, int fd, unsigned char *buf)
{
	struct pollfd p[3] = { { .fd = fd, .events = POLLIN },
			       { .events = POLLIN },
			       { .events = POLLIN } };
	unsigned wait_ms = r->stall_interval_ms ? r->stall_interval_ms : 500;
	size_t have = 0;
	ssize_t n, used;
	int error;

	for (;;) {
		p[1].fd = r->stalls.fd;
		p[2].fd = r->tracker ? r->machine_fd : -1;
		if (poll(p, 3, wait_ms < 500 ? (int)wait_ms : 500) < 0 && errno != EINTR)
			return -errno;
		used = watch_stalls(r);
		if (used < 0)
			return (int)used;
		flush_when_due(r, clock_ns(CLOCK_MONOTONIC));
		error = p[2].revents ? read_machine(r) : 0;
		if (error < 0)
			return error;
		if (!p[0].revents)
			continue;
		n = read(fd, buf + have, BUFFER_BYTES - have);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		have += (size_t)n;
		used = take_all(r, buf, have);
		if (used < 0)
			return (int)used;
		have -= (size_t)used;
		memmove(buf, buf + used, have);
	}
}

int recorder_run(const struct recorder_options *o, int fd, int control_fd,
		 struct recorder_result *ret)
{
	_cleanup_free_ unsigned char *buf = aligned_alloc(8, BUFFER_BYTES);
	_cleanup_free_ struct recorder *r = calloc(1, sizeof(*r));
	struct message ready = { .kind = MESSAGE_READY };
	int error;

	memset(ret, 0, sizeof(*ret));
	if (!buf || !r)
		return -ENOMEM;
	r->o = o;
	r->result = ret;
	text_reader_init(&r->reader);
	r->machine_fd = o->machine_fd;
	r->machine_asked = o->machine_fd >= 0;
	stall_watch_init(&r->stalls, o->stall_fd);
	r->control_fd = control_fd;
	if (o->stall_after_s)
		r->stall_interval_ms = o->stall_after_s < 4 ? o->stall_after_s * 250 : 1000;
	error = open_outputs(r);
	if (error < 0)
		ready.kind = MESSAGE_FAILED;
	ready.value = r->store != NULL;
	str_copy(ready.text, sizeof(ready.text), ret->note);
	if (control_fd >= 0)
		channel_send(control_fd, &ready);
	if (error < 0)
		return error;
	error = check_file_header(fd);
	if (error >= 0)
		error = read_stream(r, fd, buf);
	else if (error == -ENODATA)
		error = 0; /* observation never began */
	if (error < 0) {
		ret->damaged = true;
		note(r, "the event stream broke off", strerror(-error));
	}
	finish(r);
	return error;
}

/* ---- a log ---- */

int recorder_replay(const struct recorder_options *o, const char *path, struct recorder_result *ret)
{
	_cleanup_free_ struct recorder *r = calloc(1, sizeof(*r));
	const struct wire_header *h;
	struct event_log *log = NULL;
	int error;

	memset(ret, 0, sizeof(*ret));
	if (!r)
		return -ENOMEM;
	r->o = o;
	r->result = ret;
	text_reader_init(&r->reader);
	stall_watch_init(&r->stalls, -1);
	r->control_fd = -1;
	r->replayed = true;
	r->machine_fd = -1;
	error = event_log_open(path, &log);
	if (error < 0)
		return error;
	error = open_outputs(r);
	while (error >= 0 && (error = event_log_next(log, &h)) > 0) {
		error = take(r, h);
		if (error == -EBADMSG) {
			ret->damaged = true;
			error = r->tracker || !o->db ? 0 : error;
		}
		flush_when_due(r, h->time_ns);
	}
	if (error == -EBADMSG) {
		ret->damaged = true;
		if (r->tracker)
			error = 0;
	}
	finish(r);
	event_log_close(log);
	return error;
}

/* ---- the process ---- */

int recorder_main(const struct recorder_options *o, const struct identity *id, int stream_fd,
		  int control_fd)
{
	struct message m = { .kind = MESSAGE_FAILED };
	struct recorder_result result;
	int error;

	signal(SIGXFSZ, SIG_IGN);
	error = identity_become_recorder(id, o->db ? o->db : o->log);
	if (error < 0) {
		snprintf(m.text, sizeof(m.text), "cannot change to user %s: %s", id->name,
			 strerror(-error));
		channel_send(control_fd, &m);
		return 1;
	}
	error = recorder_run(o, stream_fd, control_fd, &result);
	m.kind = MESSAGE_DONE;
	m.value = result.rows_lost;
	m.status = (uint32_t)(result.clean && !result.damaged);
	m.reason = result.stored;
	str_copy(m.text, sizeof(m.text), result.note);
	channel_send(control_fd, &m);
	return error < 0;
}
