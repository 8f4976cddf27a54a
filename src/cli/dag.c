/* SPDX-License-Identifier: Apache-2.0 */
/* tracer dag: which task produced what another consumed. JSON is in dag_json.c. */
#include "src/cli/dag.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/cli/cli.h"
#include "src/cli/reader.h"

#define LISTED_MAX 10 /* files of one kind */

enum dag_format { DAG_TEXT, DAG_TABLE, DAG_DOT, DAG_JSON, DAG_JSONL, DAG_CSV };

struct dag_options {
	struct reader_options reader;
	int by, format;
	bool files, all;
};

static const struct option_spec options[] = {
	{ "by", 'b', OPTION_CHOICE, offsetof(struct dag_options, by), "task|name",
	  "a node per task, or one for all tasks of a name" },
	{ "files", 0, OPTION_FLAG, offsetof(struct dag_options, files), NULL,
	  "list the files behind each edge" },
	{ "all", 'a', OPTION_FLAG, offsetof(struct dag_options, all), NULL,
	  "also what the engine itself wrote and read, and files\nof bookkeeping and software" },
	{ "format", 'f', OPTION_CHOICE, offsetof(struct dag_options, format),
	  "text|table|dot|json|jsonl|csv",
	  "how to print; dot is for Graphviz, table the same as\ntext, jsonl and csv a row an "
	  "edge" },
	DB_OPTION(struct dag_options, reader),
	JSON_OPTION(struct dag_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "dag",
	.words = "[RUN]",
	.about = "Shows the dataflow of a run (default: the latest): which task produced the\n"
		 "files that another consumed, found from what they opened, renamed and deleted.",
	.options = options,
	.max_words = 1,
};

bool dag_shows(const struct dag *d, const struct flow_edge *e)
{
	if (e->from == FLOW_BEFORE)
		return false;
	return d->all || (flow_is_task(e->from) && flow_is_task(e->to));
}

const char *dag_label(const struct dag *d, uint32_t end)
{
	return flow_is_task(end) ? str_text(&d->nodes[end].label) : FLOW_ENGINE_NAME;
}

struct name_entry {
	const char *name;
	uint32_t node;
	UT_hash_handle hh;
};

/* One node a name, in the order in which their first tasks started. */
static int group_by_name(struct dag *d, struct arena *arena)
{
	struct name_entry *names = NULL, *entry;

	for (uint32_t i = 0; i < d->v->in.n_tasks; i++) {
		const char *name = d->v->in.tasks[i].name;

		HASH_FIND_STR(names, name, entry);
		if (!entry) {
			entry = arena_alloc(arena, sizeof(*entry));
			if (!entry)
				break;
			entry->name = name;
			entry->node = d->n_nodes++;
			d->nodes[entry->node].task = i;
			str_add(&d->nodes[entry->node].label, name);
			HASH_ADD_KEYPTR(hh, names, entry->name, strlen(name), entry);
		}
		d->nodes[entry->node].tasks++;
		d->group[i] = entry->node;
	}
	HASH_CLEAR(hh, names);
	return entry || !d->v->in.n_tasks ? 0 : -ENOMEM;
}

static void one_node_a_task(struct dag *d)
{
	d->n_nodes = d->v->in.n_tasks;
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		d->group[i] = i;
		d->nodes[i].task = i;
		d->nodes[i].tasks = 1;
		flow_task_label(&d->nodes[i].label, d->v, i);
	}
}

static int dag_make(struct dag *d)
{
	uint32_t n = d->v->in.n_tasks;
	struct arena arena = { 0 };
	int r = 0;

	d->group = calloc(n + 1, sizeof(*d->group));
	d->nodes = calloc(n + 1, sizeof(*d->nodes));
	if (!d->group || !d->nodes)
		return -ENOMEM;
	if (d->by_name)
		r = group_by_name(d, &arena);
	else
		one_node_a_task(d);
	arena_fini(&arena);
	return r == 0 ? flow_collapse(&d->v->flow, d->group, &d->shown) : r;
}

static void dag_fini(struct dag *d)
{
	for (uint32_t i = 0; i < d->n_nodes; i++)
		str_fini(&d->nodes[i].label);
	free(d->nodes);
	free(d->group);
	flow_fini(&d->shown);
}

/* ---- text ---- */

static const char *how(bool via_engine, bool stream, bool assumed)
{
	return assumed ? "assumed" : stream ? "pipe" : via_engine ? "via engine" : "file";
}

/* Paths below the run's directory start there. */
static const char *short_path(const struct dag *d, uint32_t path)
{
	const char *text = d->v->in.paths[path], *cwd = d->v->in.cwd;
	size_t len = cwd ? strlen(cwd) : 0;

	if (len > 1 && !strncmp(text, cwd, len) && text[len] == '/')
		return text + len + 1;
	return text;
}

static int add_row(struct table *t, const struct dag *d, const struct flow_edge *e,
		   const struct flow_link *link)
{
	char files[HUMAN_MAX], size[HUMAN_MAX];
	bool known = link ? link->size_known : e->sizes > 0;
	uint64_t bytes = link ? link->size_bytes : e->bytes;
	const char *cells[] = {
		dag_label(d, e->from),
		dag_label(d, e->to),
		link ? short_path(d, link->path) : human_count(files, e->n),
		known ? human_bytes_short(size, bytes) : NULL,
		link ? how(link->via_engine, link->stream, link->assumed)
		     : how(e->via_engine, e->stream, e->assumed),
	};

	return table_row(t, cells);
}

static int print_edges(const struct dag *d)
{
	const struct table_column columns[] = {
		{ "FROM", false, false },
		{ "TO", false, false },
		{ d->files ? "FILE" : "FILES", !d->files, !d->files },
		{ "SIZE", true, true },
		{ "HOW", false, true },
	};
	struct table_options o = { .width = terminal_width(STDOUT_FILENO) };
	struct table *t;
	int r = table_new(stdout, columns, ARRAY_SIZE(columns), &o, &t);

	if (r < 0)
		return r;
	for (size_t i = 0; i < d->shown.n_edges && r == 0; i++) {
		const struct flow_edge *e = &d->shown.edges[i];

		if (!dag_shows(d, e))
			continue;
		if (!d->files)
			r = add_row(t, d, e, NULL);
		for (uint32_t k = 0; d->files && k < e->n && r == 0; k++)
			r = add_row(t, d, e, &d->shown.links[e->first + k]);
	}
	if (r == 0)
		r = table_end(t);
	table_free(t);
	return r;
}

static void print_safe(const char *text)
{
	_cleanup_(str_fini) struct str safe = STR_INIT;

	text_visible(&safe, text, strlen(text));
	fputs(str_text(&safe), stdout);
}

static void print_files(const struct dag *d, const char *title, const struct flow_file *files,
			size_t n)
{
	bool outputs = files == d->v->flow.outputs;
	char count[HUMAN_MAX];

	if (!n)
		return;
	printf("\n%s: %s\n", title, human_count(count, n));
	for (size_t i = 0; i < n && i < LISTED_MAX; i++) {
		fputs("  ", stdout);
		print_safe(short_path(d, files[i].path));
		if (outputs) {
			fputs(" of ", stdout);
			print_safe(dag_label(d, d->group[files[i].task]));
		} else {
			printf(", by %s %s%s", human_count(count, files[i].readers),
			       d->v->n_steps ? "step" : "task", files[i].readers == 1 ? "" : "s");
		}
		fputc('\n', stdout);
	}
	if (n > LISTED_MAX)
		printf("  and %s more: tracer dag --json %s\n", human_count(count, n - LISTED_MAX),
		       d->v->s.run.uid);
}

static void print_head(const struct dag *d)
{
	const struct run_row *run = &d->v->s.run;
	char tasks[HUMAN_MAX], edges[HUMAN_MAX], size[HUMAN_MAX];
	uint64_t n = 0, bytes = 0;

	for (size_t i = 0; i < d->v->flow.n_edges; i++) {
		const struct flow_edge *e = &d->v->flow.edges[i];

		if (!flow_is_task(e->from) || !flow_is_task(e->to))
			continue;
		n++;
		bytes += e->bytes;
	}
	printf("run %s  ", run->uid);
	print_safe(run->pipeline ? run->pipeline : run->name ? run->name : "-");
	printf(": %s %s%s, %s edge%s between them, %s handed on\n",
	       human_count(tasks, d->v->in.n_tasks), d->v->n_steps ? "step" : "task",
	       d->v->in.n_tasks == 1 ? "" : "s", human_count(edges, n), n == 1 ? "" : "s",
	       human_bytes(size, bytes));
}

static int print_text(const struct dag *d)
{
	const struct flow *f = &d->v->flow;
	bool steps = d->v->n_steps;
	int r = 0;

	print_head(d);
	fputc('\n', stdout);
	if (d->n_nodes)
		r = print_edges(d);
	print_files(d, "Read, not written by the run", f->inputs, f->n_inputs);
	print_files(d, steps ? "Read by most steps" : "Read by most tasks", f->shared, f->n_shared);
	print_files(d, steps ? "Written, read by no other step" : "Written, read by no other task",
		    f->outputs, f->n_outputs);
	if (f->temporary_unread)
		printf("\nWritten and deleted, read by nobody: %" PRIu64 "\n", f->temporary_unread);
	if (d->n_nodes)
		fputc('\n', stdout);
	else
		printf("the run has no tasks: `tracer files %s` lists what it used\n",
		       d->v->s.run.uid);
	if (d->v->n_steps)
		puts("no engine, so no tasks: steps are what the first process started");
	flow_print_notes(d->v, "", stdout);
	return r;
}

/* ---- dot ---- */

static void print_quoted(const char *text)
{
	_cleanup_(str_fini) struct str safe = STR_INIT;

	text_visible(&safe, text, strlen(text));
	fputc('"', stdout);
	for (const char *c = str_text(&safe); *c; c++) {
		if (*c == '"' || *c == '\\')
			fputc('\\', stdout);
		fputc(*c, stdout);
	}
	fputc('"', stdout);
}

static void print_dot_id(uint32_t end)
{
	if (flow_is_task(end))
		printf("n%" PRIu32, end);
	else
		fputs("engine", stdout);
}

static void print_dot_edge(const struct dag *d, const struct flow_edge *e)
{
	char text[HUMAN_MAX];

	fputc('\t', stdout);
	print_dot_id(e->from);
	fputs(" -> ", stdout);
	print_dot_id(e->to);
	printf(" [label=\"%s", e->sizes ? human_bytes(text, e->bytes) : "");
	for (uint32_t k = 0; d->files && k < e->n; k++) {
		_cleanup_(str_fini) struct str safe = STR_INIT;
		const char *path = short_path(d, d->shown.links[e->first + k].path);

		text_visible(&safe, path, strlen(path));
		fputs("\\n", stdout);
		for (const char *c = str_text(&safe); *c; c++)
			printf(*c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	}
	printf("\"%s];\n", e->assumed	   ? ", style=dotted"
			   : e->stream	   ? ", style=bold"
			   : e->via_engine ? ", style=dashed"
					   : "");
}

static int print_dot(const struct dag *d)
{
	bool engine = false;

	fputs("digraph ", stdout);
	print_quoted(d->v->s.run.pipeline ? d->v->s.run.pipeline : d->v->s.run.uid);
	fputs(" {\n\tnode [shape=box, style=rounded];\n", stdout);
	flow_print_notes(d->v, "\t// ", stdout);
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		printf("\tn%" PRIu32 " [label=", i);
		print_quoted(dag_label(d, i));
		fputs("];\n", stdout);
	}
	for (size_t i = 0; i < d->shown.n_edges; i++) {
		const struct flow_edge *e = &d->shown.edges[i];

		if (!dag_shows(d, e))
			continue;
		engine |= !flow_is_task(e->from) || !flow_is_task(e->to);
		print_dot_edge(d, e);
	}
	if (engine)
		fputs("\tengine [label=\"" FLOW_ENGINE_NAME "\", shape=ellipse];\n", stdout);
	fputs("}\n", stdout);
	return 0;
}

static int print_dag(struct reader *r, const struct dag_options *o)
{
	struct flow_view v = { 0 };
	struct dag d = { .v = &v, .by_name = o->by == 1, .files = o->files, .all = o->all };
	int error = flow_view_load(&v, r->store, &r->run, o->all);

	if (error >= 0)
		error = dag_make(&d);
	if (error >= 0 && (o->reader.json || o->format == DAG_JSON))
		error = dag_print_json(&d, stdout);
	else if (error >= 0 && (o->format == DAG_JSONL || o->format == DAG_CSV))
		error = dag_print_rows(&d, o->format == DAG_CSV ? FORMAT_CSV : FORMAT_JSONL,
				       stdout);
	else if (error >= 0)
		error = o->format == DAG_DOT ? print_dot(&d) : print_text(&d);
	dag_fini(&d);
	flow_view_fini(&v);
	return reader_result(error);
}

int cmd_dag(int argc, char **argv)
{
	struct dag_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	if (o.reader.json && o.format != DAG_TEXT && o.format != DAG_JSON)
		return options_misuse(&spec, "--json and another --format exclude each other");
	rc = reader_open_run(&r, o.reader.db, argv[first]);
	return rc ? rc : print_dag(&r, &o);
}
