/* SPDX-License-Identifier: Apache-2.0 */
/* tracer dag --json. Edges are written one by one: there may be many. */
#include <errno.h>
#include <string.h>

#include "src/cli/dag.h"
#include "src/cli/json_rows.h"

static json_t *path_value(const struct dag *d, uint32_t path)
{
	const char *text = d->v->in.paths[path];

	return json_out_text(text, strlen(text));
}

static json_t *node_id(const struct dag *d, uint32_t end)
{
	char id[24];

	if (d->by_name)
		return json_out_text(dag_label(d, end), strlen(dag_label(d, end)));
	flow_task_id(id, sizeof(id), d->v, end);
	return json_string(id);
}

static json_t *size_value(bool known, uint64_t bytes)
{
	return known ? json_out_uint(bytes) : json_null();
}

static json_t *node_object(const struct dag *d, uint32_t node)
{
	const struct dag_node *n = &d->nodes[node];
	uint32_t parent = d->v->in.tasks[n->task].parent;
	json_t *o = d->by_name ? json_object() : flow_task_object(d->v, n->task);

	if (d->by_name) {
		json_out_set(o, "id", node_id(d, node));
		json_out_set(o, "name", node_id(d, node));
		json_out_set(o, "tasks", json_out_uint(n->tasks));
		return o;
	}
	json_out_set(o, "parent", parent == FLOW_ENGINE ? json_null() : node_id(d, parent));
	return o;
}

static json_t *links_array(const struct dag *d, const struct flow_edge *e)
{
	json_t *array = json_array();

	for (uint32_t i = e->first; i < e->first + e->n; i++) {
		const struct flow_link *link = &d->shown.links[i];
		json_t *o = json_object();

		json_out_set(o, "path", path_value(d, link->path));
		json_out_set(o, "size_bytes", size_value(link->size_known, link->size_bytes));
		json_out_set(o, "via_engine", json_boolean(link->via_engine));
		json_out_set(o, "assumed", json_boolean(link->assumed));
		json_out_set(o, "kind", json_string(link->stream ? "pipe" : "file"));
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *edge_object(const struct dag *d, const struct flow_edge *e)
{
	json_t *o = json_object();

	json_out_set(o, "from", node_id(d, e->from));
	json_out_set(o, "to", node_id(d, e->to));
	json_out_set(o, "kind", json_string(e->stream ? "pipe" : "file"));
	json_out_set(o, "files", json_out_uint(e->n));
	json_out_set(o, "size_bytes", size_value(e->sizes > 0, e->bytes));
	json_out_set(o, "via_engine", json_boolean(e->via_engine));
	json_out_set(o, "assumed", json_boolean(e->assumed));
	if (d->files)
		json_out_set(o, "paths", links_array(d, e));
	return o;
}

static json_t *file_object(const struct dag *d, const struct flow_file *f, bool output)
{
	json_t *o = json_object();

	json_out_set(o, "path", path_value(d, f->path));
	if (output) {
		json_out_set(o, "task", node_id(d, d->group[f->task]));
		return o;
	}
	json_out_set(o, "size_bytes", size_value(f->size_known, f->size_bytes));
	json_out_set(o, "tasks", json_out_uint(f->readers));
	return o;
}

/* One value of an array, on a line of its own. */
static int print_item(FILE *out, json_t *value, bool first)
{
	int r;

	fputs(first ? "\n    " : ",\n    ", out);
	r = !value							 ? -ENOMEM
	    : json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY) < 0 ? -EIO
									 : 0;
	json_decref(value);
	return r;
}

static int print_member(FILE *out, const char *name, json_t *value)
{
	int r;

	fprintf(out, ",\n  \"%s\": ", name);
	r = !value							 ? -ENOMEM
	    : json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY) < 0 ? -EIO
									 : 0;
	json_decref(value);
	return r;
}

static int print_nodes(const struct dag *d, FILE *out)
{
	int r = 0;

	fputs(",\n  \"nodes\": [", out);
	for (uint32_t i = 0; i < d->n_nodes && r == 0; i++)
		r = print_item(out, node_object(d, i), i == 0);
	fputs("\n  ]", out);
	return r;
}

static int print_edges(const struct dag *d, FILE *out)
{
	bool first = true;
	int r = 0;

	fputs(",\n  \"edges\": [", out);
	for (size_t i = 0; i < d->shown.n_edges && r == 0; i++) {
		if (!dag_shows(d, &d->shown.edges[i]))
			continue;
		r = print_item(out, edge_object(d, &d->shown.edges[i]), first);
		first = false;
	}
	fputs("\n  ]", out);
	return r;
}

static int print_files(const struct dag *d, FILE *out, const char *name,
		       const struct flow_file *files, size_t n)
{
	bool output = files == d->v->flow.outputs;
	int r = 0;

	fprintf(out, ",\n  \"%s\": [", name);
	for (size_t i = 0; i < n && r == 0; i++)
		r = print_item(out, file_object(d, &files[i], output), i == 0);
	fputs("\n  ]", out);
	return r;
}

static json_t *text_or_null(const char *text)
{
	return json_out_text(text, text ? strlen(text) : 0);
}

int dag_print_json(const struct dag *d, FILE *out)
{
	const struct run_row *run = &d->v->s.run;
	const struct flow *f = &d->v->flow;
	int r;

	fprintf(out, "{\n  \"run\": \"%s\",\n  \"by\": \"%s\",\n  \"steps\": %s", run->uid,
		d->by_name ? "name" : "task", d->v->n_steps ? "true" : "false");
	r = print_member(out, "pipeline", text_or_null(run->pipeline));
	if (r == 0)
		r = print_member(out, "engine", text_or_null(run->engine));
	if (r == 0)
		r = print_nodes(d, out);
	if (r == 0)
		r = print_edges(d, out);
	if (r == 0)
		r = print_files(d, out, "inputs", f->inputs, f->n_inputs);
	if (r == 0)
		r = print_files(d, out, "outputs", f->outputs, f->n_outputs);
	if (r == 0)
		r = print_files(d, out, "shared", f->shared, f->n_shared);
	if (r == 0)
		r = print_member(out, "temporary_unread", json_out_uint(f->temporary_unread));
	if (r == 0)
		r = print_member(out, "completeness", flow_completeness(d->v));
	fputs("\n}\n", out);
	return r;
}

/* An edge a row. */
int dag_print_rows(const struct dag *d, enum format format, FILE *out)
{
	json_t *rows = json_array();
	int r;

	for (size_t i = 0; i < d->shown.n_edges; i++)
		if (dag_shows(d, &d->shown.edges[i]))
			json_array_append_new(rows, edge_object(d, &d->shown.edges[i]));
	r = json_rows_print(rows, format, out);
	json_decref(rows);
	return r;
}
