/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump LOG: runs the tracker over an event log and prints every row as a line of
 * text: what the golden tests compare. Ledgers show only what is not zero. Checks
 * the books while it prints: a mistake there is an error, not a difference.
 *
 *   --flush-every N   calls tracker_flush(0) after each N records
 *   --ended N, --live N, --tools N, --files N, --tasks N   limits
 *   --quiet           only the books and the run
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/model/event.h"
#include "src/model/ledger.h"
#include "src/track/rules.h"
#include "src/track/track.h"
#include "tests/golden/books.h"

struct dump {
	struct books *books;
	bool quiet;
};

static const char *const run_names[] = { "running", "succeeded", "failed", "cancelled",
					 "interrupted" };
static const char *const task_names[] = { "running",   "succeeded", "failed",
					  "cancelled", "oom",	    "unknown" };

/* Ids of run 1 as their number, others would stand out. */
static int id(int64_t row_id)
{
	return (int)(row_id & 0xffffffff);
}

static void put_text(const char *key, const char *text)
{
	if (text)
		printf(" %s=%s", key, text);
}

static void put_bytes(const char *key, struct bytes list)
{
	struct bytes item;
	size_t pos = 0;

	if (!list.data)
		return;
	printf(" %s=[", key);
	while ((item = event_next(list, &pos)).data)
		printf("%s%.*s", item.data == list.data ? "" : "|", (int)item.len, item.data);
	printf("]");
}

static void put_number(const char *key, uint64_t n)
{
	if (n)
		printf(" %s=%" PRIu64, key, n);
}

static void put_ledger(const struct wire_ledger *l)
{
	unsigned i;

	printf(" {");
	for (i = 0; i < LEDGER_STATES; i++)
		put_number(ledger_state_name(i), l->state_ns[i]);
	put_number("thread", l->thread_ns);
	put_number("read", l->read_bytes);
	put_number("write", l->write_bytes);
	put_number("minflt", l->minor_faults);
	printf(" }\n");
}

static int on_run(void *ctx, const struct run_row *r)
{
	struct dump *d = ctx;
	char loss[16];

	books_run(d->books, r);
	printf("run name=%s", r->name);
	put_text("pipeline", r->pipeline);
	put_text("engine", r->engine);
	put_bytes("argv", r->argv);
	put_text("labels", r->labels);
	printf(" %s code=%d", run_names[r->status], r->exit_code);
	put_number("signal", (uint64_t)r->signal);
	printf(" start=%" PRIu64 " end=%" PRIu64 " processes=%" PRIu64 " execs=%" PRIu64,
	       r->start_ns, r->end_ns, r->processes, r->execs);
	put_number("rss", r->peak_rss_bytes);
	put_number("lost", r->completeness.processes_lost);
	put_number("joined", r->completeness.joined_late);
	put_number("still", r->completeness.still_running);
	put_number("without_parent", r->completeness.without_parent);
	for (unsigned i = 0; i < LOSS_KINDS; i++) {
		snprintf(loss, sizeof(loss), "loss%u", i);
		put_number(loss, r->completeness.lost[i]);
	}
	put_number("rows_lost", r->completeness.rows_lost);
	put_number("files_folded", r->completeness.files_folded);
	put_number("command_cpu", r->command_cpu_ns);
	put_number("collector_cpu", r->collector_cpu_ns);
	put_number("collector_start", r->collector_start_ns);
	put_text("notes", r->notes);
	put_ledger(&r->ledger);
	return 0;
}

static int on_process(void *ctx, const struct process_row *r)
{
	struct dump *d = ctx;

	books_process(d->books, r);
	if (d->quiet)
		return 0;
	printf("process %d parent=%d pid=%u ppid=%u task=%d tool=%d comm=%s start=%" PRIu64
	       " end=%" PRIu64 " code=%d",
	       id(r->id), id(r->parent), r->pid, r->ppid, id(r->task), id(r->tool), r->comm,
	       r->start_ns, r->end_ns, r->exit_code);
	put_number("signal", (uint64_t)r->signal);
	put_number("execs", r->execs);
	put_number("rss", r->peak_rss_bytes);
	put_number("mm", r->program_peak_rss_bytes);
	put_number("threads", r->threads_peak);
	put_text("container", r->container);
	put_number("scope", (uint32_t)r->scope);
	printf("%s%s%s%s%s%s%s", r->oom_killed ? " oom" : "", r->core_dumped ? " core" : "",
	       r->complete ? "" : " incomplete", r->joined_late ? " joined" : "",
	       r->kernel_thread ? " kthread" : "", r->thread_exec ? " thread_exec" : "", "");
	put_ledger(&r->ledger);
	return 0;
}

static int on_exec(void *ctx, const struct exec_row *r)
{
	struct dump *d = ctx;

	if (d->quiet)
		return 0;
	printf("exec process=%d n=%u tool=%d time=%" PRIu64 " comm=%s", id(r->process), r->n,
	       id(r->tool), r->time_ns, r->comm);
	put_text("file", r->file);
	put_text("exe", r->exe);
	put_text("cwd", r->cwd);
	put_text("cwd_host", r->cwd_host);
	put_bytes("argv", r->argv);
	put_bytes("env", r->env);
	printf("%s%s", r->argv_truncated ? " truncated" : "", r->redacted ? " redacted" : "");
	put_ledger(&r->before);
	return 0;
}

static int on_task(void *ctx, const struct task_row *r)
{
	struct dump *d = ctx;

	books_task(d->books, r);
	if (d->quiet)
		return 0;
	printf("%s %d parent=%d name=%s key=%s scope=%d", r->kind ? "allocation" : "task",
	       id(r->id), id(r->parent), r->name, r->key, id(r->scope));
	put_number("run", (uint32_t)r->of_run);
	put_text("sample", r->sample);
	put_text("rule", r->rule);
	printf(" attempt=%u %s code=%d", r->attempt, task_names[r->status], r->exit_code);
	put_number("signal", (uint64_t)r->signal);
	put_number("cpus", r->requested_cpus);
	put_number("memory", r->requested_memory_bytes);
	printf(" start=%" PRIu64 " end=%" PRIu64 " root=%d processes=%" PRIu64 " busy=%" PRIu64,
	       r->start_ns, r->end_ns, id(r->root_process), r->processes, r->busy_ns);
	put_number("rss", r->peak_rss_bytes);
	put_ledger(&r->ledger);
	return 0;
}

static int on_scope(void *ctx, const struct scope_row *r)
{
	static const char *const kinds[] = { "run",	"allocation", "container",
					     "session", "task",	      "mark" };
	struct dump *d = ctx;

	if (d->quiet)
		return 0;
	printf("scope %d parent=%d task=%d %s", id(r->id), id(r->parent), id(r->task),
	       kinds[r->kind]);
	put_text("key", r->key);
	put_text("name", r->name);
	put_text("engine", r->engine);
	put_text("pipeline", r->pipeline);
	put_text("rule", r->rule);
	put_text("fields", r->fields);
	printf(" %s code=%d", task_names[r->status], r->exit_code);
	put_number("signal", (uint64_t)r->signal);
	printf(" start=%" PRIu64 " end=%" PRIu64 " root=%d\n", r->start_ns, r->end_ns,
	       id(r->root_process));
	return 0;
}

static int on_tool(void *ctx, const struct tool_row *r)
{
	struct dump *d = ctx;

	books_tool(d->books, r);
	if (d->quiet)
		return 0;
	printf("tool %d task=%d name=%s", id(r->id), id(r->task), r->name);
	put_text("component", r->component);
	printf(" processes=%" PRIu64 " failed=%" PRIu64 " start=%" PRIu64 " end=%" PRIu64,
	       r->processes, r->failed, r->start_ns, r->end_ns);
	put_number("rss", r->peak_rss_bytes);
	put_ledger(&r->ledger);
	return 0;
}

static void put_known(const char *name, int64_t n)
{
	if (n >= 0)
		printf(" %s=%" PRId64, name, n);
}

static int on_file(void *ctx, const struct file_row *r)
{
	struct dump *d = ctx;

	if (d->quiet)
		return 0;
	printf("file process=%d path=%s opens=%" PRIu64, id(r->process), r->path, r->opens);
	put_text("source", r->source);
	put_number("kind", r->kind);
	put_number("inode", r->inode);
	put_number("dev", r->dev);
	if (r->files != 1)
		printf(" files=%" PRIu64 "%s", r->files, r->files_at_least ? "+" : "");
	put_number("failed", r->failed);
	put_number("error", (uint64_t)r->error);
	put_number("access", r->access);
	put_number("descriptors", r->descriptors);
	put_known("size", r->size_bytes);
	put_known("read_to", r->read_to_bytes);
	put_known("written_to", r->written_to_bytes);
	printf("%s%s%s%s first=%" PRIu64 " last=%" PRIu64 "\n", r->renamed_to ? " renamed_to" : "",
	       r->linked ? " linked" : "", r->inherited ? " inherited" : "",
	       r->unlinked ? " unlinked" : "", r->first_ns, r->last_ns);
	return 0;
}

static int on_cgroup(void *ctx, const struct cgroup_row *r)
{
	printf("cgroup %" PRIu64 " %s", r->id, r->path);
	put_number("memory_limit", r->memory_limit_bytes);
	put_number("cpu_limit", r->cpu_limit_milli);
	puts("");
	return 0;
}

static int on_incident(void *ctx, const struct incident_row *r)
{
	printf("incident process=%d time=%" PRIu64 " %s %s\n", id(r->process), r->time_ns, r->kind,
	       r->detail);
	return 0;
}

static int on_text(void *ctx, const struct text_row *r)
{
	printf("text %u time=%" PRIu64 " path=%s\n%.*s", r->n, r->time_ns, r->path,
	       (int)r->data.len, r->data.data);
	return 0;
}

static int on_want_text(void *ctx, const char *path, size_t bytes)
{
	printf("want_text %s\n", path);
	return 0;
}

static int on_want_head(void *ctx, const struct rule *rule, unsigned index, const char *path)
{
	printf("want_head %s\n", path);
	return 0;
}

static const struct option_word {
	const char *word;
	size_t offset;
} limit_words[] = {
	{ "--ended", offsetof(struct tracker_limits, ended_processes) },
	{ "--live", offsetof(struct tracker_limits, live_processes) },
	{ "--tools", offsetof(struct tracker_limits, tools) },
	{ "--tasks", offsetof(struct tracker_limits, open_tasks) },
	{ "--files", offsetof(struct tracker_limits, files_per_process) },
	{ "--directory-files", offsetof(struct tracker_limits, files_per_directory) },
};

/* Feeds records; a cut log ends where it ends. Returns false on a sink error. */
static bool feed(struct tracker *t, const char *log, size_t size, unsigned flush_every)
{
	size_t pos = sizeof(struct wire_file);
	unsigned n = 0;

	if (event_check_file((const struct wire_file *)log, size) < 0)
		return false;
	while (size - pos >= sizeof(struct wire_header)) {
		const struct wire_header *h = (const struct wire_header *)(log + pos);
		int err;

		if (h->size < sizeof(*h) || h->size % 8 || h->size > size - pos)
			break;
		err = tracker_feed(t, h);
		if (err && err != -EBADMSG)
			return false;
		if (flush_every && ++n % flush_every == 0 && tracker_flush(t, 0) < 0)
			return false;
		pos += h->size;
	}
	return true;
}

static char *read_log(const char *path, size_t *ret_size)
{
	_cleanup_fclose_ FILE *f = fopen(path, "rb");
	size_t room = 64u << 20, got;
	char *data = f ? malloc(room) : NULL;

	if (!data)
		return NULL;
	got = fread(data, 1, room, f);
	*ret_size = got;
	return data;
}

static bool parse(int argc, char **argv, struct tracker_limits *l, unsigned *every, struct dump *d)
{
	unsigned k;
	int i;

	for (i = 1; i < argc - 1; i++) {
		if (!strcmp(argv[i], "--quiet")) {
			d->quiet = true;
			continue;
		}
		if (!strcmp(argv[i], "--flush-every")) {
			*every = (unsigned)strtoul(argv[++i], NULL, 10);
			continue;
		}
		for (k = 0; k < ARRAY_SIZE(limit_words); k++) {
			if (!strcmp(argv[i], limit_words[k].word))
				break;
		}
		if (k == ARRAY_SIZE(limit_words))
			return false;
		*(uint32_t *)((char *)l + limit_words[k].offset) =
			(uint32_t)strtoul(argv[++i], NULL, 10);
	}
	return argc > 1;
}

int main(int argc, char **argv)
{
	struct dump d = { 0 };
	struct tracker_options options = { .run_id = 1 };
	struct track_sink sink = { &d,	     on_run,	   on_process,	on_exec,   on_task,
				   on_scope, on_tool,	   on_file,	on_cgroup, on_incident,
				   on_text,  on_want_text, on_want_head };
	struct rules_error error = { 0 };
	struct rules *rules = NULL;
	struct tracker *t = NULL;
	_cleanup_free_ char *log = NULL;
	unsigned every = 0;
	size_t size = 0;
	int err = 1;

	if (!parse(argc, argv, &options.limits, &every, &d))
		return 2;
	if (rules_load(NULL, 0, &rules, &error) < 0) {
		fprintf(stderr, "rules: %s\n", error.text);
		return 1;
	}
	options.rules = rules;
	log = read_log(argv[argc - 1], &size);
	d.books = books_new();
	if (log && !tracker_new(&options, &sink, &t) && feed(t, log, size, every))
		err = tracker_finish(t, true, 0, 0) < 0;
	tracker_free(t);
	if (!err)
		err = books_check(d.books, stdout);
	books_free(d.books);
	rules_free(rules);
	return err;
}
