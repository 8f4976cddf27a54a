/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run: what it is called, where it ran, how it ended, and how complete the
 * observation is, in numbers and in sentences.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/track/tracker.h"

#define SCRIPT_CONFIDENCE 50
#define ENGINE_CONFIDENCE 90

static int keep(char **to, struct bytes text)
{
	char *copy;

	if (!text.data)
		return 0;
	copy = strndup(text.data, text.len);
	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static void keep_array(char *to, const char *array, size_t size)
{
	memcpy(to, array, size);
	to[size] = '\0';
}

/* JSON knows only Unicode: bytes that are not UTF-8 become "?". */
static json_t *json_bytes(struct bytes text)
{
	json_t *value = json_stringn(text.data, text.len);
	struct str plain = STR_INIT;
	size_t i;

	if (value)
		return value;
	for (i = 0; i < text.len; i++)
		str_addc(&plain, (unsigned char)text.data[i] < 0x80 ? text.data[i] : '?');
	value = json_stringn(str_text(&plain), plain.len);
	str_fini(&plain);
	return value;
}

/* "KEY=VALUE" items to {"KEY": "VALUE"}; the last one of a key counts. */
static char *labels_json(struct bytes list)
{
	json_t *object = json_object();
	struct bytes item;
	const char *equals;
	char *text = NULL;
	size_t pos = 0;

	while ((item = event_next(list, &pos)).data) {
		char key[256];
		size_t len;

		equals = memchr(item.data, '=', item.len);
		len = equals ? (size_t)(equals - item.data) : 0;
		if (!len || len >= sizeof(key))
			continue;
		memcpy(key, item.data, len);
		key[len] = '\0';
		json_object_set_new(object, key,
				    json_bytes((struct bytes){ equals + 1, item.len - len - 1 }));
	}
	if (json_object_size(object))
		text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(object);
	return text;
}

/* Without a name or an engine: the script or the program. */
static int default_name(struct tracker *t, struct bytes argv)
{
	struct tool_name name;
	struct bytes first;
	size_t pos = 0;
	char *file;

	first = event_next(argv, &pos);
	if (!first.len)
		return 0;
	file = strndup(first.data, first.len);
	if (!file)
		return -ENOMEM;
	tool_name(file, NULL, argv, &name);
	free(file);
	free(t->facts.name);
	t->facts.name = strdup(name.name);
	return t->facts.name ? 0 : -ENOMEM;
}

int run_begin(struct tracker *t, const struct wire_run_begin *r)
{
	struct run_facts *f = &t->facts;
	struct bytes argv = event_bytes(&r->h, r->argv), name = event_text(&r->h, r->name);
	struct bytes labels = event_bytes(&r->h, r->labels);
	int err;

	f->begun = true;
	f->start_ns = r->unix_ns > 0 ? (uint64_t)r->unix_ns : 0;
	f->user_id = r->uid;
	keep_array(f->uid, r->run_uid, sizeof(r->run_uid));
	if (!f->host) /* until HOST says it exactly */
		t->offset_ns = (int64_t)(f->start_ns - r->h.time_ns);
	f->named = name.len != 0;
	err = f->named ? keep(&f->name, name) : default_name(t, argv);
	if (!err)
		err = keep(&f->cwd, event_text(&r->h, r->cwd));
	if (!err)
		err = keep(&f->user, event_text(&r->h, r->user));
	if (err)
		return err;
	free(f->labels);
	f->labels = labels.data ? labels_json(labels) : NULL;
	free(f->argv);
	f->argv = NULL;
	f->argv_len = 0;
	if (!argv.data)
		return 0;
	f->argv = calloc(1, argv.len + 1);
	if (!f->argv)
		return -ENOMEM;
	memcpy(f->argv, argv.data, argv.len);
	f->argv_len = argv.len + (argv.data[argv.len - 1] != '\0');
	return 0;
}

int run_host(struct tracker *t, const struct wire_host *r)
{
	struct run_facts *f = &t->facts;

	if (!f->host)
		t->offset_ns = r->realtime_offset_ns;
	f->host = true;
	f->features = r->features;
	f->memory_bytes = r->memory_bytes;
	f->cpus = r->cpus;
	f->collector = r->collector;
	f->all_processes = r->all_processes;
	keep_array(f->boot_id, r->boot_id, sizeof(r->boot_id));
	keep_array(f->hostname, r->hostname, sizeof(r->hostname));
	keep_array(f->kernel, r->kernel, sizeof(r->kernel));
	keep_array(f->arch, r->arch, sizeof(r->arch));
	return 0;
}

int run_loss(struct tracker *t, const struct wire_loss *r)
{
	unsigned i;

	for (i = 0; i < LOSS_KINDS; i++) {
		if (t->completeness.lost[i] < r->count[i])
			t->completeness.lost[i] = r->count[i];
	}
	return 0;
}

int run_end(struct tracker *t, const struct wire_run_end *r)
{
	struct run_facts *f = &t->facts;
	unsigned signal = r->status & 0x7f;

	f->ended = true;
	f->end_ns = r->unix_ns > 0 ? (uint64_t)r->unix_ns : 0;
	f->signal = (int)signal;
	f->exit_code = signal ? -1 : (int)(r->status >> 8 & 0xff);
	f->still_running = r->still_running;
	f->end_reason = r->reason;
	f->command_cpu_ns = r->command_cpu_ns;
	f->collector_cpu_ns = r->collector_cpu_ns;
	f->collector_start_ns = r->collector_start_ns;
	f->bpf_run_ns = r->bpf_run_ns;
	if (r->reason == END_INTERRUPTED)
		f->status = RUN_INTERRUPTED;
	else if (!signal && !f->exit_code)
		f->status = RUN_SUCCEEDED;
	else if (t->cancelled || signal == SIGINT || signal == SIGTERM || signal == SIGHUP)
		f->status = RUN_CANCELLED;
	else
		f->status = RUN_FAILED;
	return keep(&f->note, event_text(&r->h, r->note));
}

int run_engine(struct tracker *t, const struct scope *s)
{
	const struct rule *rule = s->match.rule;
	struct run_facts *f = &t->facts;
	const char *engine = s->engine_name, *pipeline = s->pipeline;

	/* the outermost engine names the run; a script only until it starts one */
	if (f->engine[0] &&
	    (f->engine_confidence > SCRIPT_CONFIDENCE || rule_confidence(rule) < ENGINE_CONFIDENCE))
		return 0;
	f->engine_confidence = rule_confidence(rule);
	str_copy(f->engine, sizeof(f->engine), engine ? engine : rule_id(rule));
	if (!engine)
		f->engine[strcspn(f->engine, ".")] = '\0';
	if (!pipeline || !*pipeline)
		return 0;
	free(f->pipeline);
	f->pipeline = strdup(pipeline);
	if (f->pipeline && !f->named) {
		free(f->name);
		f->name = strdup(pipeline);
	}
	return f->pipeline && f->name ? 0 : -ENOMEM;
}

static void note(json_t *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(json_t *notes, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(notes, json_bytes((struct bytes){ text, strlen(text) }));
}

/* What struct completeness counts is not said again: readers word its counters. */
static void note_counts(json_t *notes, const struct tracker *t)
{
	const struct {
		uint64_t n;
		const char *text;
	} counts[] = {
		{ t->exec_unseen, "Program starts that were not seen (those processes are named by "
				  "their short name)" },
		{ t->tools_folded, "Program starts booked on \"(other tools)\" (too many "
				   "different tools at a time)" },
		{ t->tasks_refused, "Tasks that were not opened (too many at a time)" },
		{ t->keys_forgotten,
		  "Failed tasks whose attempts are no longer counted (too many)" },
		{ t->dirs_forgotten, "Directories of runs that were forgotten (too many)" },
		{ t->runs_refused, "Tasks whose run was not opened (too many runs at a time)" },
		{ t->stalls_refused, "Stalls that were not told (64 at a time are)" },
		{ t->cgroups_refused, "Cgroups that are listed but took no part in telling what "
				      "processes are (too many)" },
		{ t->foreign_starts,
		  "Containers or jobs left out: they started while this run had asked "
		  "for some, and cannot be told to be its own" },
		{ t->foreign_processes,
		  "Processes of daemons left out: they worked for others, or before it was "
		  "known for whom" },
		{ t->clients_forgotten, "Requests for containers or jobs that were forgotten" },
		{ t->ambiguous, "Places of processes that more than one thing could explain" },
		{ t->malformed, "Records that could not be understood" },
		{ t->unknown, "Records of a kind that this version does not know" },
		{ t->incidents > INCIDENTS_MAX ? t->incidents - INCIDENTS_MAX : 0,
		  "OOM kills and signals that are counted but not listed" },
	};
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		if (counts[i].n)
			note(notes, "%s: %" PRIu64 ".", counts[i].text, counts[i].n);
	}
	if (t->clock_step_ns)
		note(notes,
		     "The host's clock moved by %.3f s during the run; times are by the clock at "
		     "its start.",
		     (double)t->clock_step_ns / 1e9);
}

/* Whole-host recording: do the parts add up to what the CPUs had to give? */
static void note_cpu(json_t *notes, const struct wire_cpu *cpu)
{
	double total = (double)cpu->elapsed_ns * cpu->cpus / 1e9;
	double processes = (double)(cpu->process_ns + cpu->live_ns) / 1e9;
	double idle = (double)cpu->idle_ns / 1e9, stolen = (double)cpu->stolen_ns / 1e9;
	double rest = total - processes - idle - stolen;

	if (!cpu->h.size || total <= 0)
		return;
	note(notes,
	     "CPU of the host: %.3f s in all; processes %.3f s, idle %.3f s, stolen or interrupts "
	     "%.3f s, not attributed %.3f s (%.2f %%).",
	     total, processes, idle, stolen, rest, 100 * rest / total);
}

static char *notes_json(const struct tracker *t)
{
	const struct run_facts *f = &t->facts;
	json_t *notes = json_array();
	char *text = NULL;

	note_counts(notes, t);
	note_cpu(notes, &f->cpu);
	if (f->end_reason == END_COLLECTOR_FAILED)
		note(notes, "The collector failed before the command ended.");
	if (f->status == RUN_INTERRUPTED && !f->ended)
		note(notes, "The event stream stopped before the command ended.");
	if (f->note)
		json_array_append_new(notes,
				      json_bytes((struct bytes){ f->note, strlen(f->note) }));
	if (json_array_size(notes))
		text = json_dumps(notes, JSON_COMPACT);
	json_decref(notes);
	return text;
}

static const char *text_or_null(const char *text)
{
	return text && *text ? text : NULL;
}

int run_send(struct tracker *t)
{
	const struct run_facts *f = &t->facts;
	char *notes = notes_json(t);
	struct run_row row = {
		.id = t->options.run_id,
		.uid = f->uid,
		.name = f->name ? f->name : f->uid,
		.pipeline = f->pipeline,
		.engine = text_or_null(f->engine),
		.argv = { f->argv, f->argv_len },
		.cwd = f->cwd,
		.user = f->user,
		.labels = f->labels,
		.user_id = f->user_id,
		.start_ns = f->start_ns,
		.end_ns = f->end_ns,
		.status = f->status,
		.exit_code = f->exit_code,
		.signal = f->signal,
		.features = f->features,
		.collector = f->collector,
		.replayed = t->options.replayed,
		.boot_id = text_or_null(f->boot_id),
		.hostname = text_or_null(f->hostname),
		.kernel = text_or_null(f->kernel),
		.arch = text_or_null(f->arch),
		.cpus = f->cpus,
		.memory_bytes = f->memory_bytes,
		.command_cpu_ns = f->command_cpu_ns,
		.collector_cpu_ns = f->collector_cpu_ns,
		.collector_start_ns = f->collector_start_ns,
		.recorder_cpu_ns = f->recorder_cpu_ns,
		.bpf_run_ns = f->bpf_run_ns,
		.processes = t->next_number - t->foreign_processes,
		.execs = t->execs,
		.peak_rss_bytes = t->run.peak_rss_bytes,
		.ledger = t->run.ledger,
		.completeness = t->completeness,
		.notes = notes,
		.machine = f->machine,
	};
	int err = t->sink.run(t->sink.ctx, &row);

	free(notes);
	return err;
}

void run_fini(struct tracker *t)
{
	free(t->facts.name);
	free(t->facts.pipeline);
	free(t->facts.cwd);
	free(t->facts.user);
	free(t->facts.labels);
	free(t->facts.machine);
	free(t->facts.argv);
	free(t->facts.note);
}
