/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short report: what ran, where each kind of task spent its time, what it
 * used, what failed, and how complete the record is. Folding and the longest
 * waits are in report_group.c, the reading of wait states in where.h.
 */
#include "src/cli/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/cli/cli.h"
#include "src/cli/completeness.h"
#include "src/cli/reader.h"
#include "src/cli/report_parts.h"
#include "src/model/fields.h"
#include "src/track/tool_role.h"

#define WIDTH	      100
#define TOOLS_MAX     10
#define BETWEEN_SHARE 20 /* 1/20: shorter gaps say nothing */
#define GROUPS_MAX    30
#define FAILED_MAX    8
#define CUT_MIN	      20
#define MEMBERS_MAX   5 /* of a fold of tools, by name */
#define ELLIPSIS      "\xe2\x80\xa6"

struct report {
	FILE *out;
	const struct report_options *options;
	const struct report_parts *p;
};

enum tint { TINT_BOLD, TINT_RED, TINT_GREEN, TINT_YELLOW };

static const char *tint(const struct report *r, enum tint t)
{
	static const char *const codes[] = { "\033[1m", "\033[31m", "\033[32m", "\033[33m" };

	return r->options->color ? codes[t] : "";
}

static const char *plain(const struct report *r)
{
	return r->options->color ? "\033[0m" : "";
}

static void print_text(FILE *out, const char *text)
{
	_cleanup_(str_fini) struct str safe = STR_INIT;

	text_visible(&safe, text, strlen(text));
	fputs(str_text(&safe), out);
}

static void title(const struct report *r, const char *text)
{
	fprintf(r->out, "\n%s%s%s\n", tint(r, TINT_BOLD), text, plain(r));
}

static void print_ending(const struct report *r, const struct run_row *run)
{
	enum tint color = run->status == RUN_SUCCEEDED ? TINT_GREEN : TINT_RED;
	char buf[HUMAN_MAX];

	fprintf(r->out, "%s%s%s", tint(r, color), run_status_name(run->status), plain(r));
	if (run->signal > 0)
		fprintf(r->out, " (%s)", human_signal(buf, run->signal));
	else if (run->exit_code > 0)
		fprintf(r->out, " (exit %d)", run->exit_code);
	if (run->end_ns > run->start_ns)
		fprintf(r->out, " after %s\n", human_duration(buf, run->end_ns - run->start_ns));
	else
		fputc('\n', r->out);
}

static void print_use(const struct report *r, const struct run_row *run)
{
	uint64_t cpu = run->ledger.state_ns[LEDGER_CPU], wall = run->end_ns - run->start_ns;
	size_t n_tasks = r->p->s.n_tasks - r->p->s.n_outer;
	char buf[HUMAN_MAX];

	if (!run_is_observed(run)) {
		if (run->command_cpu_ns)
			fprintf(r->out, "  %s CPU of the command and children it waited for\n",
				human_duration(buf, run->command_cpu_ns));
		return;
	}
	fprintf(r->out, "  %s CPU", human_duration(buf, cpu));
	if (run->end_ns > run->start_ns)
		fprintf(r->out, ", %.1f of %u cores used", (double)cpu / (double)wall, run->cpus);
	fprintf(r->out, ", %s process%s", human_count(buf, run->processes),
		run->processes == 1 ? "" : "es");
	if (n_tasks)
		fprintf(r->out, ", %s task%s", human_count(buf, n_tasks), n_tasks == 1 ? "" : "s");
	if (run->peak_rss_bytes)
		fprintf(r->out, ", largest process %s", human_bytes(buf, run->peak_rss_bytes));
	fputc('\n', r->out);
}

static void print_where(const struct report *r)
{
	_cleanup_(str_fini) struct str line = STR_INIT;
	unsigned order[WHERE_PARTS], n;
	struct where w = { 0 };
	const char *gap = "";
	char buf[HUMAN_MAX];

	where_add_run(&w, &r->p->s);
	if (!where_known(&r->p->s.run) || !w.total_ns)
		return;
	n = where_order(&w, order);
	str_add(&line, r->p->s.tasks ? "  while tasks ran: " : "  its time: ");
	for (unsigned i = 0; i < n && (i < 1 || w.ns[order[i]] >= w.total_ns / 20); i++) {
		const char *words = where_sentence(order[i]);

		human_percent(buf, w.ns[order[i]], w.total_ns);
		if (line.len + strlen(gap) + strlen(buf) + 1 + strlen(words) > r->options->width)
			break;
		str_addf(&line, "%s%s %s", gap, buf, words);
		gap = ", ";
	}
	fprintf(r->out, "%s\n", str_text(&line));
}

uint64_t report_between_ns(const struct report_parts *p)
{
	const struct run_row *run = &p->s.run;
	uint64_t wall = run->end_ns > run->start_ns ? run->end_ns - run->start_ns : 0;

	return wall > p->groups.wall_ns ? wall - p->groups.wall_ns : 0;
}

/* The engine's own time: starting up, scheduling between tasks, cleaning up. */
static void print_between(const struct report *r)
{
	const struct run_row *run = &r->p->s.run;
	uint64_t gap = report_between_ns(r->p), wall = run->end_ns - run->start_ns;
	char a[HUMAN_MAX], b[HUMAN_MAX];

	if (r->p->s.tasks && run->end_ns > run->start_ns && gap > wall / BETWEEN_SHARE)
		fprintf(r->out, "  no task ran for %s of its %s\n", human_duration(a, gap),
			human_duration(b, wall));
}

static void print_head(const struct report *r)
{
	const struct run_row *run = &r->p->s.run;

	fprintf(r->out, "%stracer: run %s%s  ", tint(r, TINT_BOLD), run->uid, plain(r));
	print_text(r->out, run->name ? run->name : "");
	if (run->engine) {
		fputs(" (", r->out);
		print_text(r->out, run->engine);
		fputc(')', r->out);
	}
	fputs("  ", r->out);
	print_ending(r, run);
	print_use(r, run);
	print_where(r);
	print_between(r);
}

enum { LINE_CELLS = 12, CELL_MAX = 160 };
/* of the table of tasks */
enum { COLUMN_READ = 8, COLUMN_WRITTEN, COLUMN_NET, COLUMN_STATUS };

struct line { /* one row of a report table; a cell "" is unknown */
	char cells[LINE_CELLS][CELL_MAX];
	unsigned n;
};

static char *cell(struct line *l)
{
	char *c = l->cells[l->n++];

	str_copy(c, CELL_MAX, HUMAN_UNKNOWN);
	return c;
}

static void print_line(struct table *t, const struct line *l)
{
	const char *cells[LINE_CELLS];

	for (unsigned i = 0; i < l->n; i++)
		cells[i] = l->cells[i];
	table_row(t, cells);
}

static void add_usage(struct line *l, const struct wire_ledger *ledger, uint64_t peak,
		      const struct run_row *run)
{
	char *memory = cell(l), *read = cell(l), *written = cell(l);

	if (peak)
		human_bytes_short(memory, peak);
	if (!(run->features & FEATURE_IO_BYTES))
		return;
	human_bytes_short(read, ledger->read_bytes);
	human_bytes_short(written, ledger->write_bytes);
}

static bool has_network(const struct run_row *run)
{
	return (run->features & FEATURE_NET_BYTES) &&
	       run->ledger.net_rx_bytes + run->ledger.net_tx_bytes;
}

static void group_status(char *out, const struct task_group *g, const struct run_row *run)
{
	if (g->oom)
		snprintf(out, CELL_MAX, "%u out of memory", g->oom);
	else if (g->failed && g->failed <= g->again && run->status == RUN_SUCCEEDED)
		snprintf(out, CELL_MAX, "ok, %u tried again", g->failed);
	else if (g->failed)
		snprintf(out, CELL_MAX, "%u failed", g->failed);
	else if (g->cancelled)
		snprintf(out, CELL_MAX, "%u cancelled", g->cancelled);
	else if (g->running)
		snprintf(out, CELL_MAX, "%u running", g->running);
	else
		str_copy(out, CELL_MAX, "ok");
}

static void group_line(struct line *l, const struct task_group *g, const struct report *r)
{
	const struct run_row *run = &r->p->s.run;
	_cleanup_(str_fini) struct str where = STR_INIT;
	uint64_t cpu = g->ledger.state_ns[LEDGER_CPU];
	char *cores;

	*l = (struct line){ 0 };
	str_copy(cell(l), CELL_MAX, g->name);
	human_count(cell(l), g->tasks);
	human_duration(cell(l), g->wall_ns);
	human_duration(cell(l), g->duration_ns / g->tasks);
	human_duration(cell(l), cpu);
	cores = cell(l);
	if (g->duration_ns)
		snprintf(cores, CELL_MAX, "%.1f", (double)cpu / (double)g->duration_ns);
	if (where_known(run))
		where_short(&where, &g->where, r->options->width < WIDTH ? 1 : 2);
	str_copy(cell(l), CELL_MAX, where.len ? str_text(&where) : HUMAN_UNKNOWN);
	add_usage(l, &g->ledger, g->peak_rss_bytes, run);
	human_bytes_short(cell(l), g->ledger.net_rx_bytes + g->ledger.net_tx_bytes);
	group_status(cell(l), g, run);
}

/* Without network there is no column for it; a narrow terminal has no room for
 * bytes of storage, which the table of tools has, too. */
static bool has_column(const struct report *r, unsigned column)
{
	if (column == COLUMN_READ || column == COLUMN_WRITTEN)
		return r->options->width >= WIDTH;
	return column != COLUMN_NET || has_network(&r->p->s.run);
}

static void print_group(const struct report *r, struct table *t, const struct task_group *g)
{
	const char *cells[LINE_CELLS];
	unsigned n = 0;
	struct line l;

	group_line(&l, g, r);
	for (unsigned i = 0; i < l.n; i++)
		if (has_column(r, i))
			cells[n++] = l.cells[i];
	table_row(t, cells);
}

/* "  (ITEM; ITEM; ...)", broken between items where the width ends. */
static void print_items(const struct report *r, const char *const *items, unsigned n)
{
	size_t column = 0;

	for (unsigned i = 0; i < n; i++) {
		size_t len = strlen(items[i]) + 2;

		if (i && column + len > r->options->width) {
			fputs(";\n   ", r->out);
			column = 3;
		} else {
			fputs(i ? "; " : "  (", r->out);
			column += i ? 2 : 3;
		}
		fputs(items[i], r->out);
		column += len - 2;
	}
	fputs(")\n", r->out);
}

/* Only what is on the screen, and is not plain from its heading. */
static void print_legend(const struct report *r)
{
	const struct report_parts *p = r->p;
	const char *items[7];
	unsigned n = 0;

	if (p->s.n_tasks - p->s.n_outer > p->groups.n_groups) {
		items[n++] = "n: tasks";
		items[n++] = "wall: while any of them ran";
		items[n++] = "each: mean of one";
	}
	items[n++] = "cores: in use while one ran";
	items[n++] = "memory: of the largest process";
	if (has_column(r, COLUMN_READ) && (p->s.run.features & FEATURE_IO_BYTES))
		items[n++] = "read, written: disk, without the page cache";
	if (where_known(&p->s.run) && p->groups.where.ns[LEDGER_RUNQ])
		items[n++] = "CPU queue: ready to run, but no CPU was free";
	print_items(r, items, n);
}

static int print_groups(const struct report *r)
{
	static const struct table_column all[] = {
		{ "TASK", false, false },
		{ "N", true, true },
		{ "WALL", true, true },
		{ "EACH", true, true },
		{ "CPU", true, true },
		{ "CORES", true, true },
		{ "TIME WENT", false, true },
		{ "MEMORY", true, true },
		[COLUMN_READ] = { "READ", true, true },
		[COLUMN_WRITTEN] = { "WRITTEN", true, true },
		[COLUMN_NET] = { "NET", true, true },
		[COLUMN_STATUS] = { "STATUS", false, true },
	};
	struct table_column columns[ARRAY_SIZE(all)];
	struct table_options o = { .width = r->options->width };
	unsigned n = 0, printed = 0;
	struct table *t;

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		if (has_column(r, i))
			columns[n++] = all[i];
	if (table_new(r->out, columns, n, &o, &t) < 0)
		return -ENOMEM;
	for (const struct task_group *g = r->p->groups.groups; g && printed < GROUPS_MAX;
	     g = g->hh.next, printed++)
		print_group(r, t, g);
	fputc('\n', r->out);
	table_end(t);
	table_free(t);
	if (printed < r->p->groups.n_groups)
		fprintf(r->out, "and %u more: tracer tasks %s\n", r->p->groups.n_groups - printed,
			r->p->s.run.uid);
	print_legend(r);
	return 0;
}

static void tool_line(struct line *l, const struct folded_tool *f, const struct run_row *run)
{
	uint64_t cpu = f->row.ledger.state_ns[LEDGER_CPU];
	char *processes, *failed;

	*l = (struct line){ 0 };
	str_copy(cell(l), CELL_MAX, f->row.name);
	processes = cell(l);
	if (f->row.processes)
		human_count(processes, f->row.processes);
	failed = cell(l);
	if (f->row.failed)
		human_count(failed, f->row.failed);
	human_duration(cell(l), cpu);
	human_percent(cell(l), cpu, run->ledger.state_ns[LEDGER_CPU]);
	add_usage(l, &f->row.ledger, f->row.peak_rss_bytes, run);
}

/* "(glue): sort, gzip, bash and 4 more": those with most CPU. */
static void print_members(const struct report *r, const char *fold, const char *meaning)
{
	_cleanup_(str_fini) struct str names = STR_INIT;
	const struct wire_ledger *total = &r->p->s.run.ledger;
	unsigned n = 0;

	for (const struct folded_tool *f = r->p->all.tools; f; f = f->hh.next) {
		if (!tool_row_folds(&f->row, total) || strcmp(tool_row_folded_name(&f->row), fold))
			continue;
		if (++n <= MEMBERS_MAX)
			str_addf(&names, "%s%s", n > 1 ? ", " : "", f->name);
	}
	if (n > MEMBERS_MAX)
		str_addf(&names, " and %u more", n - MEMBERS_MAX);
	fprintf(r->out, "  %s: %s (", fold, meaning);
	print_text(r->out, str_text(&names));
	fputs(")\n", r->out);
}

static void print_folds(const struct report *r)
{
	bool failed = false;

	for (const struct folded_tool *f = r->p->tools.tools; f; f = f->hh.next) {
		failed |= f->row.failed > 0;
		if (f->folded && !strcmp(f->name, TOOL_PROBE))
			print_members(r, f->name, "questions for a version or help");
		else if (f->folded)
			print_members(r, f->name, "cheap helpers");
	}
	if (failed && r->p->s.run.status == RUN_SUCCEEDED && !r->p->groups.failed_tasks)
		fputs("  failed: a code other than 0, or a signal; the run went on, for it may be "
		      "an answer (grep, diff)\n",
		      r->out);
}

static int print_tools(const struct report *r)
{
	static const struct table_column columns[] = {
		{ "TOOL", false, false }, { "PROCESSES", true, true },	{ "FAILED", true, true },
		{ "CPU", true, true },	  { "OF ALL CPU", true, true }, { "MEMORY", true, true },
		{ "READ", true, true },	  { "WRITTEN", true, true },
	};
	struct table_options o = { .width = r->options->width };
	unsigned n = HASH_COUNT(r->p->tools.tools), printed = 0;
	struct table *t;
	struct line l;

	if (!n)
		return 0;
	if (table_new(r->out, columns, ARRAY_SIZE(columns), &o, &t) < 0)
		return -ENOMEM;
	for (const struct folded_tool *f = r->p->tools.tools; f && printed < TOOLS_MAX;
	     f = f->hh.next, printed++) {
		tool_line(&l, f, &r->p->s.run);
		print_line(t, &l);
	}
	fputc('\n', r->out);
	table_end(t);
	table_free(t);
	if (printed < n)
		fprintf(r->out, "and %u more: tracer tools %s\n", n - printed, r->p->s.run.uid);
	print_folds(r);
	return 0;
}

static void print_task_name(FILE *out, const struct task_row *t)
{
	const char *detail = task_detail(t);

	print_text(out, t->name);
	if (!detail)
		return;
	fputs(" [", out);
	print_text(out, detail);
	fputc(']', out);
}

static void print_waits(const struct report *r)
{
	char a[HUMAN_MAX], b[HUMAN_MAX];

	if (!r->p->groups.n_waits || !where_known(&r->p->s.run))
		return;
	title(r, "Longest waits of single tasks, of their wall time");
	for (unsigned i = 0; i < r->p->groups.n_waits; i++) {
		const struct task_wait *w = &r->p->groups.waits[i];

		fprintf(r->out, "  %7s of %-7s ", human_duration(a, w->ns),
			human_duration(b, w->of_ns));
		print_task_name(r->out, &w->task->row);
		fprintf(r->out, ": %s\n", where_sentence(w->part));
	}
}

static void print_detail(const struct report *r, const char *label, const char *text,
			 const char *reason)
{
	_cleanup_(str_fini) struct str safe = STR_INIT;
	size_t used = 4 + strlen(label) + strlen(reason), room, len;

	text_visible(&safe, text, strlen(text));
	room = r->options->width > used + CUT_MIN ? r->options->width - used : CUT_MIN;
	len = safe.len;
	if (text_width(str_text(&safe), len) > room)
		len = text_prefix(str_text(&safe), len, room - 1);
	fprintf(r->out, "    %s%.*s%s%s\n", label, (int)len, str_text(&safe),
		len < safe.len ? ELLIPSIS : "", reason);
}

static void print_failure(const struct report *r, const struct failure *f)
{
	_cleanup_(str_fini) struct str reason = STR_INIT;

	fputs("  ", r->out);
	print_text(r->out, f->name);
	if (f->task) {
		fputs(" in ", r->out);
		print_task_name(r->out, &f->task->row);
	}
	fprintf(r->out, ": %s%s%s (pid %u", tint(r, TINT_RED), f->ending, plain(r), f->pid);
	if (f->alike)
		fprintf(r->out, " and %u more", f->alike);
	fputs(")\n", r->out);
	if (f->command)
		print_detail(r, "", f->command, "");
	if (!f->file)
		return;
	str_addf(&reason, ": %s", strerrordesc_np(f->error) ? strerrordesc_np(f->error) : "failed");
	print_detail(r, "last file not opened: ", f->file, str_text(&reason));
}

static void print_failed(const struct report *r)
{
	const struct failures *f = &r->p->failures;
	unsigned printed = 0;

	if (f->n)
		title(r, r->p->s.run.status == RUN_SUCCEEDED ? "Failed on the way" : "Failed");
	for (const struct failure *p = f->list; p && printed < FAILED_MAX; p = p->hh.next) {
		if (p->explained)
			continue;
		print_failure(r, p);
		printed++;
	}
	if (f->n > printed)
		fprintf(r->out, "  all %u failed processes: tracer ps %s --failed\n", f->n,
			r->p->s.run.uid);
}

static void print_own_cost(const struct report *r)
{
	const struct run_row *run = &r->p->s.run;
	uint64_t start = run->collector_start_ns, cpu = run->ledger.state_ns[LEDGER_CPU];
	uint64_t own = run->collector_cpu_ns + run->recorder_cpu_ns;
	char buf[HUMAN_MAX];

	if (!own || own < start)
		return;
	/* of a replay only what the collector used is in the log */
	fprintf(r->out, "tracer%s used %s of CPU while it ran",
		run->recorder_cpu_ns ? " itself" : "'s collector",
		human_duration(buf, own - start));
	if (cpu && own - start <= cpu) /* beside a short run it says nothing */
		fprintf(r->out, " (%.1f %% of the run's)",
			100.0 * (double)(own - start) / (double)cpu);
	if (start)
		fprintf(r->out, " and %s to start", human_duration(buf, start));
	if (!run->recorder_cpu_ns)
		fputs("; its recorder's CPU is not known", r->out);
	fputc('\n', r->out);
}

static void print_next(const struct report *r)
{
	const char *uid = r->p->s.run.uid;

	if (run_is_observed(&r->p->s.run) && r->p->s.run.end_ns)
		fprintf(r->out,
			"next: tracer tune %s (what limited it, what to do), tracer show %s\n", uid,
			uid);
}

static void print_completeness(const struct report *r)
{
	const struct run_row *run = &r->p->s.run;
	json_t *notes = completeness_notes(run), *note;
	size_t i;

	if (run_is_complete(run))
		fprintf(r->out, "\n%scomplete%s: every process seen, no event lost\n",
			tint(r, TINT_GREEN), plain(r));
	else if (run_is_observed(run))
		fprintf(r->out, "\n%s%s%s:\n", tint(r, TINT_YELLOW),
			run->end_ns ? "incomplete" : "not ended", plain(r));
	else
		fputc('\n', r->out);
	json_array_foreach(notes, i, note)
	{
		if (i || run_is_observed(run)) /* else the first one is the heading */
			fputs("  ", r->out);
		print_text(r->out, json_string_value(note) ? json_string_value(note) : "");
		fputc('\n', r->out);
	}
	json_decref(notes);
	print_own_cost(r);
}

static int fold_tools(struct report_parts *p)
{
	int error = 0;

	for (const struct tool_entry *t = p->s.tools; t && error == 0; t = t->next)
		error = tool_fold_add(&p->all, &t->row);
	for (const struct task_entry *e = p->s.tasks; e; e = e->hh.next)
		for (const struct tool_entry *t = e->tools; t && error == 0; t = t->next)
			error = tool_fold_add(&p->all, &t->row);
	if (error == 0)
		error = tool_fold_noise(&p->all, &p->s.run.ledger, &p->tools);
	tool_fold_sort(&p->all);
	tool_fold_sort(&p->tools);
	return error;
}

int report_parts_make(struct report_parts *p, struct store *store, int64_t run_id)
{
	int error = snapshot_load(&p->s, store, run_id);

	if (error < 0)
		return error;
	error = task_groups_make(&p->groups, &p->s);
	if (error == 0)
		error = fold_tools(p);
	p->failures.snapshot = &p->s;
	if (error == 0 && (p->groups.failed_tasks || p->s.run.status == RUN_FAILED))
		error = failures_find(&p->failures, store);
	return error < 0 ? error : 0;
}

void report_parts_fini(struct report_parts *p)
{
	failures_fini(&p->failures);
	task_groups_fini(&p->groups);
	tool_fold_fini(&p->tools);
	tool_fold_fini(&p->all);
	snapshot_fini(&p->s);
}

static int print_report(const struct report *r)
{
	int error = 0;

	print_head(r);
	if (r->p->groups.n_groups)
		error = print_groups(r);
	if (error == 0)
		error = print_tools(r);
	if (error < 0)
		return error;
	print_waits(r);
	print_failed(r);
	print_completeness(r);
	print_next(r);
	return ferror(r->out) ? -EIO : 0;
}

int report_print(struct store *s, int64_t run_id, FILE *out, const struct report_options *options)
{
	struct report_options o = *options;
	struct report_parts parts = { 0 };
	struct report r = { .out = out, .options = &o, .p = &parts };
	int error = report_parts_make(&parts, s, run_id);

	if (!o.width)
		o.width = WIDTH;
	if (error == 0)
		error = print_report(&r);
	report_parts_fini(&parts);
	return error;
}

struct report_options report_options_for(int fd)
{
	const char *no_color = getenv("NO_COLOR");
	size_t width = terminal_width(fd);

	return (struct report_options){
		.width = width > WIDTH ? WIDTH : width,
		.color = width && !(no_color && *no_color),
	};
}
